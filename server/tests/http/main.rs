//! HTTP tests: the real router on the real migrations, spoken to as browsers and programs speak.

mod accounts;
mod bad_input;
mod desk;
mod feed;
mod headers;
mod node;
mod offers;
mod serving;
