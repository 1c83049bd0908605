//! Everything the user of Noren sees, and every server function.

pub mod account;
pub mod choices;
#[cfg(feature = "ssr")]
pub mod context;
pub mod error;
pub mod forms;
pub mod frame;
pub mod offers;
pub mod presence;
pub mod routes;
pub mod ui;

pub use frame::{App, shell};
pub use routes::ROUTES;
