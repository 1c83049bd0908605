//! The state machine of a consultation (design section 6), from the request to the end. It alone decides.
//!
//! ```text
//! Requested --ring--> Declined | Missed | Cancelled | Unreachable
//!     | accept
//! Open: Connecting --> Failed
//!       Live <--> Interrupted
//!     |
//! Ended --> Settled
//! ```
//!
//! Every change is load, [`Consultation::apply`], conditional write, in one transaction. What time does by itself is due at
//! [`Consultation::next_due`], and is done by whatever comes next: an op that comes late finds the state that time has made of it.

mod knobs;
mod miss;
mod op;
mod request;
mod ring;
mod room;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;

pub use knobs::Knobs;
pub use miss::Misses;
pub use op::{Effect, Op};
pub use request::Asking;
pub use ring::{DEVICES_MAX, Ring};
pub use room::{Phase, Room, Warned};

use crate::{
    conditions::{Cap, Conditions},
    media::{Media, Medium},
    reject::{Code, Reject, codes},
    side::Side,
    time::{Millis, Timestamp},
    timeline::Event,
};
use serde::{Deserialize, Serialize};

codes! {
    /// Why a provider declines. Declining is free, and no miss.
    Decline {
        /// Somebody else can help better.
        NotMyField = "not_my_field",
        /// Not right now.
        InFiveMinutes = "in_five_minutes",
        /// It is not said why.
        NoReason = "no_reason",
    }
}

impl Decline {
    /// The reason of that name; empty means that none is said. Errors: `BadReason`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        match raw.trim() {
            "" => Ok(Decline::NoReason),
            name => Decline::ALL.iter().copied().find(|r| r.as_str() == name).ok_or(Code::BadReason),
        }
    }
}

codes! {
    /// Why a consultation ended.
    EndReason {
        /// The consumer ended it.
        Consumer = "consumer",
        /// The provider ended it.
        Provider = "provider",
        /// What was agreed to be paid at most is used up.
        Cap = "cap",
        /// There is no money for more.
        Funds = "funds",
        /// No consultation is longer.
        TimeLimit = "time_limit",
        /// A line was lost and did not come back.
        Lost = "lost",
        /// The operator ended it.
        Operator = "operator",
    }
}

impl From<Side> for EndReason {
    fn from(side: Side) -> Self {
        match side {
            Side::Consumer => EndReason::Consumer,
            Side::Provider => EndReason::Provider,
        }
    }
}

codes! {
    /// What bounds a consultation that goes on.
    Bound {
        /// What was agreed to be paid at most.
        Cap = "cap",
        /// The length that no consultation exceeds.
        TimeLimit = "time_limit",
    }
}

codes! {
    /// The name of a state, as a column of the database has it.
    Stage {
        /// It rings.
        Requested = "requested",
        /// The provider declined.
        Declined = "declined",
        /// It rang, and nobody answered.
        Missed = "missed",
        /// The consumer took the request back, or had no money for it any more.
        Cancelled = "cancelled",
        /// It rang nowhere.
        Unreachable = "unreachable",
        /// Accepted; both are coming together.
        Connecting = "connecting",
        /// Both sides never came together.
        Failed = "failed",
        /// Both are there.
        Live = "live",
        /// Nothing is billed: a side is missing, or the cap is used up.
        Interrupted = "interrupted",
        /// Over; the bill is to be made.
        Ended = "ended",
        /// The bill is made.
        Settled = "settled",
    }
}

impl Stage {
    /// Whether it keeps its provider busy.
    pub const fn is_open(self) -> bool {
        matches!(self, Stage::Connecting | Stage::Live | Stage::Interrupted)
    }
}

/// What can change in the course of a consultation, within its agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Course {
    /// The medium at this moment.
    pub medium: Medium,
    /// The media that the agreement names.
    pub media: Media,
    /// Most time that is billed.
    pub cap: Cap,
}

/// How a consultation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    /// When it was accepted.
    pub since: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// For how long both were there: the number that money uses.
    pub proved: Millis,
}

/// A request, and the consultation that it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consultation {
    /// It rings.
    Requested(Ring),
    /// The provider declined.
    Declined {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Decline,
    },
    /// It rang, and nobody answered.
    Missed {
        /// When it stopped.
        at: Timestamp,
    },
    /// The consumer took the request back, or had no money for it any more.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Whether the money went while it rang.
        #[serde(default)]
        unfunded: bool,
    },
    /// It rang nowhere, or the provider's curtain went in.
    Unreachable {
        /// When it stopped.
        at: Timestamp,
    },
    /// Accepted and not over: connecting, live or interrupted.
    Open(Room),
    /// Both sides never came together; free.
    Failed {
        /// When it was given up.
        at: Timestamp,
    },
    /// Over; the bill is to be made.
    Ended(End),
    /// The bill is made.
    Settled(End),
}

impl Consultation {
    /// A new request: it rings.
    pub fn request(conditions: &Conditions, now: Timestamp, knobs: &Knobs) -> (Self, Vec<Effect>) {
        let course = Course { medium: conditions.medium, media: conditions.media, cap: conditions.cap };
        let ring = Ring::new(course, now, knobs);
        let effects = vec![Effect::Ring, Effect::Tell(Event::Requested { until: ring.until })];
        (Consultation::Requested(ring), effects)
    }

    /// The state after `op` at `now`, and what must be done. The same op twice changes nothing the second time.
    ///
    /// What became due before is done first. When an op is refused because of that, nothing is written: the reconciler does it, so wake it then.
    ///
    /// Errors: `Answered` (accepted already, on another device), `TooEarly` (not accepted yet), `Over`, `BadMedia` (not in the agreement),
    /// `BadCap` (lower than agreed).
    pub fn apply(&self, op: Op, now: Timestamp, knobs: &Knobs) -> Result<(Self, Vec<Effect>), Reject> {
        let mut effects = Vec::new();
        let state = match self.clone().after_time(now, knobs, &mut effects) {
            state if op == Op::Time => state,
            Consultation::Requested(ring) => ring.apply(op, now, knobs, &mut effects)?,
            Consultation::Open(room) => room.apply(op, now, knobs, &mut effects)?,
            over => over.after_the_end(op)?,
        };
        Ok((state, effects))
    }

    /// When time alone changes the state next; `None` when it never does.
    pub fn next_due(&self, knobs: &Knobs) -> Option<Timestamp> {
        match self {
            Consultation::Requested(ring) => Some(ring.until),
            Consultation::Open(room) => Some(room.next_turn(knobs).0),
            _ => None,
        }
    }

    /// Does what is due, one turn after the other.
    fn after_time(self, now: Timestamp, knobs: &Knobs, effects: &mut Vec<Effect>) -> Self {
        let mut state = self;
        while state.next_due(knobs).is_some_and(|due| due <= now) {
            state = match state {
                Consultation::Requested(ring) => ring.time_out(now, knobs, effects),
                Consultation::Open(room) => room.turn(now, knobs, effects),
                over => return over,
            };
        }
        state
    }

    /// What is over stays as it is, but for the bill.
    fn after_the_end(self, op: Op) -> Result<Self, Reject> {
        match (&self, op) {
            (Consultation::Ended(end), Op::Settled) => Ok(Consultation::Settled(*end)),
            _ if self.has_become(op) => Ok(self),
            _ => Err(Code::Over.into()),
        }
    }

    /// Whether the op asks for what is so already.
    fn has_become(&self, op: Op) -> bool {
        match (self, op) {
            (Consultation::Cancelled { .. }, Op::Cancel | Op::Block { by: Side::Consumer }) => true,
            (Consultation::Cancelled { unfunded, .. }, Op::Funds) => *unfunded,
            (Consultation::Declined { reason: was, .. }, Op::Decline { reason }) => *was == reason,
            (Consultation::Declined { reason, .. }, Op::Block { by: Side::Provider }) => *reason == Decline::NoReason,
            (Consultation::Unreachable { .. }, Op::Gone | Op::Stop) => true,
            (Consultation::Failed { .. } | Consultation::Settled(_), Op::Settled) => true,
            (Consultation::Ended(end) | Consultation::Settled(end), op) => Some(end.reason) == room::end_reason(op),
            _ => false,
        }
    }

    /// The name of the state.
    pub const fn stage(&self) -> Stage {
        match self {
            Consultation::Requested(_) => Stage::Requested,
            Consultation::Declined { .. } => Stage::Declined,
            Consultation::Missed { .. } => Stage::Missed,
            Consultation::Cancelled { .. } => Stage::Cancelled,
            Consultation::Unreachable { .. } => Stage::Unreachable,
            Consultation::Open(Room { phase: Phase::Connecting { .. }, .. }) => Stage::Connecting,
            Consultation::Open(Room { phase: Phase::Live, .. }) => Stage::Live,
            Consultation::Open(Room { phase: Phase::Interrupted { .. } | Phase::Full { .. }, .. }) => Stage::Interrupted,
            Consultation::Failed { .. } => Stage::Failed,
            Consultation::Ended(_) => Stage::Ended,
            Consultation::Settled(_) => Stage::Settled,
        }
    }

    /// The newest moment that its states and stretches know of: whoever changes it next must not have an earlier one, though clocks of two nodes differ
    /// by a little. Rows that change no state, as messages, are not among it.
    pub fn newest(&self) -> Timestamp {
        match self {
            Consultation::Requested(ring) => ring.since,
            Consultation::Open(room) => room.meter.newest().unwrap_or(room.since).max(room.since),
            Consultation::Declined { at, .. }
            | Consultation::Missed { at }
            | Consultation::Cancelled { at, .. }
            | Consultation::Unreachable { at }
            | Consultation::Failed { at } => *at,
            Consultation::Ended(end) | Consultation::Settled(end) => end.at,
        }
    }

    /// Whether it keeps its provider busy.
    pub const fn is_open(&self) -> bool {
        self.stage().is_open()
    }

    /// Whether it is over for both sides.
    pub const fn is_over(&self) -> bool {
        !matches!(self, Consultation::Requested(_) | Consultation::Open(_))
    }

    /// Until when the provider is busy at the latest, as things stand: "busy, about 8 min". `None` when it is not open.
    pub fn ends_by(&self, now: Timestamp, knobs: &Knobs) -> Option<Timestamp> {
        match self {
            Consultation::Open(room) => Some(room.ends_by(now, knobs)),
            _ => None,
        }
    }

    /// Whether chat messages are taken. Chat survives the loss of voice and picture, but while a chat itself is interrupted its pages stop sending,
    /// like all others. Errors: `TooEarly`, `Interrupted`, `Over`.
    pub fn takes_messages(&self) -> Result<(), Code> {
        match self {
            Consultation::Requested(_) => Err(Code::TooEarly),
            Consultation::Open(room) => room.takes_messages(),
            _ => Err(Code::Over),
        }
    }
}
