//! The rules of Noren that the server and the browser share.
//!
//! Nothing in here does I/O, waits, reads a clock or draws a random number: what a rule needs is passed in. Types are
//! built by parsing, so a value that exists is valid. Arithmetic is checked, and there are no floating-point numbers.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::float_arithmetic))]

pub mod account;
pub mod agreement;
pub mod answers;
mod canonical;
pub mod card;
pub mod category;
pub mod conditions;
pub mod consultation;
pub mod currency;
pub mod environment;
pub mod feed;
pub mod filter;
pub mod id;
pub mod language;
pub mod ledger;
pub mod media;
pub mod message;
pub mod money;
pub mod offer;
pub mod operation;
pub mod presence;
pub mod proof;
pub mod receipt;
pub mod reject;
pub mod scope;
pub mod side;
pub mod text;
pub mod time;
pub mod timeline;
pub mod tracker;
pub mod view;
