//! Wallets: what an account has of each currency, and what moves it.

use super::{
    Store,
    error::StoreError,
    ledger::{Posted, balances_of, locked_balance, post, posted},
    once::once,
    operations::{Way, amount, kind, state},
    sealing::hashes,
    tx::Tx,
};
use app::{
    context::Me,
    error::PortError,
    wallet::{
        api::{Balance, Moved, MovedMoney, OperationView, WalletView},
        port::{Movement, Wallets},
    },
};
use async_trait::async_trait;
use domain::{
    currency::Currency,
    id::{AccountId, ConsultationId, OperationId},
    ledger::{Book, Entry, Place},
    money::{Asset, Money},
    operation::{OperationKind, OperationState},
    reject::{Code, Field, Reject},
    time::Millis,
};
use entity::{account, consultation, entry, line, operation};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, LockType},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Lines of a wallet's history on its page, and of a statement at once.
const MOVED: u64 = 50;
/// How long a movement that failed is shown.
const FAILED_SHOWN: Millis = Millis::minutes(24 * 60);

// Apart, since the trait of expressions gives every number other `min` and `max`.
fn unreturned() -> Expr {
    use sea_orm::ExprTrait;
    Expr::col(operation::Column::Returned).lt(Expr::col(operation::Column::Minor))
}

fn returned_more(minor: i64) -> Expr {
    use sea_orm::ExprTrait;
    Expr::col(operation::Column::Returned).add(minor)
}

/// The movements that are not done.
fn under_way() -> Condition {
    let done = OperationState::ALL.iter().filter(|state| state.is_done()).map(|state| state.as_str());
    Condition::all().add(operation::Column::State.is_not_in(done))
}

/// Where its owner goes on paying, once the gateway has named a page of its own.
fn pays_at(row: &operation::Model, state: OperationState) -> Option<String> {
    row.next.clone().filter(|next| state == OperationState::Sent && next.contains("://"))
}

/// Locks a wallet: its account.
pub(super) async fn lock(tx: &Tx, who: AccountId) -> Result<(), StoreError> {
    account::Entity::find_by_id(who.0).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
    Ok(())
}

/// The settled payments of an account of which something can still go back, newest first.
async fn payments(db: &impl ConnectionTrait, who: AccountId, asset: Asset) -> Result<Vec<operation::Model>, StoreError> {
    Ok(operation::Entity::find()
        .filter(operation::Column::Account.eq(who.0))
        .filter(operation::Column::Asset.eq(asset.to_string()))
        .filter(operation::Column::Kind.eq(OperationKind::TopUp.as_str()))
        .filter(operation::Column::State.eq(OperationState::Settled.as_str()))
        .filter(unreturned())
        .order_by_desc(operation::Column::CreatedAt)
        .all(db)
        .await?)
}

fn left(payments: &[operation::Model]) -> i64 {
    payments.iter().fold(0, |sum, row| row.minor.saturating_sub(row.returned).saturating_add(sum))
}

impl Store {
    /// How the first of some movements stands: what the same key answers again.
    async fn moved(&self, operations: Vec<OperationId>) -> Result<MovedMoney, StoreError> {
        let first = operations.first().map(|id| id.0).unwrap_or_default();
        let row = operation::Entity::find_by_id(first).one(&self.0.reader).await?;
        let row = row.ok_or_else(|| StoreError::Broken("a movement that vanished".into()))?;
        let state = state(&row)?;
        let next = pays_at(&row, state);
        Ok(MovedMoney { operations, state, next })
    }

    /// How much more of an asset a wallet may take in; what is on its way in counts too. The wallet is locked when something is to come in.
    pub(super) async fn fits(&self, db: &impl ConnectionTrait, who: AccountId, asset: Asset) -> Result<Money, StoreError> {
        // First what is on its way: what comes in between the reads is counted twice then, and not left out.
        let coming = operation::Entity::find()
            .filter(operation::Column::Account.eq(who.0))
            .filter(operation::Column::Asset.eq(asset.to_string()))
            .filter(operation::Column::Kind.eq(OperationKind::TopUp.as_str()))
            .filter(under_way())
            .all(db)
            .await?;
        let has = coming.iter().fold(0i64, |sum, row| sum.saturating_add(row.minor));
        // Both books in one reading: what goes from one to the other meanwhile is in one of them.
        let own = balances_of(db, who)
            .await?
            .into_iter()
            .filter(|(book, money)| money.asset == asset && matches!(book, Book::Available | Book::Held));
        let has = own.fold(has, |sum, (_, money)| sum.saturating_add(money.minor));
        Ok(Money::new(self.0.money.wallet_most(asset).minor.saturating_sub(has).max(0), asset))
    }

    /// The last entries of a consumer's books, before one that is known, newest first.
    async fn history(&self, db: &impl ConnectionTrait, who: AccountId, before: Option<Uuid>) -> Result<Vec<Posted>, StoreError> {
        // What a provider earned is shown elsewhere.
        let own = line::Entity::find()
            .filter(line::Column::Owner.eq(who.0))
            .filter(line::Column::Book.is_in([Book::Available.as_str(), Book::Held.as_str()]))
            .select_only()
            .column(line::Column::Entry)
            .into_query();
        let mut found = entry::Entity::find().filter(entry::Column::Id.in_subquery(own)).order_by_desc(entry::Column::Id);
        if let Some(before) = before {
            found = found.filter(entry::Column::Id.lt(before));
        }
        posted(db, found.limit(MOVED).all(db).await?).await
    }

    async fn lines(&self, db: &impl ConnectionTrait, who: AccountId, entries: Vec<Posted>) -> Result<Vec<Moved>, StoreError> {
        let ids: Vec<Uuid> = entries.iter().map(|posted| posted.entry.about).collect();
        let talks: BTreeMap<_, _> = consultation::Entity::find()
            .filter(consultation::Column::Id.is_in(ids))
            .all(db)
            .await?
            .into_iter()
            .map(|row| (row.id, if row.consumer == who.0 { row.provider } else { row.consumer }))
            .collect();
        let names: BTreeMap<_, _> = account::Entity::find()
            .filter(account::Column::Id.is_in(talks.values().copied()))
            .all(db)
            .await?
            .into_iter()
            .map(|row| (row.id, row.display_name))
            .collect();
        let sealed = hashes(db, entries.iter().map(|posted| posted.id)).await?;
        Ok(entries
            .into_iter()
            .map(|posted| {
                let change = |book: Book| {
                    let own = posted.entry.lines.iter().filter(|line| line.place == Place::of(who, book));
                    Money::new(own.fold(0i64, |sum, line| sum.saturating_add(line.minor)), posted.entry.asset)
                };
                let about = posted.entry.about;
                let seal = sealed.get(&posted.id);
                Moved {
                    at: posted.at,
                    kind: posted.entry.kind,
                    available: change(Book::Available),
                    held: change(Book::Held),
                    consultation: talks.contains_key(&about).then_some(ConsultationId(about)),
                    with: talks.get(&about).and_then(|who| names.get(who)).cloned().unwrap_or_default(),
                    n: seal.map(|(n, _)| *n),
                    hash: seal.map(|(_, hash)| crate::ids::hex(hash)),
                }
            })
            .collect())
    }
}

#[async_trait]
impl Wallets for Store {
    fn asset(&self, currency: Currency) -> Asset {
        Asset { reality: self.0.gateway.reality(), currency }
    }

    async fn wallet(&self, me: &Me) -> Result<WalletView, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let mut balances: Vec<Balance> = Vec::new();
            for (book, money) in balances_of(db, me.id).await? {
                if !matches!(book, Book::Available | Book::Held) {
                    continue;
                }
                if balances.last().is_none_or(|last| last.available.asset != money.asset) {
                    let nothing = Money::new(0, money.asset);
                    let refundable = Money::new(left(&payments(db, me.id, money.asset).await?), money.asset);
                    let fits = self.fits(db, me.id, money.asset).await?;
                    let key = crate::ids::uuid().to_string();
                    balances.push(Balance { available: nothing, held: nothing, refundable, fits, key });
                }
                if let Some(last) = balances.last_mut() {
                    *(if book == Book::Held { &mut last.held } else { &mut last.available }) = money;
                }
            }
            for balance in &mut balances {
                balance.refundable.minor = balance.refundable.minor.min(balance.available.minor);
            }
            let own = self.history(db, me.id, None).await?;
            let moved = self.lines(db, me.id, own).await?;
            let shown = Condition::any().add(under_way()).add(
                Condition::all()
                    .add(operation::Column::State.eq(OperationState::Failed.as_str()))
                    .add(operation::Column::ChangedAt.gte(now.before(FAILED_SHOWN).0)),
            );
            let operations = operation::Entity::find()
                .filter(operation::Column::Account.eq(me.id.0))
                .filter(shown)
                .order_by_desc(operation::Column::CreatedAt)
                .limit(10)
                .all(db)
                .await?;
            let operations = operations.iter().map(|row| {
                let state = state(row)?;
                Ok(OperationView {
                    id: OperationId(row.id),
                    kind: kind(row)?,
                    state,
                    amount: amount(row)?,
                    at: domain::time::Timestamp(row.created_at),
                    next: pays_at(row, state),
                })
            });
            let operations = operations.collect::<Result<_, StoreError>>()?;
            let reality = self.0.gateway.reality();
            Ok(WalletView { key: crate::ids::uuid().to_string(), reality, balances, operations, moved })
        });
        Ok(read.await?)
    }

    async fn top_up(&self, me: &Me, movement: Movement, next: &str) -> Result<MovedMoney, PortError> {
        self.0.limits.write(me.id)?;
        let now = self.clock().now();
        let Movement { key, amount } = movement;
        let intended = self.write(async |tx| {
            once(tx, me.id, key, &("top_up", amount), now, async || {
                lock(tx, me.id).await?;
                if amount.minor > self.fits(&tx.db, me.id, amount.asset).await?.minor {
                    return Err(Reject::field(Field::AmountMinor, Code::WalletFull).into());
                }
                self.intend(tx, me.id, Way::In { back: next }, amount, now).await
            })
            .await
        });
        let id = intended.await?;
        self.drive(id).await?;
        let moved = self.moved(vec![id]).await?;
        match moved.state {
            OperationState::Failed => Err(Reject::Whole(Code::PaymentRefused).into()),
            OperationState::Unknown => Err(Reject::Whole(Code::GatewayDown).into()),
            _ => Ok(moved),
        }
    }

    async fn refund_unused(&self, me: &Me, movement: Movement) -> Result<MovedMoney, PortError> {
        self.0.limits.write(me.id)?;
        let now = self.clock().now();
        let Movement { key, amount } = movement;
        let intended = self.write(async |tx| {
            once(tx, me.id, key, &("refund_unused", amount), now, async || {
                lock(tx, me.id).await?;
                // Locked before the balance, as whatever else touches both does.
                let ids: Vec<_> = payments(&tx.db, me.id, amount.asset).await?.iter().map(|row| row.id).collect();
                let locked = operation::Entity::find().filter(operation::Column::Id.is_in(ids)).order_by_asc(operation::Column::Id);
                let mut payments = locked.lock(LockType::NoKeyUpdate).all(&tx.db).await?;
                payments.sort_by_key(|row| std::cmp::Reverse(row.created_at));
                let available = locked_balance(tx, Place::of(me.id, Book::Available), amount.asset).await?;
                if amount.minor > available.min(left(&payments)) {
                    return Err(Reject::field(Field::AmountMinor, Code::NoFunds).into());
                }
                let (mut rest, mut operations) = (amount.minor, Vec::new());
                for payment in payments {
                    let part = rest.min(payment.minor.saturating_sub(payment.returned));
                    if part <= 0 {
                        continue;
                    }
                    rest = rest.saturating_sub(part);
                    let part = Money::new(part, amount.asset);
                    let id = self.intend(tx, me.id, Way::Back { payment: payment.id }, part, now).await?;
                    operation::Entity::update_many()
                        .col_expr(operation::Column::Returned, returned_more(part.minor))
                        .filter(operation::Column::Id.eq(payment.id))
                        .exec(&tx.db)
                        .await?;
                    post(tx, &Entry::withdraw(id, me.id, part)?, now).await?;
                    operations.push(id);
                }
                Ok(operations)
            })
            .await
        });
        let operations: Vec<OperationId> = intended.await?;
        for id in &operations {
            // What the gateway does not take now is tried on by the worker.
            if let Err(error) = self.drive(*id).await {
                tracing::warn!(?error, operation = %id, "a refund waits");
            }
        }
        Ok(self.moved(operations).await?)
    }

    fn frozen(&self) -> bool {
        self.is_frozen()
    }

    async fn statement(&self, me: &Me) -> Result<String, PortError> {
        let read = self.read(async |db| {
            let (mut lines, mut before) = (Vec::new(), None);
            loop {
                let entries = self.history(db, me.id, before).await?;
                let Some(last) = entries.last() else { break };
                before = Some(last.id);
                lines.extend(self.lines(db, me.id, entries).await?);
            }
            let mut table = String::from("time,what,with,available,held,currency,asset,consultation,chain,hash\r\n");
            for line in lines.iter().rev() {
                let money = line.available;
                let amount = |minor| money.asset.currency.amount(minor);
                let cells = [
                    line.at.iso(),
                    line.kind.as_str().into(),
                    cell(&line.with),
                    amount(money.minor),
                    amount(line.held.minor),
                    money.asset.currency.code().into(),
                    money.asset.to_string(),
                    line.consultation.map(|id| id.to_string()).unwrap_or_default(),
                    line.n.map(|n| n.to_string()).unwrap_or_default(),
                    line.hash.clone().unwrap_or_default(),
                ];
                table += &cells.join(",");
                table += "\r\n";
            }
            Ok(table)
        });
        Ok(read.await?)
    }
}

/// A text as a cell of a table (RFC 4180). What a program for tables would take for a formula is told to be a text.
pub(super) fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_hold_texts() {
        assert_eq!(cell("Ana"), "Ana");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("=1+1"), "'=1+1");
    }
}
