//! Texts to hash: equal for equal values, different for different ones.

use std::fmt::{Display, Write};

/// Lines `name length value`, in the order in which they are put. The length makes the text readable in one way only, whatever a value holds.
#[derive(Debug)]
pub(crate) struct Canonical(String);

impl Canonical {
    /// Begins a text; `kind` names what it describes, and the version of its form.
    pub fn new(kind: &str) -> Self {
        Canonical(format!("{kind}\n"))
    }

    /// Puts a value.
    pub fn put(&mut self, name: &str, value: impl Display) {
        let value = value.to_string();
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{name} {} {value}", value.len());
    }

    /// Puts a value that may be unknown.
    pub fn put_known(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.put(name, value),
            None => {
                let _ = writeln!(self.0, "{name} -");
            }
        }
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(values: &[Option<String>]) -> String {
        let mut canonical = Canonical::new("test 1");
        for value in values {
            canonical.put_known("x", value.as_ref());
        }
        canonical.into_text()
    }

    #[test]
    fn is_written_like_this() {
        assert_eq!(text(&[Some("é".into()), None]), "test 1\nx 2 é\nx -\n");
    }

    proptest! {
        #[test]
        fn different_values_give_different_texts(
            a in prop::collection::vec(prop::option::of("[x0-3 \n-]{0,6}"), 0..4), b in prop::collection::vec(prop::option::of("[x0-3 \n-]{0,6}"), 0..4),
        ) {
            prop_assert_eq!(a == b, text(&a) == text(&b));
        }
    }
}
