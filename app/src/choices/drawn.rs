//! Cards that were drawn already. What is inside a card follows from the card alone, so it is rendered once for each state of it, not once for each
//! visitor: most of the time that a page of choices takes goes into its cards.

use super::parts::{CardBody, Hung};
use domain::{card::Card, id::OfferId};
use leptos::prelude::*;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Cards that are kept; beyond, all are forgotten and drawn again as they are asked for.
const MOST: usize = 4_096;

/// The last state that was drawn of each offer, and its HTML.
type Drawn = HashMap<OfferId, (Card, Arc<str>)>;

static DRAWN: LazyLock<Mutex<Drawn>> = LazyLock::new(Mutex::default);

/// A card in a list. What stands in it is taken as it is: it was made by [`CardBody`], which escapes what people wrote.
pub fn item(hung: &Hung) -> AnyView {
    let (id, presence) = (hung.card.id.to_string(), hung.card.is.as_str());
    view! { <li class="card" data-offer=id data-presence=presence inner_html=inside(hung)></li> }.into_any()
}

/// The HTML inside a card, as [`CardBody`] renders it.
fn inside(hung: &Hung) -> String {
    let kept = || DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    if hung.just_closed {
        return draw(hung);
    }
    if let Some((card, html)) = kept().get(&hung.card.id)
        && *card == hung.card
    {
        return html.to_string();
    }
    let html = draw(hung);
    let mut kept = kept();
    if kept.len() >= MOST {
        kept.clear();
    }
    kept.insert(hung.card.id, (hung.card.clone(), html.as_str().into()));
    html
}

fn draw(hung: &Hung) -> String {
    // In an item of a list, because what stands around a view decides about the marks at its ends.
    let item = view! { <li><CardBody hung=Signal::stored(hung.clone())/></li> }.to_html();
    item.trim_start_matches("<li>").trim_end_matches("</li>").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::parts::CardItem;
    use domain::{
        category::Category, currency::Currency, id::AccountId, language::Languages, media::Media, presence::Shown, time::Timestamp,
    };
    use uuid::Uuid;

    fn card(title: &str, is: Shown) -> Hung {
        let id = Uuid::from_u128(7);
        Hung::from(Card {
            id: OfferId(id),
            by: AccountId(id),
            name: "Marisol <Leiva>".into(),
            title: title.into(),
            category: Category::Languages,
            languages: Languages::parse(["en", "es"]).unwrap(),
            media: Media::parse(["chat", "voice"]).unwrap(),
            rate_minor: 120,
            currency: Currency::parse("EUR").unwrap(),
            free_seconds: 60,
            is,
            at: Timestamp(1_763_848_000_000),
            answers: None,
        })
    }

    #[test]
    fn a_drawn_card_is_the_card() {
        Owner::new().with(|| {
            let states = [
                ("Spanish", Shown::Online),
                ("Spanish & more", Shown::Online),
                ("Spanish & more", Shown::Busy),
                ("Spanish", Shown::Offline),
            ];
            for (title, is) in states {
                let hung = card(title, is);
                let plain = || {
                    let hung = Signal::stored(hung.clone());
                    view! { <li data-offer=hung.read().card.id.to_string() data-presence=is.as_str() class="card"><CardBody hung/></li> }
                        .to_html()
                };
                // The first time it is drawn, the second time it is there.
                for _ in 0..2 {
                    assert_eq!(view! { <CardItem hung=Signal::stored(hung.clone())/> }.to_html().trim_end_matches("<!>"), plain());
                }
            }
        });
    }
}
