//! Gateways: where money comes in and goes back. A gateway never touches the book; what it answers is applied by the store, in one transaction.
//!
//! Each call carries the id of our own row, which is written before: the gateway takes the same id for the same movement, however often it is called.

mod stripe;
mod test_credit;

use async_trait::async_trait;
use domain::{
    id::OperationId,
    money::{Money, Reality},
    time::Timestamp,
};
use http::HeaderMap;
use std::sync::Arc;

pub use stripe::Stripe;
pub use test_credit::TestCredit;

/// Money that is to come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Our row.
    pub operation: OperationId,
    /// How much.
    pub amount: Money,
    /// The address of the page to come back to.
    pub back: String,
}

/// How a movement stands at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not decided yet; its owner may have to go somewhere to pay.
    Waiting {
        /// Where.
        next: Option<String>,
    },
    /// The money has moved.
    Settled,
    /// It will not move.
    Failed,
}

/// What a gateway knows of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The gateway's name for it.
    pub external: String,
    /// How it stands.
    pub standing: Standing,
    /// How much has moved, once it has: it must be what was asked for.
    pub amount: Option<Money>,
}

/// Why a gateway was called in vain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// It said no: nothing has moved, and nothing will.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// It did not answer, or not so that it could be understood: what has moved must be asked.
    #[error("the gateway did not answer: {0}")]
    Unknown(String),
}

/// What an event is about. What has become of it is asked of the gateway, since events come in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A payment into a wallet, by the gateway's name.
    TopUp(String),
    /// A refund, by the gateway's name.
    Refund(String),
    /// A payment of ours was taken back by its bank, or given again.
    Reversal {
        /// The payment, by the gateway's name.
        payment: String,
        /// How much; negative when it was given again.
        amount: Money,
    },
    /// Nothing of ours.
    Nothing,
}

/// What a gateway tells by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The gateway's name for it: the same name is the same event.
    pub id: String,
    /// What happened, in the gateway's words.
    pub kind: String,
    /// About what.
    pub about: About,
    /// All of it.
    pub body: String,
}

/// Why an event is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// There is no signature, or none that fits.
    #[error("the signature does not fit")]
    Signature,
    /// It was signed too long ago, or will be.
    #[error("the signature is stale")]
    Stale,
    /// It cannot be read.
    #[error("the event cannot be read")]
    Unreadable,
}

/// A gateway.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Its name, as rows keep it.
    fn id(&self) -> &'static str;
    /// Whether its money is real. It decides that for the whole instance.
    fn reality(&self) -> Reality;
    /// Begins to bring money in.
    async fn start_top_up(&self, intent: &Intent) -> Result<Found, GatewayError>;
    /// How money that is to come in stands, by the gateway's name for it.
    async fn top_up(&self, external: &str) -> Result<Found, GatewayError>;
    /// Sends part of a payment back.
    async fn start_refund(&self, operation: OperationId, payment: &str, amount: Money) -> Result<Found, GatewayError>;
    /// How a refund stands.
    async fn refund(&self, external: &str) -> Result<Found, GatewayError>;
    /// Which movement of ours a payment was, by the gateway's name for it; `None` when it is none of ours.
    async fn operation_of(&self, payment: &str) -> Result<Option<OperationId>, GatewayError>;
    /// Judges an event that came in: pure, no I/O.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Event, Forged>;
    /// The events since then, oldest first: among them are those whose call got lost.
    async fn events_since(&self, since: Timestamp) -> Result<Vec<Event>, GatewayError>;
}

/// The gateway of an instance.
pub type TheGateway = Arc<dyn Gateway>;
