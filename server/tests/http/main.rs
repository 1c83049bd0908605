//! HTTP tests: the real router on the real migrations, spoken to as browsers and programs speak.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod accounts;
mod bad_input;
mod consultations;
mod desk;
mod feed;
mod front;
mod headers;
mod money;
mod node;
mod offers;
mod serving;
