//! Requests from other sites: writes by tower-http's CSRF layer, sockets and streams (which are GETs) by a check of our own.

use super::AppState;
use crate::config::Config;
use app::error::AppError;
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::reject::Code;
use http::{HeaderMap, header};
use tower_http::csrf::{CsrfLayer, ProtectionError};

/// How the CSRF layer refuses.
pub type Refusal = fn(ProtectionError) -> Response;

/// Writes come from `public_url`'s origin, or from the request's own host.
pub fn csrf(config: &Config) -> CsrfLayer<Refusal> {
    let layer = CsrfLayer::new();
    let layer = match &config.public_url {
        // The configuration was checked: an address that is no origin did not get here.
        Some(url) => layer.add_trusted_origin(url).unwrap_or_default(),
        None => layer,
    };
    layer.with_rejection_response(|_| refusal())
}

/// What a request from another site is told.
pub fn refusal() -> Response {
    tracing::warn!("a request from another site was refused");
    super::api::error_response(&AppError::from(Code::ForeignOrigin))
}

/// Lets live routes be opened by our own pages, and by programs that are no browsers.
pub async fn own_pages_only(State(state): State<AppState>, request: Request<Body>, next: Next) -> Response {
    if is_own(request.headers(), state.config.public_url.as_deref()) { next.run(request).await } else { refusal().into_response() }
}

/// Whether a request comes from our own pages, or from a program that is no browser.
pub fn is_own(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|v: &http::HeaderValue| v.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None => true,
        Some(origin) if public_url == Some(origin) => true,
        Some(origin) => {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            public_url.is_none() && authority.is_some() && authority == text(header::HOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), http::HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_own_pages_open_sockets() {
        let own = |pairs: &[_], public| is_own(&headers(pairs), public);
        assert!(own(&[("host", "a:3000"), ("origin", "http://a:3000"), ("sec-fetch-site", "same-origin")], None));
        assert!(own(&[("host", "a:3000")], None), "a program without a browser");
        assert!(!own(&[("host", "a:3000"), ("origin", "http://b:3000")], None));
        assert!(!own(&[("host", "a:3000"), ("origin", "null")], None));
        assert!(!own(&[("host", "a:3000"), ("sec-fetch-site", "cross-site")], None));
        assert!(!own(&[("host", "a:3000"), ("sec-fetch-site", "same-site")], None));
        assert!(own(&[("host", "inside:3000"), ("origin", "https://help.example.org")], Some("https://help.example.org")));
        assert!(!own(&[("host", "help.example.org"), ("origin", "http://help.example.org")], Some("https://help.example.org")));
    }
}
