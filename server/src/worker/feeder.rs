//! Feeds the hub: woken by the store, it reads the feed rows after the board's position, and sends them out by the hub's tick.

use crate::{
    bus::Bus,
    lifecycle::Lifecycle,
    live::{board::Board, hub::Hub},
    store::{FeedBody, Store},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep_until;

/// Rows read at once.
const ROWS: u64 = 500;
/// How often the table is looked at without a hint where nobody else writes: a hint can be lost, a row cannot.
const POLL: Duration = Duration::from_secs(1);

/// Runs until the node ends.
pub async fn run(store: Store, hub: Arc<Hub>, bus: Arc<Bus>, life: Lifecycle) {
    let mut links = bus.watch();
    let mut looked = Instant::now();
    let mut look = true;
    loop {
        if look {
            looked = Instant::now();
            if !store.is_down() {
                tokio::select! {
                    () = catch_up(&store, &hub) => {}
                    () = life.stop.cancelled() => {}
                }
            }
        }
        if hub.due().is_some_and(|due| due <= Instant::now()) || hub.beat_due() <= Instant::now() {
            hub.flush();
        }
        let poll = bus.link().poll().unwrap_or(POLL).min(POLL);
        let next = looked + poll;
        let wake = hub.due().unwrap_or_else(|| hub.beat_due()).min(next);
        look = tokio::select! {
            () = store.hints().feed.notified() => true,
            // What was hinted at while the bus was away is looked for now.
            Ok(()) = links.changed() => true,
            () = sleep_until(wake.into()) => Instant::now() >= next,
            () = life.stop.cancelled() => {
                hub.close();
                return;
            }
        };
    }
}

async fn catch_up(store: &Store, hub: &Hub) {
    loop {
        let rows = match store.feed_after(hub.head(), ROWS).await {
            Ok(rows) => rows,
            Err(error) => return tracing::warn!(?error, "the feed could not be read"),
        };
        let full = u64::try_from(rows.len()).is_ok_and(|n| n == ROWS);
        let parsed: Result<Vec<(u64, FeedBody)>, _> =
            rows.iter().map(|r| serde_json::from_str(&r.body).map(|body| (r.seq, body))).collect();
        let followed = match parsed {
            Ok(rows) => hub.take(rows),
            Err(error) => {
                tracing::error!(%error, "a feed row could not be read");
                false
            }
        };
        if !followed {
            match store.board().await {
                Ok(snapshot) => hub.reload(Board::new(snapshot.cursor, snapshot.cards)),
                Err(error) => return tracing::warn!(?error, "the board could not be read"),
            }
        }
        if !full {
            return;
        }
    }
}
