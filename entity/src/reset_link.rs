//! Links that set a new password.

use sea_orm::entity::prelude::*;

/// A link that sets a new password once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reset_link")]
pub struct Model {
    /// SHA-256 of the token in the link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    /// Whose password.
    pub account: Uuid,
    /// The end.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
