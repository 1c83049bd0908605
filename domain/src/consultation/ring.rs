//! A request that rings.

use super::{Consultation, Course, Decline, Effect, Knobs, Op, room::Room};
use crate::{
    id::SignInId,
    reject::{Code, Reject},
    side::Side,
    time::Timestamp,
    timeline::Event,
};
use serde::{Deserialize, Serialize};

/// Most devices that are counted.
pub const DEVICES_MAX: usize = 32;

/// A request that rings at its provider's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ring {
    /// Since when.
    pub since: Timestamp,
    /// When it times out.
    pub until: Timestamp,
    /// What is asked for.
    pub course: Course,
    /// The devices that have confirmed that they ring.
    pub devices: Vec<SignInId>,
    /// Whether one of them shows it.
    pub shown: bool,
}

impl Ring {
    pub(super) fn new(course: Course, now: Timestamp, knobs: &Knobs) -> Self {
        Ring { since: now, until: now.after(knobs.ring), course, devices: Vec::new(), shown: false }
    }

    pub(super) fn apply(mut self, op: Op, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) -> Result<Consultation, Reject> {
        Ok(match op {
            Op::Reached { device } => {
                self.reached(device, effects);
                Consultation::Requested(self)
            }
            Op::Shown { device } => {
                self.reached(device, effects);
                if !std::mem::replace(&mut self.shown, true) {
                    effects.push(Effect::Tell(Event::Shown));
                }
                Consultation::Requested(self)
            }
            Op::Accept { device } => {
                let until = now.after(knobs.connect);
                effects.extend([Effect::StopRinging, Effect::Answer, Effect::Conclude, Effect::Reserve { cap: self.course.cap }]);
                effects.push(Effect::Tell(Event::Accepted { until }));
                Consultation::Open(Room::new(device, self.course, now, knobs))
            }
            Op::Decline { reason } => declined(reason, now, effects),
            Op::Block { by: Side::Provider } => declined(Decline::NoReason, now, effects),
            Op::Cancel | Op::Block { by: Side::Consumer } => {
                effects.extend([Effect::StopRinging, Effect::Tell(Event::Cancelled)]);
                Consultation::Cancelled { at: now, unfunded: false }
            }
            Op::Funds => {
                effects.extend([Effect::StopRinging, Effect::Tell(Event::Unfunded)]);
                Consultation::Cancelled { at: now, unfunded: true }
            }
            Op::Gone | Op::Stop => unreachable_at(now, effects),
            Op::Time => Consultation::Requested(self),
            Op::Joined { .. } | Op::Left { .. } | Op::Proof { .. } | Op::Medium { .. } | Op::Raise { .. } => {
                return Err(Code::TooEarly.into());
            }
            Op::Wait { .. } | Op::End { .. } | Op::Settled => return Err(Code::TooEarly.into()),
        })
    }

    fn reached(&mut self, device: SignInId, effects: &mut Vec<Effect>) {
        if self.devices.len() < DEVICES_MAX && !self.devices.contains(&device) {
            self.devices.push(device);
            effects.push(Effect::Tell(Event::Reached { devices: self.devices.len() }));
        }
    }

    /// Nobody answered. It is a miss only if a device rang, and if the server was there to hear an answer until the end.
    pub(super) fn time_out(self, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) -> Consultation {
        if self.devices.is_empty() || now.since(self.until) > knobs.ring_late {
            return unreachable_at(now, effects);
        }
        effects.extend([Effect::StopRinging, Effect::Miss, Effect::Tell(Event::Missed)]);
        Consultation::Missed { at: now }
    }
}

fn declined(reason: Decline, now: Timestamp, effects: &mut Vec<Effect>) -> Consultation {
    effects.extend([Effect::StopRinging, Effect::Answer, Effect::Tell(Event::Declined { reason })]);
    Consultation::Declined { at: now, reason }
}

fn unreachable_at(now: Timestamp, effects: &mut Vec<Effect>) -> Consultation {
    effects.extend([Effect::StopRinging, Effect::Tell(Event::Unreachable)]);
    Consultation::Unreachable { at: now }
}
