//! Pages: rendered by Leptos, with what the server puts into their context.

use super::{AppState, api::error_response, headers::Nonce};
use app::{
    consultation::record::transcript as transcript_of,
    context::{Notices, Visitor},
    error::AppError,
};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{id::ConsultationId, reject::Code};
use http::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    request::Parts,
};
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
    Router::<AppState>::new()
        .leptos_routes_with_handler(listing(), render)
        .route("/consultations/{id}/transcript", get(transcript))
        .fallback(not_found)
}

async fn render(State(state): State<AppState>, request: Request<Body>) -> Response {
    let options = state.options.clone();
    // While the database does not answer, the page is that of somebody who has nothing open.
    let open = match request.extensions().get::<Visitor>().and_then(|visitor| visitor.me.clone()) {
        Some(me) => state.backend.consultations.open_of(&me).await.ok().flatten(),
        None => None,
    };
    let notices = Notices { open, frozen: state.backend.wallets.frozen().await.unwrap_or_default() };
    let provider = request.extensions().get::<Visitor>().and_then(|visitor| visitor.me.as_ref()).is_some_and(|me| me.provider);
    // A provider can be rung on every page.
    let whole = provider || app::routes::is_beyond_first(request.uri().path());
    let base = context(&state);
    let context = move || {
        base();
        provide_context(notices);
    };
    leptos_axum::render_app_async_with_context(context, move || app::shell(options.clone(), whole))(request).await
}

/// A consultation as a text file, for whoever was in it.
async fn transcript(State(state): State<AppState>, Path(id): Path<String>, Extension(visitor): Extension<Visitor>) -> Response {
    let refuse = |code: Code| error_response(&AppError::from(code));
    let Some(me) = visitor.me else { return refuse(Code::SignInRequired) };
    let Ok(id) = id.parse::<ConsultationId>() else { return refuse(Code::NotFound) };
    match state.backend.consultations.show(&me, id).await {
        Ok(found) => {
            let name = format!("attachment; filename=\"consultation-{id}.txt\"");
            let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
            (headers, transcript_of(&found)).into_response()
        }
        Err(error) => error_response(&error.into()),
    }
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
