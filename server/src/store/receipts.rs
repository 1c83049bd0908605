//! Receipts and earnings, and what goes back of a bill.

use super::{
    Store,
    consultations::{find, lock, side},
    error::StoreError,
    ledger::{about, balances_of, post},
    once::once,
    rows::from_json,
    settlement::{earned, receipt_of},
    tx::Tx,
};
use crate::crash::Point;
use app::{
    context::Me,
    error::PortError,
    receipts::{
        api::{Earned, EarningView, EarningsView, ReceiptView, RefundView},
        port::Receipts,
    },
};
use async_trait::async_trait;
use domain::{
    account::Role,
    id::{AccountId, ConsultationId},
    ledger::{Book, Charge, Entry, EntryKind, Place},
    money::Money,
    operation::Borne,
    receipt::Receipt,
    reject::{Code, Field, Reject},
    side::Side,
    time::Timestamp,
};
use entity::{clearing, complaint, consultation, receipt};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Lines of the earnings on their page.
const EARNINGS: u64 = 200;

/// What went back of a bill, oldest first.
pub(super) async fn refunds(db: &impl ConnectionTrait, id: ConsultationId, consumer: Uuid) -> Result<Vec<RefundView>, StoreError> {
    let posted = about(db, id.0).await?;
    let decided = match complaint::Entity::find_by_id(id.0).one(db).await? {
        Some(case) => case.decided_at.map(|at| Ok::<_, StoreError>((Timestamp(at), super::cases::state(&case)?))).transpose()?,
        None => None,
    };
    let back = posted.into_iter().filter_map(|posted| {
        let borne = match posted.entry.kind {
            EntryKind::Refund => Borne::Provider,
            EntryKind::Goodwill => Borne::House,
            _ => return None,
        };
        let place = Place::of(AccountId(consumer), Book::Available);
        let line = posted.entry.lines.iter().find(|line| line.place == place)?;
        let amount = Money::new(line.minor, posted.entry.asset);
        // A case and what goes back because of it are of one transaction, and have its time.
        let case = decided.as_ref().filter(|(at, _)| *at == posted.at).map(|(_, state)| *state);
        Some(RefundView { at: posted.at, amount, borne, case })
    });
    Ok(back.collect())
}

/// A bill, what is left of it, and what went back. The consultation is locked when something is to go back.
pub(super) async fn charge(
    db: &impl ConnectionTrait,
    row: &consultation::Model,
    kept: &receipt::Model,
) -> Result<(Receipt, Charge, Vec<RefundView>), StoreError> {
    let made: Receipt = from_json(&kept.body)?;
    let back = refunds(db, made.consultation, row.consumer).await?;
    let refunded = back.iter().try_fold(Money::new(0, made.total.asset), |sum, back| sum.plus(back.amount))?;
    let charge = Charge { consultation: made.consultation, parties: made.parties, total: made.total, fee: made.fee, refunded };
    Ok((made, charge, back))
}

/// An amount that is to go back, in minor units or as typed.
pub(super) fn amount_of(minor: &str, typed: &str, total: Money) -> Result<Money, Reject> {
    Money::parse(minor, typed, total.asset).map_err(|code| Reject::field(Field::AmountMinor, code))
}

/// Part of a bill goes back. The consultation is locked. `TooMuch` is told at the amount.
pub(super) async fn give_back(
    tx: &Tx,
    row: &consultation::Model,
    key: Uuid,
    amount: impl FnOnce(Money) -> Result<Money, Reject>,
    borne: Borne,
    now: Timestamp,
) -> Result<Money, StoreError> {
    tx.moves(Point::Refund);
    let kept = receipt::Entity::find_by_id(row.id).one(&tx.db).await?.ok_or(Code::NotFound)?;
    let (_, charge, _) = charge(&tx.db, row, &kept).await?;
    let amount = amount(charge.total)?;
    let pending = clearing::Entity::find_by_id(row.id).one(&tx.db).await?.is_some();
    let entry = match borne {
        Borne::Provider => Entry::refund(&charge, key, amount, if pending { Book::Pending } else { Book::Payable }),
        Borne::House => Entry::goodwill(&charge, key, amount),
    };
    post(tx, &entry.map_err(|code| Reject::field(Field::AmountMinor, code))?, now).await?;
    Ok(charge.refunded.plus(amount)?)
}

#[async_trait]
impl Receipts for Store {
    async fn receipt(&self, me: &Me, id: ConsultationId) -> Result<ReceiptView, PortError> {
        let read = self.read(async |db| {
            let (row, kept) = receipt_of(db, id).await?;
            let by = side(&row, me.id);
            if by.is_err() && me.role != Role::Operator {
                return Err(Code::NotFound.into());
            }
            let (receipt, charge, refunds) = charge(db, &row, &kept).await?;
            let case = complaint::Entity::find_by_id(id.0).one(db).await?;
            Ok(ReceiptView {
                hash: crate::ids::hex(&kept.hash),
                side: by.ok(),
                refunds,
                left: charge.left(),
                case: case.map(|case| super::cases::view(&case, receipt.total.asset)).transpose()?,
                key: crate::ids::uuid().to_string(),
                receipt,
            })
        });
        Ok(read.await?)
    }

    async fn give_back(&self, me: &Me, id: ConsultationId, key: Option<Uuid>, minor: &str, typed: &str) -> Result<Money, PortError> {
        self.0.limits.write(me.id)?;
        let now = self.clock().now();
        let given = self.write(async |tx| {
            let row = lock(tx, id).await?;
            if side(&row, me.id)? != Side::Provider {
                return Err(Code::NotFound.into());
            }
            once(tx, me.id, key, &("give_back", id, minor, typed), now, async || {
                let key = key.unwrap_or_else(crate::ids::uuid);
                give_back(tx, &row, key, |total| amount_of(minor, typed, total), Borne::Provider, now).await
            })
            .await
        });
        Ok(given.await?)
    }

    async fn earnings(&self, me: &Me) -> Result<EarningsView, PortError> {
        Ok(self.earnings_of(me.id, EARNINGS).await?)
    }

    async fn earnings_table(&self, me: &Me) -> Result<String, PortError> {
        let earnings = self.earnings_of(me.id, u64::try_from(i64::MAX).unwrap_or_default()).await?;
        let mut table = String::from("receipt,time,with,offer,gross,fee,refunded,net,currency,asset,payable\r\n");
        for line in earnings.lines.iter().rev() {
            let amount = |money: Money| money.asset.currency.amount(money.minor);
            let cells = [
                line.number.to_string(),
                line.at.iso(),
                super::wallets::cell(&line.with),
                super::wallets::cell(&line.title),
                amount(line.gross),
                amount(line.fee),
                amount(line.refunded),
                amount(line.net),
                line.net.asset.currency.code().into(),
                line.net.asset.to_string(),
                line.pending_until.map_or_else(|| "now".into(), Timestamp::iso),
            ];
            table += &cells.join(",");
            table += "\r\n";
        }
        Ok(table)
    }
}

impl Store {
    /// What an account has earned, with at most `limit` consultations.
    pub(super) async fn earnings_of(&self, who: AccountId, limit: u64) -> Result<EarningsView, StoreError> {
        self.read(async |db| {
            let mut earned_of: BTreeMap<String, Earned> = BTreeMap::new();
            for (book, money) in balances_of(db, who).await? {
                if !matches!(book, Book::Pending | Book::Payable) {
                    continue;
                }
                let nothing = Money::new(0, money.asset);
                let of = earned_of.entry(money.asset.to_string()).or_insert(Earned { pending: nothing, payable: nothing });
                *(if book == Book::Pending { &mut of.pending } else { &mut of.payable }) = money;
            }
            let receipts = receipt::Entity::find()
                .filter(receipt::Column::Provider.eq(who.0))
                .order_by_desc(receipt::Column::Number)
                .limit(limit)
                .all(db)
                .await?;
            let mut lines = Vec::new();
            for kept in receipts {
                let row = find(db, ConsultationId(kept.consultation)).await?;
                let (made, _, refunds) = charge(db, &row, &kept).await?;
                let net = if made.total.minor > 0 { earned(db, &row).await? } else { made.total };
                // What the operator alone gave back took nothing from this.
                let mut own = refunds.iter().filter(|refund| refund.borne == Borne::Provider);
                let refunded = own.try_fold(Money::new(0, net.asset), |sum, refund| sum.plus(refund.amount))?;
                let case = complaint::Entity::find_by_id(kept.consultation).one(db).await?;
                let due = clearing::Entity::find_by_id(kept.consultation).one(db).await?;
                lines.push(EarningView {
                    consultation: made.consultation,
                    number: made.number,
                    at: made.at,
                    fee: made.total.less(refunded)?.less(net)?,
                    refunded,
                    gross: made.total,
                    case: case.as_ref().map(super::cases::state).transpose()?,
                    net,
                    pending_until: due.map(|due| Timestamp(due.due_at)),
                    with: made.names.consumer,
                    title: made.title,
                });
            }
            let commission = self.0.money.commission;
            Ok(EarningsView { earned: earned_of.into_values().collect(), lines, commission })
        })
        .await
    }
}
