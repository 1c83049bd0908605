//! What the sockets of pages have in common.

use crate::store::Store;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::{SinkExt, stream::SplitSink};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How often a socket looks whether its page has fallen silent.
pub const LOOK: Duration = Duration::from_millis(250);
/// How long a page that cannot be written to may block its socket.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Where a socket is written to.
pub type Sink = SplitSink<WebSocket, Message>;

/// Sends a message; whether it went out.
pub async fn send(sink: &mut Sink, message: &impl Serialize) -> bool {
    let text = serde_json::to_string(message).unwrap_or_default();
    matches!(tokio::time::timeout(WRITE_MAX, sink.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

/// Closes with a code.
pub async fn close(mut sink: Sink, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    let _ = tokio::time::timeout(WRITE_MAX, sink.send(Message::Close(Some(frame)))).await;
}

/// Whether a sign-in still holds; a database that does not answer ends nobody's line.
pub async fn signed_in(store: &Store, token: &str) -> bool {
    store.who(token).await.map_or(true, |me| me.is_some())
}

/// A stretch as the runtime wants it.
pub fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(1).max(1))
}

/// What is known of a page's line.
pub struct Line {
    heard: Instant,
    /// The number of the present beat.
    pub beat: u64,
    asked: Instant,
    /// The last round trip.
    pub rtt_ms: Option<u32>,
}

impl Line {
    /// A line that has just been opened.
    pub fn new() -> Self {
        Line { heard: Instant::now(), beat: 0, asked: Instant::now(), rtt_ms: None }
    }

    /// The next beat goes out.
    pub fn ask(&mut self) {
        self.beat = self.beat.saturating_add(1);
        self.asked = Instant::now();
    }

    /// Only the answer to the present beat proves that the page's own code runs now.
    pub fn answered(&mut self, n: u64) {
        if n == self.beat {
            self.heard = Instant::now();
            self.rtt_ms = u32::try_from(self.asked.elapsed().as_millis()).ok();
        }
    }

    /// For how long the page has been silent.
    pub fn silent(&self) -> Duration {
        self.heard.elapsed()
    }
}

impl Default for Line {
    fn default() -> Self {
        Line::new()
    }
}

/// How long it is counted what a page says.
const WINDOW: Duration = Duration::from_secs(5);

/// How much a page says.
pub struct Pace {
    most: u32,
    since: Instant,
    said: u32,
}

impl Pace {
    /// At most so many messages in a few seconds.
    pub fn new(most: u32) -> Self {
        Pace { most, since: Instant::now(), said: 0 }
    }

    /// Counts a message; whether it may still be said.
    pub fn allows(&mut self) -> bool {
        if self.since.elapsed() >= WINDOW {
            *self = Pace::new(self.most);
        }
        self.said = self.said.saturating_add(1);
        self.said <= self.most
    }
}
