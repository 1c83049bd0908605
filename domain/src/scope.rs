//! What a stream follows: the choices of a filter, or single offers.

use crate::{
    card::Card,
    filter::{Filter, Searched},
    id::OfferId,
    offer::OFFERS_MAX,
    view::{WINDOW, window},
};

/// What a stream is told of. Streams of the same scope share what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every choice.
    Everything,
    /// The first choices of a filter, and how many there are.
    Window {
        /// Which, in which order.
        filter: Filter,
        /// How many.
        window: usize,
    },
    /// These offers, in the order of their ids.
    Offers(Vec<OfferId>),
}

impl Scope {
    /// What the page of choices shows at first.
    pub fn front() -> Self {
        Scope::Window { filter: Filter::default(), window: WINDOW }
    }

    /// The scope that the query of a stream asks for, without its `?`. What makes no sense is left out.
    pub fn parse_query(query: &str) -> Self {
        let get = |key| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(k, _)| *k == key).map(|(_, value)| value);
        if let Some(offers) = get("offers") {
            let most = usize::try_from(OFFERS_MAX).unwrap_or(usize::MAX);
            let mut offers: Vec<OfferId> = offers.split(',').filter_map(|id| id.parse().ok()).take(most).collect();
            offers.sort_unstable();
            offers.dedup();
            return Scope::Offers(offers);
        }
        match get("show") {
            Some(show) => Scope::Window { filter: Filter::parse_query(query), window: window(show.parse().ok()) },
            None => Scope::Everything,
        }
    }

    /// The query of a stream that follows it, without its `?`; empty for everything.
    pub fn query_string(&self) -> String {
        match self {
            Scope::Everything => String::new(),
            Scope::Window { filter, window } => match filter.query_string() {
                query if query.is_empty() => format!("show={window}"),
                query => format!("{query}&show={window}"),
            },
            Scope::Offers(offers) => format!("offers={}", offers.iter().map(OfferId::to_string).collect::<Vec<_>>().join(",")),
        }
    }

    /// Whether a card belongs to it, whatever its presence.
    pub fn matches(&self, card: &Card) -> bool {
        self.fits(&Searched::from(card))
    }

    /// The same for a card that many scopes look at.
    pub fn fits(&self, searched: &Searched<'_>) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Window { filter, .. } => filter.fits(searched),
            Scope::Offers(offers) => offers.binary_search(&searched.card.id).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{card::tests::card, filter::tests::any_filter};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_query_keeps_the_scope(filter in any_filter(), windows in 1usize..=20, mut offers in prop::collection::vec(0u128..99, 0..9)) {
            offers.sort_unstable();
            offers.dedup();
            let offers = offers.into_iter().map(|n| card(n).id).collect();
            for scope in [Scope::Everything, Scope::Window { filter, window: windows * WINDOW }, Scope::Offers(offers)] {
                prop_assert_eq!(Scope::parse_query(&scope.query_string()), scope.clone());
                let with_cursor = format!("since=00000000-0000-0000-0000-000000000000:7&{}", scope.query_string());
                prop_assert_eq!(Scope::parse_query(&with_cursor), scope);
            }
        }

        #[test]
        fn any_text_is_a_scope(query in "(show=|offers=|q=|[&,])?.{0,60}") {
            let _ = Scope::parse_query(&query);
        }
    }

    #[test]
    fn few_sizes_of_windows_and_few_offers() {
        let of = |query: &str| match Scope::parse_query(query) {
            Scope::Window { window, .. } => window,
            other => panic!("{other:?}"),
        };
        assert_eq!([of("show=1"), of("show=61"), of("show=x"), of("show=99999")], [60, 120, 60, 1_200]);
        let many = (0..200).map(|n| card(n).id.to_string()).collect::<Vec<_>>().join(",");
        let Scope::Offers(offers) = Scope::parse_query(&format!("offers={many},x")) else { panic!("no offers") };
        assert_eq!(offers.len(), 50);
    }
}
