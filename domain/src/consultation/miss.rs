//! Rings that a provider missed (design section 4): one puts the curtain away, two in a row keep it away for a while.

use super::Knobs;
use crate::{reject::Code, time::Timestamp};

/// What is remembered of a provider's misses. A miss is a ring that a device confirmed and nobody answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Misses {
    /// Rings missed since the last answer.
    pub in_a_row: u32,
    /// When the last one was missed.
    pub last: Timestamp,
    /// Whether the provider has not come back since.
    pub away: bool,
}

impl Misses {
    /// After a miss: away.
    #[must_use]
    pub const fn missed(self, now: Timestamp) -> Self {
        Misses { in_a_row: self.in_a_row.saturating_add(1), last: now, away: true }
    }

    /// After an answer, accepted or declined: nothing is in a row any more.
    #[must_use]
    pub const fn answered(self) -> Self {
        Misses { in_a_row: 0, ..self }
    }

    /// What presence is judged by: [`Facts::missed`](crate::presence::Facts::missed).
    pub const fn away(self) -> u32 {
        if self.away { self.in_a_row } else { 0 }
    }

    /// From when on one tap returns.
    pub const fn back_from(self, knobs: &Knobs) -> Timestamp {
        if self.in_a_row > 1 { self.last.after(knobs.cool_down) } else { self.last }
    }

    /// After the tap that returns. The misses stay in a row until a ring is answered. Errors: `CoolingDown`.
    pub fn back(self, now: Timestamp, knobs: &Knobs) -> Result<Self, Code> {
        if self.away && now < self.back_from(knobs) { Err(Code::CoolingDown) } else { Ok(Misses { away: false, ..self }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        presence::{Facts, Presence, judge},
        time::Millis,
    };

    const NOW: Timestamp = Timestamp(1_000_000);

    fn presence(misses: Misses) -> Presence {
        judge(&Facts { until: Some(NOW.after(Millis::minutes(60))), attached: 1, missed: misses.away(), ..Facts::default() }, NOW)
    }

    #[test]
    fn one_miss_is_one_tap_and_two_in_a_row_are_a_quarter_of_an_hour() {
        let knobs = Knobs::default();
        let once = Misses::default().missed(NOW);
        assert_eq!(presence(once), Presence::Away { missed: 1 });
        let back = once.back(NOW, &knobs).unwrap();
        assert!(matches!(presence(back), Presence::Online { .. }));
        assert_eq!(back.back(NOW, &knobs), Ok(back), "a second tap changes nothing");
        let twice = back.missed(NOW);
        assert_eq!(presence(twice), Presence::Away { missed: 2 });
        assert_eq!(twice.back(NOW.after(Millis(899_999)), &knobs), Err(Code::CoolingDown));
        let back = twice.back(NOW.after(Millis::minutes(15)), &knobs).unwrap();
        assert_eq!(back.missed(NOW).back(NOW, &knobs), Err(Code::CoolingDown), "a third in a row too");
        assert!(back.answered().missed(NOW).back(NOW, &knobs).is_ok(), "an answer begins anew");
    }
}
