//! Wallets: what a consumer has, how it comes in and goes back.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;
