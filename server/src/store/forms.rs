//! Rejected forms, kept for a few minutes.

use super::{
    Store,
    error::StoreError,
    rows::{from_json, to_json},
};
use crate::ids;
use app::{
    error::PortError,
    forms::{api::Rejected, port::Forms},
};
use async_trait::async_trait;
use domain::{reject::Code, time::Millis};
use entity::rejected_form;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use std::net::IpAddr;

/// How long a rejected form is kept.
pub(super) const KEPT: Millis = Millis::minutes(10);

/// Largest form that is kept, in bytes of JSON: the longest description in the widest script fits.
const LARGEST: usize = 20_000;

#[async_trait]
impl Forms for Store {
    async fn keep(&self, rejected: Rejected, ip: IpAddr) -> Result<String, PortError> {
        self.0.limits.rejected(ip)?;
        let id = ids::token();
        let body = to_json(&rejected)?;
        if body.len() > LARGEST {
            return Err(Code::TooLarge.into());
        }
        let row = rejected_form::ActiveModel { id: Set(id.clone()), at: Set(self.clock().now().0), body: Set(body) };
        self.write(async |tx| Ok(rejected_form::Entity::insert(row).exec_without_returning(&tx.db).await.map(drop)?)).await?;
        Ok(id)
    }

    async fn read(&self, id: &str) -> Result<Option<Rejected>, PortError> {
        let oldest = self.clock().now().before(KEPT);
        let row = rejected_form::Entity::find_by_id(id.to_owned())
            .filter(rejected_form::Column::At.gt(oldest.0))
            .one(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        Ok(row.map(|row| from_json(&row.body)).transpose()?)
    }
}
