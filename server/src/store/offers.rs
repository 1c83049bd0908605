//! Offers: registering, revising, retiring, showing.

use super::{
    Store,
    error::{StoreError, one_row},
    feed::{Provider, cursor, publish},
    rows,
    tx::Tx,
};
use crate::ids;
use app::{
    context::Me,
    error::PortError,
    offers::{
        api::{OfferView, OwnOffer, ProviderView},
        port::Offers,
    },
};
use async_trait::async_trait;
use domain::{
    filter::Filter,
    id::{AccountId, OfferId},
    offer::{OFFERS_MAX, OfferContent, Status},
    reject::Code,
    time::Timestamp,
};
use entity::{offer, presence_offer};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};

/// The own offers that are not retired.
fn kept(account: AccountId) -> Condition {
    Condition::all().add(offer::Column::Account.eq(account.0)).add(offer::Column::Status.ne(Status::Retired.as_str()))
}

/// A new offer.
pub(super) async fn insert(tx: &Tx, id: OfferId, account: AccountId, content: OfferContent, now: Timestamp) -> Result<(), StoreError> {
    let row = offer::ActiveModel {
        id: Set(id.0),
        account: Set(account.0),
        version: Set(1),
        created_at: Set(now.0),
        updated_at: Set(now.0),
        ..rows::content(content)
    };
    offer::Entity::insert(row).exec_without_returning(&tx.db).await?;
    Ok(())
}

#[async_trait]
impl Offers for Store {
    async fn register(&self, me: &Me, content: OfferContent) -> Result<OfferId, PortError> {
        self.0.limits.write(me.id)?;
        let id: OfferId = ids::new();
        let registered = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, me.id).await?;
            if offer::Entity::find().filter(kept(me.id)).count(&tx.db).await? >= OFFERS_MAX {
                return Err(Code::OfferLimit.into());
            }
            insert(tx, id, me.id, content, now).await?;
            publish(self, tx, &before, now).await?;
            Ok(id)
        });
        Ok(registered.await?)
    }

    async fn revise(&self, me: &Me, offer: OfferId, version: i32, content: OfferContent) -> Result<(), PortError> {
        self.0.limits.write(me.id)?;
        let revised = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, me.id).await?;
            let row = offer::ActiveModel { updated_at: Set(now.0), ..rows::content(content) };
            let own = || kept(me.id).add(offer::Column::Id.eq(offer.0));
            let updated = offer::Entity::update_many()
                .set(row)
                .col_expr(offer::Column::Version, Expr::col(offer::Column::Version).add(1))
                .filter(own())
                .filter(offer::Column::Version.eq(version))
                .exec(&tx.db)
                .await?;
            if !one_row(updated.rows_affected)? {
                let there = offer::Entity::find().filter(own()).one(&tx.db).await?.is_some();
                return Err(if there { Code::Stale } else { Code::NotFound }.into());
            }
            publish(self, tx, &before, now).await
        });
        Ok(revised.await?)
    }

    async fn retire(&self, me: &Me, offer: OfferId) -> Result<(), PortError> {
        self.0.limits.write(me.id)?;
        let retired = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, me.id).await?;
            let updated = offer::Entity::update_many()
                .col_expr(offer::Column::Status, Expr::value(Status::Retired.as_str()))
                .col_expr(offer::Column::UpdatedAt, Expr::value(now.0))
                .col_expr(offer::Column::Version, Expr::col(offer::Column::Version).add(1))
                .filter(kept(me.id).add(offer::Column::Id.eq(offer.0)))
                .exec(&tx.db)
                .await?;
            if !one_row(updated.rows_affected)? {
                return Err(Code::NotFound.into());
            }
            presence_offer::Entity::delete_many().filter(presence_offer::Column::Offer.eq(offer.0)).exec(&tx.db).await?;
            publish(self, tx, &before, now).await
        });
        Ok(retired.await?)
    }

    async fn mine(&self, me: &Me) -> Result<Vec<OwnOffer>, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let provider = Provider::load(db, me.id, self.knobs(), now).await?;
            let offers = offer::Entity::find().filter(kept(me.id)).order_by_desc(offer::Column::Id).all(db).await?;
            let own = |row: offer::Model| -> Result<OwnOffer, StoreError> {
                Ok(OwnOffer {
                    card: provider.card(&row)?,
                    status: rows::status(&row.status)?,
                    description: row.description,
                    version: row.version,
                })
            };
            offers.into_iter().map(own).collect()
        });
        Ok(read.await?)
    }

    async fn show(&self, offer: OfferId, me: Option<&Me>) -> Result<OfferView, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let row = offer::Entity::find_by_id(offer.0).one(db).await?.ok_or(Code::NotFound)?;
            let (status, own) = (rows::status(&row.status)?, me.is_some_and(|me| me.id.0 == row.account));
            if status == Status::Retired || (status == Status::Draft && !own) {
                return Err(Code::NotFound.into());
            }
            let provider = Provider::load(db, AccountId(row.account), self.knobs(), now).await?;
            Ok(OfferView {
                card: provider.card(&row)?,
                description: row.description,
                status,
                since: Timestamp(row.created_at),
                own,
                cursor: cursor(db).await?,
            })
        });
        Ok(read.await?)
    }

    async fn provider(&self, provider: AccountId) -> Result<ProviderView, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let found = Provider::load(db, provider, self.knobs(), now).await?;
            let mut cards = found.cards()?;
            if cards.is_empty() {
                return Err(Code::NotFound.into());
            }
            let order = Filter::default();
            cards.sort_unstable_by_key(|card| order.place(card));
            Ok(ProviderView {
                id: provider,
                since: Timestamp(found.account.created_at),
                name: found.account.display_name,
                cards,
                cursor: cursor(db).await?,
            })
        });
        Ok(read.await?)
    }
}
