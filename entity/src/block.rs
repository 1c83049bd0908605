//! Blocks.

use sea_orm::entity::prelude::*;

/// Somebody whom an account does not want to meet again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "block")]
pub struct Model {
    /// Who blocks.
    #[sea_orm(primary_key, auto_increment = false)]
    pub by_account: Uuid,
    /// Whom.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Uuid,
    /// Since when.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
