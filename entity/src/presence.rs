//! Wishes and proofs of being there.

use sea_orm::entity::prelude::*;

/// A provider's presence: the facts, and what consumers were last told.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "presence")]
pub struct Model {
    /// The provider.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Uuid,
    /// The end of the wish; none after an explicit off.
    pub until: Option<i64>,
    /// Since when the wish stands.
    pub since: i64,
    /// Whether all listed offers hang out, or only the chosen ones.
    pub all_offers: bool,
    /// Until when the provider counts as there without an attached page.
    pub proved_until: i64,
    /// Rings missed in a row.
    pub missed: i32,
    /// What the feed last said: `online`, `busy` or `offline`.
    pub shown: String,
    /// Since when it says so.
    pub shown_at: i64,
    /// When the last line broke, while it is broken.
    pub line_lost_at: Option<i64>,
    /// The environment measured on going online, as JSON; `{}` when none was.
    pub environment: String,
    /// When the last ring was missed.
    pub missed_at: i64,
    /// Whether the provider has not come back since.
    pub away: bool,
    /// How the rings of the last 30 days were answered, as `domain::answers::Answers` writes it; none while they are too few.
    pub answers: Option<i32>,
}

impl ActiveModelBehavior for ActiveModel {}
