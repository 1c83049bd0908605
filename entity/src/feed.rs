//! The feed.

use sea_orm::entity::prelude::*;

/// One change of what consumers see.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// When.
    pub at: i64,
    /// The ready JSON of the change.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}
