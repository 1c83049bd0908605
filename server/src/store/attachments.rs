//! Proofs: the pages that are attached.

use super::{
    Store,
    error::{StoreError, one_row},
    feed::{Pages, Provider, publish},
    presence::{leave_behind, record},
};
use crate::ids;
use app::error::PortError;
use domain::{
    id::{AccountId, AttachmentId, NodeId},
    presence::{DeskEventKind, Facts, Leaving, Presence, Shown, judge, proved_after},
    reject::Code,
    time::{Millis, Timestamp},
};
use entity::{attachment, node, presence};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType},
};

impl Store {
    /// Attaches a page of an account that `node` holds the line to. With a wish that still stands the curtain goes out by itself.
    /// Errors: `Overloaded` when the node has been buried meanwhile and must register anew.
    pub async fn attach(&self, account: AccountId, node: NodeId, device: &str) -> Result<AttachmentId, PortError> {
        self.attach_as(ids::new(), account, node, device).await
    }

    /// The same under an id that the caller knows before, so that it can tell this page from one that nobody holds.
    pub async fn attach_as(&self, id: AttachmentId, account: AccountId, node: NodeId, device: &str) -> Result<AttachmentId, PortError> {
        let attached = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, account).await?;
            if node::Entity::find_by_id(node.0).lock(LockType::KeyShare).one(&tx.db).await?.is_none() {
                return Err(Code::Overloaded.into());
            }
            let row = attachment::ActiveModel {
                id: Set(id.0),
                account: Set(account.0),
                node: Set(node.0),
                device: Set(device.into()),
                attached_at: Set(now.0),
            };
            attachment::Entity::insert(row).exec_without_returning(&tx.db).await?;
            // The line may also have broken with a node that nobody has buried yet.
            let died_at = before.pages.lost_at.filter(|_| before.pages.living == 0);
            let broken = before.presence.as_ref().and_then(|row| row.line_lost_at).map(Timestamp).or(died_at);
            let facts = before.facts();
            let judged = judge(&Facts { attached: facts.attached.saturating_add(1), ..facts }, now);
            let gap = broken.map_or(Millis(0), |at| now.since(at));
            match (before.shown()?, judged) {
                (Shown::Offline, Presence::Online { .. }) => record(tx, account, now, DeskEventKind::CameBack, gap).await?,
                (Shown::Online, Presence::Online { .. }) if broken.is_some() => {
                    record(tx, account, now, DeskEventKind::LineGap, gap).await?
                }
                _ => {}
            }
            if before.presence.is_some() {
                presence::Entity::update_many()
                    .col_expr(presence::Column::LineLostAt, Expr::value(None::<i64>))
                    .filter(presence::Column::Account.eq(account.0))
                    .exec(&tx.db)
                    .await?;
            }
            publish(self, tx, &before, now).await?;
            Ok(id)
        });
        Ok(attached.await?)
    }

    /// The pages whose line a node holds, as stored.
    pub async fn attachments_of(&self, node: NodeId) -> Result<Vec<AttachmentId>, PortError> {
        let found = attachment::Entity::find().filter(attachment::Column::Node.eq(node.0)).all(&self.0.reader).await;
        Ok(found.map_err(StoreError::from)?.into_iter().map(|row| AttachmentId(row.id)).collect())
    }

    /// Detaches a page. If it was the last one, the provider is believed for a moment more. An unknown page changes nothing.
    pub async fn detach(&self, page: AttachmentId, leaving: Leaving) -> Result<(), PortError> {
        let detached = self.write(async |tx| {
            let Some(row) = attachment::Entity::find_by_id(page.0).one(&tx.db).await? else { return Ok(()) };
            let account = AccountId(row.account);
            let (before, now) = Provider::lock(self, tx, account).await?;
            if !one_row(attachment::Entity::delete_by_id(page.0).exec(&tx.db).await?.rows_affected)? {
                return Ok(());
            }
            if Pages::of(&tx.db, account, self.knobs(), now).await?.living == 0 {
                let lost_at = (leaving == Leaving::Lost).then_some(now);
                leave_behind(tx, &before, proved_after(leaving, self.knobs(), now), lost_at, now).await?;
            }
            publish(self, tx, &before, now).await?;
            Ok(())
        });
        Ok(detached.await?)
    }
}
