//! Server functions of cases: something was wrong with a receipt.

#[cfg(feature = "ssr")]
use crate::consultation::api::id;
use crate::error::AppError;
use domain::{id::ConsultationId, money::Money, operation::CaseState, time::Timestamp};
#[cfg(feature = "ssr")]
use domain::{
    operation::Borne,
    reject::{Field, Reject},
    text::CaseText,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// Of which consultation.
    pub consultation: ConsultationId,
    /// What was wrong, in the consumer's words.
    pub text: String,
    /// How it stands.
    pub state: CaseState,
    /// What went back because of it.
    pub refunded: Money,
    /// Why it was decided so, in the operator's words.
    pub answer: String,
    /// Since when.
    pub at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// A case on the operator's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseLine {
    /// The case.
    pub case: CaseView,
    /// The number of the receipt.
    pub number: u64,
    /// Who complains.
    pub consumer: String,
    /// About whom.
    pub provider: String,
    /// What about.
    pub title: String,
    /// The bill.
    pub total: Money,
    /// What can still go back.
    pub left: Money,
    /// What the server knows about it, line by line.
    pub evidence: Vec<String>,
    /// A fresh key for the decision.
    pub key: String,
}

/// Something was wrong with a consultation: opens a case with the evidence. The same words again change nothing.
#[server(endpoint = "cases/open", prefix = "/api")]
pub async fn open_case(#[server(default)] consultation: String, #[server(default)] complaint: String) -> Result<CaseView, AppError> {
    use crate::context::{backend, go_to, me};
    let (me, id) = (me()?, id(&consultation)?);
    let text = CaseText::parse(&complaint).map_err(|code| Reject::field(Field::Complaint, code))?;
    let case = backend().cases.open(&me, id, text).await?;
    go_to(&crate::routes::receipt(id));
    Ok(case)
}

/// The operator decides a case: `amount_minor` or `amount` goes back, or nothing; `borne` says whose money it is, `reason` why.
#[server(endpoint = "cases/decide", prefix = "/api")]
pub async fn decide_case(
    #[server(default)] consultation: String,
    #[server(default)] amount_minor: String,
    #[server(default)] amount: String,
    #[server(default)] borne: String,
    #[server(default)] reason: String,
    #[server(default)] key: String,
) -> Result<CaseView, AppError> {
    use crate::context::{backend, go_to, me};
    let (me, id) = (me()?, id(&consultation)?);
    let reason = CaseText::parse(&reason).map_err(|code| Reject::field(Field::Reason, code))?;
    let borne = Borne::parse(&borne)?;
    let decision = super::port::Decision { minor: amount_minor, typed: amount, borne, reason, key: crate::context::key(&key)? };
    let case = backend().cases.decide(&me, id, decision).await?;
    go_to(crate::routes::CASES);
    Ok(case)
}

/// All cases, the open ones first, for operators.
#[server(endpoint = "cases/list", prefix = "/api")]
pub async fn list_cases() -> Result<Vec<CaseLine>, AppError> {
    use crate::context::{backend, me};
    Ok(backend().cases.list(&me()?).await?)
}
