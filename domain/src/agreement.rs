//! The agreement: what both sides were shown and accepted (design sections 1 and 6). Its texts are hashed by the server.

use crate::{
    canonical::Canonical,
    conditions::Conditions,
    environment::Environment,
    id::{AccountId, ConsultationId, OfferId},
    side::Both,
};
use serde::{Deserialize, Serialize};

/// The text whose hash a request carries: what the consumer was shown of the offer before asking. If the server finds another hash when the request
/// comes, the consumer is asked again (design section 6). Round trip and bandwidth count by the media that they allow, so that a measurement that
/// differs by a millisecond asks nobody again.
pub fn shown(offer: OfferId, conditions: &Conditions, provider: &Environment) -> String {
    let mut text = Canonical::new("noren shown 1");
    text.put("offer", offer);
    conditions.put(&mut text);
    provider.put_lasting(&mut text);
    text.into_text()
}

/// What both accepted: the consumer by asking, the provider by accepting. Never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// For which consultation.
    pub consultation: ConsultationId,
    /// The offer.
    pub offer: OfferId,
    /// Between whom.
    pub parties: Both<AccountId>,
    /// All conditions.
    pub conditions: Conditions,
    /// Both environments, as they were shown.
    pub environments: Both<Environment>,
}

impl Agreement {
    /// The text that is hashed: equal for equal agreements, different for different ones.
    pub fn canonical(&self) -> String {
        let mut text = Canonical::new("noren agreement 1");
        text.put("consultation", self.consultation);
        text.put("offer", self.offer);
        text.put("consumer", self.parties.consumer);
        text.put("provider", self.parties.provider);
        self.conditions.put(&mut text);
        self.environments.consumer.put_all(&mut text);
        self.environments.provider.put_all(&mut text);
        text.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conditions::tests::{any_conditions, choice, offer},
        environment::tests::any_environment,
        money::Rate,
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn what_was_shown_outlives_a_new_measurement() {
        let conditions = Conditions::of(&offer(), &choice("voice", "", "")).unwrap();
        let offer = OfferId(Uuid::nil());
        let at = |rtt, kbit| Environment { round_trip_ms: Some(rtt), bandwidth_kbit: Some(kbit), ..Environment::default() };
        let first = shown(offer, &conditions, &at(40, 5_000));
        assert_eq!(first, shown(offer, &conditions, &at(44, 4_000)));
        assert_ne!(first, shown(offer, &conditions, &at(40, 50)), "too slow for video now");
        let dearer = Conditions { rate: Rate::new(121, conditions.rate.currency).unwrap(), ..conditions.clone() };
        assert_ne!(first, shown(offer, &dearer, &at(40, 5_000)));
    }

    fn any_agreement() -> impl Strategy<Value = Agreement> {
        let id = || (0u128..3).prop_map(Uuid::from_u128);
        ((id(), id(), id(), id()), any_conditions(), any_environment(), any_environment()).prop_map(
            |((consultation, offer, from, to), conditions, consumer, provider)| Agreement {
                consultation: ConsultationId(consultation),
                offer: OfferId(offer),
                parties: Both { consumer: AccountId(from), provider: AccountId(to) },
                conditions,
                environments: Both { consumer, provider },
            },
        )
    }

    /// `a`, with every field of `b` whose bit is set: agreements that differ in few fields.
    fn mixed(a: &Agreement, b: &Agreement, bits: u64) -> Agreement {
        let mut mixed = a.clone();
        let mut bit = 0;
        let mut take = || {
            bit += 1;
            bits & (1 << (bit - 1)) != 0
        };
        macro_rules! fields {
            ($($($field:ident).+),+ $(,)?) => { $(if take() { mixed.$($field).+ = b.$($field).+.clone(); })+ };
        }
        fields!(
            consultation,
            offer,
            parties.consumer,
            parties.provider,
            conditions.rate.minor,
            conditions.rate.currency,
            conditions.free_seconds,
            conditions.cap,
            conditions.medium,
            conditions.media,
            conditions.language,
            environments.consumer.device,
            environments.consumer.browser,
            environments.consumer.microphone,
            environments.consumer.camera,
            environments.consumer.speaker,
            environments.consumer.network,
            environments.consumer.round_trip_ms,
            environments.consumer.bandwidth_kbit,
            environments.consumer.relay,
            environments.consumer.language,
            environments.consumer.zone,
            environments.provider.device,
            environments.provider.browser,
            environments.provider.microphone,
            environments.provider.camera,
            environments.provider.speaker,
            environments.provider.network,
            environments.provider.round_trip_ms,
            environments.provider.bandwidth_kbit,
            environments.provider.relay,
            environments.provider.language,
            environments.provider.zone,
        );
        mixed
    }

    proptest! {
        #[test]
        fn agreements_that_differ_anywhere_have_other_canonical_texts(a in any_agreement(), b in any_agreement(), which in 0u32..34, more in any::<u64>(), few in any::<bool>()) {
            let other = mixed(&a, &b, if few { 1 << which } else { more });
            prop_assert_eq!(a == other, a.canonical() == other.canonical());
        }

        #[test]
        fn an_agreement_that_was_kept_has_the_same_canonical_text(a in any_agreement()) {
            let kept: Agreement = serde_json::from_str(&serde_json::to_string(&a).unwrap()).unwrap();
            prop_assert_eq!(&kept, &a);
            prop_assert_eq!(kept.canonical(), a.canonical());
        }
    }
}
