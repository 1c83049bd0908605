//! The head of the feed.

use sea_orm::entity::prelude::*;

/// The head of the feed: one row, whose lock orders all changes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed_head")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Which life of the feed.
    pub epoch: Uuid,
    /// The number of the last change.
    pub seq: i64,
}

impl ActiveModelBehavior for ActiveModel {}
