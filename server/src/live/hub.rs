//! The hub: takes feed rows in order, keeps the board, and has frames for every watcher.
//!
//! A frame is serialised once and its bytes are shared; reactors write them to the sockets.

use super::{
    board::Board,
    reactor::Reactor,
    ring::{self, Start},
    views::{Follower, Full, Views},
};
use crate::{config::Feed, ids, lifecycle::Lifecycle, metrics::seconds, serve::UNSENT_MAX, store::FeedBody};
use bytes::{Bytes, BytesMut};
use domain::{
    feed::{Bye, Change, Cursor, Mode},
    scope::Scope,
    tracker::Tracker,
    view::Snapshot,
};
use prometheus_client::metrics::histogram::Histogram;
use std::{
    io,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Most frames that are handed out at once, and at most [`UNSENT_MAX`] bytes of them: what is put together for a reader who is behind is its own as
/// long as it does not take it. A larger frame goes alone, and is shared.
const BATCH: usize = 64;

/// How often a new view is read beside everything else, before everything else has to wait for it.
const TRIES: usize = 2;

struct State {
    board: Board,
    views: Views,
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
    /// Counts what reactors have to look for.
    round: AtomicU64,
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
    /// Whether other frames come after them.
    pub more: bool,
    /// Whether it is all that the view shows, in place of frames that are no longer there.
    pub whole: bool,
}

/// What the hub has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Streams that are open.
    pub watchers: usize,
    /// Views that are kept for them.
    pub views: usize,
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
        let views = Views::new(&board, settings.ring, Duration::from_millis(settings.beat));
        Arc::new(Hub {
            state: RwLock::new(State { board, views, sent_at: now }),
            reactors: OnceLock::new(),
            turn: AtomicUsize::new(0),
            watchers: AtomicUsize::new(0),
            behind: AtomicUsize::new(0),
            flush_micros: AtomicU64::new(0),
            round: AtomicU64::new(0),
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
        let mut guard = self.state_mut();
        let State { board, views, .. } = &mut *guard;
        for (seq, body) in rows {
            let head = board.cursor.seq;
            if seq <= head {
                continue;
            }
            if seq != head.saturating_add(1) {
                return false;
            }
            self.rows.fetch_add(1, Ordering::Relaxed);
            board.apply(seq, body, |before, now, listed| views.note(before, now, listed));
        }
        true
    }

    /// Replaces the board after a gap in the rows. Watchers that hang behind it are reset.
    pub fn reload(&self, board: Board) {
        let mut state = self.state_mut();
        state.views.reload(&board);
        state.board = board;
        self.round.fetch_add(1, Ordering::SeqCst);
        drop(state);
        self.wake_all();
    }

    /// When the pending changes may go out: at once if nothing went out in the last tick, which is twice the time that the last frame took.
    pub fn due(&self) -> Option<Instant> {
        let state = self.state();
        state.views.have_news().then(|| state.sent_at + self.tick())
    }

    fn tick(&self) -> Duration {
        let twice = self.flush_micros.load(Ordering::Relaxed).saturating_mul(2).div_euclid(1_000);
        Duration::from_millis(twice.clamp(self.settings.tick_min, self.settings.tick_max))
    }

    /// When a beat is due.
    pub fn beat_due(&self) -> Instant {
        self.state().views.beat_due()
    }

    /// Sends what is pending, as one frame to each view that it concerns; and beats, which carry the position, where nothing was sent for long.
    pub fn flush(&self) {
        self.send(false);
    }

    fn send(&self, all: bool) {
        let mut guard = self.state_mut();
        let State { board, views, sent_at } = &mut *guard;
        let sent = views.send(board, self.stale.load(Ordering::Relaxed), all, Duration::from_millis(self.settings.beat));
        views.sweep();
        if sent == 0 {
            return;
        }
        // Frames that were not written to everybody yet took at least this long.
        if self.behind.load(Ordering::Relaxed) > 0 {
            let micros = u64::try_from(sent_at.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.flush_micros.store(micros.min(self.settings.tick_max.saturating_mul(1_000)), Ordering::Relaxed);
        }
        *sent_at = Instant::now();
        self.behind.store(self.reactors().len(), Ordering::Relaxed);
        self.frames.fetch_add(sent, Ordering::Relaxed);
        // Within the lock: a reactor that sees the round finds its frames.
        self.round.fetch_add(1, Ordering::SeqCst);
        drop(guard);
        self.wake_all();
    }

    fn wake_all(&self) {
        for reactor in self.reactors() {
            reactor.wake();
        }
    }

    /// Tells every watcher whether the database is out of reach, when that is another thing than before.
    pub fn set_stale(&self, stale: bool) {
        if self.stale.swap(stale, Ordering::SeqCst) != stale {
            self.send(true);
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
            views: self.state().views.count(),
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

    /// What a scope shows now.
    pub fn snapshot(&self, scope: &Scope) -> Snapshot {
        let State { board, views, .. } = &*self.state();
        match (views.of(scope), scope) {
            (Some(live), _) => live.tracker.snapshot(board.cursor, board.listed()),
            (None, Scope::Window { filter, window }) => board.view(filter, *window),
            (None, other) => Tracker::new(other.clone(), board.listed()).snapshot(board.cursor, board.listed()),
        }
    }

    fn follow(&self, scope: &Scope) -> Result<Follower, Full> {
        // What a new view shows is read while others read too, in the hope that nothing happens until it is added.
        for _ in 0..TRIES {
            let (tracker, read_at) = {
                let State { board, views, .. } = &*self.state();
                if let Some(follower) = views.follow(scope) {
                    return Ok(follower);
                }
                if !views.have_room(scope) {
                    break;
                }
                (Tracker::new(scope.clone(), board.listed()), board.cursor)
            };
            let State { board, views, .. } = &mut *self.state_mut();
            if board.cursor == read_at {
                return views.open(tracker, read_at.seq);
            }
        }
        let State { board, views, .. } = &mut *self.state_mut();
        if !views.have_room(scope) {
            // Those who come back may have to be reset then; those who come at all are served.
            views.let_go(Duration::ZERO);
            if !views.have_room(scope) {
                return Err(Full);
            }
        }
        views.open(Tracker::new(scope.clone(), board.listed()), board.cursor.seq)
    }

    /// Begins a stream for a watcher that stands at `since`. Answers its first bytes, its place, and the index of the frame that it takes next.
    pub fn open(&self, scope: &Scope, since: Option<Cursor>) -> Result<(Bytes, Follower, u64), Full> {
        let follower = self.follow(scope)?;
        let state = self.state();
        let live = state.views.get(follower.view).ok_or(Full)?;
        let Cursor { epoch, seq: head } = state.board.cursor;
        let start = match since {
            Some(cursor) if cursor.epoch != epoch => Start::Reset,
            since => live.ring.start(since.map(|c| c.seq), head),
        };
        let retry = ids::jitter(1_000, 3_000);
        let flushed = live.ring.flushed;
        let ready = match start {
            Start::Live { seq } => Some((ring::hello(epoch, flushed, Mode::Live, seq, retry), live.ring.next)),
            Start::Replay { index } => {
                self.replays.fetch_add(1, Ordering::Relaxed);
                Some((ring::hello(epoch, flushed, Mode::Replay, since.map_or(0, |c| c.seq), retry), index))
            }
            Start::Reset => None,
        };
        drop(state);
        let Some((hello, next)) = ready else {
            self.reset();
            let (bytes, next) = self.whole(follower.view).ok_or(Full)?;
            return Ok((bytes, follower, next));
        };
        // At the watcher's own position, which it is past already: what was missed still follows.
        let outage = self.outage(since.map_or(flushed, |cursor| cursor.seq.min(flushed)));
        Ok((Bytes::from([hello, outage].concat()), follower, next))
    }

    /// What a watcher is told that comes during an outage: it has missed the frame that said so.
    fn outage(&self, at: u64) -> Bytes {
        if !self.stale.load(Ordering::SeqCst) {
            return Bytes::new();
        }
        ring::event("beat", None, &Change { from: at.saturating_add(1), to: at, stale: true, ..Change::default() })
    }

    /// `hello` with a reset and all that a view shows, as one piece; and the frame that follows it. Its id is one that can never be continued, so that a
    /// line that breaks between the two events leads to another reset.
    fn whole(&self, view: u64) -> Option<(Bytes, u64)> {
        let (snapshot, next, stale) = {
            let State { board, views, .. } = &*self.state();
            let (live, stale) = (views.get(view)?, self.stale.load(Ordering::SeqCst));
            match &live.reset {
                Some((at, was_stale, bytes)) if *at == board.cursor.seq && *was_stale == stale => {
                    return Some((bytes.clone(), live.ring.next));
                }
                _ => (live.tracker.snapshot(board.cursor, board.listed()), live.ring.next, stale),
            }
        };
        // A large board takes its time; nobody waits for it but who asked.
        let Snapshot { cursor, cards, counts } = snapshot;
        let hello = ring::hello(cursor.epoch, cursor.seq, Mode::Reset, 0, ids::jitter(1_000, 3_000));
        let event = ring::event("board", Some(cursor), &domain::feed::Board { seq: cursor.seq, cards, counts });
        let bytes = Bytes::from([hello, event, self.outage(cursor.seq)].concat());
        let State { board, views, .. } = &mut *self.state_mut();
        let live = views.get_mut(view)?;
        if board.cursor == cursor && live.ring.next == next {
            live.reset = Some((cursor.seq, stale, bytes.clone()));
        }
        Some((bytes, next))
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
    /// Counts the times that frames went out: a reactor that has passed all frames on has nothing to do until it changes.
    pub fn round(&self) -> u64 {
        self.round.load(Ordering::SeqCst)
    }

    /// What follows for a stream of a view that takes the frame `next`; `None` when it has everything.
    pub fn after(&self, view: u64, next: u64) -> Option<Batch> {
        let state = self.state();
        let ring = &state.views.get(view)?.ring;
        let newest = ring.next;
        let Ok(mut frames) = ring.after(next, BATCH) else {
            drop(state);
            let (bytes, next) = self.whole(view)?;
            return Some(Batch { bytes, frames: 1, next, more: false, whole: true });
        };
        let first = frames.next()?;
        let mut length = first.len();
        let more: Vec<&Bytes> = frames
            .take_while(|frame| {
                length = length.saturating_add(frame.len());
                length <= UNSENT_MAX
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
        let next = next.saturating_add(frames);
        Some(Batch { bytes, frames, next, more: next < newest, whole: false })
    }

    /// A reactor has passed on all frames up to that round. The last one that has passed on the newest tells how long it took.
    pub fn passed(&self, round: u64) {
        let state = self.state();
        if round < self.round() {
            return;
        }
        if self.behind.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) == Ok(1) {
            let took = state.sent_at.elapsed();
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
