//! Offers: what a provider gives, at what price.

use crate::{
    category::Category,
    currency::Currency,
    language::Languages,
    media::Media,
    money::Rate,
    reject::{Code, Field, Problems, Reject, codes},
    text::{Description, Title},
};
use serde::{Deserialize, Serialize};

/// Most free seconds at the start of a consultation.
pub const FREE_SECONDS_MAX: u32 = 3_600;
/// Most offers an account can hold that are not retired.
pub const OFFERS_MAX: u64 = 50;

codes! {
    /// Where an offer stands in its life. `Retired` is the end.
    Status {
        /// Seen by its provider only.
        Draft = "draft",
        /// Can be hung out.
        Listed = "listed",
        /// Gone; kept for the records of past consultations.
        Retired = "retired",
    }
}

/// An offer as typed into a form: nothing is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferForm {
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Category by name.
    pub category: String,
    /// Language tags.
    pub languages: Vec<String>,
    /// Media by name.
    pub media: Vec<String>,
    /// Rate a minute in minor units.
    pub rate_minor: String,
    /// Currency code.
    pub currency: String,
    /// Free seconds at the start; empty means none.
    pub free_seconds: String,
    /// Whether it stays a draft.
    pub draft: bool,
}

/// The content of an offer, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferContent {
    /// Title.
    pub title: Title,
    /// Description.
    pub description: Description,
    /// Category.
    pub category: Category,
    /// Languages in which it is given.
    pub languages: Languages,
    /// Media over which it is given.
    pub media: Media,
    /// Price a minute.
    pub rate: Rate,
    /// Seconds at the start that cost nothing.
    pub free_seconds: u32,
    /// Listed or draft.
    pub status: Status,
}

/// Free seconds as typed. Errors: `BadFreeSeconds`.
pub fn parse_free_seconds(raw: &str) -> Result<u32, Code> {
    match raw.trim() {
        "" => Ok(0),
        text if text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().ok().filter(|s| *s <= FREE_SECONDS_MAX).ok_or(Code::BadFreeSeconds)
        }
        _ => Err(Code::BadFreeSeconds),
    }
}

impl OfferForm {
    /// Checks every field and tells all that is wrong.
    pub fn parse(&self) -> Result<OfferContent, Reject> {
        let mut problems = Problems::default();
        let title = problems.take(Field::Title, Title::parse(&self.title));
        let description = problems.take(Field::Description, Description::parse(&self.description));
        let category = problems.take(Field::Category, Category::parse(&self.category));
        let languages = problems.take(Field::Languages, Languages::parse(self.languages.iter().map(String::as_str)));
        let media = problems.take(Field::Media, Media::parse(self.media.iter().map(String::as_str)));
        let currency = problems.take(Field::Currency, Currency::parse(&self.currency));
        // Without a currency the rate is judged as euros, so that a missing amount is still told.
        let rate = Currency::parse("EUR")
            .ok()
            .and_then(|euro| problems.take(Field::RateMinor, Rate::parse_minor(&self.rate_minor, currency.unwrap_or(euro))));
        let free_seconds = problems.take(Field::FreeSeconds, parse_free_seconds(&self.free_seconds));
        match (title, description, category, languages, media, currency, rate, free_seconds) {
            (Some(title), Some(description), Some(category), Some(languages), Some(media), Some(_), Some(rate), Some(free_seconds)) => {
                let status = if self.draft { Status::Draft } else { Status::Listed };
                Ok(OfferContent { title, description, category, languages, media, rate, free_seconds, status })
            }
            _ => Err(problems.into_reject()),
        }
    }
}

/// Free seconds in words: `first minute free`, `30 s free`; `None` when there are none.
pub fn free_words(seconds: u32) -> Option<String> {
    match (seconds, seconds.checked_div(60), seconds.checked_rem(60)) {
        (0, ..) => None,
        (60, ..) => Some("first minute free".into()),
        (_, Some(minutes), Some(0)) => Some(format!("{minutes} minutes free")),
        (_, Some(minutes), Some(rest)) if minutes > 0 => Some(format!("{minutes}:{rest:02} min free")),
        _ => Some(format!("{seconds} s free")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn form() -> OfferForm {
        OfferForm {
            title: "Spanish conversation".into(),
            description: "At your level.".into(),
            category: "languages".into(),
            languages: vec!["en".into(), "es".into()],
            media: vec!["chat".into(), "video".into()],
            rate_minor: "120".into(),
            currency: "EUR".into(),
            free_seconds: "60".into(),
            draft: false,
        }
    }

    #[test]
    fn a_sound_form_becomes_an_offer() {
        let offer = form().parse().unwrap();
        assert_eq!((offer.rate.to_string().as_str(), offer.status), ("€1.20", Status::Listed));
        assert!(OfferForm { rate_minor: "0".into(), free_seconds: String::new(), ..form() }.parse().is_ok());
    }

    #[test]
    fn an_empty_form_tells_every_field() {
        let Err(Reject::Fields(fields)) = OfferForm::default().parse() else { panic!("an empty form was taken") };
        assert_eq!(
            fields.iter().map(|f| f.field).collect::<Vec<_>>(),
            [Field::Title, Field::Description, Field::Category, Field::Languages, Field::Media, Field::Currency, Field::RateMinor]
        );
        assert!(fields.iter().all(|f| f.code == Code::Required));
    }

    #[test]
    fn free_time_in_words() {
        for (seconds, words) in [(60, "first minute free"), (120, "2 minutes free"), (90, "1:30 min free"), (30, "30 s free")] {
            assert_eq!(free_words(seconds).as_deref(), Some(words));
        }
        assert_eq!(free_words(0), None);
    }

    proptest! {
        #[test]
        fn free_seconds_never_panic(raw in ".{0,16}") {
            if let Ok(seconds) = parse_free_seconds(&raw) {
                prop_assert!(seconds <= FREE_SECONDS_MAX);
            }
        }
    }
}
