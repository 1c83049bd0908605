//! People.

use sea_orm::entity::prelude::*;

/// A person.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The address, as `domain::account::Email` writes it.
    #[sea_orm(unique)]
    pub email: String,
    /// The name shown to others.
    pub display_name: String,
    /// The password's argon2id hash as a PHC string.
    pub password_hash: String,
    /// `member` or `operator`.
    pub role: String,
    /// Since when.
    pub created_at: i64,
    /// Whether the server itself acts for it; nobody can sign in to it by an address.
    pub robot: bool,
}

impl ActiveModelBehavior for ActiveModel {}
