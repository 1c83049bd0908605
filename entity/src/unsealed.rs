//! Entries that are not sealed yet.

use sea_orm::entity::prelude::*;

/// Entries that are not sealed yet.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unsealed")]
pub struct Model {
    /// The entry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub entry: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
