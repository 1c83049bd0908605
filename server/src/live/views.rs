//! The views in use: for each scope that somebody follows, what it shows and the frames that its followers share.

use super::{board::Board, ring::Ring};
use bytes::Bytes;
use domain::{
    card::Card,
    feed::Cursor,
    filter::Searched,
    id::OfferId,
    scope::Scope,
    tracker::{Listed, Tracker},
    view::WINDOW,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a view that nobody follows is kept for those who come back.
const KEPT: Duration = Duration::from_secs(60);
/// How often it is looked for views that nobody follows.
const SWEEP: Duration = Duration::from_secs(1);
/// Most cards of all windows together. Beyond, no view is added: each costs memory and a little time a change, whoever asked for it.
const CARDS_MAX: usize = 250_000;
/// Frames that are kept of a window that is no front page. Whoever misses more is better served with the window.
const FRAMES: usize = 64;
/// Frames that are kept of single offers.
const FRAMES_OF_OFFERS: usize = 8;

/// A scope that is followed.
pub struct Live {
    /// What it shows.
    pub tracker: Tracker,
    /// The last frames.
    pub ring: Ring,
    /// What it shows, ready for watchers that cannot be continued, at one position and in one state of the database.
    pub reset: Option<(u64, bool, Bytes)>,
    /// When its last frame went out.
    pub sent_at: Instant,
    /// Counts its followers: a place for each of them, and one here.
    users: Arc<()>,
    /// Since when it has none; `None` also for the views that are always there.
    unused: Option<Instant>,
}

/// The place of a stream among the followers of a view.
pub struct Follower {
    /// Which view.
    pub view: u64,
    _user: Arc<()>,
}

/// Too many views are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// All views of a node.
pub struct Views {
    /// By number; numbers are never used again.
    all: HashMap<u64, Live>,
    by_scope: HashMap<Scope, u64>,
    /// Who follows single offers: there are many of these, and each change is for few of them.
    by_offer: HashMap<OfferId, Vec<u64>>,
    /// The others, which look at every change.
    wide: Vec<u64>,
    /// Those that have something to tell.
    news: HashSet<u64>,
    next: u64,
    cards: usize,
    /// Frames that are kept of everything and of the front page.
    frames: usize,
    beat_due: Instant,
    swept: Instant,
}

/// How far the cards of all windows may go for a scope to be added: wide windows leave room for narrow ones, and these for single offers.
fn share(scope: &Scope) -> usize {
    match scope {
        Scope::Window { window, .. } if *window > WINDOW => CARDS_MAX.div_euclid(2),
        Scope::Window { .. } => CARDS_MAX.div_euclid(4).saturating_mul(3),
        _ => CARDS_MAX,
    }
}

/// What a view weighs, in cards.
fn weight(scope: &Scope) -> usize {
    match scope {
        Scope::Window { window, .. } => *window,
        // The frames and the entries that any view has.
        Scope::Everything | Scope::Offers(_) => 30,
    }
}

/// The views that are there whether or not somebody follows them, so that whoever comes from a page of another node can be continued.
fn stays(scope: &Scope) -> bool {
    *scope == Scope::Everything || *scope == Scope::front()
}

impl Views {
    /// The views that are always there.
    pub fn new(board: &Board, frames: usize, beat: Duration) -> Self {
        let mut views = Views {
            all: HashMap::new(),
            by_scope: HashMap::new(),
            by_offer: HashMap::new(),
            wide: Vec::new(),
            news: HashSet::new(),
            next: 0,
            cards: 0,
            frames,
            beat_due: Instant::now() + beat,
            swept: Instant::now(),
        };
        for scope in [Scope::Everything, Scope::front()] {
            views.add(Tracker::new(scope, board.listed()), board.cursor.seq);
        }
        views
    }

    fn add(&mut self, tracker: Tracker, seq: u64) {
        let (view, scope) = (self.next, tracker.scope().clone());
        self.next = view.saturating_add(1);
        let frames = match &scope {
            scope if stays(scope) => self.frames,
            Scope::Offers(_) => self.frames.min(FRAMES_OF_OFFERS),
            _ => self.frames.min(FRAMES),
        };
        match &scope {
            Scope::Offers(offers) => offers.iter().for_each(|id| self.by_offer.entry(*id).or_default().push(view)),
            _ => self.wide.push(view),
        }
        self.cards = self.cards.saturating_add(weight(&scope));
        self.by_scope.insert(scope, view);
        let live =
            Live { tracker, ring: Ring::new(frames, seq), reset: None, sent_at: Instant::now(), users: Arc::default(), unused: None };
        self.all.insert(view, live);
    }

    /// A place in the view of that scope, if it is in use.
    pub fn follow(&self, scope: &Scope) -> Option<Follower> {
        let view = *self.by_scope.get(scope)?;
        Some(Follower { view, _user: Arc::clone(&self.all.get(&view)?.users) })
    }

    /// Whether a view of that scope can be added.
    pub fn have_room(&self, scope: &Scope) -> bool {
        self.cards.saturating_add(weight(scope)) <= share(scope)
    }

    /// A place in the view of that scope, which is added if there is room. `tracker` is one of this board.
    pub fn open(&mut self, tracker: Tracker, seq: u64) -> Result<Follower, Full> {
        if let Some(follower) = self.follow(tracker.scope()) {
            return Ok(follower);
        }
        if !self.have_room(tracker.scope()) {
            return Err(Full);
        }
        let scope = tracker.scope().clone();
        self.add(tracker, seq);
        self.follow(&scope).ok_or(Full)
    }

    /// A view.
    pub fn get(&self, view: u64) -> Option<&Live> {
        self.all.get(&view)
    }

    /// A view, to be changed.
    pub fn get_mut(&mut self, view: u64) -> Option<&mut Live> {
        self.all.get_mut(&view)
    }

    /// The view of a scope, if it is in use.
    pub fn of(&self, scope: &Scope) -> Option<&Live> {
        self.all.get(self.by_scope.get(scope)?)
    }

    /// Takes in what became of an offer, see [`Tracker::note`].
    pub fn note(&mut self, before: Option<&Card>, now: Option<&Card>, listed: &Listed) {
        let Some(id) = before.or(now).map(|card| card.id) else { return };
        let (before, now) = (before.map(Searched::from), now.map(Searched::from));
        for view in self.wide.iter().chain(self.by_offer.get(&id).into_iter().flatten()) {
            if let Some(live) = self.all.get_mut(view)
                && live.tracker.note(before.as_ref(), now.as_ref(), listed)
            {
                self.news.insert(*view);
            }
        }
    }

    /// Whether any has something to tell.
    pub fn have_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// When the next one has been silent for the length of a beat.
    pub const fn beat_due(&self) -> Instant {
        self.beat_due
    }

    /// Makes the frames of those that have something to tell, and of those whose beat is due; of `all` if asked. Answers how many.
    pub fn send(&mut self, board: &Board, stale: bool, all: bool, beat: Duration) -> u64 {
        let Cursor { epoch, seq } = board.cursor;
        let now = Instant::now();
        let mut due = std::mem::take(&mut self.news);
        let round = all || now >= self.beat_due;
        if round {
            // Those whose beat is due soon join: whoever writes passes by all streams once, not once for each view.
            let soon = if all { Duration::ZERO } else { beat.saturating_sub(beat.div_f32(4.0)) };
            let silent = |live: &Live| now.saturating_duration_since(live.sent_at) >= soon;
            due.extend(self.all.iter().filter(|(_, live)| silent(live)).map(|(view, _)| *view));
        }
        let mut sent: u64 = 0;
        for view in due {
            let Some(live) = self.all.get_mut(&view) else { continue };
            let from = live.ring.flushed.saturating_add(1);
            let mut change = live.tracker.change(from, seq, board.listed());
            change.stale = stale;
            live.ring.push(epoch, &change);
            live.sent_at = now;
            live.reset = None;
            sent = sent.saturating_add(1);
        }
        if round {
            self.beat_due = self.all.values().map(|live| live.sent_at).min().unwrap_or(now) + beat;
        }
        sent
    }

    /// Begins anew from another board. Whoever follows is behind then.
    pub fn reload(&mut self, board: &Board) {
        self.news.clear();
        for live in self.all.values_mut() {
            live.tracker = Tracker::new(live.tracker.scope().clone(), board.listed());
            live.ring.restart(board.cursor.seq);
            live.reset = None;
        }
    }

    /// Lets views go that nobody has followed for a while; looks once a second at most.
    pub fn sweep(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.let_go(KEPT);
        }
    }

    /// Lets views go that nobody has followed for so long.
    pub fn let_go(&mut self, unused: Duration) {
        let now = Instant::now();
        let mut over = Vec::new();
        for (view, live) in &mut self.all {
            if Arc::strong_count(&live.users) > 1 || stays(live.tracker.scope()) {
                live.unused = None;
            } else if now.saturating_duration_since(*live.unused.get_or_insert(now)) >= unused {
                over.push(*view);
            }
        }
        for view in over {
            let Some(live) = self.all.remove(&view) else { continue };
            let scope = live.tracker.scope();
            self.by_scope.remove(scope);
            self.cards = self.cards.saturating_sub(weight(scope));
            self.news.remove(&view);
            match scope {
                Scope::Offers(offers) => {
                    for id in offers {
                        if let Some(views) = self.by_offer.get_mut(id) {
                            views.retain(|other| *other != view);
                            if views.is_empty() {
                                self.by_offer.remove(id);
                            }
                        }
                    }
                }
                _ => self.wide.retain(|other| *other != view),
            }
        }
    }

    /// How many are in use, those included that are always there.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}
