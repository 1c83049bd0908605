//! Nodes: who holds lines, and what becomes of the lines of a node that died.

use super::{
    Store,
    error::{StoreError, one_row},
    feed::{Pages, Provider, publish},
    presence::leave_behind,
};
use app::error::PortError;
use domain::{
    id::{AccountId, NodeId},
    time::Timestamp,
};
use entity::{attachment, node};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use uuid::Uuid;

/// What a node learns when it tells that it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It was believed to live all the time.
    InTime,
    /// It had been buried: its lines count no more and must be attached anew.
    Buried,
}

impl Store {
    /// Registers a node; done once before it serves.
    pub async fn register_node(&self, id: NodeId) -> Result<(), PortError> {
        let now = self.clock().now().0;
        let row = node::ActiveModel { id: Set(id.0), started_at: Set(now), last_sign: Set(now) };
        let done = self.write(async |tx| Ok(node::Entity::insert(row).exec_without_returning(&tx.db).await.map(drop)?));
        Ok(done.await?)
    }

    /// Tells that a node lives, and sets its clock anew to the one that all nodes share.
    pub async fn renew_node(&self, id: NodeId) -> Result<Renewed, PortError> {
        self.measure_clock().await.map_err(StoreError::from)?;
        let now = self.clock().now().0;
        let in_time = self.write(async |tx| {
            let renewed = node::Entity::update_many().col_expr(node::Column::LastSign, Expr::value(now)).filter(node::Column::Id.eq(id.0));
            one_row(renewed.exec(&tx.db).await?.rows_affected)
        });
        if in_time.await? {
            return Ok(Renewed::InTime);
        }
        self.register_node(id).await?;
        Ok(Renewed::Buried)
    }

    /// Whether a node is the one that has lived longest, of those that are believed to live: what only one of them does, it does.
    pub async fn is_eldest(&self, id: NodeId) -> Result<bool, PortError> {
        let living = self.clock().now().before(self.knobs().node_lease);
        let eldest = node::Entity::find()
            .filter(node::Column::LastSign.gt(living.0))
            .order_by_asc(node::Column::StartedAt)
            .order_by_asc(node::Column::Id)
            .one(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        Ok(eldest.is_some_and(|eldest| eldest.id == id.0))
    }

    /// Whether there are other nodes whose lease has ended.
    pub async fn has_silent_nodes(&self, own: NodeId) -> Result<bool, PortError> {
        let silent_since = self.clock().now().before(self.knobs().node_lease);
        let silent = node::Entity::find().filter(node::Column::LastSign.lte(silent_since.0)).filter(node::Column::Id.ne(own.0));
        Ok(silent.one(&self.0.reader).await.map_err(StoreError::from)?.is_some())
    }

    /// Buries all nodes but this one, whatever their lease says. For the embedded database, where the lock of the data folder proves
    /// that every other node is dead; done before the board is read.
    pub async fn bury_others(&self, own: NodeId) -> Result<(), PortError> {
        let others = node::Entity::find().filter(node::Column::Id.ne(own.0)).all(&self.0.reader).await.map_err(StoreError::from)?;
        for node in others {
            self.bury(&node, |_| true).await?;
        }
        Ok(())
    }

    /// Buries the nodes whose lease has ended at `now`.
    pub(super) async fn bury_dead(&self, now: Timestamp) -> Result<(), StoreError> {
        let silent_since = now.before(self.knobs().node_lease);
        let dead = node::Entity::find().filter(node::Column::LastSign.lte(silent_since.0)).all(&self.0.reader).await?;
        for node in dead {
            self.bury(&node, |last_sign| last_sign <= silent_since).await?;
        }
        Ok(())
    }

    /// Deletes a node's pages, provider by provider, and leaves behind what they still prove; then the node.
    async fn bury(&self, dead: &node::Model, is_dead: impl Fn(Timestamp) -> bool + Copy + Send + Sync) -> Result<(), StoreError> {
        let accounts: Vec<Uuid> = attachment::Entity::find()
            .filter(attachment::Column::Node.eq(dead.id))
            .select_only()
            .column(attachment::Column::Account)
            .distinct()
            .into_tuple()
            .all(&self.0.reader)
            .await?;
        for account in accounts {
            self.bury_pages(AccountId(account), dead.id, is_dead).await?;
        }
        self.write(async |tx| {
            let row = node::Entity::find_by_id(dead.id).lock(LockType::Update).one(&tx.db).await?;
            let empty = attachment::Entity::find().filter(attachment::Column::Node.eq(dead.id)).one(&tx.db).await?.is_none();
            if row.is_some_and(|row| is_dead(Timestamp(row.last_sign))) && empty {
                node::Entity::delete_by_id(dead.id).exec(&tx.db).await?;
            }
            Ok(())
        })
        .await
    }

    async fn bury_pages(
        &self,
        account: AccountId,
        dead: Uuid,
        is_dead: impl Fn(Timestamp) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, account).await?;
            let Some(node) = node::Entity::find_by_id(dead).lock(LockType::KeyShare).one(&tx.db).await? else { return Ok(()) };
            let last_sign = Timestamp(node.last_sign);
            if !is_dead(last_sign) {
                return Ok(());
            }
            let deleted = attachment::Entity::delete_many()
                .filter(attachment::Column::Account.eq(account.0))
                .filter(attachment::Column::Node.eq(dead))
                .exec(&tx.db)
                .await?;
            let mut left = Pages::of(&tx.db, account, self.knobs(), now).await?;
            if deleted.rows_affected > 0 && left.living == 0 {
                left.lose(last_sign, self.knobs(), now);
                let proved_until = before.facts().proved_until.max(left.granted);
                leave_behind(tx, &before, proved_until, left.lost_at, now).await?;
            }
            publish(self, tx, &before, now).await?;
            Ok(())
        })
        .await
    }
}
