//! Browsers that are signed in.

use sea_orm::entity::prelude::*;

/// One browser that is signed in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// SHA-256 of the token in the cookie.
    #[sea_orm(unique)]
    pub token_hash: Vec<u8>,
    /// Browser and system in words.
    pub device: String,
    /// Since when.
    pub created_at: i64,
    /// Last seen, to the minute.
    pub last_seen_at: i64,
    /// The end, whatever happens.
    pub expires_at: i64,
    /// The account.
    #[sea_orm(belongs_to, from = "account", to = "id")]
    pub owner: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
