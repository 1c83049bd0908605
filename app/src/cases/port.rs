//! What cases need of the server.

use super::api::{CaseLine, CaseView};
use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{id::ConsultationId, operation::Borne, text::CaseText};
use uuid::Uuid;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What goes back, in minor units; nothing when this and `typed` are empty or zero.
    pub minor: String,
    /// The same as typed.
    pub typed: String,
    /// Whose money it is.
    pub borne: Borne,
    /// Why.
    pub reason: CaseText,
    /// The same key is the same decision.
    pub key: Option<Uuid>,
}

/// Cases.
#[async_trait]
pub trait Cases: Send + Sync {
    /// Opens a case as the consumer. What is little goes back by itself. Errors: `NotFound`, `OtherPayload` when there is another one.
    async fn open(&self, me: &Me, id: ConsultationId, text: CaseText) -> Result<CaseView, PortError>;
    /// Decides a case. Errors: `NotFound` unless one is an operator, `Over` when it was decided otherwise, `BadAmount`, `TooMuch`.
    async fn decide(&self, me: &Me, id: ConsultationId, decision: Decision) -> Result<CaseView, PortError>;
    /// All cases, the open ones first. Errors: `NotFound` unless one is an operator.
    async fn list(&self, me: &Me) -> Result<Vec<CaseLine>, PortError>;
}
