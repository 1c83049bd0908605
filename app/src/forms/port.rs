//! What the server keeps of a rejected form.

use super::api::Rejected;
use crate::error::PortError;
use async_trait::async_trait;
use std::net::IpAddr;

/// Rejected forms, kept for ten minutes under a random id.
#[async_trait]
pub trait Forms: Send + Sync {
    /// Keeps a form that came from an address; answers its id. Passwords are not among the fields. Errors: `TooManyTries`, `TooLarge`.
    async fn keep(&self, rejected: Rejected, ip: IpAddr) -> Result<String, PortError>;
    /// The form of that id, if it is still there.
    async fn read(&self, id: &str) -> Result<Option<Rejected>, PortError>;
}
