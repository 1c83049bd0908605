//! A card: how an offer hangs in the list, on its own page and in the preview.

use crate::{
    routes,
    ui::{
        face::Face,
        time::{Moment, Shape},
    },
};
use domain::{card::Card, offer::free_words, presence::Shown};
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
#[component]
pub fn StateSign(
    /// The state.
    is: Signal<Shown>,
) -> impl IntoView {
    view! { <span class="state" data-is=move || is.get().as_str()>{move || state_words(is.get())}</span> }
}

/// Strips of cloth on a rod. The style sheet hangs them out, parts them or draws them in by the `data-presence` around them.
#[component]
pub fn Curtain() -> impl IntoView {
    view! { <div class="curtain" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div> }
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
        <li class="card" data-offer=id data-presence=move || card.read().is.as_str()>
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
    let name = Signal::derive(move || card.read().name.clone());
    let since = move || match (just_closed.get(), is.get()) {
        (true, _) => "just closed".into_any(),
        (_, Shown::Offline) => "closed now".into_any(),
        (_, Shown::Online) => view! { "open since "<Moment at=Signal::derive(move || card.read().at) shape=Shape::Clock/> }.into_any(),
        (_, Shown::Busy) => view! { "talking since "<Moment at=Signal::derive(move || card.read().at) shape=Shape::Clock/> }.into_any(),
    };
    view! {
        <Curtain/>
        <div class="who">
            <Face id=by name/>
            <div class="name">
                <a href=by_href>{move || name.get()}</a>
                <small>{since}</small>
            </div>
            <StateSign is/>
        </div>
        <h3><a href=href.clone()>{move || card.read().title.clone()}</a></h3>
        <ul class="facts" aria-label="Facts">
            <li>{move || card.read().category.label()}</li>
            <li>{move || card.read().languages.names()}</li>
            <li>{move || card.read().media.join(" · ")}</li>
        </ul>
        <div class="foot">
            <Price card/>
            <a class="btn see" href=href aria-label=move || format!("See offer: {}", card.read().title)>"See offer"</a>
        </div>
    }
    .into_any()
}

/// The rate and what is free.
#[component]
pub fn Price(
    /// The offer.
    card: Signal<Card>,
) -> impl IntoView {
    let rate = move || {
        let rate = card.read().rate();
        if rate.minor == 0 {
            view! { <span class="rate">"Free"</span> }.into_any()
        } else {
            view! { <span class="rate num">{rate.to_string()}" "<small>"/min"</small></span> }.into_any()
        }
    };
    view! { <div class="price">{rate}<span class="free">{move || free_words(card.read().free_seconds)}</span></div> }
}
