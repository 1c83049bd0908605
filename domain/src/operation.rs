//! Movements of money through the gateway, and the cases that consumers open.

use crate::reject::{Code, codes};
use serde::{Deserialize, Serialize};

codes! {
    /// Which way money moves.
    OperationKind {
        /// Into a wallet.
        TopUp = "top_up",
        /// The unused, back to whoever paid it.
        Refund = "refund",
    }
}

codes! {
    /// How far a movement is.
    OperationState {
        /// Written down; the gateway was not told yet.
        Requested = "requested",
        /// The gateway knows of it.
        Sent = "sent",
        /// The gateway was called and did not answer: it is asked, never guessed.
        Unknown = "unknown",
        /// Done.
        Settled = "settled",
        /// It did not come about.
        Failed = "failed",
    }
}

impl OperationState {
    /// Whether nothing more happens to it.
    pub const fn is_done(self) -> bool {
        matches!(self, OperationState::Settled | OperationState::Failed)
    }
}

codes! {
    /// How a case stands.
    CaseState {
        /// Nobody has decided yet.
        Open = "open",
        /// Refunded by itself, because it was little.
        Automatic = "automatic",
        /// Refunded, all or in part.
        Refunded = "refunded",
        /// Nothing goes back.
        Refused = "refused",
    }
}

codes! {
    /// Whose money goes back.
    Borne {
        /// The provider's, and the operator's fee, pro rata.
        Provider = "provider",
        /// The operator's alone.
        House = "house",
    }
}

impl Borne {
    /// Whose money it is, by name; empty means the operator's. Errors: `BadRequest`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        match raw.trim() {
            "" => Ok(Borne::House),
            name => Borne::ALL.iter().copied().find(|borne| borne.as_str() == name).ok_or(Code::BadRequest),
        }
    }
}
