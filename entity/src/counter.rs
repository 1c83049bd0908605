//! Counters.

use sea_orm::entity::prelude::*;

/// A number that is counted on without gaps.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    /// Of what.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last one given.
    pub value: i64,
}

impl ActiveModelBehavior for ActiveModel {}
