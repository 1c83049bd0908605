//! The hub: takes feed rows in order, keeps the board, and has frames for every watcher.
//!
//! A frame is serialised once and its bytes are shared; reactors write them to the sockets.

use super::{
    board::{Board, News},
    reactor::Reactor,
    ring::{self, Ring, Start},
};
use crate::{config::Feed, ids, lifecycle::Lifecycle, metrics::seconds, store::FeedBody};
use bytes::{Bytes, BytesMut};
use domain::{
    feed::{Bye, Change, Cursor, Mode},
    id::OfferId,
};
use prometheus_client::metrics::histogram::Histogram;
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Most frames that are handed out at once, and most bytes of them: what is put together for a reader who is behind is its own as long as it does
/// not take it, so it is kept small. A larger frame goes alone, and is shared.
const BATCH: (usize, usize) = (64, 16 * 1_024);

struct State {
    board: Board,
    ring: Ring,
    /// Offers that changed since the last frame, with their last state.
    pending: BTreeMap<OfferId, News>,
    /// All choices, ready for watchers that cannot be continued, at one position and in one state of the database.
    reset: Option<(u64, bool, Bytes)>,
    sent_at: Instant,
}

/// The hub of one node.
pub struct Hub {
    state: RwLock<State>,
    reactors: OnceLock<Vec<Arc<Reactor>>>,
    /// Which reactor takes the next stream.
    turn: AtomicUsize,
    watchers: AtomicUsize,
    /// Reactors that have yet to pass the newest frame on; and how long the last one took until all had, in microseconds.
    behind: AtomicUsize,
    flush_micros: AtomicU64,
    closing: AtomicBool,
    /// Whether the database is out of reach.
    stale: AtomicBool,
    started: Instant,
    settings: Feed,
    /// From sending a frame until it was written to every stream that could take it.
    pub frame_seconds: Histogram,
    frames: AtomicU64,
    rows: AtomicU64,
    delivered: AtomicU64,
    replays: AtomicU64,
    resets: AtomicU64,
    stalled: AtomicU64,
}

/// Frames that follow each other, ready to be written.
pub struct Batch {
    /// Their bytes.
    pub bytes: Bytes,
    /// How many they are.
    pub frames: u64,
    /// Index of the frame after them.
    pub next: u64,
    /// Whether it is the whole board, in place of frames that are no longer there.
    pub whole: bool,
    /// When the newest frame of all went out.
    sent_at: Instant,
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
    /// Frames that streams were given.
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
            reactors: OnceLock::new(),
            turn: AtomicUsize::new(0),
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
            delivered: AtomicU64::new(0),
            replays: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        })
    }

    /// Starts the reactors.
    pub fn start(self: &Arc<Self>, life: &Lifecycle) -> io::Result<Threads> {
        let mut threads = Threads { hub: Arc::clone(self), all: Vec::new() };
        let mut reactors = Vec::new();
        for _ in 0..Reactor::count() {
            let (reactor, thread) = Reactor::start(Arc::clone(self), life.clone())?;
            reactors.push(reactor);
            threads.all.push(thread);
        }
        self.reactors.get_or_init(|| reactors);
        Ok(threads)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn reactors(&self) -> &[Arc<Reactor>] {
        self.reactors.get().map_or(&[], Vec::as_slice)
    }

    /// The reactor for a new stream: each in turn.
    pub fn reactor(&self) -> Option<Arc<Reactor>> {
        let all = self.reactors();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(all.len())?;
        all.get(turn).cloned()
    }

    /// Reads the board.
    pub fn read<T>(&self, read: impl FnOnce(&Board) -> T) -> T {
        read(&self.state().board)
    }

    /// The board's position.
    pub fn head(&self) -> u64 {
        self.read(|board| board.cursor.seq)
    }

    /// Takes the next feed rows. Answers `false` when they do not follow the board's position: the board must be read anew then.
    pub fn take(&self, rows: impl IntoIterator<Item = (u64, FeedBody)>) -> bool {
        let mut state = self.state_mut();
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
        let mut state = self.state_mut();
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
        let state = self.state();
        (!state.pending.is_empty()).then(|| state.sent_at + self.tick())
    }

    fn tick(&self) -> Duration {
        let twice = self.flush_micros.load(Ordering::Relaxed).saturating_mul(2).div_euclid(1_000);
        Duration::from_millis(twice.clamp(self.settings.tick_min, self.settings.tick_max))
    }

    /// When a beat is due.
    pub fn beat_due(&self) -> Instant {
        self.state().sent_at + Duration::from_millis(self.settings.beat)
    }

    /// Sends the pending changes as one frame; without any, a beat that carries the position.
    pub fn flush(&self) {
        let mut guard = self.state_mut();
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
        // A frame that was not written to everybody yet took at least this long.
        if self.behind.load(Ordering::Relaxed) > 0 {
            let micros = u64::try_from(state.sent_at.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.flush_micros.store(micros.min(self.settings.tick_max.saturating_mul(1_000)), Ordering::Relaxed);
        }
        state.ring.push(epoch, &change);
        state.sent_at = Instant::now();
        self.behind.store(self.reactors().len(), Ordering::Relaxed);
        drop(guard);
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.wake_all();
    }

    fn wake_all(&self) {
        for reactor in self.reactors() {
            reactor.wake();
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
            delivered: self.delivered.load(Ordering::Relaxed),
            replays: self.replays.load(Ordering::Relaxed),
            resets: self.resets.load(Ordering::Relaxed),
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }

    /// Whether the streams were asked to end.
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Milliseconds since the hub's start.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Begins a stream for a watcher that stands at `since`. Answers its first bytes, and the index of the frame that it takes next.
    pub fn open(&self, since: Option<Cursor>) -> (Bytes, u64) {
        let state = self.state();
        let Cursor { epoch, seq: head } = state.board.cursor;
        let start = match since {
            Some(cursor) if cursor.epoch != epoch => Start::Reset,
            since => state.ring.start(since.map(|c| c.seq), head),
        };
        let retry = ids::jitter(1_000, 3_000);
        let flushed = state.ring.flushed;
        let ready = match start {
            Start::Live { seq } => Some((ring::hello(epoch, flushed, Mode::Live, seq, retry), state.ring.next)),
            Start::Replay { index } => {
                self.replays.fetch_add(1, Ordering::Relaxed);
                Some((ring::hello(epoch, flushed, Mode::Replay, since.map_or(0, |c| c.seq), retry), index))
            }
            Start::Reset => None,
        };
        drop(state);
        let Some((hello, next)) = ready else {
            self.reset();
            return self.whole_board();
        };
        (Bytes::from([hello, self.outage(flushed)].concat()), next)
    }

    /// What a watcher is told that comes during an outage: it has missed the frame that said so.
    fn outage(&self, at: u64) -> Bytes {
        if !self.stale.load(Ordering::Relaxed) {
            return Bytes::new();
        }
        ring::event("beat", None, &Change { from: at, to: at, stale: true, ..Change::default() })
    }

    /// `hello` with a reset and the whole board, as one piece; and the frame that follows it. Its id is one that can never be continued, so that a
    /// line that breaks between the two events leads to another reset.
    fn whole_board(&self) -> (Bytes, u64) {
        let stale = self.stale.load(Ordering::Relaxed);
        let cached = |state: &State| {
            let is_so = |(seq, was_stale, _): &&(u64, bool, Bytes)| *seq == state.board.cursor.seq && *was_stale == stale;
            state.reset.as_ref().filter(is_so).map(|(_, _, bytes)| (bytes.clone(), state.ring.next))
        };
        if let Some(ready) = cached(&self.state()) {
            return ready;
        }
        let mut state = self.state_mut();
        if let Some(ready) = cached(&state) {
            return ready;
        }
        let cursor = state.board.cursor;
        let board = domain::feed::Board { seq: cursor.seq, cards: state.board.choices().cloned().collect() };
        let hello = ring::hello(cursor.epoch, cursor.seq, Mode::Reset, 0, ids::jitter(1_000, 3_000));
        let bytes = Bytes::from([hello, ring::event("board", Some(cursor), &board), self.outage(cursor.seq)].concat());
        state.reset = Some((cursor.seq, stale, bytes.clone()));
        (bytes, state.ring.next)
    }
}

/// The threads of a hub's reactors. They end when the hub closes, and it closes when they are let go.
pub struct Threads {
    hub: Arc<Hub>,
    all: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Waits until all streams have ended, which they do after `close`.
    pub fn join(mut self) {
        for thread in std::mem::take(&mut self.all) {
            // A thread that panicked has ended the node and said so.
            drop(thread.join());
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.hub.close();
    }
}

/// What reactors ask and tell.
impl Hub {
    /// Index of the frame that is yet to come.
    pub fn newest(&self) -> u64 {
        self.state().ring.next
    }

    /// What follows for a stream that takes the frame `next`; `None` when it has everything.
    pub fn after(&self, next: u64) -> Option<Batch> {
        let state = self.state();
        let sent_at = state.sent_at;
        let (most, bytes_most) = BATCH;
        let Ok(mut frames) = state.ring.after(next, most) else {
            drop(state);
            let (bytes, next) = self.whole_board();
            return Some(Batch { bytes, frames: 1, next, whole: true, sent_at });
        };
        let first = frames.next()?;
        let mut length = first.len();
        let more: Vec<&Bytes> = frames
            .take_while(|frame| {
                length = length.saturating_add(frame.len());
                length <= bytes_most
            })
            .collect();
        let frames = u64::try_from(more.len()).unwrap_or(u64::MAX).saturating_add(1);
        let bytes = if more.is_empty() {
            first.clone()
        } else {
            let mut all = BytesMut::from(&**first);
            more.into_iter().for_each(|frame| all.extend_from_slice(frame));
            all.freeze()
        };
        Some(Batch { bytes, frames, next: next.saturating_add(frames), whole: false, sent_at })
    }

    /// A reactor has written a batch to its streams. The last one that passes the newest frame on tells how long the frame took.
    pub fn passed(&self, batch: &Batch) {
        if batch.whole || batch.next < self.newest() {
            return;
        }
        if self.behind.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) == Ok(1) {
            let took = batch.sent_at.elapsed();
            self.flush_micros.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.frame_seconds.observe(took.as_secs_f64());
        }
    }

    /// Frames were given to streams.
    pub fn delivered(&self, frames: u64) {
        self.delivered.fetch_add(frames, Ordering::Relaxed);
    }

    /// A stream was given the whole board.
    pub fn reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream was taken up.
    pub fn came(&self) {
        self.watchers.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream has ended.
    pub fn left(&self) {
        self.watchers.fetch_sub(1, Ordering::Relaxed);
    }

    /// A reader that stood still was cut.
    pub fn cut(&self) {
        self.stalled.fetch_add(1, Ordering::Relaxed);
    }

    /// How long a reader may stand still.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.stall)
    }

    /// When a stream that begins now is asked to come back, in milliseconds since the hub's start.
    pub fn bye_at(&self) -> u64 {
        let age = self.settings.max_age;
        self.millis().saturating_add(ids::jitter(age.saturating_mul(4).div_euclid(5), age.saturating_mul(6).div_euclid(5)))
    }

    /// The last event of a stream: when everybody has to come back, spread over a longer time.
    pub fn bye(&self) -> Bytes {
        let spread = if self.closing() { self.settings.retry_spread } else { 1_000 };
        ring::event("bye", None, &Bye { retry_ms: ids::jitter(50, spread.max(51)) })
    }
}
