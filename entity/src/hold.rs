//! Holds.

use sea_orm::entity::prelude::*;

/// Money that is reserved for a consultation. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hold")]
pub struct Model {
    /// For which consultation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consultation: Uuid,
    /// Its number within it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    /// Of what.
    pub asset: String,
    /// How much.
    pub minor: i64,
    /// The operator's share as it was then, in basis points.
    pub commission: i64,
    /// Since when.
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
