//! Balances.

use sea_orm::entity::prelude::*;

/// The sum of the lines of a place; moved by a trigger only.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance")]
pub struct Model {
    /// Whose; nil for the house.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: Uuid,
    /// In which book.
    #[sea_orm(primary_key, auto_increment = false)]
    pub book: String,
    /// Of what.
    #[sea_orm(primary_key, auto_increment = false)]
    pub asset: String,
    /// How much.
    pub minor: i64,
}

impl ActiveModelBehavior for ActiveModel {}
