//! What the desk needs of the server.

use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{id::OfferId, presence::Desk, time::Millis};

/// Presence.
#[async_trait]
pub trait Presences: Send + Sync {
    /// Hangs the curtain out for `stretch` from now, with these offers, or all listed ones when `None`. Being online already, it moves the end.
    /// Errors: `NoListedOffers`, `BadOffers`.
    async fn go_online(&self, me: &Me, stretch: Millis, offers: Option<Vec<OfferId>>) -> Result<(), PortError>;
    /// Takes the curtain in at once. Being offline already, it changes nothing.
    async fn go_offline(&self, me: &Me) -> Result<(), PortError>;
    /// The own presence.
    async fn desk(&self, me: &Me) -> Result<Desk, PortError>;
}
