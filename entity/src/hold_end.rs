//! Ends of holds.

use sea_orm::entity::prelude::*;

/// What became of a hold; each ends once. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hold_end")]
pub struct Model {
    /// Of which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Of which of its holds.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// What was paid out of it.
    pub captured: i64,
    /// What was given back.
    pub released: i64,
    /// When.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
