//! The plain way in axum: `Sse` over a broadcast channel with `KeepAlive`, as tutorials show it.

use crate::Outcome;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
};
use futures::{Stream, stream};
use std::{convert::Infallible, net::Ipv4Addr};
use tokio::sync::broadcast::{self, error::RecvError};

type Messages = broadcast::Sender<String>;

/// Serves until it is killed.
pub fn serve(port: u16) -> Outcome {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(run(port)).map_err(|e| format!("the plain axum server: {e}"))
}

async fn run(port: u16) -> std::io::Result<()> {
    let messages: Messages = broadcast::channel(256).0;
    let router = Router::new().route("/feed", get(watch)).route("/publish", post(publish)).with_state(messages);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, router).await
}

async fn publish(State(messages): State<Messages>, body: String) -> StatusCode {
    // Nobody watches: nothing to do.
    let _ = messages.send(body);
    StatusCode::NO_CONTENT
}

async fn watch(State(messages): State<Messages>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(messages.subscribe(), |mut inbox| async move {
        loop {
            match inbox.recv().await {
                Ok(message) => return Some((Ok(Event::default().event("change").data(message)), inbox)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
