//! Earnings that can still go back.

use sea_orm::entity::prelude::*;

/// When the earnings of a consultation can be paid out; gone when they can.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clearing")]
pub struct Model {
    /// Of which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// When.
    pub due_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
