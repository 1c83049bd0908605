//! How reliably a provider answers, as cards say it (design section 4): of the rings of the last 30 days that a device confirmed.
//!
//! An accept and a decline are both answers; what was taken back or rang nowhere says nothing about the provider.

use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Over how long answers are counted.
pub const COUNTED: Millis = Millis::minutes(30 * 24 * 60);
/// Fewest rings that say something.
pub const RINGS_MIN: usize = 3;
/// Times are told by the next of these, in seconds, so that a card changes when its provider has changed and not with every ring.
const STEPS: [u16; 6] = [5, 10, 15, 20, 30, 45];

/// What is told: answered rings of ten, and the median time until an answer in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answers(u8, u16);

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
        let step = STEPS.iter().find(|step| i64::from(**step).saturating_mul(1_000) >= median).or(STEPS.last())?;
        Some(Answers(u8::try_from(tenths).ok()?, *step))
    }

    /// As it is kept: answered rings of ten, and seconds. What no rings can have made is nothing.
    pub fn kept(tenths: i32, seconds: i32) -> Option<Self> {
        let (tenths, seconds) = (u8::try_from(tenths).ok()?, u16::try_from(seconds).ok()?);
        (tenths <= 10 && STEPS.contains(&seconds)).then_some(Answers(tenths, seconds))
    }

    /// Answered rings of ten, rounded down.
    pub const fn tenths(self) -> u8 {
        self.0
    }

    /// The median time until an answer, in seconds, rounded up to a step.
    pub const fn seconds(self) -> u16 {
        self.1
    }

    /// In words: `Answers 9 of 10 rings, in about 15 s`.
    pub fn words(self) -> String {
        match self {
            Answers(0, _) => "Answers hardly any ring".into(),
            Answers(10, seconds) => format!("Answers every ring, in about {seconds} s"),
            Answers(tenths, seconds) => format!("Answers {tenths} of 10 rings, in about {seconds} s"),
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
        assert_eq!(serde_json::to_string(&Answers::of(&after(&[1, 1, 1]), 0)).unwrap(), "[10,5]");
        assert_eq!(Answers::kept(11, 5), None);
        assert_eq!(Answers::kept(9, 7), None);
    }

    proptest! {
        #[test]
        fn what_is_reckoned_can_be_kept(times in prop::collection::vec(0i64..60_000, 0..40), missed in 0usize..10) {
            let times: Vec<Millis> = times.into_iter().map(Millis).collect();
            match Answers::of(&times, missed) {
                None => prop_assert!(times.len() + missed < RINGS_MIN),
                Some(answers) => {
                    prop_assert_eq!(Answers::kept(answers.tenths().into(), answers.seconds().into()), Some(answers));
                    prop_assert_eq!(answers.tenths() == 10, missed == 0, "every ring means every ring");
                }
            }
        }
    }
}
