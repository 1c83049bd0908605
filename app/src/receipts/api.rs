//! Server functions of receipts and earnings.

use crate::{cases::api::CaseView, error::AppError};
#[cfg(feature = "ssr")]
use crate::{consultation::api::id, context::key as key_of};
use domain::{
    id::ConsultationId,
    money::{Commission, Money},
    operation::{Borne, CaseState},
    receipt::Receipt,
    side::Side,
    time::Timestamp,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Money that went back of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub amount: Money,
    /// Whose it was.
    pub borne: Borne,
    /// How the case stands that it came of; without one its provider gave it back.
    pub case: Option<CaseState>,
}

/// A receipt, for the side that looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// The receipt.
    pub receipt: Receipt,
    /// Its hash.
    pub hash: String,
    /// On which side one was; `None` for an operator.
    pub side: Option<Side>,
    /// What went back.
    pub refunds: Vec<RefundView>,
    /// What can still go back.
    pub left: Money,
    /// The case about it.
    pub case: Option<CaseView>,
    /// A fresh key for the next movement.
    pub key: String,
}

/// What a provider has earned of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earned {
    /// What can still go back.
    pub pending: Money,
    /// To be paid out.
    pub payable: Money,
}

/// What a provider has earned by one consultation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningView {
    /// The consultation.
    pub consultation: ConsultationId,
    /// The number of its receipt.
    pub number: u64,
    /// When it was settled.
    pub at: Timestamp,
    /// With whom.
    pub with: String,
    /// What about.
    pub title: String,
    /// What the consumer paid.
    pub gross: Money,
    /// The operator's part of it, less what of it went back.
    pub fee: Money,
    /// What went back to the consumer out of both parts.
    pub refunded: Money,
    /// What is left for the provider.
    pub net: Money,
    /// When it can be paid out, while it cannot.
    pub pending_until: Option<Timestamp>,
    /// How the case about it stands, if there is one.
    pub case: Option<CaseState>,
}

/// What a provider has earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarningsView {
    /// By currency.
    pub earned: Vec<Earned>,
    /// By consultation, newest first.
    pub lines: Vec<EarningView>,
    /// The operator's share, now.
    pub commission: Commission,
}

/// The receipt of a consultation.
#[server(endpoint = "receipts/show", prefix = "/api")]
pub async fn read_receipt(#[server(default)] consultation: String) -> Result<ReceiptView, AppError> {
    use crate::context::{backend, me};
    let me = me()?;
    Ok(backend().receipts.receipt(&me, id(&consultation)?).await?)
}

/// What went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// In all, of this bill.
    pub refunded: Money,
}

/// The provider gives part of a bill back, at once: `amount_minor` in minor units, or `amount` as typed.
#[server(endpoint = "receipts/refund", prefix = "/api")]
pub async fn give_back(
    #[server(default)] consultation: String,
    #[server(default)] amount_minor: String,
    #[server(default)] amount: String,
    #[server(default)] key: String,
) -> Result<Refunded, AppError> {
    use crate::context::{backend, go_to, me};
    let (me, id) = (me()?, id(&consultation)?);
    let refunded = backend().receipts.give_back(&me, id, key_of(&key)?, &amount_minor, &amount).await?;
    go_to(&crate::routes::receipt(id));
    Ok(Refunded { refunded })
}

/// The own earnings.
#[server(endpoint = "receipts/earnings", prefix = "/api")]
pub async fn read_earnings() -> Result<EarningsView, AppError> {
    use crate::context::{backend, me};
    Ok(backend().receipts.earnings(&me()?).await?)
}
