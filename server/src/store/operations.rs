//! Movements through the gateway: written down before it is called, driven until they are done, and applied to the book once.

use super::{
    Store,
    error::{StoreError, one_row},
    ledger::{asset, locked_balance, post},
    rows::named,
    tx::Tx,
};
use crate::crash::Point;
use crate::gateway::{About, Event, Forged, Found, GatewayError, Intent, Standing};
use app::error::PortError;
use domain::{
    id::{AccountId, OperationId},
    ledger::{Book, Entry, EntryKind, Place},
    money::Money,
    operation::{OperationKind, OperationState},
    reject::Code,
    time::{Millis, Timestamp},
};
use entity::{gateway_event, operation};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use uuid::Uuid;

/// How long a movement whose owner is away paying is left alone, until the gateway is asked.
const LOOK: Millis = Millis::minutes(1);
/// After so many tries in vain, the time between two of them grows no more.
const TRIES: i64 = 8;

/// Which way money is to move.
pub(super) enum Way<'a> {
    /// Into a wallet; its owner comes back to that page.
    In { back: &'a str },
    /// Back to where that payment came from.
    Back { payment: Uuid },
}

pub(super) fn kind(row: &operation::Model) -> Result<OperationKind, StoreError> {
    named(OperationKind::ALL, OperationKind::as_str, &row.kind, "operation.kind")
}

pub(super) fn state(row: &operation::Model) -> Result<OperationState, StoreError> {
    named(OperationState::ALL, OperationState::as_str, &row.state, "operation.state")
}

pub(super) fn amount(row: &operation::Model) -> Result<Money, StoreError> {
    Ok(Money::new(row.minor, asset(&row.asset)?))
}

async fn lock(tx: &Tx, id: Uuid) -> Result<operation::Model, StoreError> {
    let row = operation::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
    row.ok_or_else(|| StoreError::Broken(format!("there is no movement {id}")))
}

async fn set(tx: &Tx, row: &operation::Model, change: operation::ActiveModel) -> Result<(), StoreError> {
    let updated = operation::Entity::update_many().set(change).filter(operation::Column::Id.eq(row.id)).exec(&tx.db).await?;
    if one_row(updated.rows_affected)? { Ok(()) } else { Err(StoreError::Broken("a movement that vanished".into())) }
}

impl Store {
    /// Writes a movement down that the gateway will be told of.
    pub(super) async fn intend(
        &self,
        tx: &Tx,
        account: AccountId,
        way: Way<'_>,
        amount: Money,
        now: Timestamp,
    ) -> Result<OperationId, StoreError> {
        tx.moves(Point::Intend);
        let id: OperationId = crate::ids::new();
        let (kind, parent, back) = match way {
            Way::In { back } => (OperationKind::TopUp, None, Some(back.to_owned())),
            Way::Back { payment } => (OperationKind::Refund, Some(payment), None),
        };
        let row = operation::ActiveModel {
            id: Set(id.0),
            account: Set(account.0),
            gateway: Set(self.0.gateway.id().into()),
            kind: Set(kind.as_str().into()),
            asset: Set(amount.asset.to_string()),
            minor: Set(amount.minor),
            state: Set(OperationState::Requested.as_str().into()),
            external: Set(None),
            // Until the gateway names its own page, this is where its owner comes back to.
            next: Set(back),
            parent: Set(parent),
            returned: Set(0),
            reversals: Set(0),
            tries: Set(0),
            created_at: Set(now.0),
            changed_at: Set(now.0),
            due_at: Set(Some(now.0)),
        };
        operation::Entity::insert(row).exec_without_returning(&tx.db).await?;
        Ok(id)
    }

    /// Takes a movement one step further: calls the gateway, then applies what it answers.
    pub async fn drive(&self, id: OperationId) -> Result<(), PortError> {
        let row = operation::Entity::find_by_id(id.0).one(&self.0.reader).await.map_err(StoreError::from)?;
        let row = row.ok_or_else(|| StoreError::Broken(format!("there is no movement {id}")))?;
        if state(&row)?.is_done() {
            return Ok(());
        }
        let answered = self.ask_gateway(&row).await?;
        Ok(self.write(async |tx| self.take_answer(tx, row.id, answered).await).await?)
    }

    async fn ask_gateway(&self, row: &operation::Model) -> Result<Result<Found, GatewayError>, StoreError> {
        let gateway = &self.0.gateway;
        let id = OperationId(row.id);
        Ok(match (kind(row)?, &row.external) {
            (OperationKind::TopUp, Some(external)) => gateway.top_up(external).await,
            (OperationKind::Refund, Some(external)) => gateway.refund(external).await,
            (OperationKind::TopUp, None) => {
                let back = row.next.clone().unwrap_or_else(|| app::routes::WALLET.into());
                let back = format!("{}{back}", self.0.public_url.as_deref().unwrap_or_default());
                gateway.start_top_up(&Intent { operation: id, amount: amount(row)?, back }).await
            }
            (OperationKind::Refund, None) => {
                let parent = match row.parent {
                    Some(parent) => operation::Entity::find_by_id(parent).one(&self.0.reader).await?,
                    None => None,
                };
                let payment = parent.and_then(|parent| parent.external);
                let payment = payment.ok_or_else(|| StoreError::Broken("a refund of a payment that is none".into()))?;
                gateway.start_refund(id, &payment, amount(row)?).await
            }
        })
    }

    /// Applies what the gateway answered, in one transaction; what is done already stays so.
    async fn take_answer(&self, tx: &Tx, id: Uuid, answered: Result<Found, GatewayError>) -> Result<(), StoreError> {
        tx.moves(Point::Apply);
        let row = lock(tx, id).await?;
        if state(&row)?.is_done() {
            return Ok(());
        }
        let now = self.clock().now();
        let change = operation::ActiveModel { changed_at: Set(now.0), ..operation::ActiveModel::default() };
        let again = |wait: Millis| Set(Some(now.after(wait).0));
        match answered {
            Ok(Found { external, standing, amount: moved }) => {
                if moved.is_some_and(|moved| amount(&row).is_ok_and(|asked| asked != moved)) {
                    return Err(StoreError::Broken(format!("the gateway moved another amount than movement {id} asks for: {moved:?}")));
                }
                let change = operation::ActiveModel { external: Set(Some(external)), tries: Set(0), ..change };
                match standing {
                    Standing::Waiting { next } => {
                        let sent = OperationState::Sent.as_str().to_owned();
                        let next = next.or_else(|| row.next.clone());
                        set(tx, &row, operation::ActiveModel { state: Set(sent), next: Set(next), due_at: again(LOOK), ..change }).await
                    }
                    Standing::Settled => {
                        self.settle_movement(tx, &row, now).await?;
                        let settled = OperationState::Settled.as_str().to_owned();
                        set(tx, &row, operation::ActiveModel { state: Set(settled), next: Set(None), due_at: Set(None), ..change }).await
                    }
                    Standing::Failed => self.fail_movement(tx, &row, change, now).await,
                }
            }
            Err(GatewayError::Refused(why)) => {
                tracing::warn!(operation = %id, why, "the gateway refused a movement");
                self.fail_movement(tx, &row, change, now).await
            }
            Err(GatewayError::Unknown(why)) => {
                tracing::warn!(operation = %id, why, "the gateway did not answer; it is asked again");
                let tries = row.tries.saturating_add(1);
                let wait = Millis::seconds(1i64.checked_shl(u32::try_from(tries.min(TRIES)).unwrap_or(0)).unwrap_or(1));
                let unknown = OperationState::Unknown.as_str().to_owned();
                set(tx, &row, operation::ActiveModel { state: Set(unknown), tries: Set(tries), due_at: again(wait), ..change }).await
            }
        }
    }

    /// The money has moved: that is booked.
    async fn settle_movement(&self, tx: &Tx, row: &operation::Model, now: Timestamp) -> Result<(), StoreError> {
        let (id, amount) = (OperationId(row.id), amount(row)?);
        let entry = match kind(row)? {
            OperationKind::TopUp => Entry::top_up(id, AccountId(row.account), amount)?,
            OperationKind::Refund => Entry::withdrawn(id, amount)?,
        };
        post(tx, &entry, now).await.map(drop)
    }

    /// The money will not move: what was taken out of the wallet for it goes back there.
    async fn fail_movement(
        &self,
        tx: &Tx,
        row: &operation::Model,
        change: operation::ActiveModel,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if kind(row)? == OperationKind::Refund {
            post(tx, &Entry::returned(OperationId(row.id), AccountId(row.account), amount(row)?)?, now).await?;
            if let Some(parent) = row.parent {
                let parent = lock(tx, parent).await?;
                let returned = Set(parent.returned.saturating_sub(row.minor));
                set(tx, &parent, operation::ActiveModel { returned, ..operation::ActiveModel::default() }).await?;
            }
        }
        let failed = OperationState::Failed.as_str().to_owned();
        set(tx, row, operation::ActiveModel { state: Set(failed), next: Set(None), due_at: Set(None), ..change }).await
    }

    /// Takes every movement further that is due; answers how many. One that fails is logged, and tried again.
    pub async fn drive_all(&self, now: Timestamp) -> Result<u64, PortError> {
        let due = operation::Entity::find()
            .filter(operation::Column::DueAt.lte(now.0))
            .filter(operation::Column::Gateway.eq(self.0.gateway.id()))
            .order_by_asc(operation::Column::DueAt)
            .limit(100)
            .all(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        let mut driven = 0;
        for row in due {
            if self.drive(OperationId(row.id)).await.is_ok() {
                driven += 1;
            }
        }
        Ok(driven)
    }

    /// Takes an event of the gateway, once. What it is about is asked of the gateway, since events come in any order and more than once.
    pub async fn hear(&self, event: Event) -> Result<(), PortError> {
        let (gateway, now) = (self.0.gateway.id(), self.clock().now());
        let known = gateway_event::Entity::find_by_id((gateway.to_owned(), event.id.clone())).one(&self.0.reader).await;
        if known.map_err(StoreError::from)?.is_some() {
            return Ok(());
        }
        let external = match &event.about {
            About::TopUp(external) | About::Refund(external) => Some(external.clone()),
            _ => None,
        };
        let found = match &external {
            Some(external) => operation::Entity::find()
                .filter(operation::Column::Gateway.eq(gateway))
                .filter(operation::Column::External.eq(external.as_str()))
                .one(&self.0.reader)
                .await
                .map_err(StoreError::from)?,
            None => None,
        };
        let answered = match &found {
            Some(row) => Some(self.ask_gateway(row).await?),
            None => None,
        };
        // When the gateway does not answer now, the event stays unheard, and it or the poller tells it again.
        if let Some(Err(GatewayError::Unknown(why))) = &answered {
            return Err(StoreError::Broken(format!("the gateway told of something and did not say what: {why}")).into());
        }
        let reversed = match &event.about {
            About::Reversal { payment, .. } => {
                let found = self.0.gateway.operation_of(payment).await;
                let found = found.map_err(|error| StoreError::Broken(format!("it is not known whose payment was taken back: {error}")))?;
                if let Some(operation) = found {
                    // It may have come in before anybody told of that.
                    self.drive(operation).await?;
                }
                found
            }
            _ => None,
        };
        let heard = self.write(async |tx| {
            tx.moves(Point::Webhook);
            let row = gateway_event::ActiveModel {
                gateway: Set(gateway.into()),
                id: Set(event.id.clone()),
                kind: Set(event.kind.clone()),
                at: Set(now.0),
                body: Set(event.body.clone()),
            };
            let written = gateway_event::Entity::insert(row)
                .on_conflict(OnConflict::columns([gateway_event::Column::Gateway, gateway_event::Column::Id]).do_nothing().to_owned())
                .exec_without_returning(&tx.db)
                .await?;
            if !one_row(written)? {
                return Ok(());
            }
            if let (Some(row), Some(answered)) = (&found, answered) {
                self.take_answer(tx, row.id, answered).await?;
            }
            if let (About::Reversal { amount, .. }, Some(operation)) = (&event.about, reversed) {
                self.reverse(tx, operation, *amount, now).await?;
            }
            Ok(())
        });
        Ok(heard.await?)
    }

    /// A payment was taken back by its bank: from what its owner still has, the rest at the operator's cost.
    async fn reverse(&self, tx: &Tx, id: OperationId, taken: Money, now: Timestamp) -> Result<(), StoreError> {
        let row = lock(tx, id.0).await?;
        if state(&row)? != OperationState::Settled {
            return Err(StoreError::Broken("a payment was taken back that has not come in; the event is heard again".into()));
        }
        let owner = AccountId(row.account);
        let n = row.reversals.saturating_add(1);
        let available = locked_balance(tx, Place::of(owner, Book::Available), taken.asset).await?;
        let earlier = super::ledger::about(&tx.db, id.0).await?;
        let lines = earlier.iter().filter(|posted| posted.entry.kind == EntryKind::Reverse).flat_map(|posted| &posted.entry.lines);
        let borne = lines.filter(|line| line.place.book == Book::Goodwill).fold(0i64, |sum, line| sum.saturating_sub(line.minor));
        let count = u32::try_from(n).unwrap_or(u32::MAX);
        post(tx, &Entry::reverse(id, count, owner, taken, available, borne)?, now).await?;
        let returned = row.returned.saturating_add(taken.minor).clamp(0, row.minor);
        set(tx, &row, operation::ActiveModel { reversals: Set(n), returned: Set(returned), ..operation::ActiveModel::default() }).await
    }

    /// Asks the gateway for events since then, among them those whose call got lost; answers how many were told. Errors: `GatewayDown`.
    pub async fn poll_gateway(&self, since: Timestamp) -> Result<u64, PortError> {
        let events = self.0.gateway.events_since(since).await.map_err(|error| {
            tracing::warn!(%error, "the gateway's events could not be read");
            Code::GatewayDown
        })?;
        let mut told = 0;
        for event in events {
            // One that cannot be taken now is told again.
            self.hear(event).await?;
            told += 1;
        }
        Ok(told)
    }

    /// Judges an event that came in and takes it. Errors: the reason not to believe it; and those of [`Store::hear`].
    pub async fn hear_call(&self, headers: &http::HeaderMap, body: &[u8]) -> Result<Result<(), PortError>, Forged> {
        let event = self.0.gateway.verify(headers, body, self.clock().now())?;
        Ok(self.hear(event).await)
    }
}
