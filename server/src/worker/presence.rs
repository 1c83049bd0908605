//! Tells that the node lives, and makes rows of what time alone changes: wishes that end, proofs that run out, nodes that died, and
//! whatever is due in consultations.

use crate::{
    lifecycle::Lifecycle,
    live::desk::Desks,
    store::{Renewed, Store},
};
use domain::{
    id::NodeId,
    time::{Millis, Timestamp},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How often it looks; design section 5 allows 2 s.
const TICK: Duration = Duration::from_millis(250);

/// How often it looks for pages that nobody holds.
const TIDY: Millis = Millis::seconds(2);

/// How long nodes have after the database came back.
pub const MOMENT: Millis = Millis::seconds(3);

/// Runs until the node ends.
pub async fn run(store: Store, desks: Arc<Desks>, node: NodeId, node_beat: Millis, life: Lifecycle) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed = Timestamp(0);
    let mut hold = Timestamp(0);
    let mut tidied = Timestamp(0);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = life.stop.cancelled() => return,
        }
        let now = store.clock().now();
        if store.is_down() {
            // None of the nodes could say that it lives: all get a moment to say so before any is believed dead.
            (renewed, hold) = (Timestamp(0), now.after(MOMENT));
            continue;
        }
        if now.since(renewed) >= node_beat {
            match store.renew_node(node).await {
                Ok(done) if renewed != Timestamp(0) && now.since(renewed) > store.knobs().node_lease => {
                    // Nothing could be written for so long, though the database answered: the others are as late.
                    (renewed, hold) = (now, now.after(MOMENT));
                    if done == Renewed::Buried {
                        desks.attach_anew();
                    }
                }
                Ok(Renewed::InTime) => renewed = now,
                Ok(Renewed::Buried) => {
                    tracing::warn!("this node was believed dead; its pages attach anew");
                    renewed = now;
                    desks.attach_anew();
                }
                Err(error) => tracing::warn!(?error, "the node could not tell that it lives"),
            }
        }
        if now.since(tidied) >= TIDY {
            match desks.tidy(&store).await {
                Ok(()) => tidied = now,
                Err(error) => tracing::warn!(?error, "pages that nobody holds could not be detached"),
            }
        }
        if now < hold {
            continue;
        }
        if let Err(error) = store.sweep(now).await {
            tracing::warn!(?error, "presence could not be swept");
        }
        if let Err(error) = store.sweep_consultations(now).await {
            tracing::warn!(?error, "consultations could not be swept");
        }
        if let Err(error) = store.sweep_seats(now).await {
            tracing::warn!(?error, "rooms could not be swept");
        }
    }
}
