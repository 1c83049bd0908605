//! Consultations.

use sea_orm::entity::prelude::*;

/// A request, and the consultation that it becomes.
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
    /// What the consumer wants to know.
    pub question: String,
    /// The agreement that an accept concludes, as JSON.
    pub agreement: String,
    /// The name of the state.
    pub stage: String,
    /// The state, as JSON.
    pub state: String,
    /// Counts changes.
    pub version: i64,
    /// The number of the room's last row.
    pub last_row: i64,
    /// The number of the room's last signal.
    pub last_signal: i64,
    /// When time alone changes the state next.
    pub due_at: Option<i64>,
    /// When it was requested.
    pub created_at: i64,
    /// When it was accepted.
    pub accepted_at: Option<i64>,
    /// Since when nothing more can happen in it but the bill.
    pub over_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
