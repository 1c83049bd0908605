//! Consultations that hold money.

use sea_orm::entity::prelude::*;

/// Consultations that hold money.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holding")]
pub struct Model {
    /// The consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
