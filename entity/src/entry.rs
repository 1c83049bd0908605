//! Entries of the book.

use sea_orm::entity::prelude::*;

/// One booking; its lines sum to zero. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "entry")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its name: the same name is the same entry.
    pub key: String,
    /// What it books.
    pub kind: String,
    /// Of what.
    pub asset: String,
    /// The consultation or the operation that it is about.
    pub about: Uuid,
    /// When it was booked.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
