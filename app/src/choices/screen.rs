//! What the page of choices holds: the list kept current by the feed, quiet while somebody reads.

use super::{
    Wanted,
    api::CLOSED_PAGE,
    live::{Feed, Heard, News, Watch},
    parts::{CardItem, Hung},
};
use crate::ui::{page::Ask, time::browser_now};
use domain::{
    card::Card,
    feed::{Change, Cursor},
    filter::Filter,
    id::OfferId,
    presence::Shown,
    scope::Scope,
    time::Timestamp,
    view::{Counts, Effect as Moved, Outcome, Snapshot, View},
};
use leptos::{prelude::*, task::spawn_local};
use std::{rc::Rc, time::Duration};

/// How long the cloth of a card takes to be drawn in before the card goes.
const DRAWN_IN: Duration = Duration::from_millis(400);
/// At most one sentence is said in this time.
const SENTENCE: Duration = Duration::from_secs(10);
/// Where the choice to pause is remembered.
const PAUSED: &str = "noren-paused";

/// A card of the list. The list moves rows; a change touches one row's card.
#[derive(Clone)]
pub struct Row {
    /// The offer.
    pub id: OfferId,
    hung: ArcRwSignal<Hung>,
}

impl Row {
    fn new(card: Card) -> Self {
        Row { id: card.id, hung: ArcRwSignal::new(card.into()) }
    }

    /// Whether this row does not stand before the other.
    fn follows(&self, other: &Row, filter: &Filter) -> bool {
        filter.place(&other.hung.read_untracked().card) <= filter.place(&self.hung.read_untracked().card)
    }

    /// The row in the list.
    pub fn view(&self) -> AnyView {
        view! { <CardItem hung=self.hung.clone().into()/> }.into_any()
    }
}

/// What the page knows beside what it shows.
struct Model {
    view: View,
    /// What the view is of.
    filter: Filter,
    /// How many cards it takes.
    window: usize,
    /// Cards that came while somebody reads, and whether because they opened.
    waiting: Vec<(Card, bool)>,
    /// Whether rows are to come, to go or to move once nobody reads.
    unsettled: bool,
    pointer: bool,
    focus: bool,
    /// What was not said yet: opened, closed.
    unsaid: (usize, usize),
    /// Counts readings, so that the answer to an older one is dropped.
    reading: u32,
    last: Timestamp,
}

/// What stands around the list.
#[derive(Clone, Default)]
pub struct Around {
    /// How many are open, busy and closed.
    pub counts: Counts,
    /// How many lie beyond the window.
    pub beyond: usize,
    /// How many opened while somebody reads.
    pub waiting: usize,
    /// The next page of closed offers to read, while there may be one.
    pub next_closed: Option<u32>,
    /// Since when updates are paused.
    pub paused: Option<Timestamp>,
    /// The last sentence.
    pub said: String,
    /// Whether an answer of the board is awaited.
    pub reading: bool,
    /// Whether the board could not be read.
    pub failed: bool,
}

/// The list and everything around it.
#[derive(Clone, Copy)]
pub struct Screen {
    model: StoredValue<Model>,
    /// The list.
    pub rows: RwSignal<Vec<Row>>,
    /// What was read of the closed offers.
    pub closed_rows: RwSignal<Vec<Row>>,
    /// What stands around the list.
    pub around: RwSignal<Around>,
    /// The line that keeps it current.
    pub feed: Feed,
}

/// The list in the page, while it is there.
pub fn list() -> Option<web_sys::Element> {
    document().get_element_by_id("choices")
}

impl Screen {
    /// What the page was read with.
    pub fn new(wanted: Wanted, snapshot: Snapshot, closed: Option<Vec<Card>>) -> Self {
        let view = View::new(&snapshot);
        let around = Around {
            counts: view.counts,
            beyond: view.beyond(),
            next_closed: next_page(closed.as_ref().map(Vec::len), wanted.closed.unwrap_or(0)),
            ..Around::default()
        };
        let model = Model {
            view,
            filter: wanted.filter,
            window: wanted.window,
            waiting: Vec::new(),
            unsettled: false,
            pointer: false,
            focus: false,
            unsaid: (0, 0),
            reading: 0,
            last: Timestamp(0),
        };
        Screen {
            model: StoredValue::new(model),
            rows: RwSignal::new(snapshot.cards.into_iter().map(Row::new).collect()),
            closed_rows: RwSignal::new(closed.into_iter().flatten().map(Row::new).collect()),
            around: RwSignal::new(around),
            feed: expect_context(),
        }
    }

    /// Begins to follow the feed, or stays paused as it was left, until the page goes.
    pub fn start(self) {
        self.model.update_value(|m| m.last = Timestamp(browser_now()));
        let paused = window().local_storage().ok().flatten().and_then(|s| s.get_item(PAUSED).ok().flatten());
        if paused.as_deref() == Some("1") {
            self.pause()
        } else {
            self.follow()
        }
        on_cleanup(move || self.feed.leave());
        let handle = window_event_listener_untyped("scroll", move |_| {
            self.settle();
        });
        on_cleanup(move || handle.remove());
    }

    /// Whether the list shows what this filter and window ask for.
    pub fn shows(self, filter: &Filter, window: usize) -> bool {
        self.model.with_value(|m| m.filter == *filter && m.window == window)
    }

    fn show_counts(self) {
        let Some((counts, beyond, waiting)) = self.model.try_with_value(|m| {
            let opened = m.waiting.iter().filter(|(_, opened)| *opened).count();
            (m.view.counts, m.view.beyond(), opened)
        }) else {
            return;
        };
        self.around.update(|around| {
            around.counts = counts;
            around.beyond = beyond;
            around.waiting = waiting;
        });
    }

    /// Whether somebody reads: the pointer is over the list, the focus within it, or its top is out of sight.
    fn is_read(self) -> bool {
        let scrolled = || list().is_some_and(|list| list.get_bounding_client_rect().top() < 0.0);
        self.model.try_with_value(|m| m.pointer || m.focus).unwrap_or(false) || scrolled()
    }

    /// Shows a snapshot in place of everything. Rows whose offer stays keep their place in the document.
    fn take(self, snapshot: Snapshot, filter: Filter, window: usize) {
        self.model.update_value(|m| {
            m.view = View::new(&snapshot);
            m.filter = filter;
            m.window = window;
            m.waiting.clear();
            m.unsettled = false;
            m.last = Timestamp(browser_now());
        });
        self.rows.update(|rows| {
            let old = std::mem::take(rows);
            *rows = snapshot
                .cards
                .into_iter()
                .map(|card| match old.iter().find(|row| row.id == card.id) {
                    Some(row) => {
                        row.hung.set(card.into());
                        row.clone()
                    }
                    None => Row::new(card),
                })
                .collect();
        });
        self.show_counts();
    }

    /// Applies a change. Cards change their face at once; rows come and go only while nobody reads.
    fn apply(self, change: Change) -> Heard {
        let cards = change.cards.iter().chain(&change.also).map(|card| card.id);
        let news: Vec<OfferId> = cards.chain(change.opened.iter().copied()).collect();
        let outcome = self.model.try_update_value(|m| {
            m.last = Timestamp(browser_now());
            m.view.apply(change)
        });
        let moves = match outcome {
            Some(Outcome::Applied(moves)) => moves,
            Some(Outcome::Gap) => return Heard::Gap,
            Some(Outcome::Ignored) | None => return Heard::Fine,
        };
        let mut unsettled = false;
        for moved in moves {
            unsettled |= match moved {
                Moved::Update(card) => self.update(card),
                Moved::Enter(card) => self.enter(card, true),
                Moved::MoveUp(card) => self.enter(card, false),
                Moved::Leave(id) => self.close(id),
                Moved::MoveOut(id) => self.put_back(id),
                Moved::Forget(id) | Moved::Open(id) => self.forget(id),
            };
        }
        if self.closed_rows.read_untracked().iter().any(|row| news.contains(&row.id)) {
            self.closed_rows.update(|rows| rows.retain(|row| !news.contains(&row.id)));
        }
        self.show_counts();
        if unsettled {
            self.model.update_value(|m| m.unsettled = true);
            if !self.is_read() {
                self.arrange(false);
            }
            set_timeout(move || self.settle(), DRAWN_IN);
        }
        Heard::Fine
    }

    fn row(self, id: OfferId) -> Option<Row> {
        self.rows.read_untracked().iter().find(|row| row.id == id).cloned()
    }

    fn update(self, card: Card) -> bool {
        match self.row(card.id) {
            Some(row) => {
                let old = row.hung.get_untracked().card;
                let moves = old.is != card.is || old.at != card.at || old.rate_minor != card.rate_minor;
                row.hung.set(card.into());
                moves
            }
            None => {
                self.model.update_value(|m| m.waiting.iter_mut().filter(|(c, _)| c.id == card.id).for_each(|(c, _)| c.clone_from(&card)));
                false
            }
        }
    }

    /// A card came in, `opened` or moved up.
    fn enter(self, card: Card, opened: bool) -> bool {
        if opened {
            self.say(1, 0);
        }
        match self.row(card.id) {
            Some(row) => row.hung.set(card.into()),
            None => self.model.update_value(|m| m.waiting.push((card, opened))),
        }
        true
    }

    fn close(self, id: OfferId) -> bool {
        self.put_back(id);
        let Some(row) = self.row(id) else { return false };
        self.say(0, 1);
        row.hung.update(|hung| {
            hung.card.is = Shown::Offline;
            hung.just_closed = true;
        });
        true
    }

    /// A card that waits to be shown waits no more; one that is shown stays as long as somebody reads.
    fn put_back(self, id: OfferId) -> bool {
        self.model.update_value(|m| m.waiting.retain(|(card, _)| card.id != id));
        true
    }

    /// What is shown of a card can be kept true no longer.
    fn forget(self, id: OfferId) -> bool {
        if self.row(id).is_some() {
            self.rows.update(|rows| rows.retain(|row| row.id != id));
        }
        false
    }

    /// Brings rows into the order of the filter with what waits, and lets those go that no longer belong there if asked.
    pub fn arrange(self, drop_old: bool) {
        let Some((filter, waiting)) = self.model.try_update_value(|m| {
            m.unsettled &= !drop_old;
            (m.filter.clone(), std::mem::take(&mut m.waiting))
        }) else {
            return;
        };
        self.rows.update(|rows| {
            if drop_old {
                rows.retain(|row| self.holds(row));
            }
            rows.extend(waiting.into_iter().map(|(card, _)| Row::new(card)));
            // By hand: rows are few and nearly in order, and the library's sort is a kilobyte to download.
            for at in 1..rows.len() {
                let row = rows.remove(at);
                let place = rows.get(..at).unwrap_or_default().partition_point(|other| row.follows(other, &filter));
                rows.insert(place, row);
            }
        });
        self.around.update(|around| around.waiting = 0);
    }

    /// What was held back while somebody read happens now.
    fn settle(self) {
        if self.model.try_with_value(|m| m.unsettled) == Some(true) && !self.is_read() {
            self.arrange(true);
        }
    }

    /// Whether the row belongs to the window.
    fn holds(self, row: &Row) -> bool {
        self.model.try_with_value(|m| m.view.holds(row.id)).unwrap_or(true)
    }

    /// Notes whether the pointer is over the list.
    pub fn pointer_within(self, within: bool) {
        self.note(|m| m.pointer = within);
    }

    /// Notes whether the focus is in the list.
    pub fn focus_within(self, within: bool) {
        self.note(|m| m.focus = within);
    }

    /// Notes who reads; when nobody does any more, what was held back happens.
    fn note(self, set: impl FnOnce(&mut Model)) {
        self.model.update_value(set);
        set_timeout(move || self.settle(), Duration::from_millis(50));
    }

    /// One polite sentence for what happened, not more often than every ten seconds.
    fn say(self, opened: usize, closed: usize) {
        let waits = self.model.try_update_value(|m| {
            let waits = m.unsaid != (0, 0);
            m.unsaid = (m.unsaid.0.saturating_add(opened), m.unsaid.1.saturating_add(closed));
            waits
        });
        if waits == Some(false) {
            set_timeout(
                move || {
                    if let Some((opened, closed)) = self.model.try_update_value(|m| std::mem::take(&mut m.unsaid)) {
                        self.around.update(|around| around.said = sentence(opened, closed));
                    }
                },
                SENTENCE,
            );
        }
    }

    /// Reads the choices anew, in one call, and goes on from there.
    pub fn read(self, wanted: Wanted) {
        let Some(reading) = self.model.try_update_value(|m| {
            m.reading = m.reading.wrapping_add(1);
            m.reading
        }) else {
            return;
        };
        self.around.update(|around| around.reading = true);
        spawn_local(async move {
            let answer = wanted.read_view().get::<Snapshot>().await;
            if self.model.try_with_value(|m| m.reading) != Some(reading) {
                return;
            }
            self.around.update(|around| {
                around.reading = false;
                around.failed = answer.is_err();
                if around.paused.is_some() && answer.is_ok() {
                    around.paused = Some(Timestamp(browser_now()));
                }
            });
            if let Ok(snapshot) = answer {
                let before = self.model.with_value(|m| m.view.cursor);
                let same = before.epoch == snapshot.cursor.epoch && self.shows(&wanted.filter, wanted.window);
                self.take(snapshot, wanted.filter, wanted.window);
                // A newer or older position in the same view sorts itself out by the rule of the feed.
                if !same {
                    self.feed.reopen();
                }
            }
        });
    }

    fn follow(self) {
        self.feed.follow(Rc::new(self));
    }

    fn pause(self) {
        self.feed.leave();
        let last = self.model.try_with_value(|m| m.last);
        self.around.update(|around| around.paused = last);
    }

    pub fn toggle_pause(self, wanted: Wanted) {
        let storage = window().local_storage().ok().flatten();
        let remember = |value: &str| {
            if let Some(storage) = &storage {
                // Without storage the choice lasts as long as the page.
                let _ = storage.set_item(PAUSED, value);
            }
        };
        if self.around.read_untracked().paused.is_some() {
            remember("0");
            self.around.update(|around| around.paused = None);
            self.read(wanted);
            self.follow();
        } else {
            remember("1");
            self.pause();
        }
    }

    /// Reads the next page of closed offers, if there may be one.
    pub fn read_closed(self, query: String) {
        let Some(page) = self.around.read_untracked().next_closed else { return };
        // None while the answer is awaited, so that a second tap asks for nothing.
        self.around.update(|around| around.next_closed = None);
        spawn_local(async move {
            let answer = Ask::Closed { query, page }.get::<Vec<Card>>().await;
            self.around.try_update(|around| around.next_closed = next_page(answer.as_ref().ok().map(Vec::len), page));
            self.closed_rows.try_update(|rows| {
                for card in answer.unwrap_or_default() {
                    if !rows.iter().any(|row| row.id == card.id) {
                        rows.push(Row::new(card));
                    }
                }
            });
        });
    }

    /// Forgets the closed offers that were read: another filter asks for others.
    pub fn forget_closed(self) {
        self.closed_rows.set(Vec::new());
        self.around.update(|around| around.next_closed = Some(0));
    }
}

impl Watch for Screen {
    fn stands(&self) -> Option<(Scope, Cursor)> {
        self.model.try_with_value(|m| (Scope::Window { filter: m.filter.clone(), window: m.window }, m.view.cursor))
    }

    fn hear(&self, news: News) -> Heard {
        match news {
            News::Begun => {
                // Of cards that were moved out nothing more may be heard on it.
                if self.rows.try_with_untracked(|rows| rows.iter().any(|row| !self.holds(row))) == Some(true) {
                    self.rows.update(|rows| rows.retain(|row| self.holds(row)));
                }
                Heard::Fine
            }
            News::Change(change) => self.apply(change),
            News::Board(cursor, board) => {
                if let Some((filter, window)) = self.model.try_with_value(|m| (m.filter.clone(), m.window)) {
                    self.take(Snapshot { cursor, cards: board.cards, counts: board.counts }, filter, window);
                }
                Heard::Fine
            }
        }
    }
}

/// So many offers, in words.
pub fn offers(n: usize) -> String {
    if n == 1 { "1 offer".to_owned() } else { format!("{n} offers") }
}

/// What is said of so many offers.
fn sentence(opened: usize, closed: usize) -> String {
    match (opened, closed) {
        (0, 0) => String::new(),
        (opened, 0) => format!("{} opened.", offers(opened)),
        (0, closed) => format!("{} closed.", offers(closed)),
        (opened, closed) => format!("{} opened, {closed} closed.", offers(opened)),
    }
}

/// The page of closed offers after a page of so many, if there may be one.
fn next_page(read: Option<usize>, page: u32) -> Option<u32> {
    match read {
        None => Some(page),
        Some(cards) => (cards >= CLOSED_PAGE).then(|| page.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_happened() {
        assert_eq!(sentence(2, 1), "2 offers opened, 1 closed.");
        assert_eq!(sentence(1, 0), "1 offer opened.");
        assert_eq!(sentence(0, 3), "3 offers closed.");
    }
}
