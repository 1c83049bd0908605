//! Security headers on every answer, from one place. The nonce of the policy is minted here and given to the page.

use super::AppState;
use crate::ids;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The nonce of this answer's policy, in the extensions of the request.
#[derive(Clone, Debug)]
pub struct Nonce(pub String);

static FIXED: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Forms without JavaScript come back to the page that the Referer names.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), screen-wake-lock=(self), fullscreen=(self), autoplay=(self), geolocation=(), payment=(), usb=(), serial=()",
    ),
];

/// Sets the headers.
pub async fn set(State(state): State<AppState>, mut request: Request<Body>, next: Next) -> Response {
    // A stream is no page: opening ten thousand draws no random numbers for their scripts.
    let page = !request.uri().path().starts_with("/live/");
    let nonce = page.then(ids::nonce);
    if let Some(nonce) = &nonce {
        request.extensions_mut().insert(Nonce(nonce.clone()));
    }
    let signed_in = request.headers().contains_key(header::COOKIE);
    let mut response = next.run(request).await;
    let html = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|t| t.starts_with("text/html"));
    let headers = response.headers_mut();
    of_stream(&state, headers);
    if html {
        if let Ok(value) = HeaderValue::try_from(page_policy(nonce.as_deref().unwrap_or_default())) {
            headers.insert(header::CONTENT_SECURITY_POLICY, value);
        }
        headers.insert(
            header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
            HeaderValue::from_static("require-trusted-types-for 'script'; report-uri /csp-report"),
        );
        // A page carries a nonce and may carry a person's data: nobody keeps it.
        let cache = if signed_in { "private, no-store" } else { "no-cache" };
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(cache));
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// The headers of everything that is no page.
pub fn of_stream(state: &AppState, headers: &mut HeaderMap) {
    for (name, value) in &FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if state.config.https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    // The service worker lives under the policy of its script, and fetches what it keeps.
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )
}

/// Takes a browser's report of a policy that was broken; only that it happened is logged.
pub async fn report(body: Bytes) -> StatusCode {
    tracing::debug!(bytes = body.len(), "policy report");
    StatusCode::NO_CONTENT
}
