//! Server processes.

use sea_orm::entity::prelude::*;

/// A running server process.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "node")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Since when.
    pub started_at: i64,
    /// Its last sign of life.
    pub last_sign: i64,
}

impl ActiveModelBehavior for ActiveModel {}
