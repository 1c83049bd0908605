//! Structured logs, without personal data: ids and codes only.

use crate::config::Log;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (several nodes in one test process) keeps the first.
    let _ = if log.json { builder.json().flatten_event(true).try_init() } else { builder.with_target(false).try_init() };
}
