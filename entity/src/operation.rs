//! Movements through the gateway.

use sea_orm::entity::prelude::*;

/// Money on its way in or out; written before the gateway is called.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "operation")]
pub struct Model {
    /// The key; the gateway knows it as the idempotency key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// Through which gateway.
    pub gateway: String,
    /// In or out.
    pub kind: String,
    /// Of what.
    pub asset: String,
    /// How much.
    pub minor: i64,
    /// How far it is.
    pub state: String,
    /// The gateway's name for it.
    pub external: Option<String>,
    /// Where its owner goes to pay.
    pub next: Option<String>,
    /// Of a refund: the payment that it gives back.
    pub parent: Option<Uuid>,
    /// Of a payment: how much was given back or taken back of it.
    pub returned: i64,
    /// Of a payment: how often the gateway took something of it back.
    pub reversals: i64,
    /// How often the gateway was called in vain.
    pub tries: i64,
    /// Since when.
    pub created_at: i64,
    /// When it last changed.
    pub changed_at: i64,
    /// When it is looked at next; nothing once it is done.
    pub due_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
