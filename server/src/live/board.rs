//! The board: every listed offer's card in memory, at one position of the feed. Pages and streams are served from it.

use crate::store::FeedBody;
use app::{choices::api::CLOSED_PAGE, error::PortError};
use async_trait::async_trait;
use domain::{card::Card, feed::Cursor, filter::Filter, id::OfferId, presence::Shown, view::Snapshot};
use std::{collections::HashMap, sync::Arc};

/// All listed offers at one position.
#[derive(Clone, Debug)]
pub struct Board {
    /// The position.
    pub cursor: Cursor,
    cards: HashMap<OfferId, Card>,
}

/// What a row did to one offer, as watchers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is among the choices with this state.
    Card(Box<Card>),
    /// It left the choices.
    Gone,
}

impl Board {
    /// A board of cards at a position.
    pub fn new(cursor: Cursor, cards: impl IntoIterator<Item = Card>) -> Self {
        Board { cursor, cards: cards.into_iter().map(|c| (c.id, c)).collect() }
    }

    /// Applies the row after the board's position; answers what watchers must be told. Closed offers that were closed before are no news.
    pub fn apply(&mut self, seq: u64, row: FeedBody) -> Vec<(OfferId, News)> {
        self.cursor.seq = seq;
        let mut news = Vec::new();
        for id in row.gone {
            if self.cards.remove(&id).is_some_and(|before| before.is_choice()) {
                news.push((id, News::Gone));
            }
        }
        for card in row.cards {
            let id = card.id;
            let now = card.is_choice().then(|| News::Card(Box::new(card.clone())));
            let before = self.cards.insert(id, card).is_some_and(|before| before.is_choice());
            news.extend(now.or(before.then_some(News::Gone)).map(|n| (id, n)));
        }
        news
    }

    /// Every open and busy card.
    pub fn choices(&self) -> impl Iterator<Item = &Card> {
        self.cards.values().filter(|c| c.is_choice())
    }

    /// How many offers are shown so.
    pub fn count(&self, is: Shown) -> usize {
        self.cards.values().filter(|card| card.is == is).count()
    }

    /// How many offers are listed.
    pub fn listed(&self) -> usize {
        self.cards.len()
    }

    /// The matching choices with a window of so many cards.
    pub fn view(&self, filter: &Filter, window: usize) -> Snapshot {
        Snapshot::take(self.cursor, self.cards.values(), filter, window)
    }

    /// A page of the matching closed offers, last closed first.
    pub fn closed(&self, filter: &Filter, page: usize) -> Vec<Card> {
        let mut closed: Vec<&Card> = self.cards.values().filter(|c| !c.is_choice() && filter.matches(c)).collect();
        closed.sort_unstable_by(|a, b| filter.order(a, b));
        closed.into_iter().skip(page.saturating_mul(CLOSED_PAGE)).take(CLOSED_PAGE).cloned().collect()
    }
}

/// The board as the pages' port.
#[derive(Clone)]
pub struct Choices(pub Arc<super::hub::Hub>);

#[async_trait]
impl app::choices::port::Choices for Choices {
    async fn view(&self, filter: &Filter, window: usize) -> Result<Snapshot, PortError> {
        Ok(self.0.read(|board| board.view(filter, window)))
    }

    async fn closed(&self, filter: &Filter, page: usize) -> Result<Vec<Card>, PortError> {
        Ok(self.0.read(|board| board.closed(filter, page)))
    }
}
