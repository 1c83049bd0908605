//! Agreements.

use sea_orm::entity::prelude::*;

/// What both sides of a consultation accepted; never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agreement")]
pub struct Model {
    /// For which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// When it was concluded.
    pub at: i64,
    /// The agreement as JSON.
    pub body: String,
    /// SHA-256 of its canonical text.
    pub hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
