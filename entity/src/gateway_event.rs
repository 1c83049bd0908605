//! What a gateway has told.

use sea_orm::entity::prelude::*;

/// An event of a gateway; each is taken once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_event")]
pub struct Model {
    /// Which gateway.
    #[sea_orm(primary_key, auto_increment = false)]
    pub gateway: String,
    /// The gateway's name for it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What happened.
    pub kind: String,
    /// When it was heard.
    pub at: i64,
    /// What it says.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}
