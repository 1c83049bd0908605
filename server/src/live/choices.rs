//! `GET /live/choices`: the feed as server-sent events.

use super::hub::{Hub, Next, Watch};
use crate::{
    http::{AppState, headers, origin},
    serve::Connection,
};
use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::feed::Cursor;
use http::{HeaderMap, HeaderValue, Request, header};
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

/// Opens a stream.
pub async fn stream(
    State(hub): State<Arc<Hub>>,
    Extension(connection): Extension<Arc<Connection>>,
    Query(query): Query<Since>,
    headers: HeaderMap,
) -> Response {
    open(&hub, connection, &query, &headers).await
}

/// Opens a stream past the router and its layers: it does for this one route what they would do, in a third of the time, because ten thousand pages
/// come back at once after a restart.
pub async fn direct<B>(state: AppState, connection: Arc<Connection>, request: Request<B>) -> Response {
    let mut response = if !origin::is_own(request.headers(), state.config.public_url.as_deref()) {
        origin::refusal()
    } else {
        match Query::try_from_uri(request.uri()) {
            Ok(Query(query)) => open(&state.hub, connection, &query, request.headers()).await,
            Err(rejection) => rejection.into_response(),
        }
    };
    headers::of_stream(&state, response.headers_mut());
    response
}

/// The newer of `Last-Event-ID` and `since` wins; what is no cursor leads to a reset.
async fn open(hub: &Arc<Hub>, connection: Arc<Connection>, query: &Since, headers: &HeaderMap) -> Response {
    // When thousands come at once, all are heard before the first is answered: answers that go out in one go find readers awake, and waking one costs
    // more than answering it.
    tokio::task::yield_now().await;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let asked = newer(last.and_then(|t| t.parse().ok()), query.since.as_deref().and_then(|t| t.parse().ok()));
    let given = last.is_some_and(|t| !t.is_empty()) || query.since.is_some();
    // Something that cannot be read is a position that cannot be continued.
    let nowhere = Cursor { epoch: domain::id::Epoch(uuid::Uuid::nil()), seq: u64::MAX };
    let since = asked.or(given.then_some(nowhere));
    let (first, watch) = hub.open(since, connection);
    let body = Body::new(Stream { first: Some(first), watch: Some(watch) });
    let mut response = body.into_response();
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

/// The body of a stream: shared bytes, taken from the hub when the connection can write.
struct Stream {
    first: Option<Bytes>,
    watch: Option<Watch>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(watch) = &self.watch else { return Poll::Ready(None) };
        match watch.next(context.waker()) {
            Next::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Next::Last(bytes) => {
                self.watch = None;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Next::Wait => Poll::Pending,
        }
    }
}
