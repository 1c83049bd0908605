//! Under which conditions a consultation is given (design sections 1 and 7).

use crate::{
    canonical::Canonical,
    language::Language,
    media::{Media, Medium},
    money::Rate,
    offer::OfferContent,
    reject::{Code, Field, Problems, Reject, codes},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Most minutes that a cap can have: the three hours after which every consultation ends.
pub const CAP_MAX_MINUTES: i64 = 180;
/// Minutes of a cap that was left open.
pub const CAP_DEFAULT_MINUTES: i64 = 30;

codes! {
    /// How the bill is rounded.
    Rounding {
        /// Floored once, at the end.
        DownOnce = "down_once",
    }
}

impl Rounding {
    /// The rule for people. A code keeps its meaning for good, because agreements are kept; another rule gets another code.
    pub const fn words(self) -> &'static str {
        match self {
            Rounding::DownOnce => {
                "Counted by the millisecond in which both were there, less the free seconds, rounded down once, at the end."
            }
        }
    }
}

codes! {
    /// Whether the consultation is recorded.
    Recording {
        /// It is not.
        None = "none",
    }
}

impl Recording {
    /// The rule for people.
    pub const fn words(self) -> &'static str {
        match self {
            Recording::None => "Voice and picture are not recorded. The chat is kept for both.",
        }
    }
}

codes! {
    /// What is not to be paid.
    Refund {
        /// Time in which one side was not there.
        OnlyProved = "only_proved",
    }
}

impl Refund {
    /// The rule for people.
    pub const fn words(self) -> &'static str {
        match self {
            Refund::OnlyProved => "A lost line is not billed, and a consultation that does not come about is free.",
        }
    }
}

/// Most time that a consultation may be billed for; free seconds count too. On the wire milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Millis", into = "Millis")]
pub struct Cap(Millis);

impl Cap {
    /// A cap of 1 to [`CAP_MAX_MINUTES`] minutes. Errors: `BadCap`.
    pub fn minutes(minutes: i64) -> Result<Self, Code> {
        if matches!(minutes, 1..=CAP_MAX_MINUTES) { Ok(Cap(Millis::minutes(minutes))) } else { Err(Code::BadCap) }
    }

    /// Whole minutes from text; empty means [`CAP_DEFAULT_MINUTES`]. Errors: `BadCap`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        match raw.trim() {
            "" => Cap::minutes(CAP_DEFAULT_MINUTES),
            text if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().map_err(|_| Code::BadCap).and_then(Cap::minutes),
            _ => Err(Code::BadCap),
        }
    }

    /// How long it is.
    pub const fn millis(self) -> Millis {
        self.0
    }
}

impl TryFrom<Millis> for Cap {
    type Error = &'static str;

    fn try_from(stretch: Millis) -> Result<Self, Self::Error> {
        let whole = (stretch.0.rem_euclid(Millis::minutes(1).0) == 0).then(|| stretch.0.div_euclid(Millis::minutes(1).0));
        whole.and_then(|minutes| Cap::minutes(minutes).ok()).ok_or("not a cap")
    }
}

impl From<Cap> for Millis {
    fn from(cap: Cap) -> Millis {
        cap.0
    }
}

/// Under which conditions a consultation is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Price a minute.
    pub rate: Rate,
    /// How the bill is rounded.
    pub rounding: Rounding,
    /// Seconds at the start that cost nothing.
    pub free_seconds: u32,
    /// Most time that is billed.
    pub cap: Cap,
    /// The medium that it starts in.
    pub medium: Medium,
    /// The media between which it may change without a new agreement.
    pub media: Media,
    /// Its language.
    pub language: Language,
    /// Whether it is recorded.
    pub recording: Recording,
    /// What is not to be paid.
    pub refund: Refund,
}

/// What a consumer chooses in a request, as typed: nothing is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Medium by name.
    pub medium: String,
    /// Minutes; empty means [`CAP_DEFAULT_MINUTES`].
    pub cap: String,
    /// Language tag; empty means the first of the offer.
    pub language: String,
}

impl Conditions {
    /// The conditions of an offer with what the consumer chose, within what is offered. Tells all fields that are wrong:
    /// medium (`Required`, `BadMedia`), cap (`BadCap`), language (`BadLanguage`).
    pub fn of(offer: &OfferContent, choice: &Choice) -> Result<Self, Reject> {
        let mut problems = Problems::default();
        let medium = problems.take(Field::Medium, offered_medium(offer, &choice.medium));
        let cap = problems.take(Field::Cap, Cap::parse(&choice.cap));
        let language = problems.take(Field::Language, offered_language(offer, &choice.language));
        let (Some(medium), Some(cap), Some(language)) = (medium, cap, language) else { return Err(problems.into_reject()) };
        Ok(Conditions {
            rate: offer.rate,
            rounding: Rounding::DownOnce,
            free_seconds: offer.free_seconds,
            cap,
            medium,
            media: offer.media,
            language,
            recording: Recording::None,
            refund: Refund::OnlyProved,
        })
    }

    /// What `proved` costs, in minor units of the rate's currency: at this rate, less the free seconds, floored (design section 7). The only place
    /// that says so: it shows the running cost, reserves the cap's, and makes the bill.
    pub fn cost(&self, proved: Millis) -> i64 {
        self.rate.of(proved.less(Millis::seconds(i64::from(self.free_seconds))))
    }

    /// The most that can be billed for the cap, in minor units.
    pub fn at_most(&self) -> i64 {
        self.cost(self.cap.millis())
    }

    /// The longest cap, up to this one, that so many minor units cover; `None` when they cover not even a minute.
    pub fn covered(&self, minor: i64) -> Option<Cap> {
        let minutes = self.cap.millis().0.div_euclid(Millis::minutes(1).0);
        (1..=minutes).rev().find(|m| self.cost(Millis::minutes(*m)) <= minor).and_then(|m| Cap::minutes(m).ok())
    }

    /// Puts everything.
    pub(crate) fn put(&self, to: &mut Canonical) {
        to.put("rate", self.rate.minor);
        to.put("currency", self.rate.currency.code());
        to.put("rounding", self.rounding.as_str());
        to.put("free_seconds", self.free_seconds);
        to.put("cap", self.cap.millis().0);
        to.put("medium", self.medium.as_str());
        to.put("media", self.media.join(" "));
        to.put("language", self.language.as_str());
        to.put("recording", self.recording.as_str());
        to.put("refund", self.refund.as_str());
    }
}

fn offered_medium(offer: &OfferContent, raw: &str) -> Result<Medium, Code> {
    match raw.trim() {
        "" => Err(Code::Required),
        name => Medium::parse(name).and_then(|medium| if offer.media.has(medium) { Ok(medium) } else { Err(Code::BadMedia) }),
    }
}

fn offered_language(offer: &OfferContent, raw: &str) -> Result<Language, Code> {
    if raw.trim().is_empty() {
        return Ok(offer.languages.first());
    }
    let language = Language::parse(raw).map_err(|_| Code::BadLanguage)?;
    if offer.languages.speaks(language.as_str()) { Ok(language) } else { Err(Code::BadLanguage) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{currency::Currency, language::Languages, offer::OfferForm};
    use proptest::prelude::*;

    pub(crate) fn offer() -> OfferContent {
        let form = OfferForm {
            title: "Spanish conversation".into(),
            description: "At your level.".into(),
            category: "languages".into(),
            languages: vec!["es".into(), "pt-BR".into()],
            media: vec!["chat".into(), "voice".into()],
            rate_minor: "120".into(),
            currency: "EUR".into(),
            free_seconds: "60".into(),
            draft: false,
        };
        form.parse().unwrap()
    }

    pub(crate) fn choice(medium: &str, cap: &str, language: &str) -> Choice {
        Choice { medium: medium.into(), cap: cap.into(), language: language.into() }
    }

    #[test]
    fn conditions_stay_within_the_offer() {
        let conditions = Conditions::of(&offer(), &choice("voice", "", "")).unwrap();
        assert_eq!((conditions.cap.millis(), conditions.language.as_str()), (Millis::minutes(30), "es"));
        assert_eq!((conditions.rate, conditions.free_seconds), (offer().rate, 60));
        assert_eq!(Conditions::of(&offer(), &choice("chat", "180", "pt")).unwrap().language.as_str(), "pt");
        assert_eq!(conditions.at_most(), 120 * 29, "30 minutes, the first of them free");
        assert_eq!(conditions.covered(1_000), Cap::minutes(9).ok(), "eight minutes and the free one");
        assert_eq!((conditions.covered(1_000_000), conditions.covered(0)), (Cap::minutes(30).ok(), Cap::minutes(1).ok()));
        assert_eq!(Conditions { free_seconds: 0, ..conditions.clone() }.covered(119), None);
        assert_eq!(Conditions { free_seconds: 3_600, ..conditions }.at_most(), 0);
        let wrong = |field, code| crate::reject::FieldError { field, code };
        assert_eq!(
            Conditions::of(&offer(), &choice("video", "0", "de")),
            Err(Reject::Fields(vec![
                wrong(Field::Medium, Code::BadMedia),
                wrong(Field::Cap, Code::BadCap),
                wrong(Field::Language, Code::BadLanguage)
            ]))
        );
        assert_eq!(Conditions::of(&offer(), &Choice::default()), Err(Reject::field(Field::Medium, Code::Required)));
    }

    #[test]
    fn caps_are_whole_minutes_up_to_three_hours() {
        for (raw, cap) in
            [("1", Ok(1)), (" 180 ", Ok(180)), ("181", Err(Code::BadCap)), ("1.5", Err(Code::BadCap)), ("-1", Err(Code::BadCap))]
        {
            assert_eq!(Cap::parse(raw).map(Cap::millis), cap.map(Millis::minutes), "{raw}");
        }
        assert_eq!(Cap::parse("99999999999999999999"), Err(Code::BadCap));
        assert_eq!(serde_json::from_str::<Cap>("60000").unwrap(), Cap::minutes(1).unwrap());
        for bad in ["0", "60001", "-60000", "10860000"] {
            assert!(serde_json::from_str::<Cap>(bad).is_err(), "{bad}");
        }
    }

    pub(crate) fn any_conditions() -> impl Strategy<Value = Conditions> {
        let codes = prop::sample::select(&["EUR", "JPY"][..]);
        let tags = prop::sample::select(&["en", "pt-BR"][..]);
        ((0i64..3, codes), 0u32..3, 1i64..4, prop::sample::select(Medium::ALL), 1u8..=7, tags).prop_map(
            |((minor, currency), free_seconds, cap, medium, media, tag)| Conditions {
                rate: Rate::new(minor, Currency::parse(currency).unwrap()).unwrap(),
                rounding: Rounding::DownOnce,
                free_seconds,
                cap: Cap::minutes(cap).unwrap(),
                medium,
                media: Media::from_bits(media).unwrap(),
                language: Languages::parse([tag]).unwrap().first(),
                recording: Recording::None,
                refund: Refund::OnlyProved,
            },
        )
    }

    proptest! {
        #[test]
        fn choosing_never_panics(medium in ".{0,12}", cap in ".{0,24}", language in ".{0,24}") {
            let _ = Conditions::of(&offer(), &choice(&medium, &cap, &language));
        }
    }
}
