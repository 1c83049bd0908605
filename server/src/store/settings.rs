//! Marks of the data, and deleting what has had its time.

use super::{Store, error::StoreError, forms, rooms::SIGNALS_KEPT, tx::Hint};
use app::error::PortError;
use domain::{id::SignInId, time::Timestamp};
use entity::{feed, rejected_form, reset_link, setting, sign_in, signal};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{ExprTrait, OnConflict},
};

/// Lines kept of each desk's log.
const DESK_EVENTS_KEPT: u32 = 50;

impl Store {
    /// The mark of that name.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, PortError> {
        let row = setting::Entity::find_by_id(key.to_owned()).one(&self.0.reader).await.map_err(StoreError::from)?;
        Ok(row.map(|row| row.value))
    }

    /// Sets the mark of that name.
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), PortError> {
        let row = setting::ActiveModel { key: Set(key.into()), value: Set(value.into()) };
        let replace = OnConflict::column(setting::Column::Key).update_column(setting::Column::Value).to_owned();
        let done =
            self.write(async |tx| Ok(setting::Entity::insert(row).on_conflict(replace).exec_without_returning(&tx.db).await.map(drop)?));
        Ok(done.await?)
    }

    /// Deletes what has had its time: feed rows (never the newest), rejected forms, passed signals, ended sign-ins, dead links, old lines of desks.
    pub async fn prune(&self, now: Timestamp) -> Result<(), PortError> {
        self.0.limits.forget();
        let done = self.write(async |tx| {
            let db = &tx.db;
            if let Some(newest) = feed::Entity::find().order_by_desc(feed::Column::Seq).one(db).await? {
                let old = feed::Column::At.lte(now.before(self.0.feed_keep).0).and(feed::Column::Seq.lt(newest.seq));
                feed::Entity::delete_many().filter(old).exec(db).await?;
            }
            rejected_form::Entity::delete_many().filter(rejected_form::Column::At.lte(now.before(forms::KEPT).0)).exec(db).await?;
            signal::Entity::delete_many().filter(signal::Column::At.lte(now.before(SIGNALS_KEPT).0)).exec(db).await?;
            let dead = reset_link::Column::ExpiresAt.lte(now.0).or(reset_link::Column::UsedAt.is_not_null());
            reset_link::Entity::delete_many().filter(dead).exec(db).await?;
            let ended = sign_in::Entity::find().filter(self.0.sign_ins.ended(now)).all(db).await?;
            for row in &ended {
                tx.hint(Hint::SignOut(SignInId(row.id)));
            }
            sign_in::Entity::delete_many().filter(self.0.sign_ins.ended(now)).exec(db).await?;
            db.execute_unprepared(&format!(
                "DELETE FROM desk_event WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY account ORDER BY at DESC, id DESC) AS place \
                 FROM desk_event) AS numbered WHERE place > {DESK_EVENTS_KEPT})"
            ))
            .await?;
            Ok(())
        });
        Ok(done.await?)
    }
}
