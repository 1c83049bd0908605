//! Consultations: so far their beginning and their end, from which follows who is busy.

use super::{
    Store,
    error::one_row,
    feed::{Provider, publish},
    presence::{ensure_row, record},
};
use crate::ids;
use app::error::PortError;
use domain::{
    id::{AccountId, ConsultationId, OfferId},
    presence::{DeskEventKind, Presence, judge},
    time::{Millis, Timestamp},
};
use entity::{consultation, offer};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

impl Store {
    /// Begins a consultation on an offer that is open now; `None` if it is not, because somebody else was first for one.
    pub async fn begin_consultation(&self, offer: OfferId, consumer: AccountId) -> Result<Option<ConsultationId>, PortError> {
        let begun = self.write(async |tx| {
            let Some(row) = offer::Entity::find_by_id(offer.0).one(&tx.db).await? else { return Ok(None) };
            let provider = AccountId(row.account);
            let (before, now) = Provider::lock(self, tx, provider).await?;
            let hangs = before.listed.iter().any(|listed| listed.id == offer.0) && before.hangs(offer.0);
            if !hangs || consumer == provider || !matches!(judge(&before.facts(), now), Presence::Online { .. }) {
                return Ok(None);
            }
            let id: ConsultationId = ids::new();
            let row = consultation::ActiveModel {
                id: Set(id.0),
                offer: Set(offer.0),
                provider: Set(provider.0),
                consumer: Set(consumer.0),
                accepted_at: Set(now.0),
                ended_at: Set(None),
            };
            consultation::Entity::insert(row).exec_without_returning(&tx.db).await?;
            ensure_row(tx, provider).await?;
            record(tx, provider, now, DeskEventKind::Began, Millis(0)).await?;
            publish(self, tx, &before, now).await?;
            Ok(Some(id))
        });
        Ok(begun.await?)
    }

    /// Ends a consultation; whether it was still going on.
    pub async fn end_consultation(&self, id: ConsultationId) -> Result<bool, PortError> {
        let ended = self.write(async |tx| {
            let Some(row) = consultation::Entity::find_by_id(id.0).one(&tx.db).await? else { return Ok(false) };
            let provider = AccountId(row.provider);
            let (before, now) = Provider::lock(self, tx, provider).await?;
            let ended = consultation::Entity::update_many()
                .col_expr(consultation::Column::EndedAt, Expr::value(now.0))
                .filter(consultation::Column::Id.eq(id.0))
                .filter(consultation::Column::EndedAt.is_null())
                .exec(&tx.db)
                .await?;
            if !one_row(ended.rows_affected)? {
                return Ok(false);
            }
            record(tx, provider, now, DeskEventKind::Ended, now.since(Timestamp(row.accepted_at))).await?;
            publish(self, tx, &before, now).await?;
            Ok(true)
        });
        Ok(ended.await?)
    }
}
