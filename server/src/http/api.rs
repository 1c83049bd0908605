//! The one layer around server functions.
//!
//! The framework answers 500 to every error and sends people without JavaScript to a raw error. This layer runs every function as for a program,
//! maps typed errors to status codes, and turns the answer into a redirect for a plain form: forward on success, back to its page with everything
//! that was typed - but never a password - when it was rejected.

use super::{AppState, pages};
use app::{
    context::{Visitor, is_local},
    error::AppError,
    forms::api::Rejected,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use domain::reject::Code;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use server_fn::error::SERVER_FN_ERROR_HEADER;
use std::net::{IpAddr, Ipv4Addr};

/// Most fields of a rejected form that are kept.
const FIELDS_MAX: usize = 64;

/// Runs a server function.
pub async fn call(State(state): State<AppState>, request: Request<Body>) -> Response {
    let (mut parts, body) = request.into_parts();
    let html = accepts_html(&parts.headers);
    let path = parts.uri.path().to_owned();
    let Ok(body) = to_bytes(body, state.config.http.body_max).await else {
        return refuse(&state, &parts, html, Bytes::new(), Code::TooLarge.into()).await;
    };
    if server_fn::axum::get_server_fn_service(&path, parts.method.clone()).is_none() {
        let known = server_fn::axum::server_fn_paths().any(|(known, _)| known == path);
        let mut response = error_response(&AppError::from(if known { Code::BadRequest } else { Code::NotFound }));
        if known {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        return response;
    }
    let original = parts.clone();
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let inner = Request::from_parts(parts, Body::from(body.clone()));
    let response = leptos_axum::handle_server_fns_with_context(pages::context(&state), inner).await.into_response();
    let failed = response.headers().contains_key(SERVER_FN_ERROR_HEADER)
        || response.status().is_client_error()
        || response.status().is_server_error();
    if failed {
        let answer = to_bytes(response.into_body(), state.config.http.body_max).await.unwrap_or_default();
        let error = serde_json::from_slice(&answer).unwrap_or_else(|_| Code::BadRequest.into());
        return refuse(&state, &original, html, body, error).await;
    }
    if html { forward(response, &original.headers, state.config.public_url.as_deref()) } else { response }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).any(|v| v.contains("text/html"))
}

/// Only fields that can be told apart can be kept without a password among them.
fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with("application/x-www-form-urlencoded"))
}

/// What is answered while the database is out of reach: a form cannot be kept then, so its page must stay where it is.
pub fn unavailable(headers: &HeaderMap) -> Response {
    let error = AppError::from(Code::Unavailable);
    if !accepts_html(headers) {
        return error_response(&error);
    }
    let words = format!("{} Go back: what you typed is still in the form.", error.words());
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::RETRY_AFTER, "5")], words)
        .into_response()
}

/// An error as a program gets it.
pub fn error_response(error: &AppError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = serde_json::to_string(error).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], json).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

/// A plain form that was taken: on to where the function says, or back to its page.
fn forward(response: Response, headers: &HeaderMap, public_url: Option<&str>) -> Response {
    let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).filter(|l| is_local(l)).map(str::to_owned);
    let (page, query) = back(headers, public_url);
    let target = location.unwrap_or_else(|| join(&page, &query, None));
    let mut redirect = see_other(&target);
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        redirect.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    redirect
}

/// Tells an error: as JSON to a program, by a redirect to a plain form, whose fields are kept.
async fn refuse(state: &AppState, parts: &Parts, html: bool, body: Bytes, error: AppError) -> Response {
    tracing::info!(path = parts.uri.path(), code = error.code.as_str(), "refused");
    let kept = !matches!(error.code, Code::TooManyTries | Code::TooLarge | Code::Overloaded | Code::Unavailable) && is_form(&parts.headers);
    if !html || parts.method != Method::POST || !kept {
        return error_response(&error);
    }
    let ip = parts.extensions.get::<Visitor>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |visitor| visitor.ip);
    let sign_in = error.code == Code::SignInRequired;
    let rejected = Rejected { path: parts.uri.path().to_owned(), fields: fields(&body), error: Some(error) };
    let (page, query) = back(&parts.headers, state.config.public_url.as_deref());
    let back = match state.backend.forms.keep(rejected, ip).await {
        Ok(id) => join(&page, &query, Some(&id)),
        Err(broken) => return error_response(&broken.into()),
    };
    see_other(&if sign_in { format!("/sign-in?next={}", encode(&back)) } else { back })
}

/// The fields of a form as sent, without passwords and tokens.
fn fields(body: &[u8]) -> Vec<(String, String)> {
    let secret = |name: &str| name.contains("password") || name.contains("token");
    form_pairs(body).filter(|(name, _)| !secret(name)).take(FIELDS_MAX).collect()
}

fn form_pairs(body: &[u8]) -> impl Iterator<Item = (String, String)> {
    body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        (decode(halves.next().unwrap_or_default()), decode(halves.next().unwrap_or_default()))
    })
}

fn decode(text: &[u8]) -> String {
    domain::filter::decode(&String::from_utf8_lossy(text))
}

fn encode(text: &str) -> String {
    domain::filter::encode(text)
}

/// The page that a form was sent from: path and query of the Referer, which our policy keeps to our own site. What is foreign or odd leads to `/`.
fn back(headers: &HeaderMap, public_url: Option<&str>) -> (String, String) {
    let referer = headers.get(header::REFERER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<Uri>().ok());
    let own = |uri: &Uri| match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
            Some(authority.as_str()) == host || public_url == Some(format!("{scheme}://{authority}").as_str())
        }
        _ => true,
    };
    match referer {
        Some(uri) if own(&uri) && is_local(uri.path()) => (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned()),
        _ => ("/".to_owned(), String::new()),
    }
}

/// A page with its query, without the rejected form of an earlier try and with that of this one.
fn join(page: &str, query: &str, rejected: Option<&str>) -> String {
    let mut pairs: Vec<String> = query.split('&').filter(|p| !p.is_empty() && !p.starts_with("rejected=")).map(str::to_owned).collect();
    pairs.extend(rejected.map(|id| format!("rejected={id}")));
    if pairs.is_empty() { page.to_owned() } else { format!("{page}?{}", pairs.join("&")) }
}

fn see_other(target: &str) -> Response {
    let location = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_kept() {
        let kept = fields(b"email=a%40b.org&password=x&current_password=y&token=z&media%5B%5D=chat&media%5B%5D=voice&note=a+b");
        let pairs: Vec<_> = kept.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("email", "a@b.org"), ("media[]", "chat"), ("media[]", "voice"), ("note", "a b")]);
    }

    #[test]
    fn back_to_own_pages_only() {
        let from = |referer: &'static str| {
            let headers =
                [(header::REFERER, HeaderValue::from_static(referer)), (header::HOST, HeaderValue::from_static("a.example:3000"))];
            back(&HeaderMap::from_iter(headers), Some("https://help.example.org"))
        };
        assert_eq!(from("https://help.example.org/desk"), ("/desk".into(), String::new()), "a proxy may hide the host");
        assert_eq!(from("http://a.example:3000/offers/new?x=1&rejected=old"), ("/offers/new".into(), "x=1&rejected=old".into()));
        assert_eq!(from("http://evil.example/offers/new"), ("/".into(), String::new()));
        assert_eq!(join("/offers/new", "x=1&rejected=old", Some("new")), "/offers/new?x=1&rejected=new");
        assert_eq!(join("/desk", "rejected=old", None), "/desk");
    }
}
