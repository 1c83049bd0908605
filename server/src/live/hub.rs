//! The hub: takes feed rows in order, keeps the board, and sends frames to every watcher.
//!
//! A frame is serialised once and its bytes are shared. A watcher costs one slot: no timer, no allocation and no copy of its own a delivery.
//! Everything that time does to a watcher - its maximum age, a reader that stands still - is done by one sweep over all slots.

use super::{
    board::{Board, News},
    ring::{self, Ring, Start},
};
use crate::{config::Feed, ids, metrics::seconds, serve::Connection, store::FeedBody};
use bytes::Bytes;
use domain::{
    feed::{Bye, Change, Cursor, Mode},
    id::OfferId,
};
use futures::task::AtomicWaker;
use prometheus_client::metrics::histogram::Histogram;
use slab::Slab;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

/// Locks are split so that watchers that come and go at once do not wait for each other.
const SHARDS: usize = 8;

/// One open stream, seen from the hub.
pub struct Slot {
    waker: AtomicWaker,
    /// Index of the frame that it takes next.
    next: AtomicU64,
    /// `next` as the last sweep saw it, and for how many sweeps it has stood still while there was more.
    seen: AtomicU64,
    still: AtomicU64,
    /// When it is asked to come back, in milliseconds since the hub's start.
    bye_at: u64,
    bye: AtomicBool,
    connection: Arc<Connection>,
}

struct State {
    board: Board,
    ring: Ring,
    /// Offers that changed since the last frame, with their last state.
    pending: BTreeMap<OfferId, News>,
    /// All choices, ready for watchers that cannot be continued, at one position.
    reset: Option<(u64, Bytes)>,
    sent_at: Instant,
}

/// The hub of one node.
pub struct Hub {
    state: RwLock<State>,
    shards: [Mutex<Slab<Arc<Slot>>>; SHARDS],
    watchers: AtomicUsize,
    /// Watchers that have yet to take the newest frame, of those that were there when it went out; and how long the last one took until all had
    /// it, in microseconds.
    behind: AtomicUsize,
    flush_micros: AtomicU64,
    closing: AtomicBool,
    /// Whether the database is out of reach.
    stale: AtomicBool,
    started: Instant,
    settings: Feed,
    /// From sending a frame until every stream that was there has taken it.
    pub frame_seconds: Histogram,
    frames: AtomicU64,
    rows: AtomicU64,
    delivered: [AtomicU64; SHARDS],
    replays: AtomicU64,
    resets: AtomicU64,
    stalled: AtomicU64,
}

/// What the hub has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Streams that are open.
    pub watchers: usize,
    /// Frames sent out, beats included.
    pub frames: u64,
    /// Rows of the feed that were taken in; several may go out as one frame.
    pub rows: u64,
    /// Frames that streams have taken.
    pub delivered: u64,
    /// Streams that were continued from the ring.
    pub replays: u64,
    /// Streams that had to be given the whole board.
    pub resets: u64,
    /// Connections cut because their reader stood still.
    pub stalled: u64,
}

impl Hub {
    /// A hub that serves `board`.
    pub fn new(board: Board, settings: Feed) -> Arc<Self> {
        let now = Instant::now();
        let ring = Ring::new(settings.ring, board.cursor.seq);
        Arc::new(Hub {
            state: RwLock::new(State { board, ring, pending: BTreeMap::new(), reset: None, sent_at: now }),
            shards: std::array::from_fn(|_| Mutex::new(Slab::new())),
            watchers: AtomicUsize::new(0),
            behind: AtomicUsize::new(0),
            flush_micros: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            started: now,
            settings,
            frame_seconds: seconds(),
            frames: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            delivered: std::array::from_fn(|_| AtomicU64::new(0)),
            replays: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        })
    }

    /// Reads the board.
    pub fn read<T>(&self, read: impl FnOnce(&Board) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner).board)
    }

    /// The board's position.
    pub fn head(&self) -> u64 {
        self.read(|board| board.cursor.seq)
    }

    /// Takes the next feed rows. Answers `false` when they do not follow the board's position: the board must be read anew then.
    pub fn take(&self, rows: impl IntoIterator<Item = (u64, FeedBody)>) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (seq, body) in rows {
            let head = state.board.cursor.seq;
            if seq <= head {
                continue;
            }
            if seq != head.saturating_add(1) {
                return false;
            }
            self.rows.fetch_add(1, Ordering::Relaxed);
            let news = state.board.apply(seq, body);
            state.pending.extend(news);
        }
        true
    }

    /// Replaces the board after a gap in the rows. Watchers that hang behind it are reset.
    pub fn reload(&self, board: Board) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let next = state.ring.next;
        state.ring = Ring::new(self.settings.ring, board.cursor.seq);
        // One index is left out, so that every open stream is behind the ring.
        state.ring.next = next.saturating_add(1);
        state.pending.clear();
        state.reset = None;
        state.board = board;
        drop(state);
        self.wake_all();
    }

    /// When the pending changes may go out: at once if nothing went out in the last tick, which is twice the time that the last frame took.
    pub fn due(&self) -> Option<Instant> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (!state.pending.is_empty()).then(|| state.sent_at + self.tick())
    }

    fn tick(&self) -> Duration {
        let twice = self.flush_micros.load(Ordering::Relaxed).saturating_mul(2).div_euclid(1_000);
        Duration::from_millis(twice.clamp(self.settings.tick_min, self.settings.tick_max))
    }

    /// When a beat is due.
    pub fn beat_due(&self) -> Instant {
        self.state.read().unwrap_or_else(PoisonError::into_inner).sent_at + Duration::from_millis(self.settings.beat)
    }

    /// Sends the pending changes as one frame; without any, a beat that carries the position.
    pub fn flush(&self) {
        let mut guard = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        let (epoch, head, flushed) = (state.board.cursor.epoch, state.board.cursor.seq, state.ring.flushed);
        let from = if head > flushed { flushed.saturating_add(1) } else { head };
        let mut change = Change { from, to: head, stale: self.stale.load(Ordering::Relaxed), ..Change::default() };
        for (id, news) in std::mem::take(&mut state.pending) {
            match news {
                News::Card(card) => change.cards.push(*card),
                News::Gone => change.gone.push(id),
            }
        }
        // A frame that some watchers have not taken yet took at least this long.
        if self.behind.load(Ordering::Relaxed) > 0 {
            let micros = u64::try_from(state.sent_at.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.flush_micros.store(micros.min(self.settings.tick_max.saturating_mul(1_000)), Ordering::Relaxed);
        }
        state.ring.push(epoch, &change);
        state.sent_at = Instant::now();
        self.behind.store(self.watchers.load(Ordering::Relaxed), Ordering::Relaxed);
        drop(guard);
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.wake_all();
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Slab<Arc<Slot>>> {
        self.shards[at % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        for at in 0..SHARDS {
            for (_, slot) in self.shard(at).iter() {
                slot.waker.wake();
            }
        }
    }

    /// Ends what is over: streams at their maximum age are asked to come back, readers that stand still are cut. Called once a second.
    pub fn sweep(&self) {
        let now = self.millis();
        let newest = self.state.read().unwrap_or_else(PoisonError::into_inner).ring.next;
        let patience = self.settings.stall.div_euclid(1_000).max(1);
        for at in 0..SHARDS {
            for (_, slot) in self.shard(at).iter() {
                if now >= slot.bye_at && !slot.bye.swap(true, Ordering::Relaxed) {
                    slot.waker.wake();
                }
                let next = slot.next.load(Ordering::Relaxed);
                if next < newest && slot.seen.swap(next, Ordering::Relaxed) == next {
                    if slot.still.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= patience {
                        self.stalled.fetch_add(1, Ordering::Relaxed);
                        slot.connection.abort();
                    }
                } else {
                    slot.still.store(0, Ordering::Relaxed);
                }
            }
        }
    }

    /// Tells every watcher whether the database is out of reach, when that is another thing than before.
    pub fn set_stale(&self, stale: bool) {
        if self.stale.swap(stale, Ordering::Relaxed) != stale {
            self.flush();
        }
    }

    /// Asks every stream to end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.wake_all();
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            watchers: self.watchers.load(Ordering::Relaxed),
            frames: self.frames.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            delivered: self.delivered.iter().map(|shard| shard.load(Ordering::Relaxed)).sum(),
            replays: self.replays.load(Ordering::Relaxed),
            resets: self.resets.load(Ordering::Relaxed),
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Opens a stream for a watcher that stands at `since`. Answers its first bytes and its watch.
    pub fn open(self: &Arc<Self>, since: Option<Cursor>, connection: Arc<Connection>) -> (Bytes, Watch) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Cursor { epoch, seq: head } = state.board.cursor;
        let start = match since {
            Some(cursor) if cursor.epoch != epoch => Start::Reset,
            since => state.ring.start(since.map(|c| c.seq), head),
        };
        let retry = ids::jitter(1_000, 3_000);
        let flushed = state.ring.flushed;
        let (next, first) = match start {
            Start::Live { seq } => (state.ring.next, ring::hello(epoch, flushed, Mode::Live, seq, retry)),
            Start::Replay { index } => {
                self.replays.fetch_add(1, Ordering::Relaxed);
                (index, ring::hello(epoch, flushed, Mode::Replay, since.map_or(0, |c| c.seq), retry))
            }
            Start::Reset => (u64::MAX, Bytes::new()),
        };
        drop(state);
        let (next, mut first) = if next == u64::MAX { self.whole_board() } else { (next, first) };
        if self.stale.load(Ordering::Relaxed) {
            // Whoever comes now has missed the frame that said so.
            let beat = Change { from: flushed, to: flushed, stale: true, ..Change::default() };
            first = Bytes::from([first, ring::event("beat", None, &beat)].concat());
        }
        let age = self.settings.max_age;
        let slot = Arc::new(Slot {
            waker: AtomicWaker::new(),
            next: AtomicU64::new(next),
            seen: AtomicU64::new(u64::MAX),
            still: AtomicU64::new(0),
            bye_at: self.millis().saturating_add(ids::jitter(age.saturating_mul(4).div_euclid(5), age.saturating_mul(6).div_euclid(5))),
            bye: AtomicBool::new(false),
            connection,
        });
        let at = self.watchers.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let key = self.shard(at).insert(Arc::clone(&slot));
        let owes = self.state.read().unwrap_or_else(PoisonError::into_inner).ring.next;
        (first, Watch { hub: Arc::clone(self), slot, shard: at, key, first: owes })
    }

    /// `hello` with a reset and the whole board, as one piece; and the frame that follows it. Its id is one that can never be continued, so that a
    /// line that breaks between the two events leads to another reset.
    fn whole_board(&self) -> (u64, Bytes) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        let cached = |state: &State| {
            state.reset.as_ref().filter(|(seq, _)| *seq == state.board.cursor.seq).map(|(_, bytes)| (state.ring.next, bytes.clone()))
        };
        if let Some(ready) = cached(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return ready;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = cached(&state) {
            return ready;
        }
        let cursor = state.board.cursor;
        let board = domain::feed::Board { seq: cursor.seq, cards: state.board.choices().cloned().collect() };
        let hello = ring::hello(cursor.epoch, cursor.seq, Mode::Reset, 0, ids::jitter(1_000, 3_000));
        let bytes = Bytes::from([hello, ring::event("board", Some(cursor), &board)].concat());
        state.reset = Some((cursor.seq, bytes.clone()));
        (state.ring.next, bytes)
    }
}

/// One stream's place in the hub; leaves it when dropped.
pub struct Watch {
    hub: Arc<Hub>,
    slot: Arc<Slot>,
    shard: usize,
    key: usize,
    /// The first frame that went out after it came: it owes nothing of those before.
    first: u64,
}

/// What a stream sends next.
pub enum Next {
    /// These bytes.
    Bytes(Bytes),
    /// These bytes, then nothing more.
    Last(Bytes),
    /// Nothing yet: the waker was kept.
    Wait,
}

impl Watch {
    /// What comes next; keeps the waker first, so that no frame is missed.
    pub fn next(&self, waker: &Waker) -> Next {
        self.slot.waker.register(waker);
        let next = self.slot.next.load(Ordering::Relaxed);
        let state = self.hub.state.read().unwrap_or_else(PoisonError::into_inner);
        match state.ring.at(next) {
            Ok(Some(bytes)) => {
                let bytes = bytes.clone();
                let newest = next.saturating_add(1) == state.ring.next && next >= self.first;
                let sent_at = state.sent_at;
                drop(state);
                self.slot.next.store(next.saturating_add(1), Ordering::Relaxed);
                self.hub.delivered[self.shard % SHARDS].fetch_add(1, Ordering::Relaxed);
                if newest {
                    self.count(sent_at);
                }
                Next::Bytes(bytes)
            }
            Ok(None) if self.hub.closing.load(Ordering::SeqCst) => Next::Last(self.bye(self.hub.settings.retry_spread)),
            Ok(None) if self.slot.bye.load(Ordering::Relaxed) => Next::Last(self.bye(1_000)),
            Ok(None) => Next::Wait,
            Err(ring::Lagged) => {
                drop(state);
                let (next, bytes) = self.hub.whole_board();
                self.slot.next.store(next, Ordering::Relaxed);
                Next::Bytes(bytes)
            }
        }
    }

    fn bye(&self, spread: u64) -> Bytes {
        ring::event("bye", None, &Bye { retry_ms: ids::jitter(50, spread.max(51)) })
    }

    /// The last watcher that takes the newest frame tells how long the frame took.
    fn count(&self, sent_at: Instant) {
        let before = self.hub.behind.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if before == Ok(1) {
            let micros = u64::try_from(sent_at.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.hub.flush_micros.store(micros, Ordering::Relaxed);
            self.hub.frame_seconds.observe(sent_at.elapsed().as_secs_f64());
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.shard(self.shard).try_remove(self.key);
        self.hub.watchers.fetch_sub(1, Ordering::Relaxed);
        let (newest, sent_at) = {
            let state = self.hub.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.ring.next, state.sent_at)
        };
        // Whoever leaves without having taken the newest frame is waited for no more.
        if newest > self.first && self.slot.next.load(Ordering::Relaxed) < newest {
            self.count(sent_at);
        }
    }
}
