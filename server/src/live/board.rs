//! The board: every listed offer's card in memory, at one position of the feed. Pages and streams are served from it.

use crate::store::FeedBody;
use app::{choices::api::CLOSED_PAGE, error::PortError};
use async_trait::async_trait;
use domain::{card::Card, feed::Cursor, filter::Filter, presence::Shown, scope::Scope, tracker::Listed, view::Snapshot};
use std::sync::Arc;

/// All listed offers at one position.
#[derive(Clone, Debug)]
pub struct Board {
    /// The position.
    pub cursor: Cursor,
    listed: Listed,
}

impl Board {
    /// A board of cards at a position.
    pub fn new(cursor: Cursor, cards: impl IntoIterator<Item = Card>) -> Self {
        Board { cursor, listed: cards.into_iter().map(|c| (c.id, c)).collect() }
    }

    /// Applies the row after the board's position. Every offer that it names is told to `note`: its card before, and its card now.
    pub fn apply(&mut self, seq: u64, row: FeedBody, mut note: impl FnMut(Option<&Card>, Option<&Card>, &Listed)) {
        self.cursor.seq = seq;
        for id in row.gone {
            let before = self.listed.remove(&id);
            note(before.as_ref(), None, &self.listed);
        }
        for card in row.cards {
            let id = card.id;
            let before = self.listed.insert(id, card);
            note(before.as_ref(), self.listed.get(&id), &self.listed);
        }
    }

    /// Every listed card.
    pub const fn listed(&self) -> &Listed {
        &self.listed
    }

    /// How many offers are shown so.
    pub fn count(&self, is: Shown) -> usize {
        self.listed.values().filter(|card| card.is == is).count()
    }

    /// The matching choices with a window of so many cards.
    pub fn view(&self, filter: &Filter, window: usize) -> Snapshot {
        Snapshot::take(self.cursor, self.listed.values(), filter, window)
    }

    /// A page of the matching closed offers, last closed first.
    pub fn closed(&self, filter: &Filter, page: usize) -> Vec<Card> {
        let mut closed: Vec<&Card> = self.listed.values().filter(|c| !c.is_choice() && filter.matches(c)).collect();
        closed.sort_unstable_by_key(|card| filter.place(card));
        closed.into_iter().skip(page.saturating_mul(CLOSED_PAGE)).take(CLOSED_PAGE).cloned().collect()
    }
}

/// The board as the pages' port.
#[derive(Clone)]
pub struct Choices(pub Arc<super::hub::Hub>);

#[async_trait]
impl app::choices::port::Choices for Choices {
    async fn view(&self, filter: &Filter, window: usize) -> Result<Snapshot, PortError> {
        Ok(self.0.snapshot(&Scope::Window { filter: filter.clone(), window }))
    }

    async fn closed(&self, filter: &Filter, page: usize) -> Result<Vec<Card>, PortError> {
        Ok(self.0.read(|board| board.closed(filter, page)))
    }
}
