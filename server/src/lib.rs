//! The composition root of Noren: configuration, HTTP, live streams, store, workers.
#![warn(missing_docs)]
// The types of Leptos views nest as deep as the pages do.
#![recursion_limit = "512"]

pub mod application;
pub mod backup;
pub mod bus;
pub mod clock;
pub mod config;
pub mod crash;
pub mod demo;
pub mod doctor;
pub mod gateway;
pub mod http;
pub mod ids;
pub mod lifecycle;
pub mod live;
pub mod metrics;
pub mod robots;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod turn;
pub mod worker;
