//! Everything the user of Noren sees, and every server function.

// The types of whole pages are deep when nothing erases them, as in release builds.
#![recursion_limit = "512"]

#[cfg(not(erase_components))]
compile_error!(
    "both halves need `--cfg=erase_components`, which .cargo/config.toml sets: RUSTFLAGS in the environment replaces it, so unset that"
);

pub mod account;
pub mod cases;
pub mod choices;
pub mod consultation;
#[cfg(feature = "ssr")]
pub mod context;
pub mod error;
pub mod forms;
pub mod frame;
pub mod offers;
pub mod presence;
pub mod receipts;
pub mod routes;
pub mod trust;
pub mod ui;
pub mod wallet;

pub use frame::{App, shell};
pub use routes::ROUTES;
