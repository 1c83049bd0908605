//! Settles what is over, drives what goes through the gateway, makes earnings payable, seals the book and counts it again.

use crate::{lifecycle::Lifecycle, store::Store};
use app::error::PortError;
use domain::time::{Millis, Timestamp};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it looks without being woken.
const TICK: Duration = Duration::from_millis(500);
/// How often the gateway is asked for events whose call got lost.
const POLL: Millis = Millis::minutes(5);
/// How far the first look goes back: so long Stripe tries to call.
const FIRST_LOOK: Millis = Millis::minutes(3 * 24 * 60);
/// How far each other look goes back beyond the last one.
const OVERLAP: Millis = Millis::minutes(60);

/// Runs until the node ends. `audit` is how often the books are counted again.
pub async fn run(store: Store, audit: Millis, life: Lifecycle) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut counted, mut polled) = (Timestamp(0), Timestamp(0));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = store.hints().settle.notified() => {}
            () = life.stop.cancelled() => return,
        }
        let now = store.clock().now();
        tell("consultations could not be settled", store.settle_all().await);
        tell("movements of money could not be driven", store.drive_all(now).await);
        tell("earnings could not be cleared", store.clear_all().await);
        tell("the book could not be sealed", store.seal().await);
        tell("the day's end could not be signed", store.sign_head(now).await);
        if now.since(polled) >= POLL {
            // Generously: what was heard already is not heard twice.
            let since = if polled == Timestamp(0) { now.before(FIRST_LOOK) } else { polled.before(OVERLAP) };
            match store.poll_gateway(since).await {
                Ok(_) => polled = now,
                failed => tell("the gateway could not be polled", failed),
            }
        }
        if now.since(counted) >= audit {
            counted = now;
            tell("the books could not be counted", store.audit().await);
        }
    }
}

fn tell<T>(what: &str, done: Result<T, PortError>) {
    if let Err(error) = done {
        tracing::warn!(?error, "{what}");
    }
}
