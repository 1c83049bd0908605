//! Offers.

use sea_orm::entity::prelude::*;

/// What a provider gives, at what price.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The provider.
    pub account: Uuid,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Category by name.
    pub category: String,
    /// Language tags: `en,es`.
    pub languages: String,
    /// Chat 1 + voice 2 + video 4.
    pub media: i32,
    /// Price a minute in minor units.
    pub rate_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Seconds at the start that cost nothing.
    pub free_seconds: i32,
    /// `draft`, `listed` or `retired`.
    pub status: String,
    /// Counts revisions.
    pub version: i32,
    /// Since when.
    pub created_at: i64,
    /// Last revised.
    pub updated_at: i64,
    /// The account.
    #[sea_orm(belongs_to, from = "account", to = "id")]
    pub owner: BelongsTo<super::account::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
