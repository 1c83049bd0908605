//! What the offer pages need of the server.

use super::api::{OfferView, OwnOffer, ProviderView};
use crate::{context::Me, error::PortError};
use async_trait::async_trait;
use domain::{
    id::{AccountId, OfferId},
    offer::OfferContent,
};

/// Offers.
#[async_trait]
pub trait Offers: Send + Sync {
    /// Registers an offer; with a provider who is online with all offers, it hangs out at once. Errors: `OfferLimit`.
    async fn register(&self, me: &Me, content: OfferContent) -> Result<OfferId, PortError>;
    /// Replaces the content of an own offer if it still is at `version`. Errors: `NotFound`, `Stale`.
    async fn revise(&self, me: &Me, offer: OfferId, version: i32, content: OfferContent) -> Result<(), PortError>;
    /// Retires an own offer for good. Errors: `NotFound`.
    async fn retire(&self, me: &Me, offer: OfferId) -> Result<(), PortError>;
    /// The own offers that are not retired, newest first.
    async fn mine(&self, me: &Me) -> Result<Vec<OwnOffer>, PortError>;
    /// A listed offer for everybody, with its live state; the own drafts for their provider. Errors: `NotFound`.
    async fn show(&self, offer: OfferId, me: Option<&Me>) -> Result<OfferView, PortError>;
    /// A provider with all listed offers. Errors: `NotFound` for an account without listed offers.
    async fn provider(&self, provider: AccountId) -> Result<ProviderView, PortError>;
}
