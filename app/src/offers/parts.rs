//! An offer and a provider as everybody sees them, with their live state.

use super::api::{OfferView, ProviderView};
use crate::{
    choices::{
        live::{Feed, Heard, News, Watch},
        parts::{CardItem, Hung, curtain, price, state_sign, trust},
    },
    routes,
    ui::{
        face::Face,
        text::PageTitle,
        time::{Shape, moment},
        view::{flag, text, truth, when, word},
    },
};
use domain::{
    card::Card,
    feed::{Cursor, Step},
    id::OfferId,
    offer::{Status, free_words},
    presence::Shown,
    scope::Scope,
};
use leptos::prelude::*;
use std::{cell::Cell, rc::Rc};

/// A few cards that follow the board.
struct Followed {
    cards: Vec<RwSignal<Hung>>,
    cursor: Cell<Cursor>,
}

impl Followed {
    /// Follows the cards while the page is there.
    fn start(cards: Vec<RwSignal<Hung>>, cursor: Cursor) {
        let feed = expect_context::<Feed>();
        Effect::new(move || {
            feed.follow(Rc::new(Followed { cards: cards.clone(), cursor: Cell::new(cursor) }));
            on_cleanup(move || feed.leave());
        });
    }
}

impl Watch for Followed {
    fn stands(&self) -> Option<(Scope, Cursor)> {
        let mut offers: Vec<OfferId> = self.cards.iter().filter_map(|card| card.try_with_untracked(|hung| hung.card.id)).collect();
        offers.sort_unstable();
        Some((Scope::Offers(offers), self.cursor.get()))
    }

    fn hear(&self, news: News) -> Heard {
        let cursor = self.cursor.get();
        // A board says all: what is not on it is closed. A change tells what it closes.
        let (reached, cards, gone) = match news {
            News::Begun => return Heard::Fine,
            News::Board(cursor, board) => (cursor, board.cards, None),
            News::Change(change) => match change.step(cursor.seq) {
                Step::Gap => return Heard::Gap,
                Step::Ignore => return Heard::Fine,
                Step::Apply => (Cursor { seq: change.to, ..cursor }, change.cards, Some(change.gone)),
            },
        };
        for signal in &self.cards {
            // The page may be gone; then nobody is left to be told.
            let Some(id) = signal.try_with_untracked(|hung| hung.card.id) else { continue };
            if let Some(card) = cards.iter().find(|card| card.id == id) {
                signal.set(card.clone().into());
            } else if gone.as_ref().is_none_or(|gone| gone.contains(&id)) {
                signal.update(|hung| hung.card.is = Shown::Offline);
            }
        }
        self.cursor.set(reached);
        Heard::Fine
    }
}

/// Says that the state may be out of date.
fn late() -> AnyView {
    let late = expect_context::<Feed>().late;
    let words = word(move || if late.get() { "↻ Reconnecting…" } else { "" });
    view! { <p class="line" data-late=truth(move || late.get())>{words}</p> }.into_any()
}

/// An offer's page.
#[component]
pub fn OfferDetails(
    /// The offer.
    offer: OfferView,
) -> AnyView {
    let live = RwSignal::new(Hung::from(offer.card.clone()));
    let hung: Signal<Hung> = live.into();
    if offer.status == Status::Listed {
        Followed::start(vec![live], offer.cursor);
    }
    let is = move || hung.read().card.is;
    let name = text(move || hung.read().card.name.clone());
    let OfferView { description, status, since, own, .. } = offer;
    let Card { id, by, title, .. } = offer.card;
    let advice = move || match is() {
        Shown::Online => "The curtain is out: this person is here and answers now.",
        Shown::Busy => "A guest is inside. The curtain goes out again when they have finished.",
        Shown::Offline => "The curtain is in. This page changes by itself the moment it goes out.",
    };
    view! {
        <PageTitle text=title/>
        <article class="offer" data-offer=id.to_string() data-presence=word(move || is().as_str())>
            <div class="panel offer-head">
                {curtain()}
                <div class="who">
                    <Face id=by name/>
                    <div class="name"><a href=routes::provider(by)>{name}</a></div>
                    {state_sign(hung)}
                </div>
                <h1>{text(move || hung.read().card.title.clone())}</h1>
                {price(hung)}
                {trust(hung)}
                <p role="status">{word(advice)}</p>
                <p hidden=flag(move || own || status != Status::Listed || is() != Shown::Online)>
                    <a class="btn main big" href=routes::ask(id)>{text(move || format!("Ask {}", name.read()))}</a>
                </p>
                {late()}
                {when(own, || {
                    view! {
                        <p class="own-line">
                            {if status == Status::Draft { "This is your draft; only you see it. " } else { "This is your offer. " }}
                            <a class="btn small" href=routes::revise(id)>"Revise"</a>
                            " "
                            <a class="btn small" href=routes::DESK>"Desk"</a>
                        </p>
                    }
                    .into_any()
                })}
            </div>
            <div class="panel">
                <h2>"What you get"</h2>
                <p class="plain">{description}</p>
            </div>
            <div class="panel">
                <h2>"Conditions"</h2>
                <dl class="kv">
                    <dt>"Category"</dt>
                    <dd>{word(move || hung.read().card.category.label())}</dd>
                    <dt>"Languages"</dt>
                    <dd>{text(move || hung.read().card.languages.names())}</dd>
                    <dt>"By"</dt>
                    <dd>{text(move || hung.read().card.media.join(", "))}</dd>
                    <dt>"Rate"</dt>
                    <dd>{text(move || format!("{} a minute, counted by the second", hung.read().card.rate()))}</dd>
                    <dt>"Free at first"</dt>
                    <dd>{text(move || free_words(hung.read().card.free_seconds).unwrap_or_else(|| "nothing".into()))}</dd>
                    <dt>"Offered since"</dt>
                    <dd>{moment(move || since, Shape::DayAndClock)}</dd>
                </dl>
            </div>
        </article>
    }
    .into_any()
}

/// A provider's page.
#[component]
pub fn ProviderDetails(
    /// The provider.
    provider: ProviderView,
) -> AnyView {
    let cards: Vec<_> = provider.cards.into_iter().map(Hung::from).map(RwSignal::new).collect();
    Followed::start(cards.clone(), provider.cursor);
    let name = provider.name;
    view! {
        <PageTitle text=name.clone()/>
        <div class="provider-head">
            <Face id=provider.id name=name.clone()/>
            <div>
                <h1>{name}</h1>
                <p class="lead">"Here since "{moment(move || provider.since, Shape::DayAndClock)}</p>
            </div>
            {late()}
        </div>
        <h2 class="unseen">"Offers"</h2>
        <ul class="grid">
            {cards.into_iter().map(|card| view! { <CardItem hung=card.into()/> }.into_any()).collect::<Vec<_>>()}
        </ul>
    }
    .into_any()
}
