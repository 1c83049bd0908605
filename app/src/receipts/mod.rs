//! Receipts and earnings.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;
