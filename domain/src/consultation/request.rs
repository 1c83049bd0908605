//! Whether a consumer's request may ring a provider.

use crate::{presence::Presence, reject::Code};

/// What decides whether a request may ring, as read in the transaction that would write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The provider has blocked the consumer, or the other way round.
    pub blocked: bool,
    /// The consumer is the provider.
    pub own: bool,
    /// The consumer has a request that rings, or a consultation that is open.
    pub asks_already: bool,
    /// The provider's state.
    pub presence: Presence,
    /// The offer hangs out.
    pub hangs: bool,
    /// Another request rings the provider.
    pub ringing: bool,
    /// Conditions and environment are those that the consumer was shown: see [`shown`](crate::agreement::shown).
    pub as_shown: bool,
}

impl Asking {
    /// The truth for the consumer. Errors: `NotFound` (blocked: as a stranger's), `OwnOffer`, `RequestOpen`, `Busy`, `NotOpen`, `Ringing`,
    /// `ConditionsChanged`.
    pub const fn may_ring(&self) -> Result<(), Code> {
        if self.blocked {
            return Err(Code::NotFound);
        }
        if self.own {
            return Err(Code::OwnOffer);
        }
        if self.asks_already {
            return Err(Code::RequestOpen);
        }
        match self.presence {
            Presence::Busy { .. } => Err(Code::Busy),
            Presence::Online { .. } if !self.hangs => Err(Code::NotOpen),
            Presence::Online { .. } if self.ringing => Err(Code::Ringing),
            Presence::Online { .. } if !self.as_shown => Err(Code::ConditionsChanged),
            Presence::Online { .. } => Ok(()),
            Presence::Offline | Presence::Away { .. } => Err(Code::NotOpen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::ConsultationId, time::Timestamp};
    use uuid::Uuid;

    #[test]
    fn the_truth_is_told() {
        let online = Presence::Online { until: Timestamp(1) };
        let fine =
            Asking { blocked: false, own: false, asks_already: false, presence: online, hangs: true, ringing: false, as_shown: true };
        assert_eq!(fine.may_ring(), Ok(()));
        for (asking, code) in [
            (Asking { as_shown: false, ..fine }, Code::ConditionsChanged),
            (Asking { ringing: true, as_shown: false, ..fine }, Code::Ringing),
            (Asking { hangs: false, ..fine }, Code::NotOpen),
            (Asking { presence: Presence::Away { missed: 1 }, ..fine }, Code::NotOpen),
            (Asking { presence: Presence::Offline, ringing: true, ..fine }, Code::NotOpen),
            (Asking { presence: Presence::Busy { consultation: ConsultationId(Uuid::nil()) }, ..fine }, Code::Busy),
            (Asking { asks_already: true, ..fine }, Code::RequestOpen),
            (Asking { own: true, ..fine }, Code::OwnOffer),
            (Asking { blocked: true, own: true, presence: Presence::Offline, ..fine }, Code::NotFound),
        ] {
            assert_eq!(asking.may_ring(), Err(code));
        }
    }
}
