//! The list of choices as one page holds it: kept current by the feed, and quiet while somebody reads.

use super::{
    Wanted,
    api::CLOSED_PAGE,
    live::{Feed, Heard, News, Watch},
    parts::{CardItem, Hung},
};
use crate::ui::{
    page::Ask,
    time::{Shape, browser_now, moment},
    view::{flag, nothing, show, text, truth, when, word},
};
use domain::{
    card::Card,
    feed::{Change, Cursor},
    filter::Filter,
    id::OfferId,
    presence::Shown,
    time::Timestamp,
    view::{Effect as Moved, Outcome, Snapshot, View, WINDOW, WINDOW_MAX},
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
struct Row {
    id: OfferId,
    hung: ArcRwSignal<Hung>,
}

impl Row {
    fn new(card: Card) -> Self {
        Row { id: card.id, hung: ArcRwSignal::new(card.into()) }
    }

    /// Whether this row does not stand before the other.
    fn follows(&self, other: &Row, filter: &Filter) -> bool {
        filter.order(&other.hung.read_untracked().card, &self.hung.read_untracked().card).is_le()
    }

    fn view(&self) -> AnyView {
        view! { <CardItem hung=self.hung.clone().into()/> }.into_any()
    }
}

/// What the page knows beside what it shows.
struct Model {
    view: View,
    /// How many cards the view takes.
    window: usize,
    /// Cards that opened while somebody reads.
    waiting: Vec<Card>,
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
struct Around {
    /// How many are open, and how many busy.
    counts: (usize, usize),
    /// How many lie beyond the window.
    beyond: usize,
    /// How many opened while somebody reads.
    waiting: usize,
    /// How many listed offers are closed.
    closed: usize,
    /// The next page of closed offers to read, while there may be one.
    next_closed: Option<u32>,
    /// Since when updates are paused.
    paused: Option<Timestamp>,
    /// The last sentence.
    said: String,
    /// Whether an answer of the board is awaited.
    reading: bool,
    /// Whether the board could not be read.
    failed: bool,
}

/// The list and everything around it.
#[derive(Clone, Copy)]
struct Screen {
    model: StoredValue<Model>,
    rows: RwSignal<Vec<Row>>,
    closed_rows: RwSignal<Vec<Row>>,
    around: RwSignal<Around>,
    feed: Feed,
}

/// The list in the page, while it is there.
fn list() -> Option<web_sys::Element> {
    document().get_element_by_id("choices")
}

impl Screen {
    fn show_counts(self) {
        let Some((counts, beyond, waiting)) = self.model.try_with_value(|m| (m.view.counts(), m.view.beyond(), m.waiting.len())) else {
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
            m.view = View::new(&snapshot, filter, window);
            m.window = window;
            m.waiting.clear();
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
        self.around.update(|around| around.closed = snapshot.closed);
        self.show_counts();
    }

    /// Applies a change. Cards change their face at once; rows come and go only while nobody reads.
    fn apply(self, change: Change) -> Heard {
        let news: Vec<OfferId> = change.cards.iter().map(|c| c.id).collect();
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
                Moved::Enter(card) => self.enter(card),
                Moved::Leave(id) => self.close(id),
            };
        }
        if self.closed_rows.read_untracked().iter().any(|row| news.contains(&row.id)) {
            self.closed_rows.update(|rows| rows.retain(|row| !news.contains(&row.id)));
        }
        self.show_counts();
        if unsettled {
            if !self.is_read() {
                self.arrange(false);
            }
            set_timeout(move || self.settle(), DRAWN_IN);
        }
        if self.model.try_with_value(|m| m.view.wants_refill()).unwrap_or(false) && !self.is_read() {
            self.refill();
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
                self.model.update_value(|m| m.waiting.iter_mut().filter(|c| c.id == card.id).for_each(|c| c.clone_from(&card)));
                false
            }
        }
    }

    fn enter(self, card: Card) -> bool {
        self.say(1, 0);
        match self.row(card.id) {
            Some(row) => row.hung.set(card.into()),
            None => self.model.update_value(|m| m.waiting.push(card)),
        }
        true
    }

    fn close(self, id: OfferId) -> bool {
        self.say(0, 1);
        self.model.update_value(|m| m.waiting.retain(|c| c.id != id));
        if let Some(row) = self.row(id) {
            row.hung.update(|hung| {
                hung.card.is = Shown::Offline;
                hung.just_closed = true;
            });
        }
        true
    }

    /// Brings rows into the order of the filter with what waits, and lets the closed ones go if asked.
    fn arrange(self, drop_closed: bool) {
        let Some((filter, waiting)) = self.model.try_update_value(|m| (m.view.filter().clone(), std::mem::take(&mut m.waiting))) else {
            return;
        };
        self.rows.update(|rows| {
            if drop_closed {
                rows.retain(|row| !row.hung.read_untracked().just_closed);
            }
            rows.extend(waiting.into_iter().map(Row::new));
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
        if self.is_read() {
            return;
        }
        let due = self.rows.try_with_untracked(|rows| rows.iter().any(|row| row.hung.read_untracked().just_closed)).unwrap_or(false)
            || self.model.try_with_value(|m| !m.waiting.is_empty()).unwrap_or(false);
        if due {
            self.arrange(true);
        }
        if self.model.try_with_value(|m| m.view.wants_refill()).unwrap_or(false) {
            self.refill();
        }
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

    fn refill(self) {
        if let Some((filter, window)) = self.model.try_with_value(|m| (m.view.filter().clone(), m.window)) {
            self.read(Wanted { filter, window, closed: None });
        }
    }

    /// Reads the choices anew, in one call, and goes on from there.
    fn read(self, wanted: Wanted) {
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
                let after = snapshot.cursor;
                self.take(snapshot, wanted.filter, wanted.window);
                // A newer or older position of the same life sorts itself out by the rule of the feed.
                if before.epoch != after.epoch {
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

    fn toggle_pause(self, wanted: Wanted) {
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
}

impl Watch for Screen {
    fn cursor(&self) -> Option<Cursor> {
        self.model.try_with_value(|m| m.view.cursor)
    }

    fn hear(&self, news: News) -> Heard {
        match news {
            News::Change(change) => self.apply(change),
            News::Board(cursor, board) => {
                if let Some((filter, window)) = self.model.try_with_value(|m| (m.view.filter().clone(), m.window)) {
                    let closed = self.around.read_untracked().closed;
                    let snapshot = Snapshot { closed, ..Snapshot::take(cursor, &board.cards, &filter, window) };
                    self.take(snapshot, filter, window);
                }
                Heard::Fine
            }
        }
    }
}

/// What is said of so many offers.
fn sentence(opened: usize, closed: usize) -> String {
    let offers = |n: usize| if n == 1 { "1 offer".to_owned() } else { format!("{n} offers") };
    match (opened, closed) {
        (0, 0) => String::new(),
        (opened, 0) => format!("{} opened.", offers(opened)),
        (0, closed) => format!("{} closed.", offers(closed)),
        (opened, closed) => format!("{} opened, {closed} closed.", offers(opened)),
    }
}

/// The list, its counts and switches, and below it what is closed.
#[component]
pub fn Board(
    /// What the address asks for.
    wanted: Memo<Wanted>,
    /// What it was when the page was read.
    snapshot: Snapshot,
    /// The closed offers, where the address asks for them.
    closed: Option<Vec<Card>>,
) -> AnyView {
    let first = wanted.get_untracked();
    let view = View::new(&snapshot, first.filter.clone(), first.window);
    let opened = closed.is_some();
    let closed = closed.unwrap_or_default();
    let around = Around {
        counts: view.counts(),
        beyond: view.beyond(),
        closed: snapshot.closed,
        next_closed: next_page(opened.then_some(closed.len()), first.closed.unwrap_or(0)),
        ..Around::default()
    };
    let model = Model {
        view,
        window: first.window,
        waiting: Vec::new(),
        pointer: false,
        focus: false,
        unsaid: (0, 0),
        reading: 0,
        last: Timestamp(0),
    };
    let screen = Screen {
        model: StoredValue::new(model),
        rows: RwSignal::new(snapshot.cards.into_iter().map(Row::new).collect()),
        closed_rows: RwSignal::new(closed.into_iter().map(Row::new).collect()),
        around: RwSignal::new(around),
        feed: expect_context(),
    };
    let around = screen.around;
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            screen.model.update_value(|m| m.last = Timestamp(browser_now()));
            let paused = window().local_storage().ok().flatten().and_then(|s| s.get_item(PAUSED).ok().flatten());
            if paused.as_deref() == Some("1") {
                screen.pause()
            } else {
                screen.follow()
            }
            on_cleanup(move || screen.feed.leave());
            let handle = window_event_listener_untyped("scroll", move |_| {
                if screen.around.try_with_untracked(|around| around.waiting > 0) == Some(true) {
                    screen.settle();
                }
            });
            on_cleanup(move || handle.remove());
        }
    });
    Effect::new(move |before: Option<(Filter, usize)>| {
        let now = wanted.get();
        let now = (now.filter, now.window);
        let shown = before.unwrap_or_else(|| screen.model.with_value(|m| (m.view.filter().clone(), m.window)));
        if shown != now {
            screen.read(Wanted { filter: now.0.clone(), window: now.1, closed: None });
        }
        now
    });
    let more = move || {
        let (beyond, wanted) = (around.read().beyond, wanted.get());
        when(beyond > 0 && wanted.window < WINDOW_MAX, || {
            let href = Wanted::href(&wanted.filter, &format!("show={}", wanted.window.saturating_add(WINDOW)));
            view! { <p class="more"><a class="btn" href=href data-noscroll="">{format!("Show more ({beyond} more are here)")}</a></p> }
                .into_any()
        })
    };
    let count = |of: fn(&Around) -> usize| text(move || of(&around.read()).to_string());
    let paused = move || around.read().paused.is_some();
    let troubles = word(move || match (screen.feed.late.get(), around.read().failed) {
        (true, _) => "↻ Reconnecting…",
        (_, true) => "Could not read the board. Change something or try again.",
        _ => "",
    });
    // What is shown or not is settled apart from `around`, which changes with every count.
    let as_of = Memo::new(move |_| around.read().paused);
    let empty = Memo::new(move |_| around.read().counts == (0, 0));
    let as_of = move || match as_of.get() {
        Some(at) => view! { "Paused, as of "{moment(move || at, Shape::Clock)} }.into_any(),
        None => nothing(),
    };
    view! {
        <div class="live">
            <span class="lamp" aria-hidden="true"></span>
            <p class="counts">
                <b class="num" data-count="open">{count(|a| a.counts.0)}</b>" open now, "
                <b class="num" data-count="busy">{count(|a| a.counts.1)}</b>" talking"
            </p>
            <p class="line" data-late=truth(move || screen.feed.late.get())>{troubles}{show(as_of)}</p>
            <button class="btn small js" type="button" data-paused=truth(paused) on:click=move |_| screen.toggle_pause(wanted.get_untracked())>
                {word(move || if paused() { "Resume updates" } else { "Pause updates" })}
            </button>
        </div>
        <p class="unseen" role="status">{text(move || around.read().said.clone())}</p>
        <div class="opened">
            <button
                class="pill"
                type="button"
                hidden=flag(move || around.read().waiting == 0)
                on:click=move |_| {
                    screen.arrange(true);
                    if let Some(list) = list() {
                        list.scroll_into_view();
                    }
                }
            >
                {text(move || format!("{} more opened", around.read().waiting))}
            </button>
        </div>
        <h2 class="unseen">"Offers you can have now"</h2>
        <ul
            id="choices"
            class="grid"
            aria-busy=truth(move || around.read().reading)
            on:pointerenter=move |_| screen.note(|m| m.pointer = true)
            on:pointerleave=move |_| screen.note(|m| m.pointer = false)
            on:focusin=move |_| screen.note(|m| m.focus = true)
            on:focusout=move |_| screen.note(|m| m.focus = false)
        >
            <For each=move || screen.rows.get() key=|row| row.id children=|row| row.view()/>
        </ul>
        {show(move || when(empty.get(), || nobody(wanted.read_untracked().filter.is_everything())))}
        {show(more)}
        {closed_offers(wanted, screen, opened)}
    }
    .into_any()
}

/// Nobody is here: what else can be done.
fn nobody(everything: bool) -> AnyView {
    let words = if everything { "Nobody has a curtain out right now." } else { "Nobody who fits is here right now." };
    view! {
        <div class="nobody">
            <p class="lead">{words}</p>
            <p>"This list changes by itself the moment somebody opens. Below are the offers that are closed now."</p>
            {when(!everything, || view! { <p><a class="btn" href="/">"Show everybody"</a></p> }.into_any())}
        </div>
    }
    .into_any()
}

/// The page of closed offers after a page of so many, if there may be one.
fn next_page(read: Option<usize>, page: u32) -> Option<u32> {
    match read {
        None => Some(page),
        Some(cards) => (cards >= CLOSED_PAGE).then(|| page.saturating_add(1)),
    }
}

/// The offers that are closed now: folded, in pages. Without JavaScript a link opens them.
fn closed_offers(wanted: Memo<Wanted>, screen: Screen, open: bool) -> AnyView {
    let around = screen.around;
    let load = move || {
        let Some(page) = around.read_untracked().next_closed else { return };
        // None while the answer is awaited, so that a second tap asks for nothing.
        around.update(|around| around.next_closed = None);
        let query = wanted.read_untracked().filter.query_string();
        spawn_local(async move {
            let answer = Ask::Closed { query, page }.get::<Vec<Card>>().await;
            around.try_update(|around| around.next_closed = next_page(answer.as_ref().ok().map(Vec::len), page));
            screen.closed_rows.try_update(|rows| {
                for card in answer.unwrap_or_default() {
                    if !rows.iter().any(|row| row.id == card.id) {
                        rows.push(Row::new(card));
                    }
                }
            });
        });
    };
    Effect::new(move |before: Option<(Filter, usize)>| {
        let now = wanted.get().filter;
        if before.is_some_and(|(before, _)| before != now) {
            screen.closed_rows.set(Vec::new());
            around.update(|around| around.next_closed = Some(0));
        }
        (now, 0)
    });
    let toggled = move |_| {
        if screen.closed_rows.read_untracked().is_empty() {
            load();
        }
    };
    let more = move || {
        let Some(page) = around.read().next_closed else { return nothing() };
        let href = Wanted::href(&wanted.read().filter, &format!("closed=1&page={page}"));
        let text = if page == 0 { "Show closed offers" } else { "More closed offers" };
        let pressed = move |ev: web_sys::MouseEvent| {
            ev.prevent_default();
            load();
        };
        view! { <p class="more"><a class="btn" href=href rel="external nofollow" on:click=pressed>{text}</a></p> }.into_any()
    };
    view! {
        <details class="closed" open=open on:toggle=toggled>
            <summary><h2>"Closed now"</h2>" "<small class="num">{text(move || format!("({} offers)", around.read().closed))}</small></summary>
            <ul class="grid">{show(move || screen.closed_rows.read().iter().map(Row::view).collect::<Vec<_>>().into_any())}</ul>
            {show(more)}
        </details>
    }
    .into_any()
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
