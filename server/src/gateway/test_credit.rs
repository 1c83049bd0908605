//! Credit for trying, made of nothing: the embedded default. It moves at once and never fails.

use super::{Event, Forged, Found, Gateway, GatewayError, Intent, Standing};
use async_trait::async_trait;
use domain::{
    id::OperationId,
    money::{Money, Reality},
    time::Timestamp,
};
use http::HeaderMap;

/// The gateway `test-credit`.
#[derive(Clone, Copy, Debug)]
pub struct TestCredit;

fn settled(external: impl Into<String>, amount: Option<Money>) -> Result<Found, GatewayError> {
    Ok(Found { external: external.into(), standing: Standing::Settled, amount })
}

#[async_trait]
impl Gateway for TestCredit {
    fn id(&self) -> &'static str {
        "test-credit"
    }

    fn reality(&self) -> Reality {
        Reality::Test
    }

    async fn start_top_up(&self, intent: &Intent) -> Result<Found, GatewayError> {
        settled(intent.operation.to_string(), Some(intent.amount))
    }

    async fn top_up(&self, external: &str) -> Result<Found, GatewayError> {
        settled(external, None)
    }

    async fn start_refund(&self, operation: OperationId, _: &str, amount: Money) -> Result<Found, GatewayError> {
        settled(operation.to_string(), Some(amount))
    }

    async fn refund(&self, external: &str) -> Result<Found, GatewayError> {
        settled(external, None)
    }

    async fn operation_of(&self, _: &str) -> Result<Option<OperationId>, GatewayError> {
        Ok(None)
    }

    fn verify(&self, _: &HeaderMap, _: &[u8], _: Timestamp) -> Result<Event, Forged> {
        Err(Forged::Signature)
    }

    async fn events_since(&self, _: Timestamp) -> Result<Vec<Event>, GatewayError> {
        Ok(Vec::new())
    }
}
