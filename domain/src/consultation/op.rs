//! What can be done to a consultation, and what must be done when it was.

use super::Decline;
use crate::{conditions::Cap, id::SignInId, media::Medium, proof::Segment, side::Side, time::Millis, timeline::Event};

/// What is done to a consultation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A device of the provider confirms that it rings.
    Reached {
        /// Which browser; several of its tabs are one device.
        device: SignInId,
    },
    /// A device of the provider shows the request to somebody.
    Shown {
        /// Which browser.
        device: SignInId,
    },
    /// The provider accepts.
    Accept {
        /// On which browser.
        device: SignInId,
    },
    /// The provider declines.
    Decline {
        /// Why.
        reason: Decline,
    },
    /// The consumer takes the request back.
    Cancel,
    /// The provider's presence ended while it rang.
    Gone,
    /// A side's first page came into the room.
    Joined {
        /// Which side.
        by: Side,
    },
    /// A side's last page left the room.
    Left {
        /// Which side.
        by: Side,
    },
    /// A side proves that it is there; the proof's time is that of its arrival.
    Proof {
        /// Which side.
        by: Side,
    },
    /// A side moves the consultation to another medium.
    Medium {
        /// Which side.
        by: Side,
        /// To which.
        medium: Medium,
    },
    /// The consumer raises the cap.
    Raise {
        /// To what.
        cap: Cap,
    },
    /// A side that was asked wants to wait for the other one.
    Wait {
        /// Which side.
        by: Side,
    },
    /// A side ends it.
    End {
        /// Which side.
        by: Side,
    },
    /// A side blocks the other: it leaves, whatever that means now. Who is blocked is not told.
    Block {
        /// Which side.
        by: Side,
    },
    /// There is no money: for what rings, or for more of what goes on.
    Funds,
    /// The operator ends it.
    Stop,
    /// The bill is made.
    Settled,
    /// Time passes.
    Time,
}

impl Op {
    /// Whose op it is: nobody else may do it. `None` for what only the server itself does.
    pub const fn whose(self) -> Option<Side> {
        match self {
            Op::Reached { .. } | Op::Shown { .. } | Op::Accept { .. } | Op::Decline { .. } => Some(Side::Provider),
            Op::Cancel | Op::Raise { .. } => Some(Side::Consumer),
            Op::Joined { by } | Op::Left { by } | Op::Proof { by } | Op::Wait { by } | Op::End { by } | Op::Block { by } => Some(by),
            Op::Medium { by, .. } => Some(by),
            Op::Gone | Op::Funds | Op::Stop | Op::Settled | Op::Time => None,
        }
    }
}

/// What must be done in the transaction that writes the new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ring every page and device of the provider.
    Ring,
    /// Stop ringing, everywhere.
    StopRinging,
    /// Note a miss: see [`Misses::missed`](super::Misses::missed).
    Miss,
    /// Note that the provider answered: see [`Misses::answered`](super::Misses::answered).
    Answer,
    /// Keep the agreement. The provider is busy from now on.
    Conclude,
    /// Hold as much of the consumer's money as this cap can cost, together with what is held already.
    Reserve {
        /// The cap.
        cap: Cap,
    },
    /// Write a row into the room's feed.
    Tell(Event),
    /// Keep a segment in which both were there.
    Segment(Segment),
    /// It is over and the provider is free again: make the bill, which gives back what it does not need.
    Settle {
        /// For how long both were there.
        proved: Millis,
    },
}
