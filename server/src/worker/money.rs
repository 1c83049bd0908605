//! Money, in three loops of their own, so that none waits for another: what is over is settled and sealed; the gateway is called; the books are counted.

use crate::{lifecycle::Lifecycle, store::Store};
use app::error::PortError;
use domain::time::{Millis, Timestamp};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it looks without being woken.
const TICK: Duration = Duration::from_millis(500);
/// How often the gateway is asked for events whose call got lost.
const POLL: Millis = Millis::minutes(5);
/// How far the first look goes back: so long Stripe tries to call.
const FIRST_LOOK: Millis = Millis::minutes(3 * 24 * 60);
/// How far each other look goes back beyond the last one.
const OVERLAP: Millis = Millis::minutes(60);

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Settles what is over, makes earnings payable, seals the book. Runs until the node ends.
pub async fn settle(store: Store, life: Lifecycle) {
    let mut ticks = ticks();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = store.hints().settle.notified() => {}
            () = life.stop.cancelled() => return,
        }
        if store.is_down() {
            continue;
        }
        tell("consultations could not be settled", store.settle_all().await);
        tell("earnings could not be cleared", store.clear_all().await);
        tell("the book could not be sealed", store.seal().await);
        tell("the day's end could not be signed", store.sign_head(store.clock().now()).await);
    }
}

/// Drives what goes through the gateway, and asks it for what got lost. Runs until the node ends.
pub async fn drive(store: Store, life: Lifecycle) {
    let (mut ticks, mut polled) = (ticks(), Timestamp(0));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = life.stop.cancelled() => return,
        }
        if store.is_down() {
            continue;
        }
        let now = store.clock().now();
        tell("movements of money could not be driven", store.drive_all(now).await);
        if now.since(polled) >= POLL {
            // Generously: what was heard already is not heard twice.
            let since = if polled == Timestamp(0) { now.before(FIRST_LOOK) } else { polled.before(OVERLAP) };
            match store.poll_gateway(since).await {
                Ok(_) => polled = now,
                failed => tell("the gateway could not be polled", failed),
            }
        }
    }
}

/// Counts the books again, as often as `audit` says. Runs until the node ends.
pub async fn audit(store: Store, audit: Millis, life: Lifecycle) {
    let (mut ticks, mut counted) = (ticks(), Timestamp(0));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = life.stop.cancelled() => return,
        }
        if store.is_down() {
            continue;
        }
        let now = store.clock().now();
        tell("it could not be looked whether the books are frozen", store.look_frozen().await);
        if now.since(counted) >= audit {
            counted = now;
            if let Err(error) = store.audit_new().await {
                tracing::error!(
                    ?error,
                    "the books could not be counted: nobody knows whether they are right until `noren ledger verify` says so"
                );
            }
        }
    }
}

fn tell<T>(what: &str, done: Result<T, PortError>) {
    if let Err(error) = done {
        tracing::warn!(?error, "{what}");
    }
}
