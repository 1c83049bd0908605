//! Seals.

use sea_orm::entity::prelude::*;

/// A link of the hash chain over the entries. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seal")]
pub struct Model {
    /// Its number: 1, 2, 3 and so on.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// The entry.
    pub entry: Uuid,
    /// SHA-256 of the entry and of the hash before.
    pub hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
