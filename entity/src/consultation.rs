//! Consultations.

use sea_orm::entity::prelude::*;

/// An accepted request.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consultation")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The offer.
    pub offer: Uuid,
    /// Who gives.
    pub provider: Uuid,
    /// Who takes.
    pub consumer: Uuid,
    /// When it was accepted.
    pub accepted_at: i64,
    /// When it ended; none while it goes on.
    pub ended_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
