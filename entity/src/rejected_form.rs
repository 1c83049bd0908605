//! Rejected forms.

use sea_orm::entity::prelude::*;

/// A rejected form, kept for some minutes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rejected_form")]
pub struct Model {
    /// The random id in the redirect.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Since when.
    pub at: i64,
    /// The form as JSON, without passwords.
    pub body: String,
}

impl ActiveModelBehavior for ActiveModel {}
