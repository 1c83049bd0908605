//! Server functions of consultations.

use super::wire::{Person, RoomState};
use crate::error::AppError;
use domain::{
    agreement::Agreement,
    conditions::Conditions,
    consultation::{EndReason, Stage},
    environment::Environment,
    id::{ConsultationId, OfferId},
    money::Money,
    presence::Shown,
    proof::Segment,
    side::{Both, Side},
    time::{Millis, Timestamp},
    timeline::Row,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What a consumer is shown before asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsView {
    /// Under which conditions.
    pub conditions: Conditions,
    /// The provider's environment.
    pub environment: Environment,
    /// Names both: a request carries it, so that nobody is asked for what was not shown.
    pub hash: String,
    /// Whether the offer is open.
    pub is: Shown,
    /// While a guest is inside: until when at the latest.
    pub free_by: Option<Timestamp>,
    /// What the consumer can spend of this currency, for those who are signed in.
    pub funds: Option<Money>,
    /// How much more of it their wallet may take in.
    pub fits: Option<Money>,
    /// A fresh key for a top-up: the same key is the same one.
    pub key: String,
    /// How the pages would find each other, for those who are signed in.
    pub paths: Paths,
    /// The server's clock.
    pub now: Timestamp,
}

/// A server that helps two terminals to find each other, as WebRTC's `RTCIceServer` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Its addresses: `stun:...` or `turn:...`.
    pub urls: Vec<String>,
    /// The name to use it by.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The password that goes with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub credential: String,
}

/// How the pages of a consultation find each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paths {
    /// Helping servers.
    pub servers: Vec<IceServer>,
    /// Whether everything goes through a relay, so that neither side learns the other's address.
    pub relay_only: bool,
}

/// A consultation, for the side that looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultationView {
    /// The consultation.
    pub id: ConsultationId,
    /// On which side one is.
    pub side: Side,
    /// The offer.
    pub offer: OfferId,
    /// Its title.
    pub title: String,
    /// Both sides.
    pub people: Both<Person>,
    /// What the consumer wants to know; may be empty.
    pub question: String,
    /// What both accepted, or would.
    pub agreement: Agreement,
    /// The hash of what both accepted, once they have.
    pub hash: Option<String>,
    /// How it stands.
    pub state: RoomState,
    /// All rows.
    pub rows: Vec<Row>,
    /// The stretches in which both were there.
    pub segments: Vec<Segment>,
    /// What it cost, once there is a receipt.
    pub cost: Option<Cost>,
    /// When it was requested.
    pub at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// How the pages find each other.
    pub paths: Paths,
    /// How often a page proves that its side is there.
    pub prove: Millis,
    /// How far apart proofs still join.
    pub join: Millis,
}

/// What a consultation cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// What its receipt says.
    pub total: Money,
    /// What of it went back since.
    pub refunded: Money,
}

/// A line of the own history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastView {
    /// The consultation.
    pub id: ConsultationId,
    /// On which side one was.
    pub side: Side,
    /// The other side.
    pub other: Person,
    /// The title of the offer.
    pub title: String,
    /// When it was requested.
    pub at: Timestamp,
    /// How it stands.
    pub stage: Stage,
    /// Why it ended.
    pub reason: Option<EndReason>,
    /// For how long both were there.
    pub proved: Millis,
}

/// What `request` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The consultation that it becomes.
    pub consultation: ConsultationId,
}

/// The consultation that a form names. Errors: `NotFound`.
#[cfg(feature = "ssr")]
pub(crate) fn id(raw: &str) -> Result<ConsultationId, AppError> {
    raw.parse().map_err(|_| domain::reject::Code::NotFound.into())
}

/// What an offer would be given under; without a choice by its first medium, for half an hour, in its first language.
#[server(endpoint = "consultations/terms", prefix = "/api")]
pub async fn terms(
    #[server(default)] offer: String,
    #[server(default)] medium: String,
    #[server(default)] cap: String,
    #[server(default)] language: String,
) -> Result<TermsView, AppError> {
    let offer = offer.parse().map_err(|_| domain::reject::Code::NotFound)?;
    let choice = domain::conditions::Choice { medium, cap, language };
    let me = crate::context::visitor().me;
    Ok(crate::context::backend().consultations.terms(me.as_ref(), offer, &choice).await?)
}

/// Asks for an offer: its provider is rung. `environment` is JSON, `shown` the hash of what `terms` answered.
#[server(endpoint = "consultations/request", prefix = "/api")]
pub async fn request(
    #[server(default)] offer: String,
    #[server(default)] question: String,
    #[server(default)] medium: String,
    #[server(default)] cap: String,
    #[server(default)] language: String,
    #[server(default)] environment: String,
    #[server(default)] shown: String,
) -> Result<Requested, AppError> {
    use crate::context::{backend, go_to, me};
    use domain::{
        reject::{Code, Field, Reject},
        text::Question,
    };
    let me = me()?;
    let asked = super::port::Asked {
        offer: offer.parse().map_err(|_| Code::NotFound)?,
        choice: domain::conditions::Choice { medium, cap, language },
        question: Question::parse(&question).map_err(|code| Reject::field(Field::Question, code))?,
        environment: if environment.is_empty() {
            Environment::default()
        } else {
            serde_json::from_str(&environment).map_err(|_| Code::BadRequest)?
        },
        shown: (!shown.is_empty()).then_some(shown),
    };
    let consultation = backend().consultations.request(&me, asked).await?;
    go_to(&crate::routes::consultation(consultation));
    Ok(Requested { consultation })
}

/// Has a robot ask the own offer that hangs out first: practice, which costs and counts nothing.
#[server(endpoint = "consultations/practise", prefix = "/api")]
pub async fn practise() -> Result<Requested, AppError> {
    use crate::context::{backend, me};
    let consultation = backend().consultations.practise(&me()?).await?;
    Ok(Requested { consultation })
}

/// Accepts a request; that makes the agreement.
#[server(endpoint = "consultations/accept", prefix = "/api")]
pub async fn accept(#[server(default)] consultation: String) -> Result<(), AppError> {
    use crate::context::{backend, go_to, me};
    let (me, id) = (me()?, id(&consultation)?);
    backend().consultations.act(&me, id, domain::consultation::Op::Accept { device: me.sign_in }).await?;
    go_to(&crate::routes::consultation(id));
    Ok(())
}

/// Declines a request: `reason` is `not_my_field`, `in_five_minutes` or nothing. It is free, and no miss.
#[server(endpoint = "consultations/decline", prefix = "/api")]
pub async fn decline(#[server(default)] consultation: String, #[server(default)] reason: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    use domain::{
        consultation::{Decline, Op},
        reject::{Field, Reject},
    };
    let (me, id) = (me()?, id(&consultation)?);
    let reason = Decline::parse(&reason).map_err(|code| Reject::field(Field::Reason, code))?;
    Ok(backend().consultations.act(&me, id, Op::Decline { reason }).await?)
}

/// Takes the own request back.
#[server(endpoint = "consultations/cancel", prefix = "/api")]
pub async fn cancel(#[server(default)] consultation: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    let (me, id) = (me()?, id(&consultation)?);
    Ok(backend().consultations.act(&me, id, domain::consultation::Op::Cancel).await?)
}

/// Ends an open consultation.
#[server(endpoint = "consultations/end", prefix = "/api")]
pub async fn end(#[server(default)] consultation: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    let (me, id) = (me()?, id(&consultation)?);
    Ok(backend().consultations.end(&me, id).await?)
}

/// Blocks the other side of a consultation, for good.
#[server(endpoint = "consultations/block", prefix = "/api")]
pub async fn block(#[server(default)] consultation: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    let (me, id) = (me()?, id(&consultation)?);
    Ok(backend().consultations.block(&me, id).await?)
}

/// A consultation and all that is kept of it.
#[server(endpoint = "consultations/show", prefix = "/api")]
pub async fn show(#[server(default)] consultation: String) -> Result<ConsultationView, AppError> {
    use crate::context::{backend, me};
    let me = me()?;
    Ok(backend().consultations.show(&me, id(&consultation)?).await?)
}

/// The own consultations, newest first.
#[server(endpoint = "consultations/past", prefix = "/api")]
pub async fn past() -> Result<Vec<PastView>, AppError> {
    use crate::context::{backend, me};
    Ok(backend().consultations.past(&me()?).await?)
}
