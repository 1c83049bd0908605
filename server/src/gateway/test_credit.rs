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

fn settled(external: impl Into<String>) -> Result<Found, GatewayError> {
    Ok(Found { external: external.into(), standing: Standing::Settled })
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
        settled(intent.operation.to_string())
    }

    async fn top_up(&self, external: &str) -> Result<Found, GatewayError> {
        settled(external)
    }

    async fn start_refund(&self, operation: OperationId, _: &str, _: Money) -> Result<Found, GatewayError> {
        settled(operation.to_string())
    }

    async fn refund(&self, external: &str) -> Result<Found, GatewayError> {
        settled(external)
    }

    fn verify(&self, _: &HeaderMap, _: &[u8], _: Timestamp) -> Result<Event, Forged> {
        Err(Forged::Signature)
    }

    async fn events_since(&self, _: Option<&str>) -> Result<Vec<Event>, GatewayError> {
        Ok(Vec::new())
    }
}
