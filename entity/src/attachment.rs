//! Pages that prove presence.

use sea_orm::entity::prelude::*;

/// A page or device that proves that a provider is there.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The provider.
    pub account: Uuid,
    /// The node that holds the line.
    pub node: Uuid,
    /// Browser and system in words.
    pub device: String,
    /// Since when.
    pub attached_at: i64,
    /// The node.
    #[sea_orm(belongs_to, from = "node", to = "id")]
    pub holder: BelongsTo<super::node::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
