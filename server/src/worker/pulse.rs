//! Feels the pulse of the database, and tells store and hub when it is out of reach and when it is back.

use crate::{
    lifecycle::Lifecycle,
    live::hub::Hub,
    store::{Pulse, Store},
};
use std::{sync::Arc, time::Duration};

/// How often it is felt.
const EVERY: Duration = Duration::from_millis(500);

/// Runs until the node ends.
pub async fn run(mut pulse: Pulse, store: Store, hub: Arc<Hub>, life: Lifecycle) {
    let mut missed = 0u32;
    loop {
        missed = if pulse.feel().await { 0 } else { missed.saturating_add(1) };
        // One beat may be late.
        let answers = missed < 2;
        if store.set_down(!answers) {
            match answers {
                true => tracing::info!("the database is back"),
                false => tracing::error!("the database cannot be reached: the board is shown as it was, and nothing can be changed"),
            }
        }
        hub.set_stale(!answers);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = life.stop.cancelled() => return,
        }
    }
}
