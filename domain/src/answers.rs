//! How reliably a provider answers, as cards say it (design section 4): of the rings of the last 30 days that a device confirmed.
//!
//! An accept and a decline are both answers; what was taken back or rang nowhere says nothing about the provider.

use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Over how long answers are counted.
pub const COUNTED: Millis = Millis::minutes(30 * 24 * 60);
/// Fewest rings that say something.
pub const RINGS_MIN: usize = 3;
/// Times are told by the next of these, in seconds, so that a card changes when its provider has changed and not with every ring.
const STEPS: [u16; 6] = [5, 10, 15, 20, 30, 45];

/// What is told: answered rings of ten, and the median time until an answer. On the wire one number, since every watcher is sent every card: ten times
/// the first and the place of the second among the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct Answers {
    tenths: u8,
    step: u8,
}

/// A number that stands for no answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAnswers;

impl fmt::Display for BadAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not answered rings of ten and a step of time")
    }
}

impl From<Answers> for u8 {
    fn from(answers: Answers) -> u8 {
        answers.tenths.saturating_mul(10).saturating_add(answers.step)
    }
}

impl TryFrom<u8> for Answers {
    type Error = BadAnswers;

    fn try_from(code: u8) -> Result<Self, BadAnswers> {
        let (tenths, step) = (code.div_euclid(10), code.rem_euclid(10));
        if tenths <= 10 && usize::from(step) < STEPS.len() { Ok(Answers { tenths, step }) } else { Err(BadAnswers) }
    }
}

impl Answers {
    /// From the times until each answer, in any order, and the number of rings that nobody answered; `None` while they are too few.
    pub fn of(times: &[Millis], missed: usize) -> Option<Self> {
        let rings = times.len().saturating_add(missed);
        if rings < RINGS_MIN {
            return None;
        }
        let tenths = times.len().saturating_mul(10).checked_div(rings)?;
        let mut times = times.to_vec();
        times.sort_unstable();
        let median = times.get(times.len().saturating_sub(1).div_euclid(2)).map_or(0, |time| time.0);
        let last = STEPS.len().saturating_sub(1);
        let step = STEPS.iter().position(|step| i64::from(*step).saturating_mul(1_000) >= median).unwrap_or(last);
        Some(Answers { tenths: u8::try_from(tenths).ok()?, step: u8::try_from(step).ok()? })
    }

    /// The median time until an answer, in seconds, rounded up to a step.
    pub fn seconds(self) -> u16 {
        STEPS.get(usize::from(self.step)).copied().unwrap_or_default()
    }

    /// In words: `Answers 9 of 10 rings, in about 15 s`.
    pub fn words(self) -> String {
        let seconds = self.seconds();
        match self.tenths {
            0 => "Answers hardly any ring".into(),
            10 => format!("Answers every ring, in about {seconds} s"),
            tenths => format!("Answers {tenths} of 10 rings, in about {seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rings_in_words() {
        let after = |seconds: &[i64]| seconds.iter().map(|s| Millis::seconds(*s)).collect::<Vec<_>>();
        assert_eq!(Answers::of(&after(&[4, 9]), 0), None, "two rings are an accident");
        assert_eq!(Answers::of(&after(&[4, 9, 44]), 0).unwrap().words(), "Answers every ring, in about 10 s");
        assert_eq!(Answers::of(&after(&[12, 12]), 1).unwrap().words(), "Answers 6 of 10 rings, in about 15 s");
        assert_eq!(Answers::of(&[], 3).unwrap().words(), "Answers hardly any ring");
        assert_eq!(serde_json::to_string(&Answers::of(&after(&[1, 1, 16]), 0)).unwrap(), "100");
        for bad in [96, 99, 106, 110, 255] {
            assert_eq!(Answers::try_from(bad), Err(BadAnswers), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_reckoned_can_be_told(times in prop::collection::vec(0i64..60_000, 0..40), missed in 0usize..10) {
            let times: Vec<Millis> = times.into_iter().map(Millis).collect();
            match Answers::of(&times, missed) {
                None => prop_assert!(times.len() + missed < RINGS_MIN),
                Some(answers) => {
                    prop_assert_eq!(Answers::try_from(u8::from(answers)), Ok(answers));
                    prop_assert_eq!(answers.tenths == 10, missed == 0, "every ring means every ring");
                }
            }
        }
    }
}
