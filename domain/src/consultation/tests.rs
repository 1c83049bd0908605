//! Stories and walks of the state machine.

use super::*;
use crate::{
    conditions::tests::{choice, offer},
    id::SignInId,
    proof::{Missing, Segment, total},
};
use proptest::prelude::*;
use uuid::Uuid;

const START: Timestamp = Timestamp(1_763_848_000_000);
const CONSUMER: Side = Side::Consumer;
const PROVIDER: Side = Side::Provider;

fn device(n: u128) -> SignInId {
    SignInId(Uuid::from_u128(n))
}

fn conditions(cap: i64) -> Conditions {
    Conditions::of(&offer(), &choice("voice", &cap.to_string(), "")).unwrap()
}

/// A consultation, the clock, and all effects so far.
struct Run {
    state: Consultation,
    now: Timestamp,
    knobs: Knobs,
    effects: Vec<Effect>,
}

impl Run {
    fn new(cap: i64) -> Self {
        let knobs = Knobs::default();
        let (state, effects) = Consultation::request(&conditions(cap), START, &knobs);
        Run { state, now: START, knobs, effects }
    }

    /// Accepted, and both have proved: live.
    fn live(cap: i64) -> Self {
        let mut run = Run::new(cap);
        run.done(Op::Accept { device: device(1) });
        run.both(1);
        assert_eq!(run.state.stage(), Stage::Live);
        run.effects.clear();
        run
    }

    fn wait(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.after(Millis::seconds(seconds));
        self
    }

    /// Does an op, and that it changes nothing the second time is seen to.
    fn try_op(&mut self, op: Op) -> Result<Vec<Effect>, Code> {
        let (state, effects) = self.state.apply(op, self.now, &self.knobs).map_err(|reject| reject.code())?;
        assert_eq!(state.apply(op, self.now, &self.knobs).unwrap_or((state.clone(), vec![])), (state.clone(), vec![]), "{op:?} twice");
        self.state = state;
        self.effects.extend(effects.clone());
        Ok(effects)
    }

    fn done(&mut self, op: Op) -> Vec<Effect> {
        self.try_op(op).unwrap_or_else(|code| panic!("{op:?} was refused: {code:?} in {:?}", self.state))
    }

    fn refused(&mut self, op: Op) -> Code {
        self.try_op(op).expect_err("was taken")
    }

    /// So many rounds of proofs of both, 5 s apart, the first one now.
    fn both(&mut self, rounds: usize) {
        for round in 0..rounds {
            self.wait(if round == 0 { 0 } else { 5 });
            self.done(Op::Proof { by: CONSUMER });
            self.done(Op::Proof { by: PROVIDER });
        }
    }

    /// So many rounds of proofs of one side, 5 s apart, the first one in 5 s.
    fn only(&mut self, by: Side, rounds: usize) {
        for _ in 0..rounds {
            self.wait(5).done(Op::Proof { by });
        }
    }

    fn told(&self) -> Vec<&Event> {
        told(&self.effects)
    }
}

fn told(effects: &[Effect]) -> Vec<&Event> {
    effects.iter().filter_map(|effect| if let Effect::Tell(event) = effect { Some(event) } else { None }).collect()
}

fn is_end(event: &Event) -> bool {
    match event {
        Event::Declined { .. }
        | Event::Missed
        | Event::Unreachable
        | Event::Cancelled
        | Event::Unfunded
        | Event::Failed
        | Event::Ended { .. } => true,
        Event::Requested { .. } | Event::Reached { .. } | Event::Shown | Event::Accepted { .. } | Event::Joined { .. } => false,
        Event::Left { .. } | Event::Began | Event::Message(_) | Event::Medium { .. } | Event::Raised { .. } | Event::Warned { .. } => false,
        Event::Interrupted { .. } | Event::Full { .. } | Event::Asked { .. } | Event::Waiting { .. } | Event::Resumed => false,
    }
}

#[test]
fn the_ring_is_seen_by_its_stages() {
    let mut run = Run::new(30);
    assert_eq!(run.state.next_due(&run.knobs), Some(START.after(Millis::seconds(45))));
    run.done(Op::Reached { device: device(1) });
    run.done(Op::Reached { device: device(2) });
    run.done(Op::Shown { device: device(2) });
    run.done(Op::Shown { device: device(1) });
    let effects = run.wait(3).done(Op::Accept { device: device(2) });
    let until = run.now.after(Millis::seconds(60));
    let cap = Cap::minutes(30).unwrap();
    assert_eq!(
        effects,
        [Effect::StopRinging, Effect::Answer, Effect::Conclude, Effect::Reserve { cap }, Effect::Tell(Event::Accepted { until })]
    );
    let stages = [
        &Event::Requested { until: START.after(Millis::seconds(45)) },
        &Event::Reached { devices: 1 },
        &Event::Reached { devices: 2 },
        &Event::Shown,
        &Event::Accepted { until },
    ];
    assert_eq!(run.told(), stages);
}

#[test]
fn a_miss_needs_a_device_that_rang_and_a_server_that_was_there() {
    let mut rang = Run::new(30);
    rang.done(Op::Reached { device: device(1) });
    rang.now = START.after(Millis(44_999));
    assert_eq!(rang.done(Op::Time), []);
    rang.now = START.after(Millis(45_000));
    assert_eq!(rang.done(Op::Time), [Effect::StopRinging, Effect::Miss, Effect::Tell(Event::Missed)]);

    let mut silent = Run::new(30);
    assert_eq!(silent.wait(45).done(Op::Time), [Effect::StopRinging, Effect::Tell(Event::Unreachable)]);

    let mut late = Run::new(30);
    late.done(Op::Reached { device: device(1) });
    assert_eq!(late.wait(56).done(Op::Time), [Effect::StopRinging, Effect::Tell(Event::Unreachable)]);

    let mut closed = Run::new(30);
    closed.done(Op::Shown { device: device(1) });
    assert_eq!(closed.done(Op::Gone), [Effect::StopRinging, Effect::Tell(Event::Unreachable)], "the last page closed");
}

#[test]
fn declining_is_an_answer_and_no_miss() {
    for (op, reason) in [
        (Op::Decline { reason: Decline::NotMyField }, Decline::NotMyField),
        (Op::Decline { reason: Decline::InFiveMinutes }, Decline::InFiveMinutes),
        (Op::Block { by: PROVIDER }, Decline::NoReason),
    ] {
        let mut run = Run::new(30);
        assert_eq!(run.done(op), [Effect::StopRinging, Effect::Answer, Effect::Tell(Event::Declined { reason })]);
        assert_eq!(run.refused(Op::Accept { device: device(1) }), Code::Over);
    }
    assert_eq!(Decline::parse("not_my_field"), Ok(Decline::NotMyField));
    assert_eq!(Decline::parse("because"), Err(Code::BadReason));
}

#[test]
fn cancel_against_accept_at_the_same_instant() {
    let mut cancelled = Run::new(30);
    cancelled.done(Op::Cancel);
    assert_eq!(cancelled.refused(Op::Accept { device: device(1) }), Code::Over);
    let mut accepted = Run::new(30);
    accepted.done(Op::Accept { device: device(1) });
    let ended = Event::Ended { reason: EndReason::Consumer, proved: Millis(0) };
    assert_eq!(accepted.done(Op::Cancel), [Effect::Settle { proved: Millis(0) }, Effect::Tell(ended)], "nobody is drawn into a room");
    let mut live = Run::live(30);
    assert_eq!(live.refused(Op::Cancel), Code::Answered, "a late cancel ends nothing");
}

#[test]
fn a_thousand_accepts_make_one() {
    let mut run = Run::new(30);
    let results: Vec<_> = (0..1_000).map(|n| run.try_op(Op::Accept { device: device(n % 10) })).collect();
    assert_eq!(run.effects.iter().filter(|e| **e == Effect::Conclude).count(), 1);
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 100, "the device that was first may ask again");
    assert!(results.iter().flatten().skip(1).all(Vec::is_empty));
    assert!(results.iter().all(|r| !matches!(r, Err(code) if *code != Code::Answered)));
}

#[test]
fn an_accept_that_comes_late_finds_the_ring_over() {
    let mut run = Run::new(30);
    run.done(Op::Reached { device: device(1) });
    assert_eq!(run.wait(45).refused(Op::Accept { device: device(1) }), Code::Over);
}

#[test]
fn sides_that_never_come_together_fail_for_free() {
    let mut run = Run::new(30);
    run.done(Op::Accept { device: device(1) });
    run.only(CONSUMER, 3);
    assert_eq!(run.state.stage(), Stage::Connecting);
    run.wait(20).done(Op::Proof { by: PROVIDER });
    assert_eq!(run.state.stage(), Stage::Connecting, "the consumer's proof is 20 s old");
    run.now = START.after(Millis::seconds(60));
    assert_eq!(run.done(Op::Time), [Effect::Settle { proved: Millis(0) }, Effect::Tell(Event::Failed)]);
    assert_eq!(run.done(Op::Settled), []);
}

#[test]
fn only_what_both_proved_is_billed() {
    let mut run = Run::live(30);
    run.wait(5).both(4);
    run.only(CONSUMER, 4);
    let missing = run.told();
    let noticed = run.now;
    assert_eq!(missing, [&Event::Interrupted { missing: Missing::Provider, until: noticed.after(Millis::seconds(60)) }]);
    assert_eq!(run.state.stage(), Stage::Interrupted);
    run.only(CONSUMER, 2);
    run.done(Op::Proof { by: PROVIDER });
    assert_eq!(run.told().last(), Some(&&Event::Resumed));
    run.wait(5).both(3);
    let effects = run.done(Op::End { by: PROVIDER });
    let proved = Millis::seconds(20 + 15);
    assert_eq!(effects[1..], [Effect::Settle { proved }, Effect::Tell(Event::Ended { reason: EndReason::Provider, proved })]);
    let segments: Vec<Segment> = run.effects.iter().filter_map(|e| if let Effect::Segment(s) = e { Some(*s) } else { None }).collect();
    assert_eq!(total(&segments), proved);
    assert_eq!(run.done(Op::Settled), []);
    assert_eq!(run.state.stage(), Stage::Settled);
}

#[test]
fn a_lost_line_asks_both_and_their_silence_ends_it() {
    let mut run = Run::live(30);
    run.now = run.state.next_due(&run.knobs).unwrap();
    assert_eq!(run.now.since(START), Millis(15_001));
    run.done(Op::Time);
    assert_eq!(run.done(Op::Wait { by: CONSUMER }), [], "nobody has asked yet");
    run.wait(60).done(Op::Time);
    run.wait(30);
    let until = run.now.after(Millis::seconds(120));
    assert_eq!(run.done(Op::Wait { by: CONSUMER }), [Effect::Tell(Event::Waiting { by: CONSUMER, until })]);
    run.wait(120).done(Op::Time);
    assert_eq!(run.told().last(), Some(&&Event::Asked { until: run.now.after(Millis::seconds(60)) }));
    run.wait(60);
    let ended = Event::Ended { reason: EndReason::Lost, proved: Millis(0) };
    assert_eq!(run.done(Op::Time), [Effect::Settle { proved: Millis(0) }, Effect::Tell(ended)]);
}

#[test]
fn a_server_that_was_away_asks_before_it_ends() {
    let mut run = Run::live(30);
    run.wait(5).both(3);
    run.wait(600).done(Op::Time);
    assert_eq!(run.state.stage(), Stage::Interrupted);
    assert_eq!(run.state.next_due(&run.knobs), Some(run.now.after(Millis::seconds(60))));
    run.wait(3).both(2);
    assert_eq!(run.state.stage(), Stage::Live);
    let effects = run.done(Op::End { by: CONSUMER });
    assert!(effects.contains(&Effect::Settle { proved: Millis::seconds(15 + 5) }), "the time away is not billed: {effects:?}");
}

#[test]
fn a_pause_of_the_proofs_shows_without_the_reconciler_too() {
    let mut run = Run::live(30);
    run.wait(16).done(Op::Proof { by: CONSUMER });
    assert_eq!(run.state.stage(), Stage::Interrupted);
    run.done(Op::Proof { by: PROVIDER });
    assert!(matches!(run.told()[..], [Event::Interrupted { missing: Missing::Both, .. }, Event::Resumed]), "{:?}", run.told());
}

#[test]
fn the_cap_ends_it_and_both_are_warned() {
    let mut run = Run::live(6);
    run.wait(5).both(12);
    assert!(matches!(run.told()[..], [Event::Warned { of: Bound::Cap, ends_at }] if *ends_at == START.after(Millis::minutes(6))));
    assert_eq!(run.state.ends_by(run.now, &run.knobs), Some(START.after(Millis::minutes(6))));
    run.done(Op::Raise { cap: Cap::minutes(7).unwrap() });
    assert_eq!(run.refused(Op::Raise { cap: Cap::minutes(6).unwrap() }), Code::BadCap);
    run.wait(5).both(71);
    run.wait(5).done(Op::Proof { by: CONSUMER });
    assert_eq!(run.state.stage(), Stage::Interrupted, "what is used up pauses");
    assert_eq!(run.state.ends_by(run.now, &run.knobs), Some(run.now.after(Millis::seconds(30))));
    run.wait(30);
    assert_eq!(run.refused(Op::Raise { cap: Cap::minutes(8).unwrap() }), Code::Over);
    run.done(Op::Time);
    assert!(matches!(run.state, Consultation::Ended(End { reason: EndReason::Cap, proved: Millis(415_000), .. })), "{:?}", run.state);
    assert_eq!(run.told().iter().filter(|e| matches!(e, Event::Warned { of: Bound::Cap, .. })).count(), 2, "once for each cap");
}

#[test]
fn what_is_used_up_can_be_raised_and_the_pause_is_free() {
    let mut run = Run::live(1);
    run.wait(5).both(11);
    run.wait(5).done(Op::Time);
    assert!(matches!(run.told()[..], [Event::Full { until }] if *until == run.now.after(Millis::seconds(30))), "{:?}", run.told());
    run.wait(10).both(3);
    assert_eq!(run.told().len(), 1, "proofs change nothing in the pause");
    let effects = run.done(Op::Raise { cap: Cap::minutes(2).unwrap() });
    assert!(effects.contains(&Effect::Reserve { cap: Cap::minutes(2).unwrap() }), "{effects:?}");
    run.wait(1).both(3);
    assert_eq!(run.state.stage(), Stage::Live);
    let Consultation::Open(room) = &run.state else { panic!("{:?}", run.state) };
    assert_eq!((room.part, room.meter.proved()), (1, Millis::seconds(55 + 10)));
    let effects = run.done(Op::End { by: PROVIDER });
    assert!(effects.contains(&Effect::Settle { proved: Millis::seconds(65) }), "{effects:?}");
}

#[test]
fn a_short_cap_warns_nobody() {
    let mut run = Run::live(5);
    run.wait(5).both(59);
    assert_eq!(run.told(), [] as [&Event; 0]);
}

#[test]
fn three_hours_are_the_limit() {
    let mut run = Run::live(180);
    while run.state.is_open() {
        run.only(PROVIDER, 1);
        if run.state.is_open() && run.now.since(START) < Millis::minutes(175) {
            run.done(Op::Proof { by: CONSUMER });
        } else if run.state.stage() == Stage::Interrupted {
            run.done(Op::Wait { by: PROVIDER });
        }
        if run.state.next_due(&run.knobs).is_some_and(|due| due <= run.now.after(Millis::seconds(5))) {
            run.now = run.state.next_due(&run.knobs).unwrap();
            run.done(Op::Time);
        }
    }
    let Consultation::Ended(end) = run.state else { panic!("{:?}", run.state) };
    assert_eq!((end.reason, end.at), (EndReason::TimeLimit, START.after(Millis::minutes(180))));
    let warned = run.told().into_iter().filter(|e| matches!(e, Event::Warned { of: Bound::TimeLimit, .. })).count();
    assert_eq!(warned, 1);
}

#[test]
fn media_change_without_ending() {
    let mut run = Run::live(30);
    for medium in [Medium::Chat, Medium::Voice] {
        assert_eq!(run.done(Op::Medium { by: CONSUMER, medium }), [Effect::Tell(Event::Medium { by: CONSUMER, medium })]);
    }
    assert_eq!(run.refused(Op::Medium { by: PROVIDER, medium: Medium::Video }), Code::BadMedia, "not agreed");
    assert_eq!(run.state.takes_messages(), Ok(()));
    run.wait(16).done(Op::Time);
    assert_eq!(run.state.takes_messages(), Ok(()), "chat survives the loss of voice");
    run.done(Op::Medium { by: PROVIDER, medium: Medium::Chat });
    assert_eq!(run.state.takes_messages(), Err(Code::Interrupted), "but an interrupted chat is not a free one");
    run.both(1);
    assert_eq!((run.state.stage(), run.state.takes_messages()), (Stage::Live, Ok(())));
    run.done(Op::Stop);
    assert_eq!(run.state.takes_messages(), Err(Code::Over));
    assert_eq!(Run::new(30).state.takes_messages(), Err(Code::TooEarly));
}

#[test]
fn coming_and_leaving_is_told_once() {
    let mut run = Run::new(30);
    run.done(Op::Accept { device: device(1) });
    run.effects.clear();
    for op in [Op::Joined { by: CONSUMER }, Op::Left { by: PROVIDER }, Op::Left { by: CONSUMER }, Op::Proof { by: CONSUMER }] {
        run.done(op);
    }
    let by = CONSUMER;
    assert_eq!(run.told(), [&Event::Joined { by }, &Event::Left { by }, &Event::Joined { by }]);
}

#[test]
fn every_end_has_its_reason() {
    for (op, reason) in [
        (Op::End { by: CONSUMER }, EndReason::Consumer),
        (Op::End { by: PROVIDER }, EndReason::Provider),
        (Op::Block { by: CONSUMER }, EndReason::Consumer),
        (Op::Funds, EndReason::Funds),
        (Op::Stop, EndReason::Operator),
    ] {
        let mut run = Run::live(30);
        run.done(op);
        assert!(matches!(run.state, Consultation::Ended(end) if end.reason == reason), "{op:?}");
        assert_eq!(run.refused(Op::Proof { by: PROVIDER }), Code::Over, "a proof after the bill");
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    let side = || prop::sample::select(Side::ALL);
    let device = || (0u128..3).prop_map(device);
    prop_oneof![
        6 => side().prop_map(|by| Op::Proof { by }),
        3 => Just(Op::Time),
        2 => device().prop_map(|device| Op::Accept { device }),
        1 => device().prop_map(|device| Op::Reached { device }),
        1 => device().prop_map(|device| Op::Shown { device }),
        1 => prop::sample::select(Decline::ALL).prop_map(|reason| Op::Decline { reason }),
        1 => Just(Op::Cancel),
        1 => Just(Op::Gone),
        1 => side().prop_map(|by| Op::Joined { by }),
        1 => side().prop_map(|by| Op::Left { by }),
        1 => (side(), prop::sample::select(Medium::ALL)).prop_map(|(by, medium)| Op::Medium { by, medium }),
        1 => (1i64..=180).prop_map(|minutes| Op::Raise { cap: Cap::minutes(minutes).unwrap() }),
        2 => side().prop_map(|by| Op::Wait { by }),
        1 => side().prop_map(|by| Op::End { by }),
        1 => side().prop_map(|by| Op::Block { by }),
        1 => prop::sample::select(&[Op::Funds, Op::Stop, Op::Settled][..]),
    ]
}

/// Ops that keep a consultation going come much more often than those that end it, so that walks reach the depths.
fn any_walk() -> impl Strategy<Value = Vec<(Op, i64)>> {
    let gap = prop_oneof![4 => 0i64..6_000, 2 => 0i64..20_000, 1 => 0i64..400_000];
    let talk = (prop::sample::select(Side::ALL), prop::bool::weighted(0.15), prop::bool::weighted(0.1));
    let going = talk.prop_map(|(by, wait, time)| match (wait, time) {
        (true, _) => Op::Wait { by },
        (_, true) => Op::Time,
        _ => Op::Proof { by },
    });
    let beginning = prop_oneof![Just(vec![]), Just(vec![(Op::Accept { device: device(1) }, 100)])];
    let step = prop_oneof![6 => going, 1 => any_op()];
    (beginning, prop::collection::vec((step, gap), 0..60)).prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever happens: one answer at most, the ring stops once, one end and nothing after it, no op counts twice, the clock is never behind.
    #[test]
    fn every_walk_keeps_the_rules(walk in any_walk(), cap in 1i64..=180) {
        let mut run = Run::new(cap);
        let mut last_stage = run.state.stage();
        for (op, gap) in walk {
            run.now = run.now.after(Millis(gap));
            let before = run.state.clone();
            let was_over = before.is_over();
            match run.try_op(op) {
                Ok(effects) => {
                    prop_assert!(!was_over || effects.is_empty(), "{:?} after the end", effects);
                    prop_assert!(run.state.next_due(&run.knobs).is_none_or(|due| due > run.now), "something due was left undone");
                    prop_assert!(before.next_due(&run.knobs).is_none_or(|due| due > run.now) || before != run.state);
                }
                Err(_) => prop_assert_eq!(&before, &run.state, "a refusal changes nothing"),
            }
            let stage = run.state.stage();
            prop_assert!(!was_over || stage == last_stage || (last_stage, stage) == (Stage::Ended, Stage::Settled));
            last_stage = stage;
            let kept = serde_json::to_string(&run.state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Consultation>(&kept).unwrap(), &run.state);
        }
        // Every path ends by time alone.
        let mut turns = 0;
        while let Some(due) = run.state.next_due(&run.knobs) {
            run.now = run.now.max(due);
            run.done(Op::Time);
            turns += 1;
            prop_assert!(turns < 10, "{:?}", run.state);
        }
        prop_assert!(run.state.is_over());
        let count = |effect: fn(&Effect) -> bool| run.effects.iter().filter(|e| effect(e)).count();
        let answered = count(|e| *e == Effect::Conclude);
        prop_assert_eq!(count(|e| *e == Effect::StopRinging), 1);
        prop_assert_eq!(count(|e| matches!(e, Effect::Answer | Effect::Miss)) <= 1, true);
        prop_assert_eq!(count(|e| matches!(e, Effect::Settle { .. })), answered, "what was agreed is settled, once");
        prop_assert_eq!(count(|e| matches!(e, Effect::Tell(event) if is_end(event))), 1);
        prop_assert!(matches!(run.effects.last(), Some(Effect::Tell(event)) if is_end(event)));
        let segments: Vec<Segment> = run.effects.iter().filter_map(|e| if let Effect::Segment(s) = e { Some(*s) } else { None }).collect();
        prop_assert!(segments.windows(2).all(|pair| pair[0].to < pair[1].from));
        if let Consultation::Ended(end) | Consultation::Settled(end) = run.state {
            prop_assert_eq!(total(&segments), end.proved);
            prop_assert!(end.proved <= end.at.since(end.since) && end.proved <= Millis::minutes(180));
            prop_assert!(end.at.since(end.since) <= Millis::minutes(180) || end.reason == EndReason::TimeLimit);
        } else {
            prop_assert_eq!(segments, [] as [Segment; 0]);
        }
    }

    /// It makes no difference to the bill how often the reconciler looks.
    #[test]
    fn the_reconciler_bills_nothing(walk in any_walk(), looks in prop::collection::vec(0i64..20_000, 60)) {
        let (mut rare, mut often) = (Run::new(180), Run::new(180));
        for ((op, gap), look) in walk.into_iter().zip(looks) {
            if !matches!(op, Op::Proof { .. } | Op::Time | Op::Accept { .. }) { continue }
            let next = rare.now.after(Millis(gap));
            let look = rare.now.after(Millis(look)).min(next);
            often.now = look;
            often.done(Op::Time);
            (rare.now, often.now) = (next, next);
            let _ = (rare.try_op(op), often.try_op(op));
            if let (Consultation::Open(rare), Consultation::Open(often)) = (&rare.state, &often.state) {
                prop_assert_eq!(rare.meter.proved(), often.meter.proved());
            }
        }
    }

    /// The bill never exceeds the cap, however the proofs and the raises come.
    #[test]
    fn the_cap_is_kept(gaps in prop::collection::vec((0i64..14_000, any::<bool>()), 1..80), raise in prop::option::of((0usize..40, 2i64..5))) {
        let (mut run, mut cap) = (Run::live(1), Millis::minutes(1));
        for (at, (gap, twice)) in gaps.into_iter().enumerate() {
            run.now = run.now.after(Millis(gap));
            if let Some((when, minutes)) = raise && when == at && run.try_op(Op::Raise { cap: Cap::minutes(minutes).unwrap() }).is_ok() {
                cap = Millis::minutes(minutes);
            }
            let _ = run.try_op(Op::Proof { by: PROVIDER });
            if twice { let _ = run.try_op(Op::Proof { by: CONSUMER }); }
        }
        while run.state.is_open() {
            run.now = run.state.next_due(&run.knobs).unwrap().max(run.now);
            run.done(Op::Time);
        }
        let Consultation::Ended(end) = run.state else { panic!("{:?}", run.state) };
        prop_assert!(end.proved <= cap, "{:?}", end);
    }

    #[test]
    fn never_panics(ops in prop::collection::vec((any_op(), any::<i64>()), 0..20)) {
        let knobs = Knobs::default();
        let (mut state, _) = Consultation::request(&conditions(30), Timestamp(0), &knobs);
        for (op, now) in ops {
            if let Ok((next, _)) = state.apply(op, Timestamp(now), &knobs) {
                state = next;
            }
            let _ = (state.ends_by(Timestamp(now), &knobs), state.next_due(&knobs), state.stage(), state.takes_messages(), op.whose());
        }
    }
}
