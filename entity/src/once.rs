//! What was answered under which key.

use sea_orm::entity::prelude::*;

/// An answer that is given again to the same key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "once")]
pub struct Model {
    /// Who asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Uuid,
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Uuid,
    /// SHA-256 of what was asked.
    pub asked: Vec<u8>,
    /// What was answered, as JSON.
    pub answer: String,
    /// When.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
