//! What a consultation does to the book: holds with the accept and with each raise, and one settlement at the end.

use super::{
    Store,
    consultations::{broken, find, lock},
    error::{StoreError, one_row},
    ledger::{self, post},
    practice::is_robot,
    records::proofs,
    rows::{from_json, to_json},
    tx::Tx,
};
use crate::crash::Point;
use app::{error::PortError, wallet::port::Wallets};
use domain::{
    agreement::Agreement,
    conditions::{Cap, Conditions},
    consultation::{Consultation, End, EndReason, Op, Stage},
    id::{AccountId, ConsultationId},
    ledger::{Book, Entry, Place},
    money::{Commission, Money},
    proof::Segment,
    receipt::{Receipt, account_for},
    reject::Code,
    side::Both,
    time::{Millis, Timestamp},
    timeline::Event,
};
use entity::{account, agreement, clearing, consultation, counter, hold, hold_end, holding, offer, receipt, room_row};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, LockType, OnConflict},
};
use sha2::{Digest, Sha256};

/// The holds of a consultation that have not ended.
async fn open_holds(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Vec<hold::Model>, StoreError> {
    let ended: Vec<i64> = hold_end::Entity::find()
        .filter(hold_end::Column::Consultation.eq(id.0))
        .select_only()
        .column(hold_end::Column::N)
        .into_tuple()
        .all(db)
        .await?;
    let all = hold::Entity::find().filter(hold::Column::Consultation.eq(id.0)).order_by_asc(hold::Column::N).all(db).await?;
    Ok(all.into_iter().filter(|hold| !ended.contains(&hold.n)).collect())
}

fn sum(amounts: impl Iterator<Item = i64>) -> Result<i64, StoreError> {
    let mut amounts = amounts;
    amounts.try_fold(0i64, i64::checked_add).ok_or_else(|| broken("holds beyond all money"))
}

impl Store {
    /// What a consumer can spend of the currency of these conditions.
    pub(super) async fn available(&self, db: &impl ConnectionTrait, who: AccountId, conditions: &Conditions) -> Result<Money, StoreError> {
        ledger::balance(db, Place::of(who, Book::Available), self.asset_of(conditions)).await
    }

    /// The asset that these conditions are paid in.
    pub(super) fn asset_of(&self, conditions: &Conditions) -> domain::money::Asset {
        self.asset(conditions.rate.currency)
    }

    /// Holds what a cap can cost, less what is held already. The consultation is locked. Errors: `NoFunds`.
    pub(super) async fn reserve(&self, tx: &Tx, row: &consultation::Model, cap: Cap, now: Timestamp) -> Result<(), StoreError> {
        let agreed: Agreement = from_json(&row.agreement)?;
        let (id, consumer) = (ConsultationId(row.id), AccountId(row.consumer));
        let asset = self.asset_of(&agreed.conditions);
        let held = open_holds(&tx.db, id).await?;
        if held.is_empty() && row.accepted_at.is_some() && agreed.conditions.at_most() > 0 {
            // It was accepted before there was money: what is past is not reserved now.
            return Err(Code::NotOffered.into());
        }
        tx.moves(if held.is_empty() { Point::Accept } else { Point::Raise });
        let missing = agreed.conditions.cost(cap.millis()).saturating_sub(sum(held.iter().map(|hold| hold.minor))?);
        if missing <= 0 {
            return Ok(());
        }
        if ledger::locked_balance(tx, Place::of(consumer, Book::Available), asset).await? < missing {
            return Err(Code::NoFunds.into());
        }
        let n = held.last().map_or(0, |hold| hold.n).saturating_add(1);
        post(tx, &Entry::hold(id, n, consumer, Money::new(missing, asset))?, now).await?;
        let placed = hold::ActiveModel {
            consultation: Set(row.id),
            n: Set(n),
            asset: Set(asset.to_string()),
            minor: Set(missing),
            commission: Set(self.0.money.commission.into()),
            at: Set(now.0),
        };
        hold::Entity::insert(placed).exec_without_returning(&tx.db).await?;
        holding::Entity::insert(holding::ActiveModel { consultation: Set(row.id) })
            .on_conflict(OnConflict::column(holding::Column::Consultation).do_nothing().to_owned())
            .exec_without_returning(&tx.db)
            .await?;
        Ok(())
    }

    /// Settles what is over and was not settled: also what a crash left. Answers how many. One that fails is logged, and tried again.
    pub async fn settle_all(&self) -> Result<u64, PortError> {
        let found = self.read(async |db| {
            let ended = consultation::Entity::find()
                .filter(consultation::Column::Stage.eq(Stage::Ended.as_str()))
                .select_only()
                .column(consultation::Column::Id)
                .into_tuple::<uuid::Uuid>()
                .all(db)
                .await?;
            // A consultation that did not come about has no bill, but it had a hold.
            let holding = holding::Entity::find().select_only().column(holding::Column::Consultation).into_query();
            let left = consultation::Entity::find()
                .filter(consultation::Column::Id.in_subquery(holding))
                .filter(consultation::Column::Stage.eq(Stage::Failed.as_str()))
                .select_only()
                .column(consultation::Column::Id)
                .into_tuple::<uuid::Uuid>()
                .all(db)
                .await?;
            Ok([ended, left].concat())
        });
        let mut settled = 0;
        for id in found.await? {
            match self.settle_one(ConsultationId(id)).await {
                Ok(()) => settled += 1,
                Err(error) => drop(PortError::from(error)),
            }
        }
        Ok(settled)
    }

    /// Makes the bill of a consultation that is over, in one transaction: capture, release, share, receipt. Twice changes nothing.
    pub(super) async fn settle_one(&self, id: ConsultationId) -> Result<(), StoreError> {
        self.write(async |tx| {
            tx.moves(Point::Settle);
            let row = lock(tx, id).await?;
            let now = self.clock().now();
            match from_json::<Consultation>(&row.state)? {
                Consultation::Ended(end) => {
                    self.bill(tx, &row, end, now).await?;
                    self.step(tx, row, Op::Settled).await
                }
                Consultation::Failed { .. } => self.release(tx, &row, now).await,
                _ => Ok(()),
            }
        })
        .await
    }

    /// All that is held goes back.
    async fn release(&self, tx: &Tx, row: &consultation::Model, now: Timestamp) -> Result<(), StoreError> {
        let agreed: Agreement = from_json(&row.agreement)?;
        let nothing = Money::new(0, self.asset_of(&agreed.conditions));
        self.capture(tx, row, nothing, self.0.money.commission, now).await
    }

    /// Pays `total` out of what is held, and gives the rest back; each hold ends.
    async fn capture(
        &self,
        tx: &Tx,
        row: &consultation::Model,
        total: Money,
        commission: Commission,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = ConsultationId(row.id);
        let holds = open_holds(&tx.db, id).await?;
        let held = Money::new(sum(holds.iter().map(|hold| hold.minor))?, total.asset);
        if held.minor > 0 {
            let parties = Both { consumer: AccountId(row.consumer), provider: AccountId(row.provider) };
            post(tx, &Entry::settle(id, parties, held, total, commission)?, now).await?;
        }
        holding::Entity::delete_by_id(id.0).exec(&tx.db).await?;
        let mut left = total.minor;
        for hold in holds {
            let captured = hold.minor.min(left);
            left = left.saturating_sub(captured);
            let end = hold_end::ActiveModel {
                consultation: Set(hold.consultation),
                n: Set(hold.n),
                captured: Set(captured),
                released: Set(hold.minor.saturating_sub(captured)),
                at: Set(now.0),
            };
            hold_end::Entity::insert(end).exec_without_returning(&tx.db).await?;
        }
        Ok(())
    }

    /// The bill of what was proved, and its receipt.
    async fn bill(&self, tx: &Tx, row: &consultation::Model, end: End, now: Timestamp) -> Result<(), StoreError> {
        let id = ConsultationId(row.id);
        let agreed: Agreement = from_json(&row.agreement)?;
        let conditions = &agreed.conditions;
        let asset = self.asset_of(conditions);
        let whole = Segment { from: end.since, to: end.at };
        let evidence = proofs(&tx.db, id).await?;
        let free = Millis::seconds(i64::from(conditions.free_seconds));
        let stretches = account_for(&evidence, self.consultation_knobs().join, free, whole, end.reason == EndReason::Cap);
        // Never more than the proofs carry, whatever the state says.
        let carried = domain::receipt::proved(&stretches);
        if carried != end.proved {
            tracing::error!(consultation = %id, carried = carried.0, said = end.proved.0, "proofs and state of a consultation differ");
        }
        let holds = open_holds(&tx.db, id).await?;
        let held = sum(holds.iter().map(|hold| hold.minor))?;
        // The operator's share is that of the accept, whatever it is by now.
        let commission = match holds.first() {
            Some(hold) => Commission::new(hold.commission)?,
            None => self.0.money.commission,
        };
        let total = Money::new(conditions.cost(carried.min(end.proved)).min(held), asset);
        self.capture(tx, row, total, commission, now).await?;
        // Practice counts nowhere, and neither does what was agreed before there was money.
        if is_robot(&tx.db, AccountId(row.consumer)).await? || (holds.is_empty() && conditions.at_most() > 0) {
            return Ok(());
        }
        let (fee, net) = commission.split(total);
        let name = async |who: uuid::Uuid| -> Result<String, StoreError> {
            Ok(account::Entity::find_by_id(who).one(&tx.db).await?.map(|row| row.display_name).unwrap_or_default())
        };
        let hash = agreement::Entity::find_by_id(id.0).one(&tx.db).await?.map(|kept| crate::ids::hex(&kept.hash));
        let made = Receipt {
            names: Both { consumer: name(row.consumer).await?, provider: name(row.provider).await? },
            title: offer::Entity::find_by_id(row.offer).one(&tx.db).await?.map(|offer| offer.title).unwrap_or_default(),
            cap: last_cap(&tx.db, id).await?.unwrap_or(conditions.cap),
            // Last, since all settlements wait for each other here.
            number: next_number(tx).await?,
            consultation: id,
            at: now,
            parties: agreed.parties,
            time: whole,
            reason: end.reason,
            rate: conditions.rate,
            free_seconds: conditions.free_seconds,
            proved: carried.min(end.proved),
            total,
            fee,
            commission,
            join: self.consultation_knobs().join,
            agreement: hash.unwrap_or_default(),
            stretches,
        };
        let kept = receipt::ActiveModel {
            consultation: Set(id.0),
            number: Set(i64::try_from(made.number).unwrap_or(i64::MAX)),
            at: Set(now.0),
            consumer: Set(row.consumer),
            provider: Set(row.provider),
            asset: Set(asset.to_string()),
            total: Set(total.minor),
            fee: Set(fee.minor),
            hash: Set(Sha256::digest(made.canonical()).to_vec()),
            body: Set(to_json(&made)?),
        };
        receipt::Entity::insert(kept).exec_without_returning(&tx.db).await?;
        if net.minor > 0 {
            let due = clearing::ActiveModel { consultation: Set(id.0), due_at: Set(now.after(self.0.money.clears_after()).0) };
            clearing::Entity::insert(due).exec_without_returning(&tx.db).await?;
        }
        Ok(())
    }

    /// Makes what was earned long enough ago payable; answers how many. One that fails is logged, and tried again.
    pub async fn clear_all(&self) -> Result<u64, PortError> {
        let now = self.clock().now();
        let due = clearing::Entity::find().filter(clearing::Column::DueAt.lte(now.0)).limit(500).all(&self.0.reader).await;
        let mut cleared = 0;
        for row in due.map_err(StoreError::from)? {
            let id = ConsultationId(row.consultation);
            let done = self.write(async |tx| {
                let row = lock(tx, id).await?;
                let deleted = clearing::Entity::delete_by_id(id.0).exec(&tx.db).await?;
                if !one_row(deleted.rows_affected)? {
                    return Ok(());
                }
                let left = earned(&tx.db, &row).await?;
                if left.minor > 0 {
                    post(tx, &Entry::clear(id, AccountId(row.provider), left)?, now).await?;
                }
                Ok(())
            });
            match done.await {
                Ok(()) => cleared += 1,
                Err(error) => drop(PortError::from(error)),
            }
        }
        Ok(cleared)
    }
}

/// What a provider has earned by a consultation and not given back.
pub(super) async fn earned(db: &impl ConnectionTrait, row: &consultation::Model) -> Result<Money, StoreError> {
    let posted = ledger::about(db, row.id).await?;
    let asset = posted.first().map(|posted| posted.entry.asset).ok_or_else(|| broken("a bill without an entry"))?;
    let lines = posted.iter().flat_map(|posted| &posted.entry.lines);
    let own = lines.filter(|l| l.place.owner.0 == row.provider && matches!(l.place.book, Book::Pending | Book::Payable));
    Ok(Money::new(sum(own.map(|line| line.minor))?, asset))
}

/// The next number of a receipt. The counter stays locked, so that there are no gaps.
async fn next_number(tx: &Tx) -> Result<u64, StoreError> {
    use sea_orm::ExprTrait;
    let name = "receipt".to_owned();
    counter::Entity::update_many()
        .col_expr(counter::Column::Value, Expr::col(counter::Column::Value).add(1))
        .filter(counter::Column::Name.eq(name.as_str()))
        .exec(&tx.db)
        .await?;
    let row = counter::Entity::find_by_id(name).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
    let value = row.map(|row| row.value).ok_or_else(|| broken("no counter of receipts"))?;
    u64::try_from(value).map_err(|_| broken("a receipt below nothing"))
}

/// The cap as it was raised last; `None` when it never was.
async fn last_cap(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Option<Cap>, StoreError> {
    let raised = room_row::Entity::find()
        .filter(room_row::Column::Consultation.eq(id.0))
        .filter(room_row::Column::Body.starts_with("{\"raised\""))
        .order_by_desc(room_row::Column::N)
        .one(db)
        .await?;
    raised
        .map(|row| match from_json(&row.body)? {
            Event::Raised { cap } => Ok(cap),
            _ => Err(broken("a raise that is none")),
        })
        .transpose()
}

/// A consultation and its receipt. Errors: `NotFound` when there is none yet.
pub(super) async fn receipt_of(db: &impl ConnectionTrait, id: ConsultationId) -> Result<(consultation::Model, receipt::Model), StoreError> {
    let row = find(db, id).await?;
    let receipt = receipt::Entity::find_by_id(id.0).one(db).await?.ok_or(Code::NotFound)?;
    Ok((row, receipt))
}
