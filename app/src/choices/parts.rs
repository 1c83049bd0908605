//! A card: how an offer hangs in the list, on its own page and in the preview.

use crate::{
    routes,
    ui::{
        face::Face,
        time::{Moment, Shape},
        view::{show, text, when, word},
    },
};
use domain::{card::Card, money::Rate, offer::free_words, presence::Shown};
use leptos::prelude::*;

/// The state in words.
pub const fn state_words(is: Shown) -> &'static str {
    match is {
        Shown::Online => "Open now",
        Shown::Busy => "Talking",
        Shown::Offline => "Closed",
    }
}

/// The state as a small sign: words, shape and colour.
pub fn state_sign(is: Signal<Shown>) -> AnyView {
    view! { <span class="state" data-is=word(move || is.get().as_str())>{word(move || state_words(is.get()))}</span> }.into_any()
}

/// Strips of cloth on a rod. The style sheet hangs them out, parts them or draws them in by the `data-presence` around them.
pub fn curtain() -> AnyView {
    view! { <div class="curtain" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div> }.into_any()
}

/// An offer in the list.
#[component]
pub fn CardItem(
    /// The offer.
    card: Signal<Card>,
    /// Whether it closed while somebody looked.
    just_closed: Signal<bool>,
) -> AnyView {
    let id = card.with_untracked(|card| card.id.to_string());
    view! {
        <li class="card" data-offer=id data-presence=word(move || card.read().is.as_str())>
            <CardBody card just_closed/>
        </li>
    }
    .into_any()
}

/// What a card shows.
#[component]
pub fn CardBody(
    /// The offer.
    card: Signal<Card>,
    /// Whether it closed while somebody looked.
    just_closed: Signal<bool>,
) -> AnyView {
    let (href, by, by_href) = card.with_untracked(|card| (routes::offer(card.id), card.by, routes::provider(card.by)));
    let is = Signal::derive(move || card.read().is);
    let name = text(move || card.read().name.clone());
    let title = text(move || card.read().title.clone());
    let since = Memo::new(move |_| card.read().at);
    let state = move || {
        let words = match (just_closed.get(), is.get()) {
            (true, _) => "just closed",
            (_, Shown::Offline) => "closed now",
            // An offer that is only a draft has no time yet.
            (_, Shown::Online) if since.get().0 == 0 => "open now",
            (_, Shown::Online) => "open since ",
            (_, Shown::Busy) => "talking since ",
        };
        words.to_owned()
    };
    let timed = move || state().ends_with(' ');
    view! {
        {curtain()}
        <div class="who">
            <Face id=by name/>
            <div class="name">
                <a href=by_href>{name}</a>
                <small>{text(state)}{show(move || when(timed(), || view! { <Moment at=since shape=Shape::Clock/> }.into_any()))}</small>
            </div>
            {state_sign(is)}
        </div>
        <h3><a href=href.clone()>{title}</a></h3>
        <ul class="facts" aria-label="Facts">
            <li>{word(move || card.read().category.label())}</li>
            <li>{text(move || card.read().languages.names())}</li>
            <li>{text(move || card.read().media.join(" · "))}</li>
        </ul>
        <div class="foot">
            {price(card)}
            <a class="btn see" href=href aria-label=text(move || format!("See offer: {}", title.read()))>"See offer"</a>
        </div>
    }
    .into_any()
}

/// A rate as it stands in lists: `€1.20/min`, or `Free`.
pub fn rate_words(rate: Rate) -> String {
    if rate.minor == 0 { "Free".into() } else { format!("{rate}/min") }
}

/// The rate and what is free.
pub fn price(card: Signal<Card>) -> AnyView {
    let rate = text(move || {
        let rate = card.read().rate();
        if rate.minor == 0 { "Free".into() } else { rate.to_string() }
    });
    let unit = word(move || if card.read().rate_minor == 0 { "" } else { " /min" });
    let free = text(move || free_words(card.read().free_seconds).unwrap_or_default());
    view! { <div class="price"><span class="rate num">{rate}<small>{unit}</small></span><span class="free">{free}</span></div> }.into_any()
}
