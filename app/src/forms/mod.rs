//! Forms that were rejected without JavaScript come back with what was typed.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;
