//! Server functions of the public trust page.

use crate::error::AppError;
use domain::{money::Commission, time::Timestamp};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Where the hash chain of the book stood at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadView {
    /// The begin of the day.
    pub day: Timestamp,
    /// The number of the last entry.
    pub n: i64,
    /// Its hash.
    pub hash: String,
    /// The key that it was signed by.
    pub public_key: String,
    /// The Ed25519 signature.
    pub signature: String,
}

/// What anybody can check of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustView {
    /// Whether its money is worth nothing.
    pub test_money: bool,
    /// The operator's share of what providers earn.
    pub commission: Commission,
    /// The last signed heads, newest first.
    pub heads: Vec<HeadView>,
}

/// What anybody can check.
#[server(endpoint = "trust/show", prefix = "/api")]
pub async fn read_trust() -> Result<TrustView, AppError> {
    let backend = crate::context::backend();
    let test_money = backend.money.reality == domain::money::Reality::Test;
    Ok(TrustView { test_money, commission: backend.money.commission, heads: backend.trust.heads().await? })
}
