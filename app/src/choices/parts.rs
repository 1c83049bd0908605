//! A card: how an offer hangs in the list, on its own page and in the preview.

use crate::{
    consultation::terminal::gears,
    routes,
    ui::{
        face::Face,
        time::{Shape, moment},
        view::{show, text, when, word},
    },
};
use domain::{
    card::Card,
    environment::Environment,
    media::{Media, Medium},
    money::Rate,
    offer::free_words,
    presence::Shown,
};
use leptos::{prelude::*, task::spawn_local};

/// The state in words.
pub const fn state_words(is: Shown) -> &'static str {
    match is {
        Shown::Online => "Open now",
        Shown::Busy => "Talking",
        Shown::Offline => "Closed",
    }
}

/// The state as a small sign: words, shape and colour.
pub fn state_sign(hung: Signal<Hung>) -> AnyView {
    let is = move || hung.read().card.is;
    view! { <span class="state" data-is=word(move || is().as_str())>{word(move || state_words(is()))}</span> }.into_any()
}

/// Strips of cloth on a rod. The style sheet hangs them out, parts them or draws them in by the `data-presence` around them.
pub fn curtain() -> AnyView {
    view! { <div class="curtain" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div> }.into_any()
}

/// A card as it hangs in a list.
#[derive(Clone, Debug)]
pub struct Hung {
    /// The offer.
    pub card: Card,
    /// Whether it closed while somebody looked.
    pub just_closed: bool,
}

impl From<Card> for Hung {
    fn from(card: Card) -> Self {
        Hung { card, just_closed: false }
    }
}

/// An offer in the list.
#[component]
pub fn CardItem(
    /// The offer.
    hung: Signal<Hung>,
) -> AnyView {
    // The server has drawn most of them already; the browser finds the same in either case.
    #[cfg(feature = "ssr")]
    return super::drawn::item(&hung.read_untracked());
    #[cfg(not(feature = "ssr"))]
    {
        let id = hung.read_untracked().card.id.to_string();
        view! {
            <li class="card" data-offer=id data-presence=word(move || hung.read().card.is.as_str())>
                <CardBody hung/>
            </li>
        }
        .into_any()
    }
}

/// What a card shows.
#[component]
pub fn CardBody(
    /// The offer.
    hung: Signal<Hung>,
) -> AnyView {
    let Card { id, by, .. } = hung.get_untracked().card;
    let name = text(move || hung.read().card.name.clone());
    let title = text(move || hung.read().card.title.clone());
    let since = word(move || {
        let hung = hung.read();
        match (hung.just_closed, hung.card.is) {
            (true, _) => "just closed",
            (_, Shown::Offline) => "closed now",
            // An offer that does not exist yet has no time.
            (_, Shown::Online) if hung.card.at.0 == 0 => "open now",
            (_, Shown::Online) => "open since ",
            (_, Shown::Busy) => "talking since ",
        }
    });
    let timed = move || since.read().ends_with(' ');
    view! {
        {curtain()}
        <div class="who">
            <Face id=by name/>
            <div class="name">
                <a href=routes::provider(by)>{name}</a>
                <small>{since}{show(move || when(timed(), || moment(move || hung.read().card.at, Shape::Clock)))}</small>
            </div>
            {state_sign(hung)}
        </div>
        <h3><a id=format!("title-{id}") href=routes::offer(id)>{title}</a></h3>
        <ul class="facts" aria-label="Facts">
            <li>{word(move || hung.read().card.category.label())}</li>
            <li>{text(move || hung.read().card.languages.names())}</li>
            <li>{text(move || hung.read().card.media.join(" · "))}</li>
        </ul>
        {trust(hung)}
        <div class="foot">
            {price(hung)}
            <a class="btn see" href=routes::offer(id) aria-describedby=format!("title-{id}")>"See offer"</a>
        </div>
    }
    .into_any()
}

/// What can be expected: how reliably its provider answers, and the richest medium that works on this device. The line keeps its place while empty.
pub fn trust(hung: Signal<Hung>) -> AnyView {
    let here = use_context::<Here>();
    let words = text(move || {
        // What the terminal has is found out once, maybe just when the page of this card goes.
        let Some(hung) = hung.try_read() else { return String::new() };
        let works = here.and_then(|here| here.best(hung.card.media)).map(|medium| format!("{} works here", medium.as_str()));
        let answers = hung.card.answers.map(|answers| answers.words());
        answers.into_iter().chain(works).collect::<Vec<_>>().join(" · ")
    });
    view! { <p class="trust">{words}</p> }.into_any()
}

/// What this terminal has to hear, see and speak with, once it was looked.
#[derive(Clone, Copy, Default)]
pub struct Here(RwSignal<Option<Environment>>);

impl Here {
    /// Looks, without asking for anything. Browser only.
    pub fn look(self) {
        spawn_local(async move {
            let found = gears().await;
            self.0.try_set(Some(found));
        });
    }

    /// The richest of the media that works here.
    fn best(self, media: Media) -> Option<Medium> {
        self.0.read().as_ref()?.fitting(media)?.iter().last()
    }
}

/// A rate as it stands in lists: `€1.20/min`, or `Free`.
pub fn rate_words(rate: Rate) -> String {
    if rate.minor == 0 { "Free".into() } else { format!("{rate}/min") }
}

/// The rate and what is free.
pub fn price(hung: Signal<Hung>) -> AnyView {
    let rate = text(move || {
        let rate = hung.read().card.rate();
        if rate.minor == 0 { "Free".into() } else { rate.to_string() }
    });
    let unit = word(move || if hung.read().card.rate_minor == 0 { "" } else { " /min" });
    let free = text(move || free_words(hung.read().card.free_seconds).unwrap_or_default());
    view! { <div class="price"><span class="rate num">{rate}<small>{unit}</small></span><span class="free">{free}</span></div> }.into_any()
}
