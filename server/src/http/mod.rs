//! HTTP: every route and every layer, on one screen.

pub mod api;
pub mod assets;
pub mod headers;
pub mod origin;
pub mod pages;
pub mod probes;
pub mod visitor;

use crate::{config::Config, lifecycle::Lifecycle, live, store::Store};
use app::context::Backend;
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get, post},
};
use leptos::config::LeptosOptions;
use std::{sync::Arc, time::Duration};
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};

/// What handlers can ask for.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The hub.
    pub hub: Arc<live::hub::Hub>,
    /// The node at the desk sockets.
    pub desks: Arc<live::desk::Desks>,
    /// The ports for pages and server functions.
    pub backend: Backend,
    /// What Leptos wants to know.
    pub options: LeptosOptions,
    /// The end of the node.
    pub life: Lifecycle,
    /// The built assets.
    pub assets: assets::Assets,
}

/// All routes. Layers run from the bottom up: the last one added sees a request first.
pub fn router(state: AppState) -> Router {
    let http = state.config.http;
    let answer_timeout = Duration::from_millis(http.answer_timeout);
    let timeout = || TimeoutLayer::with_status_code(http::StatusCode::SERVICE_UNAVAILABLE, answer_timeout);

    let pages = pages::routes()
        .route("/api/{*path}", any(api::call))
        // HTML and JSON only: assets are compressed already, and the predicate skips event streams.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(timeout())
        .layer(from_fn_with_state(state.clone(), visitor::resolve));

    let live = Router::<AppState>::new()
        // No visitor here: opening a stream costs no database query.
        .route("/live/choices", get(live::choices::stream))
        .merge(Router::new().route("/live/desk", any(live::desk::socket)).layer(from_fn_with_state(state.clone(), visitor::resolve)))
        .layer(from_fn_with_state(state.clone(), origin::own_pages_only));

    Router::new()
        .merge(pages)
        .merge(live)
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .merge(Router::new().route("/csp-report", post(headers::report)).layer(DefaultBodyLimit::max(16 * 1_024)).layer(timeout()))
        .merge(assets::routes(&state.assets))
        .with_state(state.clone())
        // Writes from other sites are refused before anything else looks at them.
        .layer(origin::csrf(&state.config))
        .layer(from_fn_with_state(state, headers::set))
        .layer(CatchPanicLayer::custom(probes::panicked))
        .layer(from_fn(probes::log))
}
