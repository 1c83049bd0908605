//! The list of choices as the page shows it, what stands around it, and below it what is closed.

use super::{
    Wanted,
    screen::{Around, Row, Screen, list, offers},
};
use crate::ui::{
    time::{Shape, moment},
    view::{flag, nothing, show, text, truth, when, word},
};
use domain::{
    card::Card,
    filter::Filter,
    view::{Snapshot, WINDOW, WINDOW_MAX},
};
use leptos::prelude::*;

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
    let opened = closed.is_some();
    let screen = Screen::new(wanted.get_untracked(), snapshot, closed);
    let around = screen.around;
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            screen.start();
        }
    });
    Effect::new(move |before: Option<(Filter, usize)>| {
        let Wanted { filter, window, .. } = wanted.get();
        // An answer may be under way, so what was asked last counts, not what is shown.
        let same = before.map_or_else(|| screen.shows(&filter, window), |before| before == (filter.clone(), window));
        if !same {
            screen.read(Wanted { filter: filter.clone(), window, closed: None });
        }
        (filter, window)
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
    let empty = Memo::new(move |_| around.read().counts.choices() == 0);
    let as_of = move || match as_of.get() {
        Some(at) => view! { "Paused, as of "{moment(move || at, Shape::Clock)} }.into_any(),
        None => nothing(),
    };
    view! {
        <div class="live">
            <span class="lamp" aria-hidden="true"></span>
            <p class="counts">
                <b class="num" data-count="open">{count(|a| a.counts.open)}</b>" open now, "
                <b class="num" data-count="busy">{count(|a| a.counts.busy)}</b>" talking"
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
            on:pointerenter=move |_| screen.pointer_within(true)
            on:pointerleave=move |_| screen.pointer_within(false)
            on:focusin=move |_| screen.focus_within(true)
            on:focusout=move |_| screen.focus_within(false)
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

/// The offers that are closed now: folded, in pages. Without JavaScript a link opens them.
fn closed_offers(wanted: Memo<Wanted>, screen: Screen, open: bool) -> AnyView {
    let around = screen.around;
    let load = move || screen.read_closed(wanted.read_untracked().filter.query_string());
    Effect::new(move |before: Option<Filter>| {
        let now = wanted.get().filter;
        if before.is_some_and(|before| before != now) {
            screen.forget_closed();
        }
        now
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
            <summary><h2>"Closed now"</h2>" "<small class="num">{text(move || format!("({})", offers(around.read().counts.closed)))}</small></summary>
            <ul class="grid">{show(move || screen.closed_rows.read().iter().map(Row::view).collect::<Vec<_>>().into_any())}</ul>
            {show(more)}
        </details>
    }
    .into_any()
}
