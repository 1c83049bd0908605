//! What consultations need of the server.

use super::{
    api::{ConsultationView, PastView, TermsView},
    wire::RingView,
};
use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{
    conditions::Choice,
    consultation::Op,
    environment::Environment,
    id::{ConsultationId, OfferId},
    text::Question,
};

/// A request, as its consumer sends it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For which offer.
    pub offer: OfferId,
    /// What was chosen.
    pub choice: Choice,
    /// What the consumer wants to know.
    pub question: Question,
    /// The consumer's environment, as its owner saw it.
    pub environment: Environment,
    /// The hash of the terms that were shown. `None` takes them as they are.
    pub shown: Option<String>,
}

/// Consultations.
#[async_trait]
pub trait Consultations: Send + Sync {
    /// What an offer would be given under, by what is known now. Errors: `NotFound`, and those of `Conditions::of`.
    async fn terms(&self, me: Option<&Me>, offer: OfferId, choice: &Choice) -> Result<TermsView, PortError>;
    /// Asks for an offer: its provider is rung. Errors: `NotFound`, those of `Conditions::of`, and those of `Asking::may_ring`.
    async fn request(&self, me: &Me, asked: Asked) -> Result<ConsultationId, PortError>;
    /// Has a robot ask the own offer that hangs out first, for practice. Errors: `NotOpen`, and those of `Asking::may_ring`.
    async fn practise(&self, me: &Me) -> Result<ConsultationId, PortError>;
    /// Does something to a consultation as one of its sides. Whoever is not on the side that may do it is told that there is no such thing.
    /// Errors: `NotFound`, and those of `Consultation::apply`.
    async fn act(&self, me: &Me, id: ConsultationId, op: Op) -> Result<(), PortError>;
    /// Blocks the other side of a consultation, for good, and leaves it. Errors: `NotFound`.
    async fn block(&self, me: &Me, id: ConsultationId) -> Result<(), PortError>;
    /// Ends an open consultation as the side that one is on. Errors: `NotFound`, and those of `Consultation::apply`.
    async fn end(&self, me: &Me, id: ConsultationId) -> Result<(), PortError>;
    /// A consultation and all that is kept of it. Errors: `NotFound` for everybody who is on neither side.
    async fn show(&self, me: &Me, id: ConsultationId) -> Result<ConsultationView, PortError>;
    /// The last consultations of an account, on either side, newest first.
    async fn past(&self, me: &Me) -> Result<Vec<PastView>, PortError>;
    /// The request that rings an account now.
    async fn ringing(&self, me: &Me) -> Result<Option<RingView>, PortError>;
    /// What an account has open as a consumer: a request that rings, or a consultation.
    async fn open_of(&self, me: &Me) -> Result<Option<ConsultationId>, PortError>;
}
