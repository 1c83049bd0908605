//! Cases: something was wrong with a receipt.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;
