//! Lines of the book.

use sea_orm::entity::prelude::*;

/// One side of an entry. Never changed; a trigger moves the balance with it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "line")]
pub struct Model {
    /// Of which entry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub entry: Uuid,
    /// Its number within it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i32,
    /// Whose; nil for the house.
    pub owner: Uuid,
    /// In which book.
    pub book: String,
    /// Of what; as the entry.
    pub asset: String,
    /// What is added.
    pub minor: i64,
}

impl ActiveModelBehavior for ActiveModel {}
