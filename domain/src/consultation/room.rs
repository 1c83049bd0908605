//! A consultation that was accepted and is not over: connecting, live or interrupted.

use super::{Bound, Consultation, Course, Effect, End, EndReason, Knobs, Op};
use crate::{
    conditions::Cap,
    id::SignInId,
    media::Medium,
    proof::{Meter, Missing},
    reject::{Code, Field, Reject},
    side::{Both, Side},
    time::Timestamp,
    timeline::Event,
};
use serde::{Deserialize, Serialize};

/// How far an open consultation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Both are coming together.
    Connecting {
        /// Until when they must have.
        until: Timestamp,
    },
    /// Both are there.
    Live,
    /// A side is missing. Nothing is billed.
    Interrupted {
        /// When both are asked, or when their silence ends it.
        until: Timestamp,
        /// Whether both were asked what to do.
        asked: bool,
    },
    /// The cap is used up. Nothing is billed, and proofs count only again when it was raised.
    Full {
        /// When it ends unless the cap is raised.
        until: Timestamp,
    },
}

/// Which warnings were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Warned {
    /// That the cap is near.
    pub cap: bool,
    /// That the limit is near.
    pub limit: bool,
}

/// The room of a consultation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Room {
    /// How far it is.
    pub phase: Phase,
    /// When it was accepted.
    pub since: Timestamp,
    /// The device that accepted.
    pub answered_on: SignInId,
    /// What can change in it.
    pub course: Course,
    /// The time in which both were there.
    pub meter: Meter,
    /// How often it went on after the cap was used up. Proofs of different parts are never joined.
    #[serde(default)]
    pub part: u32,
    /// Who is in the room.
    pub here: Both<bool>,
    /// Which warnings were given.
    pub warned: Warned,
}

/// What time does.
#[derive(Clone, Copy)]
pub(super) enum Turn {
    Fail,
    Warn { of: Bound, ends_at: Timestamp },
    Interrupt,
    Fill,
    Ask,
    End(EndReason),
}

/// The reason for which an op ends an open consultation; `None` when it does not.
pub(super) fn end_reason(op: Op) -> Option<EndReason> {
    match op {
        Op::End { by } | Op::Block { by } => Some(by.into()),
        Op::Cancel => Some(EndReason::Consumer),
        Op::Funds => Some(EndReason::Funds),
        Op::Stop => Some(EndReason::Operator),
        _ => None,
    }
}

impl Room {
    pub(super) fn new(answered_on: SignInId, course: Course, now: Timestamp, knobs: &Knobs) -> Self {
        let mut room = Room {
            phase: Phase::Connecting { until: now.after(knobs.connect) },
            since: now,
            answered_on,
            course,
            meter: Meter::default(),
            part: 0,
            here: Both::default(),
            warned: Warned::default(),
        };
        room.warn_of_cap_anew(knobs);
        room
    }

    pub(super) fn apply(mut self, op: Op, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) -> Result<Consultation, Reject> {
        match op {
            Op::Joined { by } => self.join(by, effects),
            Op::Left { by } => self.leave(by, effects),
            Op::Proof { by } => self.prove(by, now, knobs, effects),
            Op::Medium { by, medium } => self.change(by, medium, effects)?,
            Op::Raise { cap } if cap < self.course.cap => return Err(Reject::field(Field::Cap, Code::BadCap)),
            Op::Raise { cap } if cap == self.course.cap => {}
            Op::Raise { cap } => self.raise(cap, now, knobs, effects),
            Op::Wait { by } => self.wait(by, now, knobs, effects),
            // A cancel that crossed the accept is honoured; later it is a mistake.
            Op::Cancel if !matches!(self.phase, Phase::Connecting { .. }) => return Err(Code::Answered.into()),
            Op::Accept { device } if device == self.answered_on => {}
            Op::Reached { .. } | Op::Shown { .. } | Op::Accept { .. } | Op::Decline { .. } => return Err(Code::Answered.into()),
            Op::Settled => return Err(Code::TooEarly.into()),
            // An open consultation goes on even when its provider's presence ends: its own proofs decide about it.
            Op::Gone | Op::Time => {}
            // These end it, below.
            Op::Cancel | Op::End { .. } | Op::Block { .. } | Op::Funds | Op::Stop => {}
        }
        Ok(match end_reason(op) {
            Some(reason) => self.end(reason, now, effects),
            None => Consultation::Open(self),
        })
    }

    fn join(&mut self, by: Side, effects: &mut Vec<Effect>) {
        if !std::mem::replace(self.here.of_mut(by), true) {
            effects.push(Effect::Tell(Event::Joined { by }));
        }
    }

    fn leave(&mut self, by: Side, effects: &mut Vec<Effect>) {
        if std::mem::replace(self.here.of_mut(by), false) {
            effects.push(Effect::Tell(Event::Left { by }));
        }
    }

    fn prove(&mut self, by: Side, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) {
        self.join(by, effects);
        if matches!(self.phase, Phase::Full { .. }) {
            return;
        }
        effects.extend(self.meter.prove(by, now, knobs.join).map(Effect::Segment));
        if self.meter.missing().is_some() {
            return;
        }
        match std::mem::replace(&mut self.phase, Phase::Live) {
            Phase::Connecting { .. } => effects.push(Effect::Tell(Event::Began)),
            Phase::Interrupted { .. } => effects.push(Effect::Tell(Event::Resumed)),
            Phase::Live | Phase::Full { .. } => {}
        }
    }

    /// What was used up goes on when both have proved again that they are there.
    fn raise(&mut self, cap: Cap, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) {
        self.course.cap = cap;
        self.warn_of_cap_anew(knobs);
        effects.extend([Effect::Reserve { cap }, Effect::Tell(Event::Raised { cap })]);
        if let Phase::Full { .. } = self.phase {
            self.part = self.part.saturating_add(1);
            self.phase = Phase::Interrupted { until: now.after(knobs.interrupted), asked: false };
        }
    }

    /// From video to voice to chat and back, as far as the agreement names a medium that is as rich.
    fn change(&mut self, by: Side, medium: Medium, effects: &mut Vec<Effect>) -> Result<(), Reject> {
        if !self.course.media.reaches(medium) {
            return Err(Reject::field(Field::Medium, Code::BadMedia));
        }
        if std::mem::replace(&mut self.course.medium, medium) != medium {
            effects.push(Effect::Tell(Event::Medium { by, medium }));
        }
        Ok(())
    }

    /// Prolongs an interruption whose end both were asked about. Otherwise there is nothing to wait for any more.
    fn wait(&mut self, by: Side, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) {
        if let Phase::Interrupted { asked: true, .. } = self.phase {
            let until = now.after(knobs.wait);
            self.phase = Phase::Interrupted { until, asked: false };
            effects.push(Effect::Tell(Event::Waiting { by, until }));
        }
    }

    /// Both are warned once of each cap, unless so little is left when it is set that they know.
    fn warn_of_cap_anew(&mut self, knobs: &Knobs) {
        self.warned.cap = self.course.cap.millis().less(self.meter.proved()) <= knobs.warn_cap;
    }

    fn end(mut self, reason: EndReason, now: Timestamp, effects: &mut Vec<Effect>) -> Consultation {
        effects.extend(self.meter.close().map(Effect::Segment));
        let proved = self.meter.proved();
        effects.extend([Effect::Settle { proved }, Effect::Tell(Event::Ended { reason, proved })]);
        Consultation::Ended(End { since: self.since, at: now, reason, proved })
    }

    /// What time does next, and when: the whole timetable. Of two turns at the same moment the first one counts.
    pub(super) fn next_turn(&self, knobs: &Knobs) -> (Timestamp, Turn) {
        let mut next = (self.limit(knobs), Turn::End(EndReason::TimeLimit));
        let mut or = |at: Timestamp, turn: Turn| {
            if at < next.0 {
                next = (at, turn);
            }
        };
        match self.phase {
            Phase::Connecting { until } => or(until, Turn::Fail),
            Phase::Live => {
                if let Some(full) = self.meter.full_at(self.course.cap.millis()) {
                    or(full, Turn::Fill);
                    if !self.warned.cap {
                        or(full.before(knobs.warn_cap), Turn::Warn { of: Bound::Cap, ends_at: full });
                    }
                }
                if let Some(at) = self.meter.lapses_at(knobs.join) {
                    or(at, Turn::Interrupt);
                }
            }
            Phase::Interrupted { until, asked: false } => or(until, Turn::Ask),
            Phase::Interrupted { until, asked: true } => or(until, Turn::End(EndReason::Lost)),
            Phase::Full { until } => or(until, Turn::End(EndReason::Cap)),
        }
        if !self.warned.limit {
            let limit = self.limit(knobs);
            or(limit.before(knobs.warn_limit), Turn::Warn { of: Bound::TimeLimit, ends_at: limit });
        }
        next
    }

    /// Does what time does next. Whatever waits for people begins when it is noticed, so that a server that was away asks before it ends.
    pub(super) fn turn(mut self, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) -> Consultation {
        match self.next_turn(knobs).1 {
            Turn::Fail => {
                effects.extend([Effect::Settle { proved: self.meter.proved() }, Effect::Tell(Event::Failed)]);
                return Consultation::Failed { at: now };
            }
            Turn::End(reason) => return self.end(reason, now, effects),
            Turn::Warn { of, ends_at } => {
                match of {
                    Bound::Cap => self.warned.cap = true,
                    Bound::TimeLimit => self.warned.limit = true,
                }
                effects.push(Effect::Tell(Event::Warned { of, ends_at }));
            }
            Turn::Interrupt => {
                effects.extend(self.meter.lapse(now, knobs.join).map(Effect::Segment));
                let until = now.after(knobs.interrupted);
                self.phase = Phase::Interrupted { until, asked: false };
                let missing = self.meter.missing().unwrap_or(Missing::Both);
                effects.push(Effect::Tell(Event::Interrupted { missing, until }));
            }
            Turn::Fill => {
                effects.extend(self.meter.close().map(Effect::Segment));
                let until = now.after(knobs.extend);
                self.phase = Phase::Full { until };
                effects.push(Effect::Tell(Event::Full { until }));
            }
            Turn::Ask => {
                let until = now.after(knobs.answer);
                self.phase = Phase::Interrupted { until, asked: true };
                effects.push(Effect::Tell(Event::Asked { until }));
            }
        }
        Consultation::Open(self)
    }

    fn limit(&self, knobs: &Knobs) -> Timestamp {
        self.since.after(knobs.limit)
    }

    pub(super) fn ends_by(&self, now: Timestamp, knobs: &Knobs) -> Timestamp {
        if let Phase::Full { until } = self.phase {
            return until.min(self.limit(knobs));
        }
        let cap = self.course.cap.millis();
        let full = self.meter.full_at(cap).unwrap_or(now.after(cap.less(self.meter.proved())));
        full.min(self.limit(knobs))
    }

    pub(super) const fn takes_messages(&self) -> Result<(), Code> {
        match (self.phase, self.course.medium) {
            (Phase::Interrupted { .. } | Phase::Full { .. }, Medium::Chat) => Err(Code::Interrupted),
            _ => Ok(()),
        }
    }
}
