//! Marks.

use sea_orm::entity::prelude::*;

/// How far one side has got in the rows of a room.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mark")]
pub struct Model {
    /// Whose room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Which side.
    #[sea_orm(primary_key, auto_increment = false)]
    pub side: String,
    /// The last row that its pages have.
    pub delivered: i64,
    /// The last row that it has seen.
    pub seen: i64,
}

impl ActiveModelBehavior for ActiveModel {}
