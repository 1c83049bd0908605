//! Cases.

use sea_orm::entity::prelude::*;

/// Something was wrong with a receipt.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "complaint")]
pub struct Model {
    /// Of which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// What was wrong.
    pub text: String,
    /// What the server knows about it, as JSON.
    pub evidence: String,
    /// How it stands.
    pub state: String,
    /// What went back because of it.
    pub refunded: i64,
    /// Why it was decided so.
    pub answer: String,
    /// By which operator.
    pub decided_by: Option<Uuid>,
    /// Since when.
    pub at: i64,
    /// When it was decided.
    pub decided_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
