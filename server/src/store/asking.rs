//! What is asked for: the terms of an offer, the agreement that an accept would conclude, and what decides whether a request may ring.

use super::{
    error::StoreError,
    feed::Provider,
    rows::{self, from_json},
    tx::Tx,
};
use crate::ids;
use domain::{
    agreement::{Agreement, shown},
    conditions::{Choice, Conditions},
    consultation::{Asking, Stage},
    environment::Environment,
    id::{AccountId, OfferId},
    presence::judge,
    reject::Code,
    side::Both,
    time::Timestamp,
};
use entity::{block, consultation};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter};
use sha2::{Digest, Sha256};

/// What an offer is given under.
pub(super) struct Terms {
    pub(super) conditions: Conditions,
    pub(super) environment: Environment,
    pub(super) hash: String,
}

impl Terms {
    /// As they are for a robot, which has no money.
    pub(super) fn cost_nothing(&mut self) {
        self.conditions.rate.minor = 0;
    }
}

pub(super) fn terms(provider: &Provider, offer: OfferId, choice: &Choice) -> Result<Terms, StoreError> {
    let row = provider.listed.iter().find(|row| row.id == offer.0).ok_or(Code::NotFound)?;
    let conditions = Conditions::of(&rows::content_of(row)?, choice)?;
    let environment: Environment =
        provider.presence.as_ref().map_or_else(|| Ok(Environment::default()), |row| from_json(&row.environment))?;
    let hash = ids::hex(&Sha256::digest(shown(offer, &conditions, &environment)));
    Ok(Terms { conditions, environment, hash })
}

/// The agreement that an accept would conclude, under a new id.
pub(super) fn draft(provider: &Provider, consumer: AccountId, offer: OfferId, terms: Terms, environment: Environment) -> Agreement {
    Agreement {
        consultation: ids::new(),
        offer,
        parties: Both { consumer, provider: provider.id() },
        conditions: terms.conditions,
        environments: Both { consumer: environment, provider: terms.environment },
    }
}

/// All that decides whether a request may ring, read under the lock of its provider.
pub(super) async fn asking(
    tx: &Tx,
    consumer: AccountId,
    provider: &Provider,
    offer: OfferId,
    as_shown: bool,
    now: Timestamp,
) -> Result<Asking, StoreError> {
    let pair =
        |by: AccountId, whom: AccountId| Condition::all().add(block::Column::ByAccount.eq(by.0)).add(block::Column::Account.eq(whom.0));
    let blocks = block::Entity::find().filter(Condition::any().add(pair(consumer, provider.id())).add(pair(provider.id(), consumer)));
    let asks =
        consultation::Entity::find().filter(consultation::Column::Consumer.eq(consumer.0)).filter(consultation::Column::OverAt.is_null());
    let rings = consultation::Entity::find()
        .filter(consultation::Column::Provider.eq(provider.account.id))
        .filter(consultation::Column::Stage.eq(Stage::Requested.as_str()));
    Ok(Asking {
        blocked: blocks.count(&tx.db).await? > 0,
        own: consumer == provider.id(),
        asks_already: asks.count(&tx.db).await? > 0,
        presence: judge(&provider.facts(), now),
        hangs: provider.hangs(offer.0),
        ringing: rings.count(&tx.db).await? > 0,
        as_shown,
    })
}
