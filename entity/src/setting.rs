//! Marks of the data.

use sea_orm::entity::prelude::*;

/// A mark of the data: whether this is a demo, for one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setting")]
pub struct Model {
    /// Its name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Its value.
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
