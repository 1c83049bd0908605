//! Segments.

use sea_orm::entity::prelude::*;

/// A stretch of a consultation in which both sides proved that they were there.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "segment")]
pub struct Model {
    /// Of which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// When it began.
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: i64,
    /// When it ended.
    pub to_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
