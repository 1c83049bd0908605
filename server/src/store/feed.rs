//! What consumers see of a provider, and the feed that tells them when it changes.
//!
//! Whoever changes a provider: [`Provider::lock`], change rows, [`publish`]. Publishing judges the facts anew, compares what is seen
//! now with what was seen before, and appends one row if there is a difference: so nothing is told twice and nothing is forgotten.

use super::{
    Store, answers,
    consultations::open,
    error::StoreError,
    presence::record,
    rows,
    tx::{Hint, Tx},
};
use app::error::PortError;
use domain::{
    card::Card,
    feed::Cursor,
    id::{AccountId, ConsultationId, Epoch, OfferId},
    offer::Status,
    presence::{DeskEventKind, Facts, Knobs, Presence, Shown, judge, proved_after_node},
    time::{Millis, Timestamp},
};
use entity::{account, attachment, feed, feed_head, node, offer, presence, presence_offer};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The body of a feed row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedBody {
    /// The last state of each listed offer that changed, closed ones included.
    pub cards: Vec<Card>,
    /// The offers that are listed no more.
    pub gone: Vec<OfferId>,
}

impl FeedBody {
    /// What turns `before` into `after`.
    fn between(before: &[Card], after: Vec<Card>) -> Self {
        let known: HashMap<OfferId, &Card> = before.iter().map(|card| (card.id, card)).collect();
        let listed: HashSet<OfferId> = after.iter().map(|card| card.id).collect();
        FeedBody {
            cards: after.into_iter().filter(|card| known.get(&card.id) != Some(&card)).collect(),
            gone: before.iter().map(|card| card.id).filter(|id| !listed.contains(id)).collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.cards.is_empty() && self.gone.is_empty()
    }
}

/// A row of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Its number; numbers have no gaps.
    pub seq: u64,
    /// A [`FeedBody`] as JSON.
    pub body: String,
}

/// All listed offers at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardSnapshot {
    /// The position.
    pub cursor: Cursor,
    /// The cards of all listed offers, closed ones included.
    pub cards: Vec<Card>,
}

/// What of the attachments counts: the living pages, and what those on dead nodes still prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) living: u64,
    pub(super) granted: Timestamp,
    /// The last sign of the node that died last.
    pub(super) lost_at: Option<Timestamp>,
}

impl Pages {
    /// The pages of one account.
    pub(super) async fn of(db: &impl ConnectionTrait, account: AccountId, knobs: &Knobs, now: Timestamp) -> Result<Self, StoreError> {
        let signs: Vec<i64> = attachment::Entity::find()
            .inner_join(node::Entity)
            .filter(attachment::Column::Account.eq(account.0))
            .select_only()
            .column(node::Column::LastSign)
            .into_tuple()
            .all(db)
            .await?;
        let mut pages = Pages::default();
        for sign in signs {
            pages.count(Timestamp(sign), knobs, now);
        }
        Ok(pages)
    }

    /// Counts a page on a node that gave its last sign then.
    pub(super) fn count(&mut self, last_sign: Timestamp, knobs: &Knobs, now: Timestamp) {
        if last_sign.after(knobs.node_lease) > now { self.living = self.living.saturating_add(1) } else { self.lose(last_sign, knobs, now) }
    }

    /// Counts a page on a node that is dead.
    pub(super) fn lose(&mut self, last_sign: Timestamp, knobs: &Knobs, now: Timestamp) {
        self.granted = self.granted.max(proved_after_node(last_sign, knobs, now));
        self.lost_at = self.lost_at.max(Some(last_sign));
    }
}

/// The facts of a presence row and what goes with it.
pub(super) fn facts(row: Option<&presence::Model>, pages: Pages, consultation: Option<ConsultationId>) -> Facts {
    let row = row.cloned().unwrap_or_else(|| never(Uuid::nil()));
    Facts {
        until: row.until.map(Timestamp),
        attached: pages.living,
        proved_until: Timestamp(row.proved_until).max(pages.granted),
        missed: rows::misses(&row).away(),
        consultation,
    }
}

/// The presence of somebody who never went online.
pub(super) fn never(account: Uuid) -> presence::Model {
    presence::Model {
        account,
        until: None,
        since: 0,
        all_offers: true,
        proved_until: 0,
        missed: 0,
        shown: Shown::Offline.as_str().into(),
        shown_at: 0,
        line_lost_at: None,
        environment: "{}".into(),
        missed_at: 0,
        away: false,
        answers: None,
    }
}

/// A provider as stored: all that decides what consumers see.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) account: account::Model,
    pub(super) presence: Option<presence::Model>,
    pub(super) chosen: HashSet<Uuid>,
    /// The listed offers, oldest first.
    pub(super) listed: Vec<offer::Model>,
    pub(super) pages: Pages,
    pub(super) consultation: Option<ConsultationId>,
}

impl Provider {
    /// Locks a provider, so that changes to one provider happen one after the other, and reads the state they start from.
    /// Answers the time too: read under the lock, it is later than that of every change before.
    pub(super) async fn lock(store: &Store, tx: &Tx, account: AccountId) -> Result<(Self, Timestamp), StoreError> {
        // SQLite has one writer, and sea-query leaves the lock out there.
        account::Entity::find_by_id(account.0).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
        let now = store.clock().now();
        Ok((Provider::load(&tx.db, account, store.knobs(), now).await?, now))
    }

    /// Reads a provider. Errors: `NotFound`.
    pub(super) async fn load(db: &impl ConnectionTrait, id: AccountId, knobs: &Knobs, now: Timestamp) -> Result<Self, StoreError> {
        let Some(account) = account::Entity::find_by_id(id.0).one(db).await? else {
            return Err(domain::reject::Code::NotFound.into());
        };
        Ok(Provider {
            account,
            presence: presence::Entity::find_by_id(id.0).one(db).await?,
            chosen: presence_offer::Entity::find()
                .filter(presence_offer::Column::Account.eq(id.0))
                .all(db)
                .await?
                .into_iter()
                .map(|row| row.offer)
                .collect(),
            listed: offer::Entity::find()
                .filter(offer::Column::Account.eq(id.0))
                .filter(offer::Column::Status.eq(Status::Listed.as_str()))
                .order_by_asc(offer::Column::Id)
                .all(db)
                .await?,
            pages: Pages::of(db, id, knobs, now).await?,
            consultation: open(db, Some(id)).await?.first().map(|(_, consultation)| *consultation),
        })
    }

    pub(super) fn id(&self) -> AccountId {
        AccountId(self.account.id)
    }

    pub(super) fn facts(&self) -> Facts {
        facts(self.presence.as_ref(), self.pages, self.consultation)
    }

    /// What consumers were last told.
    pub(super) fn shown(&self) -> Result<Shown, StoreError> {
        self.presence.as_ref().map_or(Ok(Shown::Offline), |row| rows::shown(&row.shown))
    }

    /// Whether the end of the wish lies ahead.
    pub(super) fn wishes(&self, now: Timestamp) -> bool {
        self.facts().until.is_some_and(|until| until > now)
    }

    /// Whether an offer hangs out while the provider is online.
    pub(super) fn hangs(&self, offer: Uuid) -> bool {
        hangs(self.presence.as_ref(), &self.chosen, offer)
    }

    /// An own offer as consumers see it, or would.
    pub(super) fn card(&self, offer: &offer::Model) -> Result<Card, StoreError> {
        seen(offer, &self.account, self.presence.as_ref(), &self.chosen)
    }

    /// The listed offers as consumers see them.
    pub(super) fn cards(&self) -> Result<Vec<Card>, StoreError> {
        self.listed.iter().map(|offer| self.card(offer)).collect()
    }
}

fn hangs(presence: Option<&presence::Model>, chosen: &HashSet<Uuid>, offer: Uuid) -> bool {
    presence.is_none_or(|row| row.all_offers) || chosen.contains(&offer)
}

/// An offer as consumers see it. It shows its state since the provider's last change, or, before the first one, the offer's.
fn seen(offer: &offer::Model, by: &account::Model, presence: Option<&presence::Model>, chosen: &HashSet<Uuid>) -> Result<Card, StoreError> {
    let is = match presence {
        Some(row) if offer.status == Status::Listed.as_str() && hangs(presence, chosen, offer.id) => rows::shown(&row.shown)?,
        _ => Shown::Offline,
    };
    let at = presence.map(|row| row.shown_at).filter(|at| *at > 0).unwrap_or(offer.updated_at);
    Ok(Card { answers: presence.and_then(answers::kept), ..rows::card(offer, &by.display_name, is, Timestamp(at))? })
}

/// Judges a provider after a change, notes what time alone did, and tells consumers what they see differently. The last call of a
/// transaction: the head of the feed stays locked from here to the commit.
pub(super) async fn publish(store: &Store, tx: &Tx, before: &Provider, now: Timestamp) -> Result<(), StoreError> {
    let mut after = Provider::load(&tx.db, before.id(), store.knobs(), now).await?;
    let facts = after.facts();
    let judged = judge(&facts, now);
    let shown = after.shown()?;
    if judged.shown() != shown {
        if judged == Presence::Offline && facts.until.is_some() {
            let lost_at = after.presence.as_ref().and_then(|row| row.line_lost_at).map(Timestamp).or(after.pages.lost_at);
            let (kind, stretch) = match lost_at {
                _ if !after.wishes(now) => (DeskEventKind::TimeUp, Millis(0)),
                Some(at) => (DeskEventKind::LineLost, now.since(at)),
                None => (DeskEventKind::PageLeft, Millis(0)),
            };
            record(tx, before.id(), now, kind, stretch).await?;
        }
        let row = after.presence.get_or_insert_with(|| never(before.account.id));
        row.shown = judged.shown().as_str().into();
        row.shown_at = now.0;
        presence::Entity::update_many()
            .col_expr(presence::Column::Shown, Expr::value(row.shown.clone()))
            .col_expr(presence::Column::ShownAt, Expr::value(row.shown_at))
            .filter(presence::Column::Account.eq(row.account))
            .exec(&tx.db)
            .await?;
    }
    let body = FeedBody::between(&before.cards()?, after.cards()?);
    if !body.is_empty() {
        append(tx, now, &body).await?;
    }
    tx.hint(Hint::Desk(before.id()));
    Ok(())
}

/// Appends a row under the next number. The number is drawn under the lock of the head and only the commit frees it, so rows become
/// visible in the order of their numbers.
async fn append(tx: &Tx, now: Timestamp, body: &FeedBody) -> Result<(), StoreError> {
    let head = feed_head::Entity::update_many()
        .col_expr(feed_head::Column::Seq, Expr::col(feed_head::Column::Seq).add(1))
        .filter(feed_head::Column::Id.eq(1))
        .exec_with_returning(&tx.db)
        .await?;
    let [head] = head.as_slice() else { return Err(StoreError::Broken("the feed has no head".into())) };
    let body = rows::to_json(body)?;
    feed::Entity::insert(feed::ActiveModel { seq: Set(head.seq), at: Set(now.0), body: Set(body) }).exec_without_returning(&tx.db).await?;
    tx.hint(Hint::Feed);
    Ok(())
}

/// The position of the feed.
pub(super) async fn cursor(db: &impl ConnectionTrait) -> Result<Cursor, StoreError> {
    let head = feed_head::Entity::find_by_id(1).one(db).await?.ok_or_else(|| StoreError::Broken("the feed has no head".into()))?;
    Ok(Cursor { epoch: Epoch(head.epoch), seq: number(head.seq)? })
}

fn number(seq: i64) -> Result<u64, StoreError> {
    u64::try_from(seq).map_err(|_| StoreError::Broken(format!("the feed is at {seq}")))
}

impl Store {
    /// All listed offers and the position at which they were read.
    pub async fn board(&self) -> Result<BoardSnapshot, PortError> {
        let read = self.read(async |db| {
            let offers = offer::Entity::find()
                .filter(offer::Column::Status.eq(Status::Listed.as_str()))
                .order_by_asc(offer::Column::Id)
                .find_also_related(account::Entity)
                .all(db)
                .await?;
            let presences: HashMap<Uuid, presence::Model> =
                presence::Entity::find().all(db).await?.into_iter().map(|row| (row.account, row)).collect();
            let chosen: HashSet<Uuid> = presence_offer::Entity::find().all(db).await?.into_iter().map(|row| row.offer).collect();
            let mut cards = Vec::with_capacity(offers.len());
            for (offer, account) in &offers {
                let account = account.as_ref().ok_or_else(|| StoreError::Broken(format!("offer {} has no account", offer.id)))?;
                cards.push(seen(offer, account, presences.get(&offer.account), &chosen)?);
            }
            Ok(BoardSnapshot { cursor: cursor(db).await?, cards })
        });
        Ok(read.await?)
    }

    /// At most `limit` rows after `seq`, in order.
    pub async fn feed_after(&self, seq: u64, limit: u64) -> Result<Vec<FeedRow>, PortError> {
        let read = self.read(async |db| {
            let after = feed::Entity::find().filter(feed::Column::Seq.gt(i64::try_from(seq).unwrap_or(i64::MAX)));
            Ok(after.order_by_asc(feed::Column::Seq).limit(limit).all(db).await?)
        });
        let rows = read.await?;
        Ok(rows.into_iter().map(|row| Ok(FeedRow { seq: number(row.seq)?, body: row.body })).collect::<Result<_, StoreError>>()?)
    }
}
