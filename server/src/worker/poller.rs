//! Looks at the tables for what other nodes have changed, and hints at it here: seldom while the bus holds, often while it does not.

use crate::{
    bus::Bus,
    lifecycle::Lifecycle,
    store::{Hint, Seen, Store},
};
use domain::id::NodeId;
use std::{collections::HashMap, sync::Arc};

/// Runs until the node ends; at once ends itself where there are no other nodes.
pub async fn run(store: Store, node: NodeId, bus: Arc<Bus>, life: Lifecycle) {
    let mut links = bus.watch();
    let mut known: HashMap<Hint, Seen> = HashMap::new();
    while let Some(poll) = bus.link().poll() {
        match store.seen(node).await {
            _ if store.is_down() => {}
            Ok(seen) => {
                for (hint, now) in &seen {
                    if known.get(hint) != Some(now) {
                        store.hints().tell(*hint);
                    }
                }
                known = seen;
            }
            Err(error) => tracing::warn!(?error, "the tables could not be looked at for what others have changed"),
        }
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            Ok(()) = links.changed() => {}
            () = life.stop.cancelled() => return,
        }
    }
}
