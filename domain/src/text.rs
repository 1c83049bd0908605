//! Plain text that people type: trimmed, without control characters, within a limit.

use crate::reject::Code;
use serde::{Deserialize, Serialize};

/// Longest display name, in characters.
pub const DISPLAY_NAME_MAX: usize = 40;
/// Longest title, in characters.
pub const TITLE_MAX: usize = 80;
/// Longest title on the wire, in bytes of JSON text: keeps a card within 400 bytes.
pub const TITLE_MAX_BYTES: usize = 96;
/// Longest display name on the wire, in bytes of JSON text.
pub const DISPLAY_NAME_MAX_BYTES: usize = 40;
/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 4_000;

/// Longest question of a request, in characters.
pub const QUESTION_MAX: usize = 1_000;
/// Longest chat message, in characters.
pub const MESSAGE_MAX: usize = 4_000;
/// Longest name of a browser, in characters.
pub const BROWSER_MAX: usize = 40;

/// The bytes that `text` takes inside a JSON string.
fn json_bytes(text: &str) -> usize {
    text.bytes().filter(|b| matches!(b, b'"' | b'\\')).count().saturating_add(text.len())
}

fn line(raw: &str, max: usize, max_bytes: usize) -> Result<String, Code> {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        Err(Code::Required)
    } else if text.chars().any(is_unseen) {
        Err(Code::BadText)
    } else if text.chars().count() > max || json_bytes(&text) > max_bytes {
        Err(Code::TooLong)
    } else {
        Ok(text)
    }
}

/// Plain text with line breaks, which may be empty.
fn block(raw: &str, max: usize) -> Result<String, Code> {
    let text = raw.replace("\r\n", "\n").trim().to_owned();
    if text.chars().any(|c| is_unseen(c) && c != '\n' && c != '\t' && c != '\u{200d}') {
        Err(Code::BadText)
    } else if text.chars().count() > max {
        Err(Code::TooLong)
    } else {
        Ok(text)
    }
}

/// The text unless it is empty.
fn filled(text: String) -> Result<String, Code> {
    if text.is_empty() { Err(Code::Required) } else { Ok(text) }
}

/// Control characters, and the invisible ones that reorder or hide text on a page.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text without the difference between capitals and small letters, for comparing. Letter by letter: a Greek word is found whether it ends there
/// or not.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    };
}

text! {
    /// The name under which an account is shown: one line.
    DisplayName
}
text! {
    /// The title of an offer: one line.
    Title
}
text! {
    /// The description of an offer: plain text with line breaks.
    Description
}
text! {
    /// What a consumer wants to know: plain text with line breaks; may be empty.
    Question
}
text! {
    /// A chat message: plain text with line breaks.
    MessageText
}
text! {
    /// What was wrong with a receipt, or why a case was decided so: plain text with line breaks.
    CaseText
}
text! {
    /// The name of a browser, as its page found it: `Firefox 142`.
    Browser
}

impl DisplayName {
    /// One line of at most [`DISPLAY_NAME_MAX`] characters. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        line(raw, DISPLAY_NAME_MAX, DISPLAY_NAME_MAX_BYTES).map(DisplayName)
    }
}

impl Title {
    /// One line of at most [`TITLE_MAX`] characters and [`TITLE_MAX_BYTES`] bytes. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        line(raw, TITLE_MAX, TITLE_MAX_BYTES).map(Title)
    }
}

impl Description {
    /// At most [`DESCRIPTION_MAX`] characters; line breaks stay. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        block(raw, DESCRIPTION_MAX).and_then(filled).map(Description)
    }
}

impl Question {
    /// At most [`QUESTION_MAX`] characters; line breaks stay. Errors: `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        block(raw, QUESTION_MAX).map(Question)
    }
}

impl CaseText {
    /// At most [`QUESTION_MAX`] characters; line breaks stay. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        block(raw, QUESTION_MAX).and_then(filled).map(CaseText)
    }
}

impl MessageText {
    /// At most [`MESSAGE_MAX`] characters; line breaks stay. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        block(raw, MESSAGE_MAX).and_then(filled).map(MessageText)
    }
}

impl Browser {
    /// One line of at most [`BROWSER_MAX`] characters. Errors: `Required`, `BadText`, `TooLong`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        line(raw, BROWSER_MAX, usize::MAX).map(Browser)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_trimmed_and_limited() {
        assert_eq!(Title::parse("  Spanish \n conversation ").map(String::from), Ok("Spanish conversation".into()));
        assert_eq!(Title::parse(" \t "), Err(Code::Required));
        assert_eq!(Title::parse("a\u{202e}b"), Err(Code::BadText));
        assert_eq!(Title::parse(&"a".repeat(81)), Err(Code::TooLong));
        assert_eq!(Title::parse(&"語".repeat(33)), Err(Code::TooLong));
        assert!(Title::parse(&"語".repeat(32)).is_ok());
    }

    #[test]
    fn descriptions_keep_their_lines() {
        assert_eq!(Description::parse("a\r\n\r\nb ").map(String::from), Ok("a\n\nb".into()));
        assert_eq!(Description::parse(&"a".repeat(4_001)), Err(Code::TooLong));
        assert_eq!(Description::parse(" \n "), Err(Code::Required));
    }

    #[test]
    fn messages_are_limited_and_questions_may_be_empty() {
        assert!(MessageText::parse(&"語".repeat(4_000)).is_ok());
        assert_eq!(MessageText::parse(&"a".repeat(4_001)), Err(Code::TooLong));
        assert_eq!(MessageText::parse("\n"), Err(Code::Required));
        assert_eq!(MessageText::parse("a\u{0}b"), Err(Code::BadText));
        assert_eq!(Question::parse(" ").map(String::from), Ok(String::new()));
        assert_eq!(Question::parse(&"a".repeat(1_001)), Err(Code::TooLong));
    }

    proptest! {
        #[test]
        fn never_panics_and_stays_within_its_limit(raw in ".{0,200}") {
            if let Ok(title) = Title::parse(&raw) {
                prop_assert!(title.as_str().chars().count() <= TITLE_MAX);
                prop_assert!(Title::parse(title.as_str()) == Ok(title.clone()), "parsing twice changes nothing");
            }
            for text in [Description::parse(&raw).map(String::from), MessageText::parse(&raw).map(String::from), Question::parse(&raw).map(String::from)] {
                let Ok(text) = text else { continue };
                prop_assert!(Question::parse(&text).map(String::from) == Ok(text), "parsing twice changes nothing");
            }
        }
    }
}
