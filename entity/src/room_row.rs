//! Rows of rooms.

use sea_orm::entity::prelude::*;

/// One row of the feed of a room.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "room_row")]
pub struct Model {
    /// Whose room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Its number: 1, 2, 3 and so on.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// When it was written.
    pub at: i64,
    /// The name that its sender gave a message.
    pub message_key: Option<Uuid>,
    /// What happened, as JSON.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}
