//! The part of the choices that one page holds: a window of cards, and only how many lie beyond it.

use crate::{
    card::Card,
    feed::{Change, Cursor, Step},
    filter::Filter,
    id::OfferId,
    presence::Shown,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Cards in the first window, and in each further one.
pub const WINDOW: usize = 60;
/// Most cards that a view can hold.
pub const WINDOW_MAX: usize = 1_200;

/// The window that an address asks for, in whole windows: few sizes, so that many pages share one view.
pub fn window(asked: Option<usize>) -> usize {
    asked.unwrap_or(WINDOW).clamp(WINDOW, WINDOW_MAX).div_ceil(WINDOW).saturating_mul(WINDOW)
}

/// How many listed offers match, by how they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Open now.
    pub open: usize,
    /// Talking.
    pub busy: usize,
    /// Closed now.
    pub closed: usize,
}

impl Counts {
    /// How many are among the choices.
    pub const fn choices(&self) -> usize {
        self.open.saturating_add(self.busy)
    }

    /// Counts an offer that is shown so in, or out.
    pub const fn count(&mut self, is: Shown, more: bool) {
        let count = match is {
            Shown::Online => &mut self.open,
            Shown::Busy => &mut self.busy,
            Shown::Offline => &mut self.closed,
        };
        *count = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
    }
}

/// The choices that match a filter, as read from the board at one position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The position.
    pub cursor: Cursor,
    /// The first cards in the order of the filter.
    pub cards: Vec<Card>,
    /// How many match.
    pub counts: Counts,
}

impl Snapshot {
    /// Reads the choices that match from all listed cards.
    pub fn take<'a>(cursor: Cursor, listed: impl IntoIterator<Item = &'a Card>, filter: &Filter, window: usize) -> Self {
        let mut counts = Counts::default();
        let matching = listed.into_iter().filter(|card| filter.matches(card)).inspect(|card| counts.count(card.is, true));
        let first = first(matching.filter(|card| card.is_choice()), filter, window);
        Snapshot { cursor, cards: first.into_iter().cloned().collect(), counts }
    }
}

/// The first of the cards in the order of the filter, in order.
pub(crate) fn first<'a>(cards: impl Iterator<Item = &'a Card>, filter: &Filter, most: usize) -> Vec<&'a Card> {
    let mut first = BTreeMap::new();
    for card in cards {
        // Only what is shown is put in order: of a hundred thousand choices most are a number.
        let place = filter.place(card);
        if first.len() < most || first.last_key_value().is_some_and(|(last, _)| place < *last) {
            first.insert(place, card);
        }
        if first.len() > most {
            first.pop_last();
        }
    }
    first.into_values().collect()
}

/// What a change did to a view: what the page must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A card came in because it changed: it opened, or fits now.
    Enter(Card),
    /// A card came in because others left.
    MoveUp(Card),
    /// A card has a new state: one of the window, or one that was.
    Update(Card),
    /// A card is no longer among the matching choices.
    Leave(OfferId),
    /// A card of the window stands further down now.
    MoveOut(OfferId),
    /// Nothing more will be heard of a card that was moved out.
    Forget(OfferId),
    /// A card that may be shown as closed opened further down.
    Open(OfferId),
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
    /// How many match.
    pub counts: Counts,
    window: HashSet<OfferId>,
}

impl View {
    /// A view of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Self {
        View { cursor: snapshot.cursor, counts: snapshot.counts, window: snapshot.cards.iter().map(|card| card.id).collect() }
    }

    /// Whether the offer is in the window.
    pub fn holds(&self, offer: OfferId) -> bool {
        self.window.contains(&offer)
    }

    /// How many matching choices lie beyond the window.
    pub fn beyond(&self) -> usize {
        self.counts.choices().saturating_sub(self.window.len())
    }

    /// Applies a change by the rule of [`Change::step`].
    pub fn apply(&mut self, change: Change) -> Outcome {
        match change.step(self.cursor.seq) {
            Step::Ignore => return Outcome::Ignored,
            Step::Gap => return Outcome::Gap,
            Step::Apply => self.cursor.seq = change.to,
        }
        self.counts = change.counts.unwrap_or(self.counts);
        let mut effects = Vec::new();
        for id in change.gone {
            self.window.remove(&id);
            effects.push(Effect::Leave(id));
        }
        for id in change.out {
            if self.window.remove(&id) {
                effects.push(Effect::MoveOut(id));
            }
        }
        effects.extend(change.lost.into_iter().map(Effect::Forget));
        effects.extend(change.opened.into_iter().map(Effect::Open));
        effects.extend(change.also.into_iter().map(Effect::Update));
        for (cards, enter) in [(change.cards, Effect::Enter as fn(Card) -> Effect), (change.more, Effect::MoveUp)] {
            for card in cards {
                effects.push(if self.window.insert(card.id) { enter(card) } else { Effect::Update(card) });
            }
        }
        Outcome::Applied(effects)
    }
}
