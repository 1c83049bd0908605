//! Reading a rejected form back.

use crate::error::AppError;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A form as it was sent, and why it was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The server function it was sent to: `/api/offers/register`.
    pub path: String,
    /// Names and values as sent, without passwords; a name may occur several times.
    pub fields: Vec<(String, String)>,
    /// Why.
    pub error: Option<AppError>,
}

/// The rejected form of an id from the address; empty when it is unknown or older than ten minutes.
#[server(endpoint = "forms/rejected", prefix = "/api")]
pub async fn read_rejected(#[server(default)] id: String) -> Result<Rejected, AppError> {
    Ok(crate::context::backend().forms.read(&id).await?.unwrap_or_default())
}
