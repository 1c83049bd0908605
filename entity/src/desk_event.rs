//! The log of a desk.

use sea_orm::entity::prelude::*;

/// One line of a desk's log.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "desk_event")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose desk.
    pub account: Uuid,
    /// When.
    pub at: i64,
    /// What, by the names of `domain::presence::DeskEventKind`.
    pub kind: String,
    /// How long, in milliseconds.
    pub stretch_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
