//! The ways in which information can flow: chat, voice, video.

use crate::reject::{Code, codes};
use serde::{Deserialize, Serialize};

codes! {
    /// One way in which information flows.
    Medium {
        /// Written messages.
        Chat = "chat",
        /// Sound.
        Voice = "voice",
        /// Sound and picture.
        Video = "video",
    }
}

impl Medium {
    const fn bit(self) -> u8 {
        match self {
            Medium::Chat => 1,
            Medium::Voice => 2,
            Medium::Video => 4,
        }
    }

    /// The medium of that name. Errors: `BadMedia`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        Medium::ALL.iter().copied().find(|m| m.as_str() == raw).ok_or(Code::BadMedia)
    }
}

/// A set of media; on the wire a number: chat 1 + voice 2 + video 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Media(u8);

impl Media {
    /// At least one medium. Errors: `Required`, `BadMedia`.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Code> {
        let mut bits = 0;
        for name in names.into_iter().map(str::trim).filter(|n| !n.is_empty()) {
            bits |= Medium::parse(name)?.bit();
        }
        if bits == 0 { Err(Code::Required) } else { Ok(Media(bits)) }
    }

    /// The set of a number as on the wire. Errors: `BadMedia`.
    pub const fn from_bits(bits: u8) -> Result<Self, Code> {
        if matches!(bits, 1..=7) { Ok(Media(bits)) } else { Err(Code::BadMedia) }
    }

    /// The number on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of these media; `None` when there is none.
    pub fn of(media: impl IntoIterator<Item = Medium>) -> Option<Self> {
        Media::from_bits(media.into_iter().fold(0, |bits, medium| bits | medium.bit())).ok()
    }

    /// The media that are in both sets; `None` when there is none.
    pub const fn and(self, other: Media) -> Option<Self> {
        match self.0 & other.0 {
            0 => None,
            bits => Some(Media(bits)),
        }
    }

    /// Whether the medium or a richer one is in the set: who may speak may also write.
    pub const fn reaches(self, medium: Medium) -> bool {
        self.0 >= medium.bit()
    }

    /// Whether the medium is in the set.
    pub const fn has(self, medium: Medium) -> bool {
        self.0 & medium.bit() != 0
    }

    /// The media of the set, in their usual order.
    pub fn iter(self) -> impl Iterator<Item = Medium> {
        Medium::ALL.iter().copied().filter(move |m| self.has(*m))
    }

    /// The names, joined.
    pub fn join(self, by: &str) -> String {
        self.iter().map(Medium::as_str).collect::<Vec<_>>().join(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reaches_what_is_not_richer_than_its_richest() {
        for bits in 1..=7 {
            let media = Media::from_bits(bits).unwrap();
            assert_eq!(Media::of(media.iter()), Some(media));
            for (at, medium) in Medium::ALL.iter().enumerate() {
                assert_eq!(media.reaches(*medium), Medium::ALL[at..].iter().any(|m| media.has(*m)), "{bits} {medium:?}");
            }
        }
        assert_eq!(Media::of([]), None);
        assert_eq!(Media(1).and(Media(6)), None);
        assert_eq!(Media(3).and(Media(6)), Some(Media(2)));
    }
}
