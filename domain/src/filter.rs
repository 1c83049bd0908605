//! Which choices a consumer wants to see, and in which order. One rule for the server and the browser.

use crate::{
    card::Card, category::Category, currency::Currency, id::OfferId, media::Medium, presence::Shown, reject::codes, text::folded,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{cell::OnceCell, cmp::Reverse};

/// Longest search, in bytes.
pub const SEARCH_MAX: usize = 100;

codes! {
    /// The order of the choices. Open offers stand before busy ones in every order.
    Sort {
        /// Last opened first.
        Newest = "newest",
        /// Lowest rate first, currency by currency.
        Rate = "rate",
        /// Most free seconds first.
        Free = "free",
    }
}

/// What a consumer wants to see. The default matches every card.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// Words that must all stand in title, name or category; lower case, single spaces.
    pub search: String,
    /// Only this category.
    pub category: Option<Category>,
    /// Only offers in this language.
    pub language: Option<String>,
    /// Only offers over this medium.
    pub medium: Option<Medium>,
    /// The currency of the highest rate.
    pub currency: Option<Currency>,
    /// Highest rate a minute in minor units of `currency`; says nothing without one.
    pub max_rate: Option<i64>,
    /// At least so many free seconds.
    pub free_seconds: u32,
    /// The order.
    pub sort: Sort,
}

/// A card, and the text in which words are looked for: made once, however many filters look.
#[derive(Clone, Debug)]
pub struct Searched<'a> {
    /// The card.
    pub card: &'a Card,
    text: OnceCell<String>,
}

impl<'a> From<&'a Card> for Searched<'a> {
    fn from(card: &'a Card) -> Self {
        Searched { card, text: OnceCell::new() }
    }
}

impl Searched<'_> {
    fn text(&self) -> &str {
        self.text.get_or_init(|| folded(&format!("{} {} {}", self.card.title, self.card.name, self.card.category.label())))
    }
}

/// Where a card stands in the order of a filter: no two offers stand in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Open before busy before closed.
    rank: u8,
    /// What was asked for: whether something is paid, in which currency, how much.
    asked: (bool, &'static str, i64),
    at: Reverse<Timestamp>,
    /// The offer.
    pub offer: OfferId,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            search: String::new(),
            category: None,
            language: None,
            medium: None,
            currency: None,
            max_rate: None,
            free_seconds: 0,
            sort: Sort::Newest,
        }
    }
}

impl Filter {
    /// The filter that an address asks for: `get` answers the value of a query parameter. What makes no sense is left out, so any address shows a page.
    pub fn from_query(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let text = |key: &str| get(key).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let mut search = folded(&get("q").unwrap_or_default()).split_whitespace().collect::<Vec<_>>().join(" ");
        while search.len() > SEARCH_MAX {
            search.pop();
        }
        let currency = text("currency").and_then(|v| Currency::parse(&v).ok());
        Filter {
            search: search.trim_end().to_owned(),
            category: text("category").and_then(|v| Category::parse(&v).ok()),
            language: text("language").filter(|v| v.len() <= 20 && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
            medium: text("medium").and_then(|v| Medium::parse(&v).ok()),
            max_rate: currency.and_then(|c| text("max_rate").and_then(|v| c.parse_amount(&v).ok())),
            currency,
            free_seconds: text("free").and_then(|v| v.parse().ok()).unwrap_or(0),
            sort: text("sort").and_then(|v| Sort::ALL.iter().copied().find(|s| s.as_str() == v)).unwrap_or(Sort::Newest),
        }
    }

    /// The query parameters that lead to this filter, in a fixed order; empty for the default.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut put = |key, value: Option<String>| pairs.extend(value.map(|v| (key, v)));
        put("q", (!self.search.is_empty()).then(|| self.search.clone()));
        put("category", self.category.map(|c| c.as_str().into()));
        put("language", self.language.clone());
        put("medium", self.medium.map(|m| m.as_str().into()));
        put("currency", self.currency.map(|c| c.code().into()));
        put("max_rate", self.currency.zip(self.max_rate).map(|(c, minor)| c.amount(minor)));
        put("free", (self.free_seconds > 0).then(|| self.free_seconds.to_string()));
        put("sort", (self.sort != Sort::Newest).then(|| self.sort.as_str().into()));
        pairs
    }

    /// The filter of the query part of an address, without its `?`.
    pub fn parse_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> =
            query.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (decode(key), decode(value))).collect();
        Filter::from_query(&|key| pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()))
    }

    /// The query part of an address that leads to this filter, without its `?`.
    pub fn query_string(&self) -> String {
        self.to_query().iter().map(|(key, value)| format!("{key}={}", encode(value))).collect::<Vec<_>>().join("&")
    }

    /// Whether nothing but the order is set.
    pub fn is_everything(&self) -> bool {
        Filter { sort: Sort::Newest, ..self.clone() } == Filter::default()
    }

    /// Whether a card belongs into the view, whatever its presence.
    pub fn matches(&self, card: &Card) -> bool {
        self.fits(&Searched::from(card))
    }

    /// The same for a card that many filters look at.
    pub fn fits(&self, searched: &Searched<'_>) -> bool {
        let card = searched.card;
        let within_rate = || match (self.max_rate, self.currency) {
            (_, None) => true,
            (max, Some(currency)) => card.rate_minor == 0 || (card.currency == currency && max.is_none_or(|max| card.rate_minor <= max)),
        };
        self.category.is_none_or(|c| c == card.category)
            && self.language.as_deref().is_none_or(|l| card.languages.speaks(l))
            && self.medium.is_none_or(|m| card.media.has(m))
            && within_rate()
            && card.free_seconds >= self.free_seconds
            && (self.search.is_empty() || self.search.split(' ').all(|word| searched.text().contains(word)))
    }

    /// The place of a card in the order of the view, on both sides alike.
    pub fn place(&self, card: &Card) -> Place {
        Place {
            rank: match card.is {
                Shown::Online => 0,
                Shown::Busy => 1,
                Shown::Offline => 2,
            },
            asked: match self.sort {
                Sort::Newest => (false, "", 0),
                Sort::Rate => (card.rate_minor != 0, card.currency.code(), card.rate_minor),
                Sort::Free => (false, "", i64::from(card.free_seconds).saturating_neg()),
            },
            at: Reverse(card.at),
            offer: card.id,
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Undoes [`encode`], and reads `+` as a space as forms send it. What is no text becomes U+FFFD.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        let (byte, next) = match (first, code) {
            (b'%', Some(byte)) => (byte, tail.get(2..).unwrap_or_default()),
            (b'+', _) => (b' ', tail),
            (other, _) => (*other, tail),
        };
        bytes.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::card::tests::card;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn from(pairs: &[(&str, &str)]) -> Filter {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        Filter::from_query(&|key| map.get(key).map(|v| (*v).to_owned()))
    }

    #[test]
    fn each_part_narrows() {
        let card = card(1);
        for (key, yes, no) in [
            ("q", "spanish LEIVA", "spanish piano"),
            ("category", "languages", "legal"),
            ("language", "es", "de"),
            ("medium", "voice", "video"),
            ("free", "60", "61"),
        ] {
            assert!(from(&[(key, yes)]).matches(&card), "{key}={yes}");
            assert!(!from(&[(key, no)]).matches(&card), "{key}={no}");
        }
        assert!(from(&[("currency", "EUR"), ("max_rate", "1.20")]).matches(&card));
        assert!(!from(&[("currency", "EUR"), ("max_rate", "1.19")]).matches(&card));
        assert!(!from(&[("currency", "USD")]).matches(&card));
        assert!(
            from(&[("currency", "USD"), ("max_rate", "0")]).matches(&Card { rate_minor: 0, ..card.clone() }),
            "free of charge fits every budget"
        );
        assert!(from(&[("max_rate", "0.01")]).matches(&card), "an amount without currency says nothing");
    }

    #[test]
    fn nonsense_in_an_address_is_left_out() {
        let filter = from(&[
            ("category", "nope"),
            ("language", "<b>"),
            ("medium", "smell"),
            ("free", "-1"),
            ("sort", "x"),
            ("max_rate", "1"),
            ("currency", "XXX"),
        ]);
        assert_eq!(filter, Filter::default());
    }

    pub(crate) fn any_filter() -> impl Strategy<Value = Filter> {
        (
            prop::sample::select(vec!["", "spanish", "leiva spanish", "zzz"]),
            prop::option::of(prop::sample::select(Category::ALL.to_vec())),
            prop::option::of(prop::sample::select(vec!["en", "es", "pt-BR"])),
            prop::option::of(prop::sample::select(Medium::ALL.to_vec())),
            prop::option::of((prop::sample::select(vec!["EUR", "JPY"]), prop::option::of(0i64..400))),
            prop::sample::select(vec![0u32, 30, 60]),
            prop::sample::select(Sort::ALL.to_vec()),
        )
            .prop_map(|(search, category, language, medium, budget, free_seconds, sort)| Filter {
                search: search.into(),
                category,
                language: language.map(Into::into),
                medium,
                currency: budget.map(|(c, _)| Currency::parse(c).unwrap()),
                max_rate: budget.and_then(|(_, max)| max),
                free_seconds,
                sort,
            })
    }

    proptest! {
        #[test]
        fn an_address_keeps_the_filter(filter in any_filter()) {
            let pairs: HashMap<_, _> = filter.to_query().into_iter().collect();
            prop_assert_eq!(&Filter::from_query(&|key| pairs.get(key).cloned()), &filter);
            prop_assert_eq!(Filter::parse_query(&filter.query_string()), filter);
        }

        #[test]
        fn the_filter_of_the_browser_is_that_of_the_server(filter in any_filter(), rate in 0i64..400, free in 0u32..90) {
            // What crosses the wire - the card and the filter - decides alike on both sides.
            let card = Card { rate_minor: rate, free_seconds: free, ..card(1) };
            let there: Card = serde_json::from_str(&serde_json::to_string(&card).unwrap()).unwrap();
            let filter_there: Filter = serde_json::from_str(&serde_json::to_string(&filter).unwrap()).unwrap();
            prop_assert_eq!(filter.matches(&card), filter_there.matches(&there));
        }

        #[test]
        fn any_text_is_a_query(query in ".{0,80}", search in "\\PC{0,30}") {
            let _ = Filter::parse_query(&query);
            prop_assert_eq!(decode(&encode(&search)), search);
        }

        #[test]
        fn any_address_gives_a_filter(key in "q|category|language|medium|max_rate|free|sort", value in ".{0,200}") {
            let filter = Filter::from_query(&|k| if k == key { Some(value.clone()) } else if k == "currency" { Some("EUR".into()) } else { None });
            prop_assert!(filter.search.len() <= SEARCH_MAX);
        }
    }
}
