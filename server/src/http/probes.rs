//! Probes, the request log, and what a panic leads to.

use super::AppState;
use crate::{bus::Link, ids};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use std::{any::Any, time::Instant};

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers and the node is not ending. A bus that is lost is told, and costs no more than a moment.
pub async fn ready(State(state): State<AppState>) -> Response {
    if state.life.stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping").into_response();
    }
    if state.store.is_down() {
        return (StatusCode::SERVICE_UNAVAILABLE, "database").into_response();
    }
    match state.store.ping().await {
        Ok(()) if state.bus.link() == Link::Lost => "ready; the bus is lost, the tables are polled".into_response(),
        Ok(()) => "ready".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "database").into_response(),
    }
}

/// `GET /live/probe`: so many bytes that a page can tell how much its line carries. They are not compressed on the way.
pub async fn bulk() -> Response {
    static BULK: [u8; 131_072] = [0x6e; 131_072];
    ([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")], BULK.as_slice()).into_response()
}

/// The answer to a panic: constant words and the number under which it was logged.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
    let incident = ids::incident();
    tracing::error!(incident, panic = text, "a request panicked");
    let words = format!("Something broke on our side. Incident {incident}.");
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], words).into_response()
}

/// One line a request: the route's pattern, never the address with its ids and queries.
pub async fn log(request: Request<Body>, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("-", |p| p.as_str()).to_owned();
    let response = next.run(request).await;
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_millis());
    if status >= 500 {
        tracing::warn!(%method, route, status, ms, "request");
    } else {
        tracing::debug!(%method, route, status, ms, "request");
    }
    response
}
