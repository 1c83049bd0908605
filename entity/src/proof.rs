//! Proofs.

use sea_orm::entity::prelude::*;

/// A moment at which a side proved that it was there.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "proof")]
pub struct Model {
    /// In which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Which side.
    #[sea_orm(primary_key, auto_increment = false)]
    pub side: String,
    /// When its message arrived.
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: i64,
    /// In which part: proofs of different parts are never joined.
    pub part: i32,
}

impl ActiveModelBehavior for ActiveModel {}
