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
        .route("/consultations/{id}/receipt.json", get(receipt))
        .route(app::routes::STATEMENT, get(statement))
        .route(app::routes::EARNINGS_TABLE, get(earnings))
        .fallback(not_found)
}

async fn render(State(state): State<AppState>, request: Request<Body>) -> Response {
    let options = state.options.clone();
    // While the database does not answer, the page is that of somebody who has nothing open.
    let open = match request.extensions().get::<Visitor>().and_then(|visitor| visitor.me.clone()) {
        Some(me) => state.backend.consultations.open_of(&me).await.ok().flatten(),
        None => None,
    };
    let notices = Notices { open, frozen: state.backend.wallets.frozen(), down: state.store.is_down() };
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
    let Some(me) = visitor.me else { return refused(Code::SignInRequired) };
    let Ok(id) = id.parse::<ConsultationId>() else { return refused(Code::NotFound) };
    match state.backend.consultations.show(&me, id).await {
        Ok(found) => file(&format!("consultation-{id}.txt"), "text/plain; charset=utf-8", transcript_of(&found)),
        Err(error) => refused(error),
    }
}

fn refused(error: impl Into<AppError>) -> Response {
    error_response(&error.into())
}

/// A file to be kept.
fn file(name: &str, kind: &'static str, text: String) -> Response {
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (headers, text).into_response()
}

/// A receipt for programs: what is hashed, and the hash.
async fn receipt(State(state): State<AppState>, Path(id): Path<String>, Extension(visitor): Extension<Visitor>) -> Response {
    let Some(me) = visitor.me else { return refused(Code::SignInRequired) };
    let Ok(id) = id.parse::<ConsultationId>() else { return refused(Code::NotFound) };
    match state.backend.receipts.receipt(&me, id).await {
        Ok(found) => {
            let whole = serde_json::json!({ "receipt": found.receipt, "hash": found.hash, "refunds": found.refunds });
            file(&format!("receipt-{}.json", found.receipt.number), "application/json", whole.to_string())
        }
        Err(error) => refused(error),
    }
}

/// All bookings of the own wallet.
async fn statement(State(state): State<AppState>, Extension(visitor): Extension<Visitor>) -> Response {
    let Some(me) = visitor.me else { return refused(Code::SignInRequired) };
    match state.backend.wallets.statement(&me).await {
        Ok(table) => file("wallet.csv", "text/csv; charset=utf-8", table),
        Err(error) => refused(error),
    }
}

/// All own earnings.
async fn earnings(State(state): State<AppState>, Extension(visitor): Extension<Visitor>) -> Response {
    let Some(me) = visitor.me else { return refused(Code::SignInRequired) };
    match state.backend.receipts.earnings_table(&me).await {
        Ok(table) => file("earnings.csv", "text/csv; charset=utf-8", table),
        Err(error) => refused(error),
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
