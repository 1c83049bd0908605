//! Every world that two consumers and one provider can get into, step by step, with drops and crashes, on a clock of few ticks.

use super::*;
use crate::{
    conditions::tests::{choice, offer},
    id::{ConsultationId, SignInId},
    presence::{Facts, judge},
};
use std::collections::HashSet;
use uuid::Uuid;

/// The clock of the walk stops here.
const END: Timestamp = Timestamp(6);

/// A tick is a millisecond: few enough of them make every time-out happen within the walk.
const KNOBS: Knobs = Knobs {
    ring: Millis(2),
    ring_late: Millis(1),
    cool_down: Millis(2),
    connect: Millis(2),
    prove: Millis(1),
    join: Millis(1),
    interrupted: Millis(1),
    answer: Millis(1),
    wait: Millis(1),
    extend: Millis(1),
    limit: Millis(5),
    warn_limit: Millis(1),
    warn_cap: Millis(1),
};

/// What the database holds.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    now: Timestamp,
    /// The request of each consumer.
    asked: [Option<Consultation>; 2],
    misses: Misses,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize),
    Do(usize, Op),
    /// The provider taps to return.
    Return,
    /// Time passes, and the reconciler looks after each tick.
    Tick,
    /// Time passes while the server is down; the reconciler looks when it is back.
    Crash,
}

fn steps() -> Vec<Step> {
    let device = SignInId(Uuid::nil());
    let ops = [
        Op::Reached { device },
        Op::Accept { device },
        Op::Decline { reason: Decline::NotMyField },
        Op::Cancel,
        Op::Proof { by: Side::Consumer },
        Op::Proof { by: Side::Provider },
        Op::Wait { by: Side::Consumer },
        Op::End { by: Side::Provider },
        Op::Settled,
    ];
    let of_each = (0..2).flat_map(|who| ops.map(|op| Step::Do(who, op)).into_iter().chain([Step::Ask(who)]));
    of_each.chain([Step::Return, Step::Tick, Step::Crash]).collect()
}

impl World {
    fn asking(&self, who: usize) -> Asking {
        let open = self.asked.iter().flatten().any(Consultation::is_open);
        let facts = Facts {
            until: Some(Timestamp(i64::MAX)),
            attached: 1,
            missed: self.misses.away(),
            consultation: open.then_some(ConsultationId(Uuid::nil())),
            ..Facts::default()
        };
        Asking {
            blocked: false,
            own: false,
            asks_already: self.asked[who].as_ref().is_some_and(|c| !c.is_over()),
            presence: judge(&facts, self.now),
            hangs: true,
            ringing: self.asked.iter().flatten().any(|c| c.stage() == Stage::Requested),
            as_shown: true,
        }
    }

    fn apply(&mut self, who: usize, op: Op) {
        let Some(before) = &self.asked[who] else { return };
        let Ok((after, effects)) = before.apply(op, self.now, &KNOBS) else { return };
        for effect in &effects {
            match effect {
                Effect::Miss => self.misses = self.misses.missed(self.now),
                Effect::Answer => self.misses = self.misses.answered(),
                Effect::Settle { proved } => assert!(*proved <= self.now.since(Timestamp(0)) && after.is_over()),
                _ => {}
            }
        }
        assert!(!before.is_over() || effects.is_empty(), "{before:?} {op:?} {effects:?}");
        assert_eq!(effects.contains(&Effect::StopRinging), before.stage() == Stage::Requested && after.stage() != Stage::Requested);
        assert_eq!(before.is_open() && !after.is_open(), effects.iter().any(|e| matches!(e, Effect::Settle { .. })) && before.is_open());
        self.asked[who] = Some(after);
    }

    /// The world after a step; `None` when the step changes nothing.
    fn after(&self, step: Step) -> Option<World> {
        let mut world = self.clone();
        match step {
            // Each consumer asks once, so that the walk is finite.
            Step::Ask(who) if world.asked[who].is_none() && world.asking(who).may_ring().is_ok() => {
                let conditions = Conditions::of(&offer(), &choice("chat", "1", "")).unwrap();
                world.asked[who] = Some(Consultation::request(&conditions, world.now, &KNOBS).0);
            }
            Step::Ask(_) => {}
            Step::Do(who, op) => world.apply(who, op),
            Step::Return => world.misses = world.misses.back(world.now, &KNOBS).unwrap_or(world.misses),
            Step::Tick => world.pass(1),
            Step::Crash => world.pass(4),
        }
        (world != *self && world.now <= END).then_some(world)
    }

    fn pass(&mut self, ticks: i64) {
        self.now = self.now.after(Millis(ticks));
        for who in 0..2 {
            self.apply(who, Op::Time);
        }
    }

    fn judge(&self) {
        let open = self.asked.iter().flatten().filter(|c| c.is_open()).count();
        let ringing = self.asked.iter().flatten().filter(|c| c.stage() == Stage::Requested).count();
        assert!(open + ringing <= 1, "two at one provider: {:?}", self.asked);
        for one in self.asked.iter().flatten() {
            assert!(one.next_due(&KNOBS).is_none_or(|due| due > self.now), "left undone at {:?}: {one:?}", self.now);
            assert_eq!(one.next_due(&KNOBS).is_none(), one.is_over(), "what is not over ends by itself");
        }
        // Left to itself, nothing stays busy.
        let mut alone = self.clone();
        alone.pass(KNOBS.limit.0);
        for _ in 0..4 {
            alone.pass(2);
        }
        assert!(alone.asked.iter().flatten().all(Consultation::is_over), "stuck: {:?}", alone.asked);
    }
}

#[test]
fn no_world_has_two_consultations_of_one_provider_or_a_stuck_one() {
    let steps = steps();
    let begin = World { now: Timestamp(0), asked: [None, None], misses: Misses::default() };
    let (mut seen, mut next) = (HashSet::from([begin.clone()]), vec![begin]);
    let mut stages = HashSet::new();
    while let Some(world) = next.pop() {
        world.judge();
        stages.extend(world.asked.iter().flatten().map(Consultation::stage));
        for step in &steps {
            if let Some(after) = world.after(*step)
                && seen.insert(after.clone())
            {
                next.push(after);
            }
        }
    }
    assert_eq!(stages.len(), Stage::ALL.len(), "every state is reached: {stages:?}");
    assert!(seen.len() > 50_000, "only {} worlds", seen.len());
}
