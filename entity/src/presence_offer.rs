//! Chosen offers.

use sea_orm::entity::prelude::*;

/// An offer that its provider chose to hang out.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "presence_offer")]
pub struct Model {
    /// The provider.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Uuid,
    /// The offer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub offer: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
