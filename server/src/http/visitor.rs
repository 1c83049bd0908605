//! Who sends a request: address, device and account, resolved once and put into its extensions.

use super::AppState;
use crate::serve::Connection;
use app::context::Visitor;
use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// The token of the visitor's sign-in, as the cookie carries it.
#[derive(Clone, Debug)]
pub struct Token(pub String);

/// Resolves the visitor. While the database does not answer, a signed-in person gets the page of a stranger, but is told the truth where it matters.
pub async fn resolve(State(state): State<AppState>, mut request: Request<Body>, next: Next) -> Response {
    let peer = request.extensions().get::<Arc<Connection>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |c| c.peer.ip());
    let headers = request.headers();
    let ip = client_ip(peer, headers, &state.config.trusted_proxies);
    let device = device(headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default());
    let token = token(&state, headers);
    // What is read from memory is answered all the same.
    let of_memory = request.uri().path() == "/api/choices/view";
    if state.store.is_down() && request.uri().path().starts_with("/api/") && !of_memory {
        return super::api::unavailable(request.headers());
    }
    let me = match &token {
        Some(token) => match state.store.who(token).await {
            Ok(me) => me,
            Err(_) if of_memory => None,
            Err(_) if !request.uri().path().starts_with("/api/") && !request.uri().path().starts_with("/live/") => None,
            Err(error) => return super::api::error_response(&error.into()),
        },
        None => None,
    };
    request.extensions_mut().insert(Visitor { ip, device, me });
    if let Some(token) = token {
        request.extensions_mut().insert(Token(token));
    }
    next.run(request).await
}

/// What a request says of who sends it: the token of a sign-in.
pub fn token(state: &AppState, headers: &HeaderMap) -> Option<String> {
    cookie(headers, cookie_name(state.config.https()))
}

/// The cookie's name: the prefix makes browsers demand https, a host of its own and the whole path.
pub const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-sid" } else { "sid" }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// The client's address: the last one in `X-Forwarded-For` that no trusted proxy has, if a trusted proxy sent the request.
fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(&ip.to_canonical()));
    let peer = peer.to_canonical();
    if !is_trusted(&peer) {
        return peer;
    }
    // From the right, where the proxies that we trust have written; what the client itself sent stands to the left and is never reached.
    let hops: Vec<&str> = headers.get_all("x-forwarded-for").iter().flat_map(|v| v.to_str().unwrap_or("?").split(',')).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

/// Browser and system in a few words, for the list of sign-ins. Nothing else of the header is kept.
fn device(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = first(&[("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.into(),
        (None, None) => "A program".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value))])
        };
        assert_eq!(client_ip(ip("203.0.113.9"), &with("198.51.100.1"), &trusted), ip("203.0.113.9"));
        assert_eq!(client_ip(ip("10.0.0.2"), &with("6.6.6.6, 198.51.100.1, 10.0.0.3"), &trusted), ip("198.51.100.1"));
        assert_eq!(client_ip(ip("10.0.0.2"), &with("6.6.6.6, x, 198.51.100.1"), &trusted), ip("198.51.100.1"));
        assert_eq!(client_ip(ip("10.0.0.2"), &with("nonsense"), &trusted), ip("10.0.0.2"));
        assert_eq!(client_ip(ip("::ffff:10.0.0.2"), &with("2001:db8::1"), &trusted), ip("2001:db8::1"));
    }

    #[test]
    fn devices_in_words() {
        assert_eq!(
            device("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"),
            "Chrome on Linux"
        );
        assert_eq!(device("curl/8.0"), "A program");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("a=b; sid=xyz; xsid=no"))]);
        assert_eq!(cookie(&headers, "sid").as_deref(), Some("xyz"));
        assert_eq!(cookie(&headers, "__Host-sid"), None);
    }
}
