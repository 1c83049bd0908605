//! Pages: rendered by Leptos, with what the server puts into their context.

use super::{AppState, headers::Nonce};
use app::context::{Open, Visitor};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::OnceLock,
};

/// The list of pages. Made once a process: making it sets a process-wide flag of the framework that a page being rendered at that moment would see.
fn listing() -> Vec<AxumRouteListing> {
    static LISTING: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    LISTING.get_or_init(|| generate_route_list(app::App)).clone()
}

/// Puts the ports, the visitor and the nonce into the context of a page or server function.
pub fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let backend = state.backend.clone();
    move || {
        provide_context(backend.clone());
        let parts = use_context::<Parts>();
        let extension = parts.as_ref().map(|p| &p.extensions);
        let stranger = Visitor { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), device: String::new(), me: None };
        provide_context(extension.and_then(|e| e.get::<Visitor>()).cloned().unwrap_or(stranger));
        if let Some(Nonce(nonce)) = extension.and_then(|e| e.get::<Nonce>()) {
            provide_context(leptos::nonce::Nonce::from_value(nonce.as_str()));
        }
    }
}

/// The routes of all pages; everything else is a page that says so. Only the pages: the framework's own list would also mount the server functions,
/// past the layer that they must go through.
pub fn routes() -> Router<AppState> {
    Router::<AppState>::new().leptos_routes_with_handler(listing(), render).fallback(not_found)
}

async fn render(State(state): State<AppState>, request: Request<Body>) -> Response {
    let options = state.options.clone();
    // While the database does not answer, the page is that of somebody who has nothing open.
    let open = match request.extensions().get::<Visitor>().and_then(|visitor| visitor.me.clone()) {
        Some(me) => state.backend.consultations.open_of(&me).await.ok().flatten(),
        None => None,
    };
    let provider = request.extensions().get::<Visitor>().and_then(|visitor| visitor.me.as_ref()).is_some_and(|me| me.provider);
    // A provider can be rung on every page.
    let whole = provider || app::routes::is_beyond_first(request.uri().path());
    let base = context(&state);
    let context = move || {
        base();
        provide_context(Open(open));
    };
    leptos_axum::render_app_async_with_context(context, move || app::shell(options.clone(), whole))(request).await
}

async fn not_found(state: State<AppState>, request: Request<Body>) -> Response {
    let wants_page = request.headers().get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    if !wants_page {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = render(state, request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
