//! The one clock. Everything that asks for the time is given one, so tests can move it.

use domain::time::{Millis, Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time in UTC milliseconds; never goes back. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    /// The latest time told, or known to have been told by somebody before.
    floor: AtomicI64,
}

#[derive(Debug)]
enum Source {
    /// `anchor` is the time at `start`; from there the monotonic clock counts, so a jump of the machine's clock moves nothing.
    System { start: Instant, anchor: AtomicI64 },
    /// Moved by hand.
    Manual(AtomicI64),
}

impl Clock {
    /// A clock anchored to the machine's time now.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn system() -> Self {
        let anchor = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
        Clock::of(Source::System { start: Instant::now(), anchor: AtomicI64::new(anchor) })
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it: for tests and simulations.
    pub fn manual(start: Timestamp) -> Self {
        Clock::of(Source::Manual(AtomicI64::new(start.0)))
    }

    fn of(source: Source) -> Self {
        Clock(Arc::new(Inner { source, floor: AtomicI64::new(i64::MIN) }))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let told = match &self.0.source {
            Source::System { start, anchor } => anchor.load(Ordering::Acquire).saturating_add(millis(start.elapsed())),
            Source::Manual(at) => at.load(Ordering::Acquire),
        };
        Timestamp(self.0.floor.fetch_max(told, Ordering::AcqRel).max(told))
    }

    /// Makes sure that the clock never tells an earlier time than `stamp`, the newest that is stored: it goes on from there.
    pub fn not_before(&self, stamp: Timestamp) {
        match &self.0.source {
            Source::System { start, anchor } => anchor.fetch_max(stamp.0.saturating_sub(millis(start.elapsed())), Ordering::AcqRel),
            Source::Manual(at) => at.fetch_max(stamp.0, Ordering::AcqRel),
        };
        self.0.floor.fetch_max(stamp.0, Ordering::AcqRel);
    }

    /// Sets the time to that of a shared clock, the database's; a manual clock stays as it is. Going back means standing still.
    pub fn anchor(&self, shared: Timestamp) {
        if let Source::System { start, anchor } = &self.0.source {
            anchor.store(shared.0.saturating_sub(millis(start.elapsed())), Ordering::Release);
        }
    }

    /// Moves a manual clock; does nothing to the machine's.
    pub fn advance(&self, by: Millis) {
        if let Source::Manual(at) = &self.0.source {
            at.fetch_add(by.0, Ordering::AcqRel);
        }
    }
}

fn millis(stretch: Duration) -> i64 {
    i64::try_from(stretch.as_millis()).unwrap_or(i64::MAX)
}

/// Rate limits are counted by the same clock.
impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(Clock::now(self).0.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_by_hand_only() {
        let clock = Clock::manual(Timestamp(1_000));
        let same = clock.clone();
        clock.advance(Millis(500));
        clock.anchor(Timestamp(9_000));
        assert_eq!((clock.now(), same.now()), (Timestamp(1_500), Timestamp(1_500)));
        clock.not_before(Timestamp(2_000));
        clock.not_before(Timestamp(1_000));
        clock.advance(Millis(1));
        assert_eq!(clock.now(), Timestamp(2_001));
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = Clock::system();
        let ahead = clock.now().after(Millis::minutes(5));
        clock.not_before(ahead);
        let told = clock.now();
        assert!(told >= ahead);
        clock.anchor(Timestamp(0));
        let stands = clock.now();
        assert!(stands >= told);
        assert_eq!(clock.now(), stands);
        clock.anchor(ahead.after(Millis::minutes(5)));
        assert!(clock.now() >= ahead.after(Millis::minutes(5)));
    }
}
