//! The choices: who can be asked now.

pub mod api;
pub mod bar;
pub mod board;
#[cfg(feature = "ssr")]
mod drawn;
pub mod live;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;
pub mod screen;

use self::{bar::FilterBar, board::Board};
use crate::{
    routes,
    ui::{
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
    },
};
use domain::{filter::Filter, view::window};
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
            window: window(get("show").and_then(|n| n.parse().ok())),
            closed: get("closed").map(|_| get("page").and_then(|n| n.parse().ok()).unwrap_or(0)),
        }
    }

    /// The reading of the board that answers it.
    pub fn read_view(&self) -> Ask {
        Ask::View { query: self.filter.query_string(), window: self.window }
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

/// `/`: who is here now.
#[component]
pub fn ChoicesPage() -> AnyView {
    let (location, query) = (use_location(), use_query_map());
    let (path, search) = (location.pathname, location.search);
    // Whoever leaves by a link has another address before this page is gone: nothing in it may follow that.
    let wanted = Memo::new(move |before: Option<&Wanted>| match before {
        Some(before) if *path.read() != routes::CHOICES => before.clone(),
        _ => Wanted::read(search.read().trim_start_matches('?'), |key| query.read().get(key)),
    });
    // Read once: from then on the list is kept current by the feed, and a changed address re-reads it in place.
    let reads = move |_| {
        let wanted = wanted.get_untracked();
        let closed = wanted.closed.map(|page| Ask::Closed { query: wanted.filter.query_string(), page });
        std::iter::once(wanted.read_view()).chain(closed).collect()
    };
    let show = move |mut answers: Answers| match answers.take() {
        Ok(snapshot) => view! { <Board wanted snapshot closed=answers.take().ok()/> }.into_any(),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    view! {
        <PageTitle text="Who is here now"/>
        <div class="hero">
            <h1>"Ask someone who is here now."</h1>
            <p class="lead">"A curtain that is out means: this person answers now. Prices are by the minute, counted by the second."</p>
        </div>
        <FilterBar wanted/>
        {page("Reading the board…", String::new, reads, show)}
    }
    .into_any()
}
