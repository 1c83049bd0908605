//! Proofs that a side is there, and the time in which both were (design sections 6 and 7).
//!
//! A proof is a moment: when a side's message arrived at the server. Proofs of one side that are at most `join` apart make a *stretch*; a longer gap
//! ends it at the earlier proof. A *segment* is a part of time that lies in a stretch of both sides; what is billed is the sum of the segments.

use crate::{
    reject::codes,
    side::{Both, Side},
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};

/// A part of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Segment {
    /// Its begin.
    pub from: Timestamp,
    /// Its end, never before its begin.
    pub to: Timestamp,
}

impl Segment {
    /// How long it is.
    pub const fn length(self) -> Millis {
        self.to.since(self.from)
    }

    /// What two parts have in common; `None` when that is not even a millisecond.
    fn common(self, other: Segment) -> Option<Segment> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from < to).then_some(Segment { from, to })
    }
}

/// The sum of segments: what a receipt adds up.
pub fn total(segments: &[Segment]) -> Millis {
    segments.iter().fold(Millis(0), |sum, segment| sum.plus(segment.length()))
}

/// The stretches of one side, from its proofs in any order.
pub(crate) fn stretches(proofs: &[Timestamp], join: Millis) -> Vec<Segment> {
    let mut proofs = proofs.to_vec();
    proofs.sort_unstable();
    let mut found: Vec<Segment> = Vec::new();
    for at in proofs {
        match found.last_mut() {
            Some(last) if at.since(last.to) <= join => last.to = at,
            _ => found.push(Segment { from: at, to: at }),
        }
    }
    found
}

/// The segments of two lists of proofs: how a receipt is checked against the proofs that were kept. [`Meter`] gives the same, proof by proof.
pub fn segments(proofs: Both<&[Timestamp]>, join: Millis) -> Vec<Segment> {
    let provider = stretches(proofs.provider, join);
    let common = |own: Segment| provider.iter().filter_map(move |other| own.common(*other));
    stretches(proofs.consumer, join).into_iter().flat_map(common).collect()
}

/// When both sides proved, in parts: a new part begins when the time agreed is used up, and proofs of different parts are never joined.
pub type Proofs = Vec<Both<Vec<Timestamp>>>;

/// The segments of all parts.
pub fn all_segments(proofs: &Proofs, join: Millis) -> Vec<Segment> {
    proofs.iter().flat_map(|part| segments(Both { consumer: &part.consumer, provider: &part.provider }, join)).collect()
}

codes! {
    /// Who does not prove to be there.
    Missing {
        /// The consumer.
        Consumer = "consumer",
        /// The provider.
        Provider = "provider",
        /// Both.
        Both = "both",
    }
}

/// Counts the time in which both sides were there. `join` is the same in all calls, and times never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Meter {
    /// The stretch that each side can still prolong.
    stretch: Both<Option<Segment>>,
    /// The sum of the segments that are closed.
    closed: Millis,
}

impl Meter {
    /// The last proof that can still be prolonged.
    pub fn newest(&self) -> Option<Timestamp> {
        Side::ALL.iter().filter_map(|side| *self.stretch.of(*side)).map(|own| own.to).max()
    }

    /// A side proves at `at` that it is there. Answers the segment that a gap closed, if one did.
    pub fn prove(&mut self, side: Side, at: Timestamp, join: Millis) -> Option<Segment> {
        let closed = self.lapse(at, join);
        let stretch = self.stretch.of_mut(side);
        *stretch = Some(stretch.map_or(Segment { from: at, to: at }, |own| Segment { to: own.to.max(at), ..own }));
        closed
    }

    /// Ends the stretches that no proof from `now` on can prolong. Answers the segment that this closed, if there was one.
    pub fn lapse(&mut self, now: Timestamp, join: Millis) -> Option<Segment> {
        let over = |stretch: Option<Segment>| stretch.is_some_and(|own| now.since(own.to) > join);
        let over = Both { consumer: over(self.stretch.consumer), provider: over(self.stretch.provider) };
        let closed = if over.consumer || over.provider { self.open() } else { None };
        self.closed = self.closed.plus(closed.map_or(Millis(0), Segment::length));
        for side in Side::ALL {
            if *over.of(*side) {
                *self.stretch.of_mut(*side) = None;
            }
        }
        closed
    }

    /// Ends both stretches, at the end of the consultation. Answers the segment that this closed, if there was one.
    pub fn close(&mut self) -> Option<Segment> {
        let closed = self.open();
        *self = Meter { stretch: Both::default(), closed: self.proved() };
        closed
    }

    /// The segment that grows.
    fn open(&self) -> Option<Segment> {
        self.stretch.consumer?.common(self.stretch.provider?)
    }

    /// For how long both were there: the number that money uses.
    pub fn proved(&self) -> Millis {
        self.closed.plus(self.open().map_or(Millis(0), Segment::length))
    }

    /// Who is not in a stretch; `None` when both are there. Meant for right after [`Meter::prove`] or [`Meter::lapse`].
    pub const fn missing(&self) -> Option<Missing> {
        match (&self.stretch.consumer, &self.stretch.provider) {
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some(Missing::Consumer),
            (Some(_), None) => Some(Missing::Provider),
            (None, None) => Some(Missing::Both),
        }
    }

    /// When a stretch lapses if its side goes on to be silent: the first moment at which a proof comes too late to be joined.
    pub fn lapses_at(&self, join: Millis) -> Option<Timestamp> {
        let last = [self.stretch.consumer, self.stretch.provider].into_iter().flatten().map(|own| own.to).min()?;
        Some(last.after(join).after(Millis(1)))
    }

    /// When the time proved reaches `cap` if both go on; `None` while one is missing.
    pub fn full_at(&self, cap: Millis) -> Option<Timestamp> {
        let from = self.stretch.consumer?.from.max(self.stretch.provider?.from);
        Some(from.after(cap.less(self.closed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOIN: Millis = Millis::seconds(15);

    fn at(seconds: &[i64]) -> Vec<Timestamp> {
        seconds.iter().map(|s| Timestamp(s * 1_000)).collect()
    }

    fn found(consumer: &[i64], provider: &[i64]) -> Vec<(i64, i64)> {
        let found = segments(Both { consumer: &at(consumer), provider: &at(provider) }, JOIN);
        found.iter().map(|s| (s.from.0 / 1_000, s.to.0 / 1_000)).collect()
    }

    #[test]
    fn a_gap_ends_the_segment_at_the_earlier_proof() {
        assert_eq!(found(&[0, 5, 10, 15], &[1, 6, 11, 16]), [(1, 15)]);
        assert_eq!(found(&[0, 15, 30], &[0, 5, 10, 15, 20, 25, 30]), [(0, 30)], "15 s apart still join");
        assert_eq!(found(&[0, 5, 21, 26], &[0, 5, 10, 15, 20, 25, 30]), [(0, 5), (21, 26)], "16 s apart do not");
        assert_eq!(found(&[0, 5, 40, 45], &[0, 5, 10, 42, 47]), [(0, 5), (42, 45)]);
        assert_eq!(found(&[0, 5, 10], &[]), []);
        assert_eq!(found(&[0], &[0]), [], "a single moment is no time");
    }

    #[test]
    fn a_side_that_stops_is_missed_after_15_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.missing(), Some(Missing::Both));
        for second in [0, 5, 10] {
            meter.prove(Side::Consumer, Timestamp(second * 1_000), JOIN);
            meter.prove(Side::Provider, Timestamp(second * 1_000), JOIN);
        }
        meter.prove(Side::Provider, Timestamp(25_000), JOIN);
        assert_eq!(meter.missing(), None);
        assert_eq!(meter.lapses_at(JOIN), Some(Timestamp(25_001)));
        assert_eq!(meter.lapse(Timestamp(25_001), JOIN), Some(Segment { from: Timestamp(0), to: Timestamp(10_000) }));
        assert_eq!((meter.missing(), meter.proved()), (Some(Missing::Consumer), Millis(10_000)));
        assert_eq!(meter.full_at(Millis::minutes(1)), None);
        assert_eq!(meter.prove(Side::Consumer, Timestamp(26_000), JOIN), None);
        assert_eq!(meter.full_at(Millis::minutes(1)), Some(Timestamp(76_000)), "26 s and the 50 s that are left");
    }

    /// Who, how long after the last event; `None` only looks at the clock.
    fn any_schedule() -> impl Strategy<Value = Vec<(Option<Side>, i64)>> {
        let gap = prop_oneof![0i64..6_000, Just(15_000), Just(15_001), 10_000i64..40_000];
        prop::collection::vec((prop::option::weighted(0.9, prop::sample::select(Side::ALL)), gap), 0..60)
    }

    proptest! {
        /// Proof by proof gives the same segments as all proofs at once, however often the clock is looked at; the sum only grows, and never beyond wall time.
        #[test]
        fn proof_by_proof_is_all_at_once(schedule in any_schedule()) {
            let (mut meter, mut proofs, mut closed) = (Meter::default(), Both::<Vec<Timestamp>>::default(), Vec::new());
            let mut now = Timestamp(1_000_000);
            let begin = now;
            for (side, gap) in schedule {
                now = now.after(Millis(gap));
                let before = meter;
                if let Some(side) = side {
                    proofs.of_mut(side).push(now);
                    closed.extend(meter.prove(side, now, JOIN));
                    let again = meter;
                    prop_assert_eq!(meter.prove(side, now, JOIN), None);
                    prop_assert_eq!(meter, again, "the same proof twice is one proof");
                } else {
                    closed.extend(meter.lapse(now, JOIN));
                    prop_assert_eq!(meter.proved(), before.proved(), "time alone proves nothing");
                }
                prop_assert!(before.proved() <= meter.proved());
                prop_assert!(meter.proved() <= now.since(begin));
                if before.lapses_at(JOIN).is_none_or(|due| now < due) && before.missing().is_none() {
                    prop_assert_eq!(meter.missing(), None, "nobody is missed early");
                }
                let all = segments(Both { consumer: &proofs.consumer, provider: &proofs.provider }, JOIN);
                prop_assert_eq!(meter.proved(), total(&all));
            }
            closed.extend(meter.close());
            let all = segments(Both { consumer: &proofs.consumer, provider: &proofs.provider }, JOIN);
            prop_assert_eq!(&closed, &all);
            prop_assert_eq!(meter.proved(), total(&all));
            prop_assert!(all.windows(2).all(|pair| pair[0].to < pair[1].from), "segments are apart");
            prop_assert_eq!(meter.close(), None);
        }

        #[test]
        fn a_missing_side_bills_nothing(times in prop::collection::vec(0i64..1_000_000, 0..40), side in prop::sample::select(Side::ALL)) {
            let mut proofs = Both::<Vec<Timestamp>>::default();
            *proofs.of_mut(side) = times.into_iter().map(Timestamp).collect();
            prop_assert_eq!(segments(Both { consumer: &proofs.consumer, provider: &proofs.provider }, JOIN), []);
        }

        #[test]
        fn the_cap_is_reached_when_said(cap in 1i64..200_000, times in prop::collection::vec(1i64..15_000, 1..30)) {
            let (mut meter, mut now) = (Meter::default(), Timestamp(0));
            for gap in times {
                now = now.after(Millis(gap));
                meter.prove(Side::Consumer, now, JOIN);
                meter.prove(Side::Provider, now, JOIN);
                let full = meter.full_at(Millis(cap)).unwrap();
                prop_assert_eq!(full <= now, meter.proved() >= Millis(cap));
            }
        }

        #[test]
        fn never_panics(times in prop::collection::vec((any::<i64>(), prop::sample::select(Side::ALL)), 0..20), join in any::<i64>()) {
            let mut meter = Meter::default();
            for (at, side) in times {
                meter.prove(side, Timestamp(at), Millis(join));
                let _ = (meter.proved(), meter.lapses_at(Millis(join)), meter.full_at(Millis(join)));
            }
        }
    }
}
