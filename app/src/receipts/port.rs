//! What receipts and earnings need of the server.

use super::api::{EarningsView, ReceiptView};
use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{id::ConsultationId, money::Money};
use uuid::Uuid;

/// Receipts and earnings.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// The receipt of a consultation. Errors: `NotFound` for everybody who is on neither side and no operator, and while there is none.
    async fn receipt(&self, me: &Me, id: ConsultationId) -> Result<ReceiptView, PortError>;
    /// The provider gives part of a bill back; answers what went back in all. The amount comes in minor units or as typed.
    /// Errors: `NotFound`, `Required`, `BadAmount`, `TooMuch`, `OtherPayload`.
    async fn give_back(&self, me: &Me, id: ConsultationId, key: Option<Uuid>, minor: &str, typed: &str) -> Result<Money, PortError>;
    /// The own earnings.
    async fn earnings(&self, me: &Me) -> Result<EarningsView, PortError>;
    /// All own earnings, as a table to be kept.
    async fn earnings_table(&self, me: &Me) -> Result<String, PortError>;
}
