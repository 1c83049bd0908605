//! An offer and a provider as everybody sees them, with their live state.

use super::api::{OfferView, ProviderView};
use crate::{
    choices::{
        live::{Feed, Heard, News, Watch},
        parts::{CardItem, curtain, price, state_sign},
    },
    routes,
    ui::{
        face::Face,
        text::PageTitle,
        time::{Moment, Shape},
        view::{text, truth, when, word},
    },
};
use domain::{
    card::Card,
    feed::{Cursor, Step},
    offer::{Status, free_words},
    presence::Shown,
};
use leptos::prelude::*;
use std::rc::Rc;

/// A few cards that follow the board.
#[derive(Clone, Copy)]
struct Followed {
    cards: StoredValue<Vec<RwSignal<Card>>>,
    cursor: StoredValue<Cursor>,
}

impl Followed {
    /// Follows the cards while the page is there.
    fn start(cards: Vec<RwSignal<Card>>, cursor: Cursor) {
        let followed = Followed { cards: StoredValue::new(cards), cursor: StoredValue::new(cursor) };
        let feed = expect_context::<Feed>();
        Effect::new(move || {
            feed.follow(Rc::new(followed));
            on_cleanup(move || feed.leave());
        });
    }

    fn each(self, mut with: impl FnMut(RwSignal<Card>)) {
        // The page may be gone; then nobody is left to be told.
        self.cards.try_with_value(|cards| cards.iter().for_each(|card| with(*card)));
    }
}

impl Watch for Followed {
    fn cursor(&self) -> Option<Cursor> {
        self.cursor.try_get_value()
    }

    fn hear(&self, news: News) -> Heard {
        let close = |card: RwSignal<Card>| {
            if card.read_untracked().is != Shown::Offline {
                card.update(|card| card.is = Shown::Offline);
            }
        };
        match news {
            News::Board(cursor, board) => {
                self.each(|card| match board.cards.iter().find(|c| c.id == card.read_untracked().id) {
                    Some(news) => card.set(news.clone()),
                    None => close(card),
                });
                self.cursor.try_set_value(cursor);
            }
            News::Change(change) => {
                let Some(cursor) = self.cursor.try_get_value() else { return Heard::Fine };
                match change.step(cursor.seq) {
                    Step::Gap => return Heard::Gap,
                    Step::Ignore => return Heard::Fine,
                    Step::Apply => {}
                }
                self.each(|card| {
                    let id = card.read_untracked().id;
                    if let Some(news) = change.cards.iter().find(|c| c.id == id) {
                        card.set(news.clone());
                    } else if change.gone.contains(&id) {
                        close(card);
                    }
                });
                self.cursor.try_set_value(Cursor { seq: change.to, ..cursor });
            }
        }
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
    let live = RwSignal::new(offer.card.clone());
    let card: Signal<Card> = live.into();
    if offer.status == Status::Listed {
        Followed::start(vec![live], offer.cursor);
    }
    let is = Signal::derive(move || card.read().is);
    let name = text(move || card.read().name.clone());
    let OfferView { description, status, since, own, .. } = offer;
    let Card { id, by, title, .. } = offer.card;
    let advice = move || match is.get() {
        Shown::Online => "The curtain is out: this person is here and answers now.",
        Shown::Busy => "A guest is inside. The curtain goes out again when they have finished.",
        Shown::Offline => "The curtain is in. This page changes by itself the moment it goes out.",
    };
    view! {
        <PageTitle text=title/>
        <article class="offer" data-offer=id.to_string() data-presence=word(move || is.get().as_str())>
            <div class="panel offer-head">
                {curtain()}
                <div class="who">
                    <Face id=by name/>
                    <div class="name"><a href=routes::provider(by)>{name}</a></div>
                    {state_sign(is)}
                </div>
                <h1>{text(move || card.read().title.clone())}</h1>
                {price(card)}
                <p role="status">{word(advice)}</p>
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
                    <dd>{word(move || card.read().category.label())}</dd>
                    <dt>"Languages"</dt>
                    <dd>{text(move || card.read().languages.names())}</dd>
                    <dt>"By"</dt>
                    <dd>{text(move || card.read().media.join(", "))}</dd>
                    <dt>"Rate"</dt>
                    <dd>{text(move || format!("{} a minute, counted by the second", card.read().rate()))}</dd>
                    <dt>"Free at first"</dt>
                    <dd>{text(move || free_words(card.read().free_seconds).unwrap_or_else(|| "nothing".into()))}</dd>
                    <dt>"Offered since"</dt>
                    <dd><Moment at=Signal::stored(since) shape=Shape::DayAndClock/></dd>
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
    let cards: Vec<_> = provider.cards.into_iter().map(RwSignal::new).collect();
    Followed::start(cards.clone(), provider.cursor);
    let name = provider.name;
    view! {
        <PageTitle text=name.clone()/>
        <div class="provider-head">
            <Face id=provider.id name=name.clone()/>
            <div>
                <h1>{name}</h1>
                <p class="lead">"Here since "<Moment at=Signal::stored(provider.since) shape=Shape::DayAndClock/></p>
            </div>
            {late()}
        </div>
        <h2 class="unseen">"Offers"</h2>
        <ul class="grid">
            {cards.into_iter().map(|card| view! { <CardItem card=card.into() just_closed=Signal::stored(false)/> }.into_any()).collect::<Vec<_>>()}
        </ul>
    }
    .into_any()
}
