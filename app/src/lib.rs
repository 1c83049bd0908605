//! Everything the user of Noren sees, and every server function.

// The types of whole pages are deep when nothing erases them, as in release builds.
#![recursion_limit = "512"]

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
