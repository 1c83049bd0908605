//! What wallets need of the server.

use super::api::{MovedMoney, WalletView};
use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{
    currency::Currency,
    money::{Asset, Money},
};
use uuid::Uuid;

/// Money that is to move.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The same key is the same movement; without one it is a new one.
    pub key: Option<Uuid>,
    /// How much.
    pub amount: Money,
}

/// Wallets.
#[async_trait]
pub trait Wallets: Send + Sync {
    /// What a currency is here: real, or for trying.
    fn asset(&self, currency: Currency) -> Asset;
    /// The own wallet.
    async fn wallet(&self, me: &Me) -> Result<WalletView, PortError>;
    /// Brings money in; the visitor comes back to the page `next`. Errors: `WalletFull`, `GatewayDown`, `OtherPayload`.
    async fn top_up(&self, me: &Me, movement: Movement, next: &str) -> Result<MovedMoney, PortError>;
    /// Sends unused money back to where it came from. Errors: `NoFunds`, `OtherPayload`.
    async fn refund_unused(&self, me: &Me, movement: Movement) -> Result<MovedMoney, PortError>;
    /// Whether nothing new that costs money can begin.
    fn frozen(&self) -> bool;
    /// All bookings of the own wallet, as a table to be kept.
    async fn statement(&self, me: &Me) -> Result<String, PortError>;
}
