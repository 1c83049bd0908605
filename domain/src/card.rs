//! What the list of choices shows of an offer: the unit of the feed.

use crate::{
    answers::Answers,
    category::Category,
    currency::Currency,
    id::{AccountId, OfferId},
    language::Languages,
    media::Media,
    money::Rate,
    presence::Shown,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Longest card on the wire, in bytes of JSON.
pub const CARD_MAX_BYTES: usize = 400;

/// An offer in the list. Names on the wire are short, because every watcher is sent every change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The offer.
    pub id: OfferId,
    /// Its provider.
    pub by: AccountId,
    /// The provider's display name.
    pub name: String,
    /// The offer's title.
    pub title: String,
    /// Its category.
    #[serde(rename = "cat")]
    pub category: Category,
    /// Its languages.
    #[serde(rename = "lang")]
    pub languages: Languages,
    /// Its media.
    #[serde(rename = "m")]
    pub media: Media,
    /// Its price a minute, in minor units.
    #[serde(rename = "r")]
    pub rate_minor: i64,
    /// The currency of the price.
    #[serde(rename = "cur")]
    pub currency: Currency,
    /// Seconds at the start that cost nothing.
    #[serde(rename = "f")]
    pub free_seconds: u32,
    /// Open, busy or closed.
    pub is: Shown,
    /// Since when.
    pub at: Timestamp,
    /// How reliably its provider answers, once that can be said.
    #[serde(rename = "ans", default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
}

impl Card {
    /// Its price a minute.
    pub const fn rate(&self) -> Rate {
        Rate { minor: self.rate_minor, currency: self.currency }
    }

    /// Whether it is among the choices: open or busy.
    pub fn is_choice(&self) -> bool {
        self.is != Shown::Offline
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{language::LANGUAGES_MAX_BYTES, text};
    use uuid::Uuid;

    pub(crate) fn card(n: u128) -> Card {
        Card {
            id: OfferId(Uuid::from_u128(n)),
            by: AccountId(Uuid::from_u128(n)),
            name: "Marisol Leiva".into(),
            title: "Spanish conversation, at your level".into(),
            category: Category::Languages,
            languages: Languages::parse(["en", "es"]).unwrap(),
            media: Media::parse(["chat", "voice"]).unwrap(),
            rate_minor: 120,
            currency: Currency::parse("EUR").unwrap(),
            free_seconds: 60,
            is: Shown::Online,
            at: Timestamp(1_763_848_000_000),
            answers: None,
        }
    }

    #[test]
    fn the_largest_card_fits_its_limit() {
        let tags = ["zh-Hant-TW", "sr-Latn-RS", "pt-BR", "en-GB", "es-MX"];
        let languages = Languages::parse(tags).unwrap();
        assert!(languages.as_str().len() <= LANGUAGES_MAX_BYTES);
        let largest = Card {
            name: "n".repeat(text::DISPLAY_NAME_MAX_BYTES),
            title: "t".repeat(text::TITLE_MAX_BYTES),
            category: Category::Interpreting,
            languages,
            rate_minor: 1_000_000,
            currency: Currency::parse("KWD").unwrap(),
            free_seconds: 3_600,
            is: Shown::Offline,
            answers: Answers::try_from(105).ok(),
            ..card(u128::MAX)
        };
        let bytes = serde_json::to_string(&largest).unwrap().len();
        assert!(bytes <= CARD_MAX_BYTES, "{bytes} bytes");
    }

    #[test]
    fn travels_as_documented() {
        let text = serde_json::to_string(&card(1)).unwrap();
        assert_eq!(
            text,
            r#"{"id":"00000000-0000-0000-0000-000000000001","by":"00000000-0000-0000-0000-000000000001","name":"Marisol Leiva","title":"Spanish conversation, at your level","cat":"languages","lang":"en,es","m":3,"r":120,"cur":"EUR","f":60,"is":"online","at":1763848000000}"#
        );
        assert_eq!(serde_json::from_str::<Card>(&text).unwrap(), card(1));
        let known = Card { answers: Answers::try_from(92).ok(), ..card(1) };
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.ends_with(r#","ans":92}"#), "{text}");
        assert_eq!(serde_json::from_str::<Card>(&text).unwrap(), known);
    }
}
