//! Accounts: what people type to sign up, and the role they hold.

use crate::{
    reject::{Code, Field, Problems, Reject, codes},
    text::{DisplayName, folded},
};
use serde::{Deserialize, Serialize};

/// Shortest password, in characters (NIST SP 800-63B asks for 8; trust.md AU-6 for 12).
pub const PASSWORD_MIN: usize = 12;
/// Longest password, in characters.
pub const PASSWORD_MAX: usize = 128;
/// Longest address, in bytes (RFC 5321).
pub const EMAIL_MAX: usize = 254;

codes! {
    /// What an account may do beyond consuming and providing.
    Role {
        /// Everybody.
        Member = "member",
        /// Runs the instance; given by the command line only.
        Operator = "operator",
    }
}

/// An e-mail address, trimmed, with its domain in lower case. Local parts are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Errors: `Required`, `TooLong`, `BadEmail`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(Code::Required);
        }
        if text.len() > EMAIL_MAX {
            return Err(Code::TooLong);
        }
        let (local, host) = text.rsplit_once('@').ok_or(Code::BadEmail)?;
        let unseen = |c: char| c.is_whitespace() || c.is_control();
        let label =
            |l: &str| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-');
        let sound = !local.is_empty()
            && local.len() <= 64
            && !local.chars().any(|c| unseen(c) || matches!(c, '@' | ',' | ';' | '<' | '>' | '(' | ')' | '"'))
            && host.split('.').all(label)
            && host.contains('.');
        if sound { Ok(Email(folded(text))) } else { Err(Code::BadEmail) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A new password that keeps the rules. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

/// Stems of the passwords that lists of stolen ones begin with; a password that is one of them, repeated or with digits, is refused.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "qwerty",
    "qwertyuiop",
    "iloveyou",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "monkey",
    "dragon",
    "master",
    "abc",
    "abcd",
    "abcdef",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "zxcvbnm",
    "trustno",
    "superman",
    "changeme",
    "secret",
    "noren",
];

impl NewPassword {
    /// [`PASSWORD_MIN`] to [`PASSWORD_MAX`] characters, no composition rules, but not a common one and not the address.
    /// Errors: `Required`, `TooShort`, `TooLong`, `WeakPassword`.
    pub fn parse(raw: &str, email: Option<&Email>) -> Result<Self, Code> {
        let length = raw.chars().count();
        if length == 0 {
            return Err(Code::Required);
        }
        if length < PASSWORD_MIN {
            return Err(Code::TooShort);
        }
        if length > PASSWORD_MAX {
            return Err(Code::TooLong);
        }
        let lower = folded(raw);
        let letters: String = lower.chars().filter(|c| c.is_alphabetic()).collect();
        let common = letters.is_empty()
            || COMMON.iter().any(|stem| letters.replace(stem, "").is_empty())
            || lower.char_indices().filter(|&(at, c)| lower.find(c) == Some(at)).count() < 5;
        let own = email.is_some_and(|e| lower == e.as_str() || lower == e.as_str().split('@').next().unwrap_or_default());
        if common || own { Err(Code::WeakPassword) } else { Ok(NewPassword(raw.to_owned())) }
    }

    /// The password.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What signing up needs, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// The name shown to others.
    pub display_name: DisplayName,
    /// The address to sign in with.
    pub email: Email,
    /// The password.
    pub password: NewPassword,
}

impl SignUp {
    /// Checks all three fields and tells all that is wrong.
    pub fn parse(display_name: &str, email: &str, password: &str) -> Result<Self, Reject> {
        let mut problems = Problems::default();
        let display_name = problems.take(Field::DisplayName, DisplayName::parse(display_name));
        let email = problems.take(Field::Email, Email::parse(email));
        let password = problems.take(Field::Password, NewPassword::parse(password, email.as_ref()));
        match (display_name, email, password) {
            (Some(display_name), Some(email), Some(password)) => Ok(SignUp { display_name, email, password }),
            _ => Err(problems.into_reject()),
        }
    }
}

/// One or two letters that stand for a person where no picture is: `ML` for Marisol Leiva, `田` for 田中 Yui. As typed; the style sheet capitalises.
pub fn initials(name: &str) -> String {
    let mut letters = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    match (letters.next(), letters.next_back()) {
        // Names in the scripts with capitals (Latin, Greek, Cyrillic, Armenian) are shortened by letters; of others one character says enough.
        (Some(first @ ('\0'..'\u{590}' | '\u{1e00}'..'\u{2000}')), Some(last)) => [first, last].iter().collect(),
        (Some(first), _) => first.to_string(),
        _ => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::FieldError;
    use proptest::prelude::*;

    #[test]
    fn addresses() {
        assert_eq!(Email::parse(" Ana@Example.ORG ").map(|e| e.as_str().to_owned()), Ok("ana@example.org".into()));
        for bad in ["ana", "ana@", "@example.org", "a b@example.org", "ana@example", "ana@-a.org", "a@b@c.org\n", "<ana@example.org>"] {
            assert!(matches!(Email::parse(bad), Err(Code::BadEmail)), "{bad}");
        }
    }

    #[test]
    fn passwords() {
        let ana = Email::parse("ana.maria.lopez@example.org").unwrap();
        for (raw, code) in [
            ("", Code::Required),
            ("short", Code::TooShort),
            ("password1234", Code::WeakPassword),
            ("123456789012", Code::WeakPassword),
            ("aaaaaaaaaaaaaa", Code::WeakPassword),
            ("ana.maria.lopez", Code::WeakPassword),
        ] {
            assert_eq!(NewPassword::parse(raw, Some(&ana)), Err(code), "{raw}");
        }
        assert_eq!(NewPassword::parse(&"é7".repeat(65), None), Err(Code::TooLong));
        assert!(NewPassword::parse("correct horse battery", Some(&ana)).is_ok());
    }

    #[test]
    fn a_form_tells_all_that_is_wrong() {
        let wrong = |field, code| FieldError { field, code };
        assert_eq!(
            SignUp::parse("", "x", "y"),
            Err(Reject::Fields(vec![
                wrong(Field::DisplayName, Code::Required),
                wrong(Field::Email, Code::BadEmail),
                wrong(Field::Password, Code::TooShort)
            ]))
        );
    }

    #[test]
    fn faces() {
        for (name, letters) in
            [("Marisol Leiva", "ML"), ("田中 Yui", "田"), ("ana", "a"), ("Dr Anika Rao", "DR"), ("--", "?"), ("Østen Ås", "ØÅ")]
        {
            assert_eq!(initials(name), letters);
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw in ".{0,300}") {
            let _ = (Email::parse(&raw), NewPassword::parse(&raw, None), initials(&raw));
        }
    }
}
