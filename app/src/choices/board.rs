//! The list of choices as one page holds it: kept current by the feed, and quiet while somebody reads.

use super::{
    Wanted,
    api::CLOSED_PAGE,
    live::{Feed, Heard, News, Watch},
    parts::CardItem,
    still_cards,
};
use crate::ui::{
    page::Ask,
    time::{Moment, Shape, browser_now},
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
use leptos::{html, prelude::*, task::spawn_local};
use std::{collections::HashSet, rc::Rc, time::Duration};

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
    card: ArcRwSignal<Card>,
    closed: ArcRwSignal<bool>,
}

impl Row {
    fn new(card: Card) -> Self {
        Row { id: card.id, card: ArcRwSignal::new(card), closed: ArcRwSignal::new(false) }
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

/// The list and everything around it.
#[derive(Clone, Copy)]
struct Screen {
    model: StoredValue<Model>,
    rows: RwSignal<Vec<Row>>,
    counts: RwSignal<(usize, usize)>,
    beyond: RwSignal<usize>,
    waiting: RwSignal<usize>,
    closed: RwSignal<usize>,
    closed_cards: RwSignal<Vec<Card>>,
    paused: RwSignal<Option<Timestamp>>,
    said: RwSignal<String>,
    busy: RwSignal<bool>,
    failed: RwSignal<bool>,
    list: NodeRef<html::Ul>,
    feed: Feed,
}

impl Screen {
    fn show_counts(self) {
        let Some((counts, beyond, waiting)) = self.model.try_with_value(|m| (m.view.counts(), m.view.beyond(), m.waiting.len())) else { return };
        self.counts.set(counts);
        self.beyond.set(beyond);
        self.waiting.set(waiting);
    }

    /// Whether somebody reads: the pointer is over the list, the focus within it, or its top is out of sight.
    fn is_read(self) -> bool {
        let scrolled = || self.list.try_get_untracked().flatten().is_some_and(|list| list.get_bounding_client_rect().top() < 0.0);
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
                        row.closed.set(false);
                        row.card.set(card);
                        row.clone()
                    }
                    None => Row::new(card),
                })
                .collect();
        });
        self.closed.set(snapshot.closed);
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
        if self.closed_cards.with_untracked(|cards| cards.iter().any(|c| news.contains(&c.id))) {
            self.closed_cards.update(|cards| cards.retain(|c| !news.contains(&c.id)));
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
        self.rows.with_untracked(|rows| rows.iter().find(|row| row.id == id).cloned())
    }

    fn update(self, card: Card) -> bool {
        match self.row(card.id) {
            Some(row) => {
                let moves = row.card.with_untracked(|old| old.is != card.is || old.at != card.at || old.rate_minor != card.rate_minor);
                row.card.set(card);
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
            Some(row) => {
                row.closed.set(false);
                row.card.set(card);
            }
            None => self.model.update_value(|m| m.waiting.push(card)),
        }
        true
    }

    fn close(self, id: OfferId) -> bool {
        self.say(0, 1);
        self.model.update_value(|m| m.waiting.retain(|c| c.id != id));
        if let Some(row) = self.row(id) {
            row.card.update(|card| card.is = Shown::Offline);
            row.closed.set(true);
        }
        true
    }

    /// Brings rows into the order of the filter with what waits, and lets the closed ones go if asked.
    fn arrange(self, drop_closed: bool) {
        let Some((filter, waiting)) = self.model.try_update_value(|m| (m.view.filter().clone(), std::mem::take(&mut m.waiting))) else { return };
        self.rows.update(|rows| {
            if drop_closed {
                rows.retain(|row| !row.closed.get_untracked());
            }
            rows.extend(waiting.into_iter().map(Row::new));
            rows.sort_by(|a, b| filter.order(&a.card.read_untracked(), &b.card.read_untracked()));
        });
        self.waiting.set(0);
    }

    /// What was held back while somebody read happens now.
    fn settle(self) {
        if self.is_read() {
            return;
        }
        let due = self.rows.try_with_untracked(|rows| rows.iter().any(|row| row.closed.get_untracked())).unwrap_or(false)
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
                        self.said.set(sentence(opened, closed));
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
        self.busy.set(true);
        spawn_local(async move {
            let answer = wanted.read_view().get::<Snapshot>().await;
            if self.model.try_with_value(|m| m.reading) != Some(reading) {
                return;
            }
            self.busy.set(false);
            self.failed.set(answer.is_err());
            if let Ok(snapshot) = answer {
                let before = self.model.with_value(|m| m.view.cursor);
                let after = snapshot.cursor;
                self.take(snapshot, wanted.filter, wanted.window);
                // A newer or older position of the same life sorts itself out by the rule of the feed.
                if before.epoch != after.epoch && self.paused.get_untracked().is_none() {
                    self.feed.reopen();
                }
                if self.paused.get_untracked().is_some() {
                    self.paused.set(Some(Timestamp(browser_now())));
                }
            }
        });
    }

    fn follow(self) {
        self.feed.follow(Rc::new(self));
    }

    fn pause(self) {
        self.feed.leave();
        self.paused.set(self.model.try_with_value(|m| m.last));
    }

    fn toggle_pause(self, wanted: Wanted) {
        let storage = window().local_storage().ok().flatten();
        let remember = |value: &str| {
            if let Some(storage) = &storage {
                // Without storage the choice lasts as long as the page.
                let _ = storage.set_item(PAUSED, value);
            }
        };
        if self.paused.get_untracked().is_some() {
            remember("0");
            self.paused.set(None);
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
                    let closed = self.closed.get_untracked();
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
    let screen = Screen {
        counts: RwSignal::new(view.counts()),
        beyond: RwSignal::new(view.beyond()),
        model: StoredValue::new(Model { view, window: first.window, waiting: Vec::new(), pointer: false, focus: false, unsaid: (0, 0), reading: 0, last: Timestamp(0) }),
        rows: RwSignal::new(snapshot.cards.into_iter().map(Row::new).collect()),
        waiting: RwSignal::new(0),
        closed: RwSignal::new(snapshot.closed),
        closed_cards: RwSignal::new(closed.clone().unwrap_or_default()),
        paused: RwSignal::new(None),
        said: RwSignal::new(String::new()),
        busy: RwSignal::new(false),
        failed: RwSignal::new(false),
        list: NodeRef::new(),
        feed: expect_context(),
    };
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            screen.model.update_value(|m| m.last = Timestamp(browser_now()));
            let paused = window().local_storage().ok().flatten().and_then(|s| s.get_item(PAUSED).ok().flatten());
            if paused.as_deref() == Some("1") { screen.pause() } else { screen.follow() }
            on_cleanup(move || screen.feed.leave());
            let handle = window_event_listener_untyped("scroll", move |_| {
                if screen.waiting.try_get_untracked().is_some_and(|n| n > 0) {
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
    let empty = move || screen.counts.get() == (0, 0);
    let more = move || {
        let (beyond, wanted) = (screen.beyond.get(), wanted.get());
        when(beyond > 0 && wanted.window < WINDOW_MAX, || {
            let href = Wanted::href(&wanted.filter, &format!("show={}", wanted.window.saturating_add(WINDOW)));
            view! { <p class="more"><a class="btn" href=href data-noscroll="">{format!("Show more ({beyond} more are here)")}</a></p> }.into_any()
        })
    };
    let count = |of: fn((usize, usize)) -> usize| text(move || of(screen.counts.get()).to_string());
    let paused = flag(move || screen.paused.get().is_some());
    let troubles = word(move || match (screen.feed.late.get(), screen.failed.get()) {
        (true, _) => "↻ Reconnecting…",
        (_, true) => "Could not read the board. Change something or try again.",
        _ => "",
    });
    let as_of = move || match screen.paused.get() {
        Some(at) => view! { "Paused, as of "<Moment at=Signal::stored(at) shape=Shape::Clock/> }.into_any(),
        None => nothing(),
    };
    view! {
        <div class="live">
            <span class="lamp" aria-hidden="true"></span>
            <p class="counts">
                <b class="num" data-count="open">{count(|c| c.0)}</b>" open now, "
                <b class="num" data-count="busy">{count(|c| c.1)}</b>" talking"
            </p>
            <p class="line" data-late=truth(move || screen.feed.late.get())>{troubles}{show(as_of)}</p>
            <button class="btn small js" type="button" data-paused=truth(move || paused.get()) on:click=move |_| screen.toggle_pause(wanted.get_untracked())>
                {word(move || if paused.get() { "Resume updates" } else { "Pause updates" })}
            </button>
        </div>
        <p class="unseen" role="status">{text(move || screen.said.get())}</p>
        <div class="opened">
            <button
                class="pill"
                type="button"
                hidden=flag(move || screen.waiting.get() == 0)
                on:click=move |_| {
                    screen.arrange(true);
                    if let Some(list) = screen.list.get_untracked() {
                        list.scroll_into_view();
                    }
                }
            >
                {text(move || format!("{} more opened", screen.waiting.get()))}
            </button>
        </div>
        <h2 class="unseen">"Offers you can have now"</h2>
        <ul
            class="grid"
            node_ref=screen.list
            aria-busy=truth(move || screen.busy.get())
            on:pointerenter=move |_| screen.note(|m| m.pointer = true)
            on:pointerleave=move |_| screen.note(|m| m.pointer = false)
            on:focusin=move |_| screen.note(|m| m.focus = true)
            on:focusout=move |_| screen.note(|m| m.focus = false)
        >
            <For each=move || screen.rows.get() key=|row| row.id let:row>
                <CardItem card=row.card.into() just_closed=row.closed.into()/>
            </For>
        </ul>
        {show(move || when(empty(), || nobody(wanted.read_untracked().filter.is_everything())))}
        {show(more)}
        <Closed wanted screen open=closed.is_some()/>
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

/// The offers that are closed now: folded, in pages. Without JavaScript a link opens them.
#[component]
fn Closed(wanted: Memo<Wanted>, screen: Screen, open: bool) -> AnyView {
    // The next page to read, while there may be one.
    let next = RwSignal::new(wanted.get_untracked().closed.map_or(0, |page| page.saturating_add(1)));
    let (ended, loading) = (RwSignal::new(open && screen.closed_cards.with_untracked(|c| c.len() < CLOSED_PAGE)), RwSignal::new(false));
    let load = move || {
        if loading.get_untracked() || ended.get_untracked() {
            return;
        }
        loading.set(true);
        spawn_local(async move {
            let page = next.get_untracked();
            let answer = Ask::Closed { query: wanted.read_untracked().filter.query_string(), page }.get::<Vec<Card>>().await;
            if loading.try_set(false).is_some() {
                return;
            }
            if let Ok(cards) = answer {
                ended.set(cards.len() < CLOSED_PAGE);
                next.set(page.saturating_add(1));
                screen.closed_cards.update(|all| {
                    let known: HashSet<_> = all.iter().map(|c| c.id).collect();
                    all.extend(cards.into_iter().filter(|c| !known.contains(&c.id)));
                });
            }
        });
    };
    Effect::new(move |before: Option<Filter>| {
        let filter = wanted.read().filter.clone();
        if before.is_some_and(|before| before != filter) {
            screen.closed_cards.set(Vec::new());
            next.set(0);
            ended.set(false);
        }
        filter
    });
    let toggled = move |_| {
        if screen.closed_cards.read_untracked().is_empty() {
            load();
        }
    };
    let more = move || {
        when(!ended.get(), || {
            let href = Wanted::href(&wanted.read().filter, &format!("closed=1&page={}", next.get()));
            let text = if screen.closed_cards.read().is_empty() { "Show closed offers" } else { "More closed offers" };
            view! {
                <p class="more">
                    <a
                        class="btn"
                        href=href
                        rel="external nofollow"
                        on:click=move |ev| {
                            ev.prevent_default();
                            load();
                        }
                    >
                        {text}
                    </a>
                </p>
            }
            .into_any()
        })
    };
    view! {
        <details class="closed" open=open on:toggle=toggled>
            <summary><h2>"Closed now"</h2>" "<small class="num">{text(move || format!("({} offers)", screen.closed.get()))}</small></summary>
            <ul class="grid">{show(move || still_cards(&screen.closed_cards.read()))}</ul>
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
