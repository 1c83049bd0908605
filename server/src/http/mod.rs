//! HTTP: every route and every layer, on one screen.

pub mod api;
pub mod assets;
pub mod front;
pub mod gateway;
pub mod headers;
pub mod origin;
pub mod pages;
pub mod probes;
pub mod visitor;

use crate::{
    config::Config,
    lifecycle::Lifecycle,
    live,
    serve::{self, Connection},
    store::Store,
};
use app::context::Backend;
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRef},
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::{any, get, post},
};
use futures::{FutureExt, future::Either};
use http::{Method, Request, header::UPGRADE};
use hyper::body::Incoming;
use leptos::config::LeptosOptions;
use std::{convert::Infallible, ops::Deref, sync::Arc, time::Duration};
use tower::ServiceExt;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};

/// What handlers can ask for. Cloned for every layer of every request, so it is one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

impl AppState {
    /// The state of a node.
    pub fn new(parts: Parts) -> Self {
        AppState(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.options.clone()
    }
}

/// The parts of the state.
pub struct Parts {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The hub.
    pub hub: Arc<live::hub::Hub>,
    /// The node at the desk sockets.
    pub desks: Arc<live::desk::Desks>,
    /// What pages of a room tell each other in passing.
    pub whispers: Arc<live::room::Whispers>,
    /// How this node hears of the others.
    pub bus: Arc<crate::bus::Bus>,
    /// The ports for pages and server functions.
    pub backend: Backend,
    /// What Leptos wants to know.
    pub options: LeptosOptions,
    /// The end of the node.
    pub life: Lifecycle,
    /// The built assets.
    pub assets: assets::Assets,
}

/// How the requests of a connection are answered: the feed directly, the front page from what is ready, everything else by the router.
#[derive(Clone)]
pub struct Service {
    state: AppState,
    router: Router,
    front: Arc<front::Front>,
}

impl Service {
    /// The service of a node.
    pub fn new(state: AppState) -> Self {
        Service { router: router(state.clone()), front: Arc::default(), state }
    }

    /// Answers a request.
    pub fn call(
        &self,
        mut request: Request<Incoming>,
        connection: Arc<Connection>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        if request.method() == Method::GET && request.uri().path() == FEED {
            if request.headers().contains_key(UPGRADE) {
                tokio::spawn(serve::end_upgrade(hyper::upgrade::on(&mut request)));
            }
            return Either::Left(live::choices::begin(self.state.clone(), connection, request).map(Ok));
        }
        request.extensions_mut().insert(connection);
        let router = self.router.clone();
        if front::is_meant(&self.state, &request) {
            let (state, front) = (self.state.clone(), Arc::clone(&self.front));
            return Either::Right(Either::Left(async move {
                match front.answer(&state, &router, request.headers()).await {
                    Some(ready) => Ok(ready),
                    None => router.oneshot(request.map(Body::new)).await,
                }
            }));
        }
        Either::Right(Either::Right(router.oneshot(request.map(Body::new))))
    }
}

/// The stream that ten thousand pages open at once.
const FEED: &str = "/live/choices";

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
        // A HEAD only: its GET is answered before the router.
        .route(FEED, get(live::choices::head))
        .route("/live/probe", get(probes::bulk))
        .merge(
            Router::new()
                .route("/live/desk", any(live::desk::socket))
                .route("/live/consultations/{id}", any(live::room::socket))
                .layer(from_fn_with_state(state.clone(), visitor::resolve)),
        )
        .layer(from_fn_with_state(state.clone(), origin::own_pages_only));

    Router::new()
        .merge(pages)
        .merge(live)
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .merge(Router::new().route("/csp-report", post(headers::report)).layer(DefaultBodyLimit::max(16 * 1_024)).layer(timeout()))
        .merge(Router::new().route("/gateway/webhook", post(gateway::webhook)).layer(DefaultBodyLimit::max(256 * 1_024)).layer(timeout()))
        .merge(assets::routes(&state.assets))
        .with_state(state.clone())
        // Writes from other sites are refused before anything else looks at them.
        .layer(origin::csrf(&state.config))
        .layer(from_fn_with_state(state, headers::set))
        .layer(CatchPanicLayer::custom(probes::panicked))
        .layer(from_fn(probes::log))
}
