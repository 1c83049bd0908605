//! Seats in rooms.

use sea_orm::entity::prelude::*;

/// The page of one side that is in a room.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seat")]
pub struct Model {
    /// Whose room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Which side.
    #[sea_orm(primary_key, auto_increment = false)]
    pub side: String,
    /// In which tab.
    pub tab: Uuid,
    /// Which life of the page.
    pub life: Uuid,
    /// By which of its lines.
    pub socket: Uuid,
    /// Since when.
    pub taken_at: i64,
    /// Since when its line is gone.
    pub left_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
