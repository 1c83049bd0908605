//! What the trust page needs of the server.

use super::api::HeadView;
use crate::error::PortError;
use async_trait::async_trait;

/// What anybody can check.
#[async_trait]
pub trait Trust: Send + Sync {
    /// The last signed heads of the book, newest first.
    async fn heads(&self) -> Result<Vec<HeadView>, PortError>;
}
