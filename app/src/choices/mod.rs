//! The choices: who can be asked now.

pub mod api;
pub mod bar;
pub mod board;
pub mod live;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;

use self::{
    api::{closed, view},
    bar::FilterBar,
    board::Board,
};
use crate::{
    error::AppError,
    ui::{problem::ProblemPage, text::PageTitle},
};
use domain::{
    card::Card,
    filter::Filter,
    view::{Snapshot, WINDOW, WINDOW_MAX},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

/// What the address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which choices, in which order.
    pub filter: Filter,
    /// How many cards at most.
    pub window: usize,
    /// The page of closed offers, where they are asked for.
    pub closed: Option<u32>,
}

impl Wanted {
    fn read(query: &str, get: impl Fn(&str) -> Option<String>) -> Self {
        Wanted {
            filter: Filter::parse_query(query),
            window: get("show").and_then(|n| n.parse().ok()).unwrap_or(WINDOW).clamp(WINDOW, WINDOW_MAX),
            closed: get("closed").map(|_| get("page").and_then(|n| n.parse().ok()).unwrap_or(0)),
        }
    }

    /// The address of the choices with this filter and these further parameters.
    pub fn href(filter: &Filter, more: &str) -> String {
        let query = filter.query_string();
        match (query.is_empty(), more.is_empty()) {
            (true, true) => "/".into(),
            (false, true) => format!("/?{query}"),
            (true, false) => format!("/?{more}"),
            (false, false) => format!("/?{query}&{more}"),
        }
    }
}

/// Reads the choices from the board.
pub async fn read(wanted: &Wanted) -> Result<Snapshot, AppError> {
    view(wanted.filter.query_string(), u32::try_from(wanted.window).unwrap_or(u32::MAX)).await
}

/// `/`: who is here now.
#[component]
pub fn ChoicesPage() -> impl IntoView {
    let (search, query) = (use_location().search, use_query_map());
    let wanted = Memo::new(move |_| Wanted::read(search.read().trim_start_matches('?'), |key| query.read().get(key)));
    let first = wanted.get_untracked();
    // Read once: from then on the list is kept current by the feed, and a changed address re-reads it in place.
    let page = Resource::new(
        || (),
        move |()| {
            let first = first.clone();
            async move {
                let closed = match first.closed {
                    Some(page) => closed(first.filter.query_string(), page).await.ok(),
                    None => None,
                };
                read(&first).await.map(|snapshot| (snapshot, closed))
            }
        },
    );
    view! {
        <PageTitle text="Who is here now"/>
        <div class="hero">
            <h1>"Ask someone who is here now."</h1>
            <p class="lead">"A curtain that is out means: this person answers now. Prices are by the minute, counted by the second."</p>
        </div>
        <FilterBar wanted/>
        <Suspense fallback=|| view! { <p class="waiting">"Reading the board…"</p> }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok((snapshot, closed)) => view! { <Board wanted snapshot closed/> }.into_any(),
                    Err(error) => view! { <ProblemPage error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// A list of cards that are not followed.
pub fn still_cards(cards: &[Card]) -> AnyView {
    cards.iter().map(|card| view! { <parts::CardItem card=Signal::stored(card.clone()) just_closed=Signal::stored(false)/> }).collect_view().into_any()
}
