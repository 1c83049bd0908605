//! The frames of the feed, serialised once and shared by every watcher.

use bytes::Bytes;
use domain::{
    feed::{Change, Cursor, Hello, Mode},
    id::Epoch,
};
use serde::Serialize;
use std::collections::VecDeque;

/// A frame ready for the wire.
#[derive(Clone, Debug)]
pub struct Frame {
    /// First seq that it covers.
    pub from: u64,
    /// Last seq that it covers.
    pub to: u64,
    /// The bytes of the whole event.
    pub bytes: Bytes,
}

/// The last frames, oldest first.
#[derive(Debug)]
pub struct Ring {
    frames: VecDeque<Frame>,
    capacity: usize,
    /// Index of the frame after the newest.
    pub next: u64,
    /// The last seq that went out.
    pub flushed: u64,
}

/// One event of the stream.
pub fn event(name: &str, id: Option<Cursor>, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|cursor| format!("id: {cursor}\n")).unwrap_or_default();
    Bytes::from(format!("event: {name}\n{id}data: {json}\n\n"))
}

/// The first event of a stream: `id` is the position from which a reconnect can go on without losing anything.
pub fn hello(epoch: Epoch, seq: u64, mode: Mode, id: u64, retry_ms: u64) -> Bytes {
    let json = serde_json::to_string(&Hello { epoch, seq, mode }).unwrap_or_default();
    Bytes::from(format!("event: hello\nid: {epoch}:{id}\nretry: {retry_ms}\ndata: {json}\n\n"))
}

/// How far a watcher may be ahead of the board.
const AHEAD: u64 = 64;

/// Where a watcher goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next frame.
    Live {
        /// The position that the watcher has, or is given.
        seq: u64,
    },
    /// With this frame of the ring.
    Replay {
        /// Its index.
        index: u64,
    },
    /// The position cannot be continued.
    Reset,
}

impl Ring {
    /// An empty ring after `flushed`.
    pub fn new(capacity: usize, flushed: u64) -> Self {
        Ring { frames: VecDeque::new(), capacity, next: 0, flushed }
    }

    /// Begins anew after `flushed`. One index is left out, so that every open stream is behind.
    pub fn restart(&mut self, flushed: u64) {
        self.frames.clear();
        self.next = self.next.saturating_add(1);
        self.flushed = flushed;
    }

    /// Index of the oldest frame.
    fn first(&self) -> u64 {
        self.next.saturating_sub(u64::try_from(self.frames.len()).unwrap_or(u64::MAX))
    }

    /// Adds a frame for `change`; an empty one is a beat.
    pub fn push(&mut self, epoch: Epoch, change: &Change) {
        let name = if change.is_beat() { "beat" } else { "change" };
        let bytes = event(name, Some(Cursor { epoch, seq: change.to }), change);
        if self.frames.len() == self.capacity {
            self.frames.pop_front();
        }
        self.frames.push_back(Frame { from: change.from, to: change.to, bytes });
        self.next = self.next.saturating_add(1);
        self.flushed = self.flushed.max(change.to);
    }

    /// The frames from that index on, at most so many; `Err` when the first of them left the ring.
    pub fn after(&self, index: u64, most: usize) -> Result<impl Iterator<Item = &Bytes>, Lagged> {
        let place = index.checked_sub(self.first()).ok_or(Lagged)?;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        Ok(self.frames.iter().skip(place).take(most).map(|frame| &frame.bytes))
    }

    /// Where a watcher goes on who has everything up to `since`; `head` is the board's position, which pages may be rendered at before it is flushed.
    pub fn start(&self, since: Option<u64>, head: u64) -> Start {
        match since {
            None => Start::Live { seq: self.flushed },
            // A page that was rendered from the database may be ahead of this node by a moment, but not by much.
            Some(since) if since > head.saturating_add(AHEAD) => Start::Reset,
            Some(since) if since >= self.flushed => Start::Live { seq: since },
            Some(since) => {
                let place = self.frames.partition_point(|f| f.to <= since);
                match self.frames.get(place) {
                    Some(frame) if frame.from <= since.saturating_add(1) => {
                        Start::Replay { index: self.first().saturating_add(u64::try_from(place).unwrap_or(u64::MAX)) }
                    }
                    _ => Start::Reset,
                }
            }
        }
    }
}

/// The frame is no longer in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged;

#[cfg(test)]
mod tests {
    use super::*;
    use domain::view::Counts;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn epoch() -> Epoch {
        Epoch(Uuid::nil())
    }

    fn change(from: u64, to: u64) -> Change {
        Change { from, to, counts: Some(Counts::default()), ..Change::default() }
    }

    #[test]
    fn a_frame_is_an_event_with_its_position() {
        let mut ring = Ring::new(4, 120);
        ring.push(epoch(), &Change { from: 121, to: 124, ..Change::default() });
        let bytes = ring.after(0, 1).unwrap().next().unwrap();
        assert_eq!(&bytes[..], format!("event: beat\nid: {}:124\ndata: {{\"from\":121,\"to\":124}}\n\n", epoch()).as_bytes());
    }

    #[test]
    fn a_watcher_starts_where_it_stands() {
        let mut ring = Ring::new(2, 10);
        for (from, to) in [(11, 11), (12, 14), (15, 15)] {
            ring.push(epoch(), &change(from, to));
        }
        assert_eq!(ring.start(None, 16), Start::Live { seq: 15 });
        assert_eq!(ring.start(Some(15), 16), Start::Live { seq: 15 });
        assert_eq!(ring.start(Some(16), 16), Start::Live { seq: 16 }, "a page rendered before the flush");
        assert_eq!(ring.start(Some(17), 16), Start::Live { seq: 17 }, "a page read from the database a moment ahead");
        assert_eq!(ring.start(Some(16 + AHEAD + 1), 16), Start::Reset, "from the future");
        assert_eq!(ring.start(Some(11), 16), Start::Replay { index: 1 });
        assert_eq!(ring.start(Some(13), 16), Start::Replay { index: 1 }, "inside a frame");
        assert_eq!(ring.start(Some(14), 16), Start::Replay { index: 2 });
        assert_eq!(ring.start(Some(10), 16), Start::Reset, "its frame left the ring");
        let left = |index, most| ring.after(index, most).map(Iterator::count);
        assert_eq!((left(0, 9), left(1, 9), left(1, 1), left(2, 9), left(3, 9)), (Err(Lagged), Ok(2), Ok(1), Ok(1), Ok(0)));
    }

    proptest! {
        /// Whatever a watcher has seen, what it is sent next joins without a gap, or is a reset.
        #[test]
        fn never_a_partial_replay(lengths in prop::collection::vec(0u64..4, 0..20), capacity in 1usize..6, since in 0u64..70) {
            let mut ring = Ring::new(capacity, 5);
            for length in lengths {
                let from = ring.flushed + 1;
                // A beat where nothing happened covers nothing.
                ring.push(epoch(), &Change { counts: (length > 0).then(Counts::default), ..change(from, from + length - 1) });
            }
            match ring.start(Some(since), ring.flushed) {
                Start::Live { seq } => prop_assert!(seq >= ring.flushed && seq <= ring.flushed + AHEAD),
                Start::Reset => prop_assert!(since > ring.flushed + AHEAD || ring.frames.front().is_none_or(|f| f.from > since + 1)),
                Start::Replay { index } => {
                    let mut seen = since;
                    for frame in ring.frames.iter().skip(usize::try_from(index - ring.first()).unwrap()) {
                        prop_assert!(frame.from <= seen + 1 && frame.to >= seen);
                        // What covers a number is the frame that says what happened.
                        prop_assert!(frame.to == seen || !String::from_utf8_lossy(&frame.bytes).contains("event: beat"));
                        seen = frame.to;
                    }
                    prop_assert_eq!(seen, ring.flushed);
                }
            }
        }
    }
}
