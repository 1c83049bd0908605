//! The feed of the choices as it travels: design section 5.

use crate::{
    card::Card,
    id::{Epoch, OfferId},
    view::Counts,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A position in the feed: `epoch:seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which life of the feed.
    pub epoch: Epoch,
    /// The number of the last change that is known.
    pub seq: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(s: &str) -> Result<Self, BadCursor> {
        let (epoch, seq) = s.split_once(':').ok_or(BadCursor)?;
        Ok(Cursor { epoch: epoch.parse().map_err(|_| BadCursor)?, seq: seq.parse().map_err(|_| BadCursor)? })
    }
}

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse().map_err(|_| "not a cursor")
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a cursor"))
    }
}

/// How a stream goes on after `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The watcher is at the head: only news will come.
    Live,
    /// The missing changes follow.
    Replay,
    /// What the watcher has cannot be continued: a `board` follows.
    Reset,
}

/// The first event of every stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Which life of the feed.
    pub epoch: Epoch,
    /// The head of the feed when the stream opened.
    pub seq: u64,
    /// How it goes on.
    pub mode: Mode,
}

/// What a stream shows at one position, sent after a reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// The position.
    pub seq: u64,
    /// The choices: those of a window in order, everything in none.
    pub cards: Vec<Card>,
    /// How many match.
    pub counts: Counts,
}

/// What changed between two positions in what a stream shows. A `beat` is a change without content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The first number that it covers.
    pub from: u64,
    /// The last number that it covers.
    pub to: u64,
    /// The last state of each offer that changed and is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<Card>,
    /// Offers that are shown because others are no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Card>,
    /// Offers that changed and were shown before: for whoever still has them before the eyes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Card>,
    /// Offers that are no longer among the matching choices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<OfferId>,
    /// Offers that now stand further down than what is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<OfferId>,
    /// Offers that went out long ago: nothing more will be said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<OfferId>,
    /// Offers that became choices, but stand further down than what is shown: for whoever still shows them as closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<OfferId>,
    /// How many match, after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Whether the server cannot reach its database: what is shown may be old. It stands in every frame while that is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// The last event before the server ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// How long to wait before coming back, in milliseconds.
    pub retry_ms: u64,
}

/// What a change means for a watcher at a position: the one rule for every client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Known already.
    Ignore,
    /// Something between was lost: reconnect with the own position.
    Gap,
    /// Apply it and move to its end.
    Apply,
}

impl Change {
    /// A change that says nothing but how far it reaches. Where nothing happened since the last frame it covers no number, so that it does not stand for
    /// the frame that did.
    pub const fn is_beat(&self) -> bool {
        self.counts.is_none()
    }

    /// Judges this change for a watcher at `seq`.
    pub const fn step(&self, seq: u64) -> Step {
        if self.to <= seq {
            Step::Ignore
        } else if self.from > seq.saturating_add(1) {
            Step::Gap
        } else {
            Step::Apply
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_cursor_is_read_back() {
        let cursor = Cursor { epoch: Epoch(Uuid::from_u128(7)), seq: 120 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert_eq!(serde_json::from_str::<Cursor>(&serde_json::to_string(&cursor).unwrap()).unwrap(), cursor);
        for bad in ["", ":", "x:1", "00000000-0000-0000-0000-000000000007:-1", "00000000-0000-0000-0000-000000000007"] {
            assert_eq!(bad.parse::<Cursor>(), Err(BadCursor), "{bad}");
        }
    }

    #[test]
    fn the_rule_of_a_client() {
        let change = |from, to| Change { from, to, ..Change::default() };
        assert_eq!(change(5, 5).step(5), Step::Ignore);
        assert_eq!(change(6, 8).step(5), Step::Apply);
        assert_eq!(change(4, 8).step(5), Step::Apply, "an overlap holds last states, so it is applied");
        assert_eq!(change(7, 8).step(5), Step::Gap);
        assert_eq!(
            (change(9, 8).step(8), change(9, 8).step(7)),
            (Step::Ignore, Step::Gap),
            "a beat that covers nothing stands for nothing"
        );
    }
}
