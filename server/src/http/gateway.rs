//! What the payment gateway tells by itself.

use super::AppState;
use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};

/// Takes an event. 200 also for one that was taken before; 400 for one that is not believed; 500 when it could not be taken, so that it is told again.
pub async fn webhook(State(state): State<AppState>, headers: HeaderMap, body: Bytes) -> Response {
    match state.store.hear_call(&headers, &body).await {
        Err(forged) => {
            tracing::warn!(%forged, "an event of the gateway was refused");
            StatusCode::BAD_REQUEST.into_response()
        }
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(error)) => {
            tracing::warn!(?error, "an event of the gateway could not be taken");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
