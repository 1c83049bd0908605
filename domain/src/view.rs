//! The part of the choices that one page holds: a window of cards, and only the ids of what lies beyond it.

use crate::{
    card::Card,
    feed::{Change, Cursor, Step},
    filter::Filter,
    id::OfferId,
    presence::Shown,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Cards in the first window, and in each further one.
pub const WINDOW: usize = 60;
/// Most cards that a view can hold.
pub const WINDOW_MAX: usize = 1_200;

/// The choices that match a filter, as read from the board at one position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The position.
    pub cursor: Cursor,
    /// The first cards in the order of the filter.
    pub cards: Vec<Card>,
    /// The open offers beyond them.
    pub open_beyond: Vec<OfferId>,
    /// The busy offers beyond them.
    pub busy_beyond: Vec<OfferId>,
    /// Listed offers that match and are closed now.
    pub closed: usize,
}

impl Snapshot {
    /// Reads the choices that match from all listed cards.
    pub fn take<'a>(cursor: Cursor, listed: impl IntoIterator<Item = &'a Card>, filter: &Filter, window: usize) -> Self {
        let mut matching: Vec<&Card> = Vec::new();
        let mut closed = 0_usize;
        for card in listed.into_iter().filter(|c| filter.matches(c)) {
            if card.is_choice() { matching.push(card) } else { closed = closed.saturating_add(1) }
        }
        // Only what is shown is put in order: of a hundred thousand choices most are a number.
        if window < matching.len() {
            matching.select_nth_unstable_by(window, |a, b| filter.order(a, b));
        }
        let beyond = matching.split_off(matching.len().min(window));
        matching.sort_unstable_by(|a, b| filter.order(a, b));
        let ids = |is: Shown| beyond.iter().filter(|c| c.is == is).map(|c| c.id).collect();
        Snapshot {
            cursor,
            open_beyond: ids(Shown::Online),
            busy_beyond: ids(Shown::Busy),
            cards: matching.into_iter().cloned().collect(),
            closed,
        }
    }
}

/// What a change did to a view: what the page must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A card came in.
    Enter(Card),
    /// A card in the window has a new state.
    Update(Card),
    /// A card of the window is no longer among the matching choices.
    Leave(OfferId),
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Known already.
    Ignored,
    /// Something was lost: reconnect with the own cursor.
    Gap,
    /// Applied.
    Applied(Vec<Effect>),
}

/// A page's view of the choices, kept current by changes.
#[derive(Clone, Debug)]
pub struct View {
    /// The position.
    pub cursor: Cursor,
    filter: Filter,
    capacity: usize,
    window: HashMap<OfferId, Shown>,
    beyond: HashMap<OfferId, Shown>,
}

impl View {
    /// A view of a snapshot; `capacity` is how many cards the window takes.
    pub fn new(snapshot: &Snapshot, filter: Filter, capacity: usize) -> Self {
        let beyond = |ids: &[OfferId], is| ids.iter().map(move |id| (*id, is)).collect::<Vec<_>>();
        View {
            cursor: snapshot.cursor,
            filter,
            capacity,
            window: snapshot.cards.iter().map(|c| (c.id, c.is)).collect(),
            beyond: beyond(&snapshot.open_beyond, Shown::Online).into_iter().chain(beyond(&snapshot.busy_beyond, Shown::Busy)).collect(),
        }
    }

    /// The filter of the view.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many matching offers are open, and how many busy.
    pub fn counts(&self) -> (usize, usize) {
        let count = |is: Shown| self.window.values().chain(self.beyond.values()).filter(|s| **s == is).count();
        (count(Shown::Online), count(Shown::Busy))
    }

    /// How many matching choices lie beyond the window.
    pub fn beyond(&self) -> usize {
        self.beyond.len()
    }

    /// Whether so many cards left that the window should be read anew.
    pub fn wants_refill(&self) -> bool {
        !self.beyond.is_empty() && self.window.len() < self.capacity.saturating_sub(WINDOW.div_euclid(3))
    }

    /// Applies a change by the rule of [`Change::step`].
    pub fn apply(&mut self, change: Change) -> Outcome {
        match change.step(self.cursor.seq) {
            Step::Ignore => return Outcome::Ignored,
            Step::Gap => return Outcome::Gap,
            Step::Apply => self.cursor.seq = change.to,
        }
        let mut effects = Vec::new();
        for id in change.gone {
            self.drop_card(id, &mut effects);
        }
        for card in change.cards {
            if !card.is_choice() || !self.filter.matches(&card) {
                self.drop_card(card.id, &mut effects);
            } else if self.window.contains_key(&card.id) {
                self.window.insert(card.id, card.is);
                effects.push(Effect::Update(card));
            } else if !self.beyond.contains_key(&card.id) && self.window.len() < self.capacity {
                self.window.insert(card.id, card.is);
                effects.push(Effect::Enter(card));
            } else {
                self.beyond.insert(card.id, card.is);
            }
        }
        Outcome::Applied(effects)
    }

    fn drop_card(&mut self, id: OfferId, effects: &mut Vec<Effect>) {
        self.beyond.remove(&id);
        if self.window.remove(&id).is_some() {
            effects.push(Effect::Leave(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{card::tests::card, filter::tests::any_filter, id::Epoch};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn at(seq: u64) -> Cursor {
        Cursor { epoch: Epoch(Uuid::nil()), seq }
    }

    fn any_shown() -> impl Strategy<Value = Shown> {
        prop::sample::select(Shown::ALL.to_vec())
    }

    proptest! {
        /// snapshot(S) + changes(> S) = snapshot(T), for any schedule, any cut of it into frames, any overlap and any repetition.
        #[test]
        fn a_snapshot_and_the_changes_after_it_are_the_state(
            start in prop::collection::vec((0u128..12, any_shown()), 0..12),
            steps in prop::collection::vec((0u128..12, any_shown(), 0i64..300), 1..40),
            cuts in prop::collection::vec(1usize..5, 40),
            filter in any_filter(),
            window in 1usize..8,
        ) {
            let mut listed: BTreeMap<OfferId, Card> = start.into_iter().map(|(n, is)| (card(n).id, Card { is, ..card(n) })).collect();
            let first = Snapshot::take(at(0), listed.values(), &filter, window);
            let mut view = View::new(&first, filter.clone(), window);
            let mut cards: BTreeMap<OfferId, Card> = first.cards.iter().map(|c| (c.id, c.clone())).collect();
            let mut frames = Vec::new();
            let (mut rest, mut seq) = (&steps[..], 0u64);
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                if now.is_empty() { break }
                // One frame holds the last state of each offer that it covers.
                let mut last = BTreeMap::new();
                for (n, is, rate) in now {
                    last.insert(card(*n).id, Card { is: *is, rate_minor: *rate, ..card(*n) });
                }
                let (gone, cards): (Vec<_>, Vec<_>) = last.into_values().partition(|c| !c.is_choice());
                for card in gone.iter().chain(&cards) { listed.insert(card.id, card.clone()); }
                let to = seq + now.len() as u64;
                frames.push(Change { from: seq + 1, to, cards, gone: gone.iter().map(|c| c.id).collect(), stale: false });
                seq = to;
            }
            for (at, frame) in frames.iter().enumerate() {
                // A repetition of an old frame must change nothing; a frame out of reach must be noticed.
                if at > 0 { prop_assert_eq!(view.apply(frames[at - 1].clone()), Outcome::Ignored); }
                if let Some(next) = frames.get(at + 1) { prop_assert_eq!(view.apply(next.clone()), Outcome::Gap); }
                let Outcome::Applied(effects) = view.apply(frame.clone()) else { panic!("a due frame was refused") };
                for effect in effects {
                    match effect {
                        Effect::Enter(c) => prop_assert!(cards.insert(c.id, c).is_none()),
                        Effect::Update(c) => prop_assert!(cards.insert(c.id, c).is_some()),
                        Effect::Leave(id) => prop_assert!(cards.remove(&id).is_some()),
                    }
                }
            }
            let last = Snapshot::take(at(seq), listed.values(), &filter, usize::MAX);
            let all: BTreeMap<OfferId, Card> = last.cards.iter().map(|c| (c.id, c.clone())).collect();
            prop_assert_eq!(view.cursor, last.cursor);
            prop_assert_eq!(view.counts(), View::new(&last, filter, window).counts());
            for (id, shown) in &cards {
                prop_assert_eq!(Some(shown), all.get(id), "a card in the window is the card of the board");
            }
            prop_assert_eq!(cards.len() + view.beyond(), all.len());
        }
    }

    #[test]
    fn beyond_the_window_only_the_count_moves() {
        let listed: Vec<Card> = (0..5).map(card).collect();
        let snapshot = Snapshot::take(at(1), &listed, &Filter::default(), 2);
        assert_eq!((snapshot.cards.len(), snapshot.open_beyond.len()), (2, 3));
        let mut view = View::new(&snapshot, Filter::default(), 2);
        let beyond = snapshot.open_beyond[0];
        assert_eq!(view.apply(Change { from: 2, to: 2, gone: vec![beyond], ..Change::default() }), Outcome::Applied(vec![]));
        assert_eq!(view.counts(), (4, 0));
        let busy = Card { is: Shown::Busy, ..card(9) };
        assert_eq!(view.apply(Change { from: 3, to: 3, cards: vec![busy], ..Change::default() }), Outcome::Applied(vec![]));
        assert_eq!(view.counts(), (4, 1));
    }
}
