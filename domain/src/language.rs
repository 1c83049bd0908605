//! Languages as BCP 47 tags.

use crate::reject::Code;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::borrow::Cow;

/// Most languages an offer can name.
pub const LANGUAGES_MAX: usize = 5;
/// Longest list of languages on the wire, in bytes.
pub const LANGUAGES_MAX_BYTES: usize = 40;

/// The languages that forms and filters propose: tag and own name.
pub const PROPOSED: &[(&str, &str)] = &[
    ("ar", "العربية"),
    ("bn", "বাংলা"),
    ("cs", "Čeština"),
    ("da", "Dansk"),
    ("de", "Deutsch"),
    ("el", "Ελληνικά"),
    ("en", "English"),
    ("es", "Español"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fr", "Français"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hu", "Magyar"),
    ("id", "Bahasa Indonesia"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nl", "Nederlands"),
    ("no", "Norsk"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("ru", "Русский"),
    ("sv", "Svenska"),
    ("sw", "Kiswahili"),
    ("th", "ไทย"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
];

/// The own name of a language, or its tag when it is none of the proposed ones.
pub fn own_name(tag: &str) -> &str {
    let primary = tag.split('-').next().unwrap_or(tag);
    let of = |tag: &str| PROPOSED.iter().find(|(t, _)| *t == tag).map(|(_, name)| *name);
    of(tag).or_else(|| (primary == tag).then_some(()).and(of(primary))).unwrap_or(tag)
}

/// One language, as a well-formed tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// Errors: `Required`, `BadLanguage`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Code::Required);
        }
        if raw.len() > LANGUAGES_MAX_BYTES {
            return Err(Code::TooLong);
        }
        well_formed(raw).map(Language).ok_or(Code::BadLanguage)
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Language::parse(&Cow::<str>::deserialize(deserializer)?).map_err(|_| D::Error::custom("not a language"))
    }
}

/// The languages of an offer: one to [`LANGUAGES_MAX`] well-formed tags, each once, in the order given. On the wire `en,es`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Languages(String);

impl Languages {
    /// Errors: `Required`, `BadLanguage`, `TooMany`.
    pub fn parse<'a>(tags: impl IntoIterator<Item = &'a str>) -> Result<Self, Code> {
        let mut found: Vec<String> = Vec::new();
        for tag in tags.into_iter().map(str::trim).filter(|t| !t.is_empty()) {
            let tag = well_formed(tag).ok_or(Code::BadLanguage)?;
            if !found.contains(&tag) {
                found.push(tag);
            }
        }
        let joined = found.join(",");
        if found.is_empty() {
            Err(Code::Required)
        } else if found.len() > LANGUAGES_MAX || joined.len() > LANGUAGES_MAX_BYTES {
            Err(Code::TooMany)
        } else {
            Ok(Languages(joined))
        }
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }

    /// The first one.
    pub fn first(&self) -> Language {
        Language(self.iter().next().unwrap_or_default().to_owned())
    }

    /// `en,es`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one of the languages is `tag`, or a kind of it (`pt-BR` speaks `pt`).
    pub fn speaks(&self, tag: &str) -> bool {
        self.iter().any(|own| own == tag || own.strip_prefix(tag).is_some_and(|rest| rest.starts_with('-')))
    }

    /// The own names of the languages: `English, Español`.
    pub fn names(&self) -> String {
        self.iter().map(own_name).collect::<Vec<_>>().join(", ")
    }
}

/// The tag in its usual writing (`pt-BR`, `zh-Hant`), if it has the form language[-script][-region][-variant...] of RFC 5646.
fn well_formed(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let language = parts.next()?;
    if !matches!(language.len(), 2..=3) || !language.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let mut written = language.to_ascii_lowercase();
    // How far along script (1), region (2), variants (3) the tag is: each may come only after the one before.
    let mut reached = 0;
    for part in parts {
        let letters = part.bytes().all(|b| b.is_ascii_alphabetic());
        let (place, text) = match part.len() {
            4 if letters => (1, format!("{}{}", part.get(..1)?.to_ascii_uppercase(), part.get(1..)?.to_ascii_lowercase())),
            2 if letters => (2, part.to_ascii_uppercase()),
            3 if part.bytes().all(|b| b.is_ascii_digit()) => (2, part.to_owned()),
            5..=8 if part.bytes().all(|b| b.is_ascii_alphanumeric()) => (3, part.to_ascii_lowercase()),
            _ => return None,
        };
        if place < reached || (place == reached && place < 3) {
            return None;
        }
        reached = place;
        written.push('-');
        written.push_str(&text);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_checked_and_written_as_usual() {
        for (raw, usual) in [("EN", Some("en")), ("pt-br", Some("pt-BR")), ("zh-hant-tw", Some("zh-Hant-TW")), ("es-419", Some("es-419"))] {
            assert_eq!(well_formed(raw).as_deref(), usual);
        }
        for bad in ["", "e", "english", "en_US", "en--US", "en-US-Latn", "日本", "en-US-GB"] {
            assert_eq!(well_formed(bad), None, "{bad}");
        }
    }

    #[test]
    fn lists_are_limited() {
        assert_eq!(Languages::parse(["en", " en ", "es"]).map(|l| l.as_str().to_owned()), Ok("en,es".into()));
        assert_eq!(Languages::parse([""]), Err(Code::Required));
        assert_eq!(Languages::parse(["en", "es", "de", "fr", "it", "pt"]), Err(Code::TooMany));
        assert!(Languages::parse(["pt-BR"]).unwrap().speaks("pt"));
        assert!(!Languages::parse(["pt-BR"]).unwrap().speaks("p"));
    }

    proptest! {
        #[test]
        fn never_panics(raw in "[a-zA-Z0-9é-]{0,14}") {
            let _ = Languages::parse([raw.as_str()]);
            if let Ok(language) = Language::parse(&raw) {
                prop_assert_eq!(serde_json::from_str::<Language>(&serde_json::to_string(&language).unwrap()).unwrap(), language);
            }
            let _ = own_name(&raw);
        }
    }
}
