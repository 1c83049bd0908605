//! Points in time and stretches of it, in milliseconds.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A point in time: milliseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A stretch of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// A stretch of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Millis(seconds.saturating_mul(1_000))
    }

    /// A stretch of whole minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Millis::seconds(minutes.saturating_mul(60))
    }

    /// This stretch and another one.
    pub const fn plus(self, other: Millis) -> Self {
        Millis(self.0.saturating_add(other.0))
    }

    /// What this stretch has more than another one; negative when it has less.
    pub const fn less(self, other: Millis) -> Self {
        Millis(self.0.saturating_sub(other.0))
    }
}

impl Timestamp {
    /// This point plus a stretch; stays at the end of time instead of overflowing.
    pub const fn after(self, stretch: Millis) -> Self {
        Timestamp(self.0.saturating_add(stretch.0))
    }

    /// This point minus a stretch.
    pub const fn before(self, stretch: Millis) -> Self {
        Timestamp(self.0.saturating_sub(stretch.0))
    }

    /// How long after `earlier` this point is; negative when it is before.
    pub const fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// Year, month (1-12), day (1-31), hour, minute, second in UTC, by Howard Hinnant's days-to-civil algorithm.
    fn civil(self) -> (i64, i64, i64, i64, i64, i64) {
        let seconds = self.0.div_euclid(1_000);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let z = days.saturating_add(719_468);
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let part = |x: i64, by: i64| x.div_euclid(by);
        let yoe = part(doe.saturating_sub(part(doe, 1_460)).saturating_add(part(doe, 36_524)).saturating_sub(part(doe, 146_096)), 365);
        let doy = doe.saturating_sub(yoe.saturating_mul(365).saturating_add(part(yoe, 4)).saturating_sub(part(yoe, 100)));
        let mp = part(doy.saturating_mul(5).saturating_add(2), 153);
        let day = doy.saturating_sub(part(mp.saturating_mul(153).saturating_add(2), 5)).saturating_add(1);
        let month = if mp < 10 { mp.saturating_add(3) } else { mp.saturating_sub(9) };
        let year = yoe.saturating_add(era.saturating_mul(400)).saturating_add(i64::from(month <= 2));
        (year, month, day, part(rest, 3_600), part(rest, 60).rem_euclid(60), rest.rem_euclid(60))
    }

    /// `2026-11-22T16:30:00Z`, the form of a `<time datetime>`.
    pub fn iso(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// `16:30 UTC`: what a page shows before the browser rewrites it to the reader's zone.
    pub fn clock_utc(self) -> String {
        let (_, _, _, hour, minute, _) = self.civil();
        format!("{hour:02}:{minute:02} UTC")
    }

    /// `2026-11-22 16:30 UTC`.
    pub fn day_and_clock_utc(self) -> String {
        let (year, month, day, hour, minute, _) = self.civil();
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

impl fmt::Display for Millis {
    /// `1:42:08`, or `9:05` below an hour; what is left of a second counts as a whole one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0).saturating_add(999).div_euclid(1_000);
        let (h, m, s) = (seconds.div_euclid(3_600), seconds.div_euclid(60).rem_euclid(60), seconds.rem_euclid(60));
        if h > 0 { write!(f, "{h}:{m:02}:{s:02}") } else { write!(f, "{m}:{s:02}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_known_days() {
        assert_eq!(Timestamp(0).iso(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(951_782_400_000).iso(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp(1_795_365_000_000).iso(), "2026-11-22T16:30:00Z");
        assert_eq!(Timestamp(1_795_365_000_000).clock_utc(), "16:30 UTC");
    }

    #[test]
    fn prints_what_is_left() {
        assert_eq!(Millis::seconds(6_128).to_string(), "1:42:08");
        assert_eq!(Millis(544_001).to_string(), "9:05");
        assert_eq!(Millis(-5).to_string(), "0:00");
    }

    proptest! {
        #[test]
        fn never_panics(ms in any::<i64>(), by in any::<i64>()) {
            let _ = Timestamp(ms).iso();
            let _ = Timestamp(ms).after(Millis(by)).since(Timestamp(by));
            let _ = Millis(ms).to_string();
        }
    }
}
