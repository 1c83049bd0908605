//! `GET /live/choices`: the feed as server-sent events.

use super::views::Full;
use crate::{
    http::{AppState, headers, origin},
    serve::{Connection, UNSENT_MAX},
};
use axum::{
    body::Body,
    extract::Query,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::{feed::Cursor, scope::Scope};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use http_body::Frame;
use serde::Deserialize;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// The query of the stream.
#[derive(Debug, Default, Deserialize)]
pub struct Since {
    since: Option<String>,
}

/// Begins a stream, past the router and its layers: it does for this one route what they would do, in a third of the time, because ten thousand pages
/// come back at once after a restart. The answer is a head and the first event; with the last byte of it the socket goes over to a reactor.
pub async fn begin<B>(state: AppState, connection: Arc<Connection>, request: Request<B>) -> Response {
    // When thousands come at once, all are heard before the first is answered: answers that go out in one go find readers awake, and waking one costs
    // more than answering it.
    tokio::task::yield_now().await;
    let mut response = if !origin::is_own(request.headers(), state.config.public_url.as_deref()) {
        origin::refusal()
    } else {
        match Query::try_from_uri(request.uri()) {
            Ok(Query(query)) => {
                let scope = Scope::parse_query(request.uri().query().unwrap_or_default());
                match (state.hub.open(&scope, since(&query, request.headers())), state.hub.reactor()) {
                    (Ok((first, place, next)), Some(reactor)) if !state.hub.closing() => {
                        // A whole board is left to the reactor, which knows what to do with readers that do not read.
                        let (now, later) = if first.len() > UNSENT_MAX { (Bytes::new(), first) } else { (first, Bytes::new()) };
                        connection.hand_on(Box::new(move |socket, connection| reactor.take_over(socket, connection, later, place, next)));
                        answer(now)
                    }
                    (Ok((first, ..)), _) => answer(Bytes::from([first, state.hub.bye()].concat())),
                    (Err(Full), _) => full(),
                }
            }
            Err(rejection) => rejection.into_response(),
        }
    };
    headers::of_stream(&state, response.headers_mut());
    response
}

/// The newer of `Last-Event-ID` and `since` wins; what is no cursor leads to a reset.
fn since(query: &Since, headers: &HeaderMap) -> Option<Cursor> {
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let asked = newer(last.and_then(|t| t.parse().ok()), query.since.as_deref().and_then(|t| t.parse().ok()));
    let given = last.is_some_and(|t| !t.is_empty()) || query.since.is_some();
    // Something that cannot be read is a position that cannot be continued.
    let nowhere = Cursor { epoch: domain::id::Epoch(uuid::Uuid::nil()), seq: u64::MAX };
    asked.or(given.then_some(nowhere))
}

/// As many different choices are followed as the node can follow.
fn full() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, HeaderValue::from_static("10"))]).into_response()
}

/// The headers of a stream, for whoever asks for nothing else.
pub async fn head() -> Response {
    answer(Bytes::new())
}

fn answer(first: Bytes) -> Response {
    let mut response = Body::new(First((!first.is_empty()).then_some(first))).into_response();
    // Its end is the end of the connection, as in HTTP/1.0: what the reactor writes needs no frame around it.
    *response.version_mut() = Version::HTTP_10;
    let set = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn newer(a: Option<Cursor>, b: Option<Cursor>) -> Option<Cursor> {
    match (a, b) {
        (Some(a), Some(b)) if a.epoch == b.epoch => Some(if a.seq >= b.seq { a } else { b }),
        // The header comes from a stream of this page, the query from the page itself: the header is younger.
        (a, b) => a.or(b),
    }
}

/// The first event, of a body that nobody knows the length of.
struct First(Option<Bytes>);

impl http_body::Body for First {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}
