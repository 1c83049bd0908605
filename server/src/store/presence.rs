//! Wishes: going online and offline, the desk, and the reconciler that makes rows of what time alone changes.

use super::{
    Store, answers,
    consultations::open,
    error::StoreError,
    feed::{Pages, Provider, facts, never, publish},
    rows,
    tx::Tx,
};
use crate::ids;
use app::{context::Me, error::PortError, presence::port::Presences};
use async_trait::async_trait;
use domain::{
    environment::Environment,
    id::{AccountId, OfferId},
    presence::{Desk, DeskEventKind, Presence, Shown, judge},
    reject::{Code, Field, Reject},
    time::{Millis, Timestamp},
};
use entity::{attachment, desk_event, node, presence, presence_offer};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Events that the desk shows.
const EVENTS_SHOWN: u64 = 20;

/// Notes a line in a desk's log.
pub(super) async fn record(tx: &Tx, account: AccountId, at: Timestamp, kind: DeskEventKind, stretch: Millis) -> Result<(), StoreError> {
    let event = desk_event::ActiveModel {
        id: Set(ids::uuid()),
        account: Set(account.0),
        at: Set(at.0),
        kind: Set(kind.as_str().into()),
        stretch_ms: Set(stretch.0),
    };
    desk_event::Entity::insert(event).exec_without_returning(&tx.db).await?;
    Ok(())
}

/// Makes sure that there is a row to update.
pub(super) async fn ensure_row(tx: &Tx, account: AccountId) -> Result<(), StoreError> {
    presence::Entity::insert(presence::ActiveModel::from(never(account.0)))
        .on_conflict(OnConflict::column(presence::Column::Account).do_nothing().to_owned())
        .exec_without_returning(&tx.db)
        .await?;
    Ok(())
}

#[async_trait]
impl Presences for Store {
    async fn go_online(&self, me: &Me, stretch: Millis, offers: Option<Vec<OfferId>>) -> Result<(), PortError> {
        let account = me.id;
        self.0.limits.write(account)?;
        let done = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, account).await?;
            if before.listed.is_empty() {
                return Err(Code::NoListedOffers.into());
            }
            let listed: HashSet<Uuid> = before.listed.iter().map(|offer| offer.id).collect();
            let chosen: Option<HashSet<Uuid>> = offers.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
            if chosen.as_ref().is_some_and(|chosen| chosen.is_empty() || !chosen.is_subset(&listed)) {
                return Err(Reject::field(Field::Offers, Code::BadOffers).into());
            }
            // The tap that returns after missed rings.
            before.presence.as_ref().map(rows::misses).unwrap_or_default().back(now, self.consultation_knobs())?;
            ensure_row(tx, account).await?;
            hang_out(tx, account, chosen.as_ref()).await?;
            let facts = before.facts();
            let renewed = matches!(judge(&facts, now), Presence::Online { .. }) || (facts.consultation.is_some() && before.wishes(now));
            let proved_until =
                if facts.attached > 0 { facts.proved_until } else { facts.proved_until.max(now.after(self.knobs().without_page)) };
            let mut change = presence::Entity::update_many()
                .col_expr(presence::Column::Until, Expr::value(now.after(stretch).0))
                .col_expr(presence::Column::AllOffers, Expr::value(chosen.is_none()))
                .col_expr(presence::Column::ProvedUntil, Expr::value(proved_until.0))
                .col_expr(presence::Column::Away, Expr::value(false));
            if !renewed {
                change = change
                    .col_expr(presence::Column::Since, Expr::value(now.0))
                    .col_expr(presence::Column::LineLostAt, Expr::value(None::<i64>));
            }
            change.filter(presence::Column::Account.eq(account.0)).exec(&tx.db).await?;
            let kind = if renewed { DeskEventKind::Renewed } else { DeskEventKind::WentOnline };
            record(tx, account, now, kind, stretch).await?;
            // Old rings have gone out of sight since.
            answers::reckon(tx, account, now).await?;
            publish(self, tx, &before, now).await?;
            Ok(())
        });
        Ok(done.await?)
    }

    async fn go_offline(&self, me: &Me) -> Result<(), PortError> {
        let account = me.id;
        self.0.limits.write(account)?;
        let done = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, account).await?;
            let wished = before.wishes(now);
            // A wish whose end has not been swept yet is taken in as well.
            if !wished && before.shown()? != Shown::Online {
                return Ok(());
            }
            presence::Entity::update_many()
                .col_expr(presence::Column::Until, Expr::value(None::<i64>))
                .col_expr(presence::Column::LineLostAt, Expr::value(None::<i64>))
                .filter(presence::Column::Account.eq(account.0))
                .exec(&tx.db)
                .await?;
            record(tx, account, now, DeskEventKind::WentOffline, Millis(0)).await?;
            publish(self, tx, &before, now).await?;
            Ok(())
        });
        Ok(done.await?)
    }

    async fn desk(&self, me: &Me) -> Result<Desk, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let provider = Provider::load(db, me.id, self.knobs(), now).await?;
            let events = desk_event::Entity::find()
                .filter(desk_event::Column::Account.eq(me.id.0))
                .order_by_desc(desk_event::Column::At)
                .order_by_desc(desk_event::Column::Id)
                .limit(EVENTS_SHOWN)
                .all(db)
                .await?;
            let facts = provider.facts();
            let presence = judge(&facts, now);
            let unattached = facts.attached == 0 && matches!(presence, Presence::Online { .. });
            Ok(Desk {
                presence,
                until: facts.until.filter(|until| *until > now),
                offers: provider.listed.iter().map(|offer| offer.id).filter(|id| provider.hangs(*id)).map(OfferId).collect(),
                pages: facts.attached,
                back_from: matches!(presence, Presence::Away { .. })
                    .then(|| provider.presence.as_ref().map(rows::misses).unwrap_or_default().back_from(self.consultation_knobs()))
                    .filter(|back| *back > now),
                proved_until: unattached.then_some(facts.proved_until),
                now,
                warn_before_end: self.knobs().warn_before_end,
                line_lost: self.knobs().line_lost,
                without_page: self.knobs().without_page,
                events: events.iter().map(rows::desk_event).collect::<Result<_, _>>()?,
            })
        });
        Ok(read.await?)
    }
}

/// Replaces the choice of offers; `None` chooses all.
async fn hang_out(tx: &Tx, account: AccountId, chosen: Option<&HashSet<Uuid>>) -> Result<(), StoreError> {
    presence_offer::Entity::delete_many().filter(presence_offer::Column::Account.eq(account.0)).exec(&tx.db).await?;
    let rows = chosen.into_iter().flatten().map(|offer| presence_offer::ActiveModel { account: Set(account.0), offer: Set(*offer) });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        presence_offer::Entity::insert_many(rows).exec_without_returning(&tx.db).await?;
    }
    Ok(())
}

impl Store {
    /// Keeps what a provider's terminal is and can do, as its page found it: consumers are shown it before they ask.
    pub async fn set_environment(&self, me: &Me, environment: &Environment) -> Result<(), PortError> {
        let kept = self.write(async |tx| {
            let (before, _) = Provider::lock(self, tx, me.id).await?;
            let found = rows::to_json(environment)?;
            if before.presence.as_ref().is_some_and(|row| row.environment == found) {
                return Ok(());
            }
            ensure_row(tx, me.id).await?;
            presence::Entity::update_many()
                .col_expr(presence::Column::Environment, Expr::value(found))
                .filter(presence::Column::Account.eq(me.id.0))
                .exec(&tx.db)
                .await?;
            Ok(())
        });
        Ok(kept.await?)
    }

    /// Makes the rows say what is true at `now`: buries nodes whose lease ended, and publishes every provider whose state is another
    /// than the one shown. Answers how many changed. Runs at any time, on any number of nodes.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, PortError> {
        self.bury_dead(now).await?;
        let mut changed = 0;
        for account in self.overdue(now).await? {
            changed += u64::from(self.settle(account).await?);
        }
        Ok(changed)
    }

    /// The providers whose state at `now` is another than the one shown.
    async fn overdue(&self, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        self.read(async |db| {
            // Nobody else can be or become anything but offline without a transaction that says so.
            let candidates = presence::Entity::find()
                .filter(presence::Column::Shown.ne(Shown::Offline.as_str()).or(presence::Column::Until.gt(now.0)))
                .all(db)
                .await?;
            if candidates.is_empty() {
                return Ok(Vec::new());
            }
            let (pages, consultations) = (self.pages(db, now).await?, open(db, None).await?.into_iter().collect::<HashMap<_, _>>());
            let mut overdue = Vec::new();
            for row in &candidates {
                let pages = pages.get(&row.account).copied().unwrap_or_default();
                let facts = facts(Some(row), pages, consultations.get(&AccountId(row.account)).copied());
                if judge(&facts, now).shown() != rows::shown(&row.shown)? {
                    overdue.push(AccountId(row.account));
                }
            }
            Ok(overdue)
        })
        .await
    }

    async fn pages(&self, db: &impl ConnectionTrait, now: Timestamp) -> Result<HashMap<Uuid, Pages>, StoreError> {
        let signs: Vec<(Uuid, i64)> = attachment::Entity::find()
            .inner_join(node::Entity)
            .select_only()
            .column(attachment::Column::Account)
            .column(node::Column::LastSign)
            .into_tuple()
            .all(db)
            .await?;
        let mut pages: HashMap<Uuid, Pages> = HashMap::new();
        for (account, sign) in signs {
            pages.entry(account).or_default().count(Timestamp(sign), self.knobs(), now);
        }
        Ok(pages)
    }

    /// Publishes what became of one provider; whether anything did.
    async fn settle(&self, account: AccountId) -> Result<bool, StoreError> {
        self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, account).await?;
            // Somebody else may have been here first.
            if judge(&before.facts(), now).shown() == before.shown()? {
                return Ok(false);
            }
            publish(self, tx, &before, now).await?;
            Ok(true)
        })
        .await
    }
}

/// Notes what the last page of a provider leaves behind: until when it is believed and, if a wish stands, since when the line is broken.
pub(super) async fn leave_behind(
    tx: &Tx,
    of: &Provider,
    proved_until: Timestamp,
    lost_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lost_at = lost_at.filter(|_| of.wishes(now));
    presence::Entity::update_many()
        .col_expr(presence::Column::ProvedUntil, Expr::value(proved_until.0))
        .col_expr(presence::Column::LineLostAt, Expr::value(lost_at.map(|at| at.0)))
        .filter(presence::Column::Account.eq(of.account.id))
        .exec(&tx.db)
        .await?;
    Ok(())
}
