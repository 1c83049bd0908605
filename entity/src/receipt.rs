//! Receipts.

use sea_orm::entity::prelude::*;

/// What a consultation cost and why. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipt")]
pub struct Model {
    /// Of which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Its number: 1, 2, 3 and so on, without gaps.
    pub number: i64,
    /// When it was made.
    pub at: i64,
    /// Who paid.
    pub consumer: Uuid,
    /// Who earned.
    pub provider: Uuid,
    /// Of what.
    pub asset: String,
    /// What was paid.
    pub total: i64,
    /// The operator's part of it.
    pub fee: i64,
    /// All of it, as JSON.
    pub body: String,
    /// SHA-256 of its text.
    pub hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
