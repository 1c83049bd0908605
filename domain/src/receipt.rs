//! The receipt: what a consultation cost and why, second by second (design section 7). It is made from proofs alone, and never changed.

use crate::{
    canonical::Canonical,
    conditions::Cap,
    consultation::EndReason,
    id::{AccountId, ConsultationId},
    money::{Commission, Money, Rate},
    proof::{Proofs, Segment, segments, stretches},
    reject::codes,
    side::Both,
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};

codes! {
    /// Why a part of the time is billed, or is not.
    Why {
        /// Both were there.
        Billed = "billed",
        /// Both were there, within the free seconds.
        Free = "free",
        /// Both were coming together.
        Opening = "opening",
        /// The consumer was not there.
        Consumer = "consumer",
        /// The provider was not there.
        Provider = "provider",
        /// Neither was there.
        Both = "both",
        /// The time agreed was used up, and more was not agreed yet.
        Paused = "paused",
        /// After the last moment that both proved.
        Tail = "tail",
    }
}

/// A part of the time between the accept and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stretch {
    /// From when to when.
    pub time: Segment,
    /// Why it is billed, or is not.
    pub why: Why,
}

/// Accounts for the whole time from the accept to the end. `paused_at_end` tells that the time agreed was used up when it ended.
pub fn account_for(proofs: &Proofs, join: Millis, free: Millis, whole: Segment, paused_at_end: bool) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut put = |from: Timestamp, to: Timestamp, why: Why| {
        if from >= to {
            return;
        }
        match found.last_mut() {
            Some(last) if last.why == why && last.time.to == from => last.time.to = to,
            _ => found.push(Stretch { time: Segment { from, to }, why }),
        }
    };
    let (mut at, mut free_left, mut gap) = (whole.from, free, Why::Opening);
    for (n, part) in proofs.iter().enumerate() {
        let sides = Both { consumer: stretches(&part.consumer, join), provider: stretches(&part.provider, join) };
        let together = segments(Both { consumer: &part.consumer, provider: &part.provider }, join);
        if n > 0 && gap != Why::Opening {
            // The pause ends when somebody proves again; then both come together anew.
            let again = part.consumer.iter().chain(&part.provider).min().copied();
            let again = again.unwrap_or(if n.saturating_add(1) < proofs.len() { at } else { whole.to });
            put(at, again, Why::Paused);
            (at, gap) = (again, Why::Opening);
        }
        for both in together {
            if gap == Why::Both {
                missing(&sides, at, both.from, &mut put);
            } else {
                put(at, both.from, gap);
            }
            let free_to = both.to.min(both.from.after(free_left));
            put(both.from, free_to, Why::Free);
            put(free_to, both.to, Why::Billed);
            free_left = free_left.less(free_to.since(both.from));
            (at, gap) = (both.to, Why::Both);
        }
    }
    let last = match gap {
        Why::Opening => Why::Opening,
        _ if paused_at_end => Why::Paused,
        _ => Why::Tail,
    };
    put(at, whole.to, last);
    found
}

/// For how long both were there, as the stretches have it.
pub fn proved(stretches: &[Stretch]) -> Millis {
    let both = stretches.iter().filter(|stretch| matches!(stretch.why, Why::Billed | Why::Free));
    both.fold(Millis(0), |sum, stretch| sum.plus(stretch.time.length()))
}

/// Who was missing in a gap between two moments that both proved.
fn missing(sides: &Both<Vec<Segment>>, from: Timestamp, to: Timestamp, put: &mut impl FnMut(Timestamp, Timestamp, Why)) {
    let edges = |own: &[Segment]| own.iter().flat_map(|s| [s.from, s.to]).filter(|at| from < *at && *at < to).collect::<Vec<_>>();
    let mut cuts = [vec![from, to], edges(&sides.consumer), edges(&sides.provider)].concat();
    cuts.sort_unstable();
    let there = |own: &[Segment], from, to| own.iter().any(|s| s.from <= from && to <= s.to);
    for pair in cuts.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let why = match (there(&sides.consumer, from, to), there(&sides.provider, from, to)) {
            (true, _) => Why::Provider,
            (_, true) => Why::Consumer,
            _ => Why::Both,
        };
        put(from, to, why);
    }
}

/// What a consultation cost and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its number: 1, 2, 3 and so on, without gaps.
    pub number: u64,
    /// Of which consultation.
    pub consultation: ConsultationId,
    /// When it was made.
    pub at: Timestamp,
    /// Between whom.
    pub parties: Both<AccountId>,
    /// Their names at that time.
    pub names: Both<String>,
    /// The title of the offer at that time.
    pub title: String,
    /// From the accept to the end.
    pub time: Segment,
    /// Why it ended.
    pub reason: EndReason,
    /// Price a minute.
    pub rate: Rate,
    /// Seconds at the start that cost nothing.
    pub free_seconds: u32,
    /// Most time that could be billed.
    pub cap: Cap,
    /// For how long both were there.
    pub proved: Millis,
    /// How far apart proofs of one side were joined.
    pub join: Millis,
    /// What the consumer pays.
    pub total: Money,
    /// The operator's part of it.
    pub fee: Money,
    /// The share that this part is.
    pub commission: Commission,
    /// The hash of what both accepted.
    pub agreement: String,
    /// All of the time, and why it is billed or not.
    pub stretches: Vec<Stretch>,
}

impl Receipt {
    /// What the provider gets.
    pub fn net(&self) -> Money {
        Money { minor: self.total.minor.saturating_sub(self.fee.minor), ..self.total }
    }

    /// The time that is paid for.
    pub fn billed(&self) -> Millis {
        let billed = self.stretches.iter().filter(|stretch| stretch.why == Why::Billed);
        billed.fold(Millis(0), |sum, stretch| sum.plus(stretch.time.length()))
    }

    /// The text that is hashed.
    pub fn canonical(&self) -> String {
        let mut text = Canonical::new("noren receipt 1");
        text.put("number", self.number);
        text.put("consultation", self.consultation);
        text.put("at", self.at.0);
        text.put("consumer", self.parties.consumer);
        text.put("consumer_name", &self.names.consumer);
        text.put("provider", self.parties.provider);
        text.put("provider_name", &self.names.provider);
        text.put("title", &self.title);
        text.put("from", self.time.from.0);
        text.put("to", self.time.to.0);
        text.put("reason", self.reason.as_str());
        text.put("rate", self.rate.minor);
        text.put("currency", self.rate.currency.code());
        text.put("free_seconds", self.free_seconds);
        text.put("cap", self.cap.millis().0);
        text.put("proved", self.proved.0);
        text.put("join", self.join.0);
        text.put("total", self.total.minor);
        text.put("asset", self.total.asset);
        text.put("fee", self.fee.minor);
        text.put("commission", i64::from(self.commission));
        text.put("agreement", &self.agreement);
        for stretch in &self.stretches {
            text.put("from", stretch.time.from.0);
            text.put("to", stretch.time.to.0);
            text.put("why", stretch.why.as_str());
        }
        text.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOIN: Millis = Millis::seconds(15);

    fn part(consumer: &[i64], provider: &[i64]) -> Both<Vec<Timestamp>> {
        let at = |seconds: &[i64]| seconds.iter().map(|s| Timestamp(s * 1_000)).collect();
        Both { consumer: at(consumer), provider: at(provider) }
    }

    fn every5(from: i64, to: i64) -> Vec<i64> {
        (from..=to).step_by(5).collect()
    }

    fn told(proofs: Proofs, free: i64, to: i64, paused: bool) -> Vec<(i64, i64, Why)> {
        let whole = Segment { from: Timestamp(0), to: Timestamp(to * 1_000) };
        let found = account_for(&proofs, JOIN, Millis::seconds(free), whole, paused);
        found.iter().map(|s| (s.time.from.0 / 1_000, s.time.to.0 / 1_000, s.why)).collect()
    }

    #[test]
    fn every_second_has_its_reason() {
        let consumer = [every5(2, 42), every5(100, 150)].concat();
        let proofs = vec![part(&consumer, &every5(3, 148))];
        assert_eq!(
            told(proofs, 10, 152, false),
            [
                (0, 3, Why::Opening),
                (3, 13, Why::Free),
                (13, 42, Why::Billed),
                (42, 100, Why::Consumer),
                (100, 148, Why::Billed),
                (148, 152, Why::Tail)
            ]
        );
        assert_eq!(told(vec![part(&[], &every5(0, 20))], 0, 30, false), [(0, 30, Why::Opening)]);
        let both_gone = vec![part(&[every5(0, 20), every5(80, 90)].concat(), &[every5(0, 30), every5(60, 90)].concat())];
        assert_eq!(
            told(both_gone, 0, 90, false),
            [(0, 20, Why::Billed), (20, 30, Why::Consumer), (30, 60, Why::Both), (60, 80, Why::Consumer), (80, 90, Why::Billed)]
        );
    }

    #[test]
    fn a_pause_is_not_joined_over() {
        let proofs = vec![part(&every5(0, 60), &every5(0, 60)), part(&every5(66, 90), &every5(66, 90))];
        assert_eq!(
            told(proofs.clone(), 0, 120, true),
            [(0, 60, Why::Billed), (60, 66, Why::Paused), (66, 86, Why::Billed), (86, 120, Why::Paused)]
        );
        let late = vec![part(&every5(0, 60), &every5(0, 60)), part(&[70], &[72])];
        assert_eq!(told(late, 0, 75, false), [(0, 60, Why::Billed), (60, 70, Why::Paused), (70, 75, Why::Opening)]);
    }

    proptest! {
        /// The stretches cover the whole time without gap or overlap, and what is billed and free in them is what both proved.
        #[test]
        fn nothing_is_left_out(
            consumer in prop::collection::vec(0i64..200, 0..30), provider in prop::collection::vec(0i64..200, 0..30), free in 0i64..60, cut in 0i64..200,
        ) {
            let split = |times: &[i64]| -> (Vec<i64>, Vec<i64>) { times.iter().partition(|at| **at <= cut) };
            let ((a, b), (c, d)) = (split(&consumer), split(&provider));
            let proofs = vec![part(&a, &c), part(&b, &d)];
            let whole = Segment { from: Timestamp(0), to: Timestamp(200_000) };
            let found = account_for(&proofs, JOIN, Millis::seconds(free), whole, false);
            prop_assert_eq!(found.first().map(|s| s.time.from), Some(whole.from));
            prop_assert_eq!(found.last().map(|s| s.time.to), Some(whole.to));
            prop_assert!(found.windows(2).all(|pair| pair[0].time.to == pair[1].time.from && pair[0].why != pair[1].why));
            let sum = |why: Why| found.iter().filter(|s| s.why == why).fold(Millis(0), |sum, s| sum.plus(s.time.length()));
            let proved = crate::proof::total(&crate::proof::all_segments(&proofs, JOIN)).0;
            prop_assert_eq!(super::proved(&found).0, proved);
            prop_assert_eq!(sum(Why::Billed).0 + sum(Why::Free).0, proved);
            prop_assert_eq!(sum(Why::Free).0, proved.min(free * 1_000));
        }
    }
}
