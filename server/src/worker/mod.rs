//! Reconcilers: periodic and woken, without input, safe to run at any time and on any number of nodes.

pub mod feeder;
pub mod money;
pub mod poller;
pub mod presence;
pub mod pruner;
pub mod pulse;
