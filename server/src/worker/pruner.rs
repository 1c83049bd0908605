//! Deletes what has had its time: old feed rows, rejected forms, ended sign-ins, used links.

use crate::{lifecycle::Lifecycle, store::Store};
use std::time::Duration;
use tokio::time::interval;

const TICK: Duration = Duration::from_secs(60);

/// Runs until the node ends.
pub async fn run(store: Store, life: Lifecycle) {
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = life.stop.cancelled() => return,
        }
        if store.is_down() {
            continue;
        }
        if let Err(error) = store.prune(store.clock().now()).await {
            tracing::warn!(?error, "old rows could not be deleted");
        }
    }
}
