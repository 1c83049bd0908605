//! The server's half of a view: what a scope shows is kept current card by card, and what changed becomes one frame for everybody who follows it.
//!
//! The half in the page is [`View`](crate::view::View). Between two frames a page may be rendered at any position, so a frame names every offer that
//! was touched since the last one, and every page applies it from wherever it stands.

use crate::{
    card::Card,
    feed::{Change, Cursor},
    filter::{Filter, Place, Searched},
    id::OfferId,
    scope::Scope,
    view::{Counts, Snapshot, first},
};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// The listed cards at the position that a tracker stands at.
pub type Listed = HashMap<OfferId, Card>;

/// What a scope shows, and what happened in it since the last frame.
#[derive(Clone, Debug)]
pub struct Tracker {
    scope: Scope,
    counts: Counts,
    /// Of a window: its cards. Everything else shows all that match.
    window: Option<Window>,
    /// Offers whose cards changed.
    touched: HashSet<OfferId>,
    /// Offers that were shown at some time since the last frame, and came or went.
    moved: HashSet<OfferId>,
    /// Offers that became choices.
    opened: HashSet<OfferId>,
    /// Offers that were shown once and stand further down now, oldest first: somebody may still have them before the eyes.
    held: VecDeque<OfferId>,
    /// Whether the counts changed since the last frame; they may be what they were again, but not on a page that was rendered between.
    recounted: bool,
}

/// How many times the window is known behind it.
const RESERVE: usize = 4;

/// The first cards, and some of those behind them, so that the board is seldom read for the next one.
#[derive(Clone, Debug)]
struct Window {
    size: usize,
    shown: BTreeSet<Place>,
    reserve: BTreeSet<Place>,
}

impl Window {
    /// Takes the place of an offer out or in, of so many choices besides it. Notes who comes and goes.
    fn move_card(&mut self, old: Option<Place>, new: Option<Place>, others: usize, moved: &mut HashSet<OfferId>) {
        if let Some(old) = old
            && !self.reserve.remove(&old)
            && self.shown.remove(&old)
        {
            moved.insert(old.offer);
        }
        let complete = self.known() == others;
        if let Some(new) = new {
            if self.shown.last().is_some_and(|last| new < *last) {
                self.shown.insert(new);
                moved.insert(new.offer);
            } else if complete || self.reserve.last().is_some_and(|last| new < *last) {
                self.reserve.insert(new);
            }
        }
        while self.shown.len() > self.size {
            let Some(last) = self.shown.pop_last() else { break };
            moved.insert(last.offer);
            self.reserve.insert(last);
        }
        while self.shown.len() < self.size {
            let Some(next) = self.reserve.pop_first() else { break };
            moved.insert(next.offer);
            self.shown.insert(next);
        }
        while self.reserve.len() > self.size.saturating_mul(RESERVE) {
            self.reserve.pop_last();
        }
    }

    fn known(&self) -> usize {
        self.shown.len().saturating_add(self.reserve.len())
    }

    /// Reads the board if there are choices that would fit and are not known.
    fn refill(&mut self, listed: &Listed, filter: &Filter, choices: usize, moved: &mut HashSet<OfferId>) {
        if self.shown.len() == self.size || self.known() == choices {
            return;
        }
        let matching = listed.values().filter(|card| card.is_choice() && filter.matches(card));
        let mut places =
            first(matching, filter, self.size.saturating_mul(RESERVE.saturating_add(1))).into_iter().map(|card| filter.place(card));
        for place in places.by_ref().take(self.size) {
            if self.shown.insert(place) {
                moved.insert(place.offer);
            }
        }
        self.reserve = places.collect();
    }
}

impl Tracker {
    /// A tracker of what the listed cards show.
    pub fn new(scope: Scope, listed: &Listed) -> Self {
        let mut tracker = Tracker {
            window: None,
            counts: Counts::default(),
            touched: HashSet::new(),
            moved: HashSet::new(),
            opened: HashSet::new(),
            held: VecDeque::new(),
            recounted: false,
            scope,
        };
        let mut counts = Counts::default();
        for card in tracker.matching(listed) {
            counts.count(card.is, true);
        }
        tracker.counts = counts;
        if let Scope::Window { filter, window } = &tracker.scope {
            let mut empty = Window { size: *window, shown: BTreeSet::new(), reserve: BTreeSet::new() };
            empty.refill(listed, filter, tracker.counts.choices(), &mut tracker.moved);
            tracker.moved.clear();
            tracker.window = Some(empty);
        }
        tracker
    }

    /// What it follows.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The listed cards of the scope.
    fn matching<'a>(&'a self, listed: &'a Listed) -> Box<dyn Iterator<Item = &'a Card> + 'a> {
        match &self.scope {
            Scope::Offers(offers) => Box::new(offers.iter().filter_map(|id| listed.get(id))),
            _ => Box::new(listed.values().filter(|card| self.scope.matches(card))),
        }
    }

    /// Takes in that an offer's card was `before` and is `now`, as `listed` already has it. Answers whether there is something to tell.
    pub fn note(&mut self, before: Option<&Searched<'_>>, now: Option<&Searched<'_>>, listed: &Listed) -> bool {
        let [before, now] =
            [before, now].map(|searched| searched.filter(|searched| self.scope.fits(searched)).map(|searched| searched.card));
        let Some(id) = before.or(now).map(|card| card.id) else { return false };
        self.recounted |= before.map(|card| card.is) != now.map(|card| card.is);
        for (card, more) in [(before, false), (now, true)] {
            if let Some(card) = card {
                self.counts.count(card.is, more);
            }
        }
        let (before, now) = (before.filter(|card| card.is_choice()), now.filter(|card| card.is_choice()));
        if before.is_none() && now.is_some() {
            self.opened.insert(id);
        }
        match (&self.scope, &mut self.window) {
            (Scope::Window { filter, .. }, Some(window)) => {
                let (old, new) = (before.map(|card| filter.place(card)), now.map(|card| filter.place(card)));
                let choices = self.counts.choices();
                window.move_card(old, new, choices.saturating_sub(usize::from(now.is_some())), &mut self.moved);
                window.refill(listed, filter, choices, &mut self.moved);
            }
            _ => {
                if before.or(now).is_some() {
                    self.moved.insert(id);
                }
            }
        }
        self.touched.insert(id);
        self.has_news()
    }

    /// Whether a frame would say anything. What changed behind the window and changed no count is no news.
    pub fn has_news(&self) -> bool {
        !self.moved.is_empty() || self.recounted || self.touched.iter().any(|id| self.held.contains(id))
    }

    /// Whether an offer is shown: its card then.
    fn shown<'a>(&self, id: OfferId, listed: &'a Listed) -> (Option<&'a Card>, bool) {
        let card = listed.get(&id).filter(|card| card.is_choice() && self.scope.matches(card));
        let within = match (&self.scope, &self.window) {
            (Scope::Window { filter, .. }, Some(window)) => card.is_some_and(|card| window.shown.contains(&filter.place(card))),
            _ => card.is_some(),
        };
        (card, within)
    }

    /// What happened since the last frame, as that of the positions `from` to `to`; a beat when there is nothing to tell.
    pub fn change(&mut self, from: u64, to: u64, listed: &Listed) -> Change {
        let mut change = Change { from, to, ..Change::default() };
        let news = self.has_news();
        let [touched, moved, opened] = [&mut self.touched, &mut self.moved, &mut self.opened].map(std::mem::take);
        self.recounted = false;
        if !news {
            return change;
        }
        change.counts = Some(self.counts);
        // In the order of their ids, so that every node says the same.
        let ids: BTreeSet<OfferId> = touched.iter().chain(&moved).copied().collect();
        for id in ids {
            let held = self.held.iter().position(|held| *held == id);
            match self.shown(id, listed) {
                (Some(card), true) => {
                    held.map(|at| self.held.remove(at));
                    if touched.contains(&id) { &mut change.cards } else { &mut change.more }.push(card.clone());
                }
                (Some(card), false) => {
                    if moved.contains(&id) {
                        held.map(|at| self.held.remove(at));
                        self.held.push_back(id);
                        change.out.push(id);
                    }
                    if touched.contains(&id) && (held.is_some() || moved.contains(&id)) {
                        change.also.push(card.clone());
                    } else if opened.contains(&id) {
                        change.opened.push(id);
                    }
                }
                (None, _) => {
                    held.map(|at| self.held.remove(at));
                    if held.is_some() || moved.contains(&id) {
                        change.gone.push(id);
                    }
                }
            }
        }
        let most = self.window.as_ref().map_or(0, |window| window.size.saturating_mul(2));
        while self.held.len() > most {
            change.lost.extend(self.held.pop_front());
        }
        change
    }

    /// What the scope shows at this position.
    pub fn snapshot(&self, cursor: Cursor, listed: &Listed) -> Snapshot {
        let cards = match &self.window {
            Some(window) => window.shown.iter().filter_map(|place| listed.get(&place.offer)).cloned().collect(),
            None => self.matching(listed).filter(|card| card.is_choice()).cloned().collect(),
        };
        Snapshot { cursor, cards, counts: self.counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        card::tests::card,
        filter::tests::any_filter,
        id::Epoch,
        presence::Shown,
        time::Timestamp,
        view::{Effect, Outcome, View},
    };
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn at(seq: u64) -> Cursor {
        Cursor { epoch: Epoch(Uuid::nil()), seq }
    }

    fn sorted(mut snapshot: Snapshot) -> Snapshot {
        snapshot.cards.sort_by_key(|card| card.id);
        snapshot
    }

    /// A page: the cards that somebody has before the eyes, whatever became of them, and what is shown as closed.
    struct Page {
        view: View,
        eyes: BTreeMap<OfferId, Card>,
        closed: HashSet<OfferId>,
    }

    impl Page {
        fn new(snapshot: &Snapshot, closed: HashSet<OfferId>) -> Self {
            Page { view: View::new(snapshot), eyes: snapshot.cards.iter().map(|c| (c.id, c.clone())).collect(), closed }
        }

        fn apply(&mut self, frame: &Change) -> Outcome {
            let outcome = self.view.apply(frame.clone());
            if let Outcome::Applied(effects) = &outcome {
                for effect in effects {
                    match effect {
                        Effect::Enter(card) | Effect::MoveUp(card) => {
                            self.closed.remove(&card.id);
                            self.eyes.insert(card.id, card.clone());
                        }
                        Effect::Update(card) => {
                            self.closed.remove(&card.id);
                            self.eyes.entry(card.id).and_modify(|c| c.clone_from(card));
                        }
                        Effect::Leave(id) => {
                            self.closed.insert(*id);
                            self.eyes.remove(id);
                        }
                        Effect::Forget(id) => drop(self.eyes.remove(id)),
                        Effect::Open(id) => drop(self.closed.remove(id)),
                        Effect::MoveOut(id) => assert!(self.eyes.contains_key(id)),
                    }
                }
            }
            outcome
        }
    }

    fn any_step() -> impl Strategy<Value = (u128, Option<Shown>, i64, i64)> {
        (0u128..14, prop::option::weighted(0.9, prop::sample::select(Shown::ALL.to_vec())), 0i64..300, 0i64..20)
    }

    proptest! {
        /// snapshot(S) + frames(> S) = snapshot(T): for any schedule, any cut into frames, any position that a page was rendered at, any repetition;
        /// and whatever a page once showed stays true, or is taken from it.
        #[test]
        fn a_snapshot_and_the_frames_after_it_are_what_is_shown(
            start in prop::collection::vec(any_step(), 0..14),
            steps in prop::collection::vec(any_step(), 1..60),
            cuts in prop::collection::vec(1usize..6, 60),
            filter in any_filter(),
            which in 0u8..3,
            size in 1usize..6,
        ) {
            let make = |(n, is, rate, at): (u128, Option<Shown>, i64, i64)| is.map(|is| Card { is, rate_minor: rate, at: Timestamp(at), ..card(n) });
            let mut listed: Listed = start.into_iter().filter_map(make).map(|card| (card.id, card)).collect();
            let scope = match which {
                0 => Scope::Everything,
                1 => Scope::Offers((3..9).map(|n| card(n).id).collect()),
                _ => Scope::Window { filter: filter.clone(), window: size },
            };
            let read = |listed: &Listed, seq| match &scope {
                Scope::Window { filter, window } => Snapshot::take(at(seq), listed.values(), filter, *window),
                scope => Snapshot::take(at(seq), listed.values().filter(|c| scope.matches(c)), &Filter::default(), usize::MAX),
            };
            let mut tracker = Tracker::new(scope.clone(), &listed);
            let closed = |listed: &Listed| listed.values().filter(|c| scope.matches(c) && !c.is_choice()).map(|c| c.id).collect();
            let mut pages = vec![Page::new(&read(&listed, 0), closed(&listed))];
            let (mut seq, mut sent, mut old) = (0, 0, None::<Change>);
            let mut cuts = cuts.into_iter();
            let mut until_cut = cuts.next().unwrap();
            for (n, step) in steps.iter().enumerate() {
                let id = card(step.0).id;
                let now = make(*step);
                let before = match &now {
                    Some(card) => listed.insert(id, card.clone()),
                    None => listed.remove(&id),
                };
                tracker.note(before.as_ref().map(Searched::from).as_ref(), now.as_ref().map(Searched::from).as_ref(), &listed);
                seq += 1;
                prop_assert_eq!(sorted(tracker.snapshot(at(seq), &listed)), sorted(read(&listed, seq)), "what it shows is what there is");
                // Pages are rendered at any time.
                pages.push(Page::new(&read(&listed, seq), closed(&listed)));
                until_cut -= 1;
                if until_cut > 0 && n + 1 < steps.len() { continue }
                until_cut = cuts.next().unwrap_or(1);
                // What is no news needs no frame: the next one covers it.
                if !tracker.has_news() && n % 2 == 0 { continue }
                let frame = tracker.change(sent + 1, seq, &listed);
                sent = seq;
                for page in &mut pages {
                    if let Some(old) = &old { prop_assert_eq!(page.apply(old), Outcome::Ignored); }
                    page.apply(&frame);
                    let now = read(&listed, seq);
                    prop_assert_eq!(page.view.cursor, now.cursor);
                    prop_assert_eq!(page.view.counts, now.counts);
                    prop_assert_eq!(page.view.beyond(), now.counts.choices() - now.cards.len());
                    for card in listed.values() {
                        prop_assert_eq!(page.view.holds(card.id), now.cards.contains(card), "a window is the first cards of the board");
                    }
                    for id in &page.closed {
                        prop_assert!(!listed.get(id).is_some_and(|c| c.is_choice() && scope.matches(c)), "what is shown as closed is closed");
                    }
                    for shown in page.eyes.values() {
                        prop_assert_eq!(Some(shown), listed.get(&shown.id), "a card before the eyes is the card of the board");
                    }
                }
                old = Some(frame);
            }
        }
    }

    fn front(size: usize) -> Scope {
        Scope::Window { filter: Filter::default(), window: size }
    }

    fn put(tracker: &mut Tracker, listed: &mut Listed, card: Card) -> bool {
        let before = listed.insert(card.id, card.clone());
        tracker.note(before.as_ref().map(Searched::from).as_ref(), Some(&Searched::from(&card)), listed)
    }

    #[test]
    fn a_window_is_sent_its_own_cards_and_the_number_of_the_others() {
        let mut listed: Listed = (0..100).map(|n| Card { at: Timestamp(-(n as i64)), ..card(n) }).map(|c| (c.id, c)).collect();
        let mut tracker = Tracker::new(front(2), &listed);
        let (shown, far) = (listed[&card(1).id].clone(), listed[&card(70).id].clone());
        assert!(!put(&mut tracker, &mut listed, Card { name: "New".into(), ..far.clone() }), "further down, only numbers are news");
        assert!(put(&mut tracker, &mut listed, Card { is: Shown::Busy, ..far }));
        let change = tracker.change(1, 2, &listed);
        assert_eq!((change.counts, change.cards.len()), (Some(Counts { open: 99, busy: 1, closed: 0 }), 0));
        assert!(put(&mut tracker, &mut listed, Card { name: "New".into(), ..shown.clone() }));
        let change = tracker.change(3, 3, &listed);
        assert_eq!((change.cards.len(), change.more.len(), change.out.len()), (1, 0, 0), "a card that stays moves nobody");
        assert!(put(&mut tracker, &mut listed, Card { is: Shown::Busy, ..shown.clone() }));
        let change = tracker.change(4, 4, &listed);
        assert_eq!((&change.out[..], change.also.len(), change.more[0].id), (&[shown.id][..], 1, card(2).id), "out, but still told of");
        assert!(put(&mut tracker, &mut listed, Card { is: Shown::Offline, ..shown.clone() }));
        assert_eq!(tracker.change(5, 5, &listed).gone, [shown.id], "whoever reads it learns that it closed");
        assert!(!tracker.has_news());
        assert!(tracker.change(6, 9, &listed).is_beat());
    }

    #[test]
    fn what_is_held_for_readers_is_bounded() {
        let mut listed = Listed::new();
        let mut tracker = Tracker::new(front(2), &listed);
        let mut forgotten = HashSet::new();
        for n in 0..50_u64 {
            put(&mut tracker, &mut listed, Card { at: Timestamp(n as i64), ..card(n.into()) });
            forgotten.extend(tracker.change(n, n, &listed).lost);
        }
        assert_eq!((tracker.held.len(), forgotten.len()), (4, 44));
        let window = tracker.window.unwrap();
        assert_eq!((window.shown.len(), window.reserve.len()), (2, 8));
    }
}
