//! Everything the user of Noren sees, and every server function.

pub mod account;
pub mod choices;
#[cfg(feature = "ssr")]
pub mod context;
pub mod error;
pub mod forms;
pub mod offers;
pub mod presence;
pub mod ui;
