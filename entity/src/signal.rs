//! Signals.

use sea_orm::entity::prelude::*;

/// What one page of a room tells the other so that sound and picture find their way.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signal")]
pub struct Model {
    /// Whose room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Its number: 1, 2, 3 and so on.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// From which side.
    pub side: String,
    /// From which life of its page.
    pub life: Uuid,
    /// The number that the page gave it.
    pub k: i64,
    /// When it came.
    pub at: i64,
    /// What it says; nobody here reads it.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}
