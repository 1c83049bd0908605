//! The headers of every answer.

use crate::node::{Node, config};
use reqwest::{StatusCode, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_carries_its_policy_and_a_fresh_nonce() {
    let node = Node::start().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let response = node.client().http.get(node.url("/")).header(header::ACCEPT, "text/html").send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "'wasm-unsafe-eval'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        assert!(response.headers()["content-security-policy-report-only"].to_str().unwrap().contains("require-trusted-types-for"));
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let page = response.text().await.unwrap();
        assert!(page.contains(&format!("nonce=\"{nonce}\"")), "the page's scripts carry the nonce of the header");
        assert!(!page.contains(" style="), "inline styles would be blocked");
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_fixed_headers() {
    let node = Node::start().await;
    for path in ["/", "/healthz", "/live/choices", "/no/such/page", "/api/nothing", "/pkg/nothing.js"] {
        let response = node.client().http.get(node.url(path)).send().await.unwrap();
        let value = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!(value("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(value("referrer-policy"), "same-origin", "{path}");
        assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(value("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(value("permissions-policy").contains("geolocation=()"), "{path}");
        assert!(!value("content-security-policy").is_empty(), "{path}");
        assert_eq!(value("strict-transport-security"), "", "over http there is nothing to insist on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_cookie_is_secure_and_http_is_over() {
    let node = Node::with(server::config::Config { public_url: Some("https://help.example.org".into()), ..config() }).await;
    let fields = [("display_name", "Ana"), ("email", "ana@example.org"), ("password", crate::node::PASSWORD)];
    let request =
        node.client().http.post(node.url("/api/account/sign_up")).header(header::ORIGIN, "https://help.example.org").form(&fields);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-sid=") && cookie.contains("Secure"), "{cookie}");
    assert!(response.headers()["strict-transport-security"].to_str().unwrap().contains("max-age"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_from_other_sites_are_refused() {
    let node = Node::start().await;
    for (name, value) in
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null")]
    {
        let response = node.client().http.post(node.url("/api/account/sign_out")).header(name, value).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        assert_eq!(response.json::<serde_json::Value>().await.unwrap()["code"], "foreign_origin");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_person_are_kept_by_nobody() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let response = ana.http.get(node.url("/account")).header(header::ACCEPT, "text/html").send().await.unwrap();
    assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-store");
    let stranger = node.client().http.get(node.url("/account")).header(header::ACCEPT, "text/html").send().await.unwrap();
    assert!(stranger.status().is_redirection() && stranger.headers()[header::LOCATION].to_str().unwrap().starts_with("/sign-in?next="));
}
