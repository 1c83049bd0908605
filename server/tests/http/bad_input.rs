//! Bad input for every server function that is registered. A function without cases fails the suite.

use crate::node::{Client, Node};
use reqwest::{StatusCode, header};
use std::collections::{BTreeMap, BTreeSet};

/// Fields, the status and the code that they must lead to, sent by a signed-in account.
type Case = (&'static [(&'static str, &'static str)], u16, &'static str);

const NOWHERE: &str = "00000000-0000-0000-0000-000000000000";

/// What every function about one consultation is told for one that does not exist, or is somebody else's.
fn nobody() -> Vec<Case> {
    vec![
        (&[][..], 404, "not_found"),
        (&[("consultation", NOWHERE)], 404, "not_found"),
        (&[("consultation", "'; drop table")], 404, "not_found"),
    ]
}

/// Every function with its bad cases. Reads that take nothing have none but the generated ones.
fn cases() -> BTreeMap<&'static str, Vec<Case>> {
    let long: &'static str = "x".repeat(5_000).leak();
    let name = |name: &'static str| -> &'static [(&'static str, &'static str)] { vec![("display_name", name)].leak() };
    let offer: &'static [(&'static str, &'static str)] =
        &[("title", "T"), ("description", "D"), ("category", "languages"), ("languages", "en"), ("media", "chat"), ("currency", "EUR")];
    let with = |more: &[(&'static str, &'static str)]| -> &'static [(&'static str, &'static str)] {
        let kept = offer.iter().filter(|(k, _)| !more.iter().any(|(m, _)| m == k));
        kept.chain(more).copied().collect::<Vec<_>>().leak()
    };
    BTreeMap::from([
        ("/api/account/site", vec![]),
        (
            "/api/account/sign_up",
            vec![
                (&[][..], 422, "required"),
                (&[("display_name", "Ana"), ("email", "no"), ("password", "three random words")], 422, "bad_email"),
                (&[("display_name", "Ana"), ("email", "a@b.org"), ("password", "short")], 422, "too_short"),
                (&[("display_name", "Ana"), ("email", "a@b.org"), ("password", "password1234")], 422, "weak_password"),
            ],
        ),
        ("/api/account/sign_in", vec![(&[][..], 422, "bad_sign_in"), (&[("email", "x"), ("password", "y")], 422, "bad_sign_in")]),
        ("/api/account/sign_out", vec![]),
        (
            "/api/account/change_password",
            vec![(&[][..], 422, "required"), (&[("current_password", "x"), ("password", "three other words")], 422, "wrong_password")],
        ),
        (
            "/api/account/rename",
            vec![(&[][..], 422, "required"), (name(long), 422, "too_long"), (&[("display_name", "a\u{202e}b")], 422, "bad_text")],
        ),
        ("/api/account/sign_ins", vec![]),
        (
            "/api/account/revoke",
            vec![
                (&[][..], 404, "not_found"),
                (&[("sign_in", NOWHERE)], 404, "not_found"),
                (&[("sign_in", "'; drop table")], 404, "not_found"),
            ],
        ),
        (
            "/api/account/reset",
            vec![(&[][..], 422, "required"), (&[("token", "guessed"), ("password", "three other words")], 410, "link_expired")],
        ),
        (
            "/api/offers/register",
            vec![
                (&[][..], 422, "required"),
                (with(&[("rate_minor", "-1")]), 422, "bad_rate"),
                (with(&[("rate_minor", "99999999999999999999")]), 422, "bad_rate"),
                (with(&[("rate_minor", "100001")]), 422, "rate_too_high"),
                (with(&[("rate_minor", "1"), ("title", long)]), 422, "too_long"),
                (with(&[("rate_minor", "1"), ("description", long)]), 422, "too_long"),
                (with(&[("rate_minor", "1"), ("category", "gossip")]), 422, "bad_category"),
                (with(&[("rate_minor", "1"), ("languages", "english")]), 422, "bad_language"),
                (with(&[("rate_minor", "1"), ("languages", "en,es,de,fr,it,pt")]), 422, "too_many"),
                (with(&[("rate_minor", "1"), ("media", "smell")]), 422, "bad_media"),
                (with(&[("rate_minor", "1"), ("currency", "XXX")]), 422, "bad_currency"),
                (with(&[("rate_minor", "1"), ("free_seconds", "3601")]), 422, "bad_free_seconds"),
            ],
        ),
        (
            "/api/offers/revise",
            vec![
                (&[][..], 404, "not_found"),
                (with(&[("rate_minor", "1"), ("offer", NOWHERE), ("version", "1")]), 404, "not_found"),
                (with(&[("rate_minor", "1"), ("offer", NOWHERE), ("version", "one")]), 400, "bad_request"),
                (with(&[("rate_minor", "x"), ("offer", NOWHERE), ("version", "1")]), 422, "bad_rate"),
            ],
        ),
        (
            "/api/offers/retire",
            vec![(&[][..], 404, "not_found"), (&[("offer", NOWHERE)], 404, "not_found"), (&[("offer", "x")], 404, "not_found")],
        ),
        ("/api/offers/mine", vec![]),
        ("/api/offers/show", vec![(&[][..], 404, "not_found"), (&[("offer", NOWHERE)], 404, "not_found")]),
        ("/api/offers/provider", vec![(&[][..], 404, "not_found"), (&[("provider", NOWHERE)], 404, "not_found")]),
        (
            "/api/presence/go_online",
            vec![
                (&[][..], 422, "required"),
                (&[("minutes", "31")], 422, "bad_minutes"),
                (&[("minutes", "30")], 409, "no_listed_offers"),
                (&[("minutes", "30"), ("offers", "x")], 422, "bad_offers"),
                (&[("minutes", "30"), ("offers", NOWHERE)], 409, "no_listed_offers"),
            ],
        ),
        ("/api/presence/go_offline", vec![]),
        ("/api/presence/desk", vec![]),
        ("/api/choices/view", vec![(&[("window", "-1")][..], 400, "bad_request")]),
        ("/api/choices/closed", vec![(&[("page", "x")][..], 400, "bad_request")]),
        ("/api/forms/rejected", vec![]),
        ("/api/consultations/terms", vec![(&[][..], 404, "not_found"), (&[("offer", NOWHERE), ("medium", "smell")], 404, "not_found")]),
        (
            "/api/consultations/request",
            vec![
                (&[][..], 404, "not_found"),
                (&[("offer", "x"), ("medium", "chat")], 404, "not_found"),
                (&[("offer", NOWHERE), ("medium", "chat")], 404, "not_found"),
                (vec![("offer", NOWHERE), ("question", long)].leak(), 422, "too_long"),
                (&[("offer", NOWHERE), ("question", "a\u{202e}b")], 422, "bad_text"),
                (&[("offer", NOWHERE), ("environment", "{")], 400, "bad_request"),
            ],
        ),
        ("/api/wallet/show", vec![]),
        ("/api/wallet/top_up", moving(&[])),
        ("/api/wallet/refund", moving(&[(&[("amount_minor", "1000000"), ("currency", "EUR")], 422, "no_funds")])),
        ("/api/receipts/show", nobody()),
        ("/api/receipts/earnings", vec![]),
        ("/api/receipts/refund", nobody()),
        (
            "/api/cases/open",
            vec![
                (&[][..], 404, "not_found"),
                (&[("consultation", NOWHERE), ("complaint", "")], 422, "required"),
                (&[("consultation", NOWHERE), ("complaint", "Why?")], 404, "not_found"),
            ],
        ),
        // Whoever is no operator finds nothing, whatever is asked.
        ("/api/cases/decide", vec![(&[("consultation", NOWHERE), ("reason", "So")][..], 404, "not_found")]),
        ("/api/cases/list", vec![(&[][..], 404, "not_found")]),
        ("/api/trust/show", vec![]),
        ("/api/consultations/accept", nobody()),
        (
            "/api/consultations/decline",
            vec![(&[][..], 404, "not_found"), (&[("consultation", NOWHERE), ("reason", "because")], 422, "bad_reason")],
        ),
        ("/api/consultations/cancel", nobody()),
        ("/api/consultations/end", nobody()),
        ("/api/consultations/block", nobody()),
        ("/api/consultations/show", nobody()),
        ("/api/consultations/past", vec![]),
        ("/api/consultations/practise", vec![]),
    ])
}

/// Amounts that cannot be moved.
fn moving(more: &[Case]) -> Vec<Case> {
    let mut cases: Vec<Case> = vec![
        (&[], 422, "required"),
        (&[("amount_minor", "5"), ("currency", "XXX")], 422, "bad_currency"),
        (&[("currency", "EUR")], 422, "required"),
        (&[("amount_minor", "5"), ("currency", "EUR"), ("key", "one")], 400, "bad_request"),
    ];
    for bad in ["0", "-5", "1.5", "1e3", "99999999999999999999", "NaN"] {
        cases.push((vec![("amount_minor", bad), ("currency", "EUR")].leak(), 422, "bad_amount"));
    }
    for bad in ["0", "-5", "1.505", "1,000.00", "x"] {
        cases.push((vec![("amount", bad), ("currency", "EUR")].leak(), 422, "bad_amount"));
    }
    cases.extend(more);
    cases
}

/// Functions that a stranger may call.
const PUBLIC: &[&str] = &[
    "/api/account/site",
    "/api/account/sign_up",
    "/api/account/sign_in",
    "/api/account/reset",
    "/api/offers/show",
    "/api/offers/provider",
    "/api/choices/view",
    "/api/choices/closed",
    "/api/forms/rejected",
    "/api/consultations/terms",
    "/api/trust/show",
];

/// Functions that would end the sign-in that the other cases need.
const ENDS_SIGN_IN: &[&str] = &["/api/account/sign_out"];

async fn post(client: &Client, url: String, accept: &str, kind: &str, body: Vec<u8>) -> (u16, String, String) {
    let response = client.http.post(url).header(header::ACCEPT, accept).header(header::CONTENT_TYPE, kind).body(body).send().await.unwrap();
    let location = response.headers().get(header::LOCATION).map(|l| l.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), location, response.text().await.unwrap())
}

/// No answer may tell what the server is made of.
fn leaks_nothing(path: &str, text: &str) {
    for word in ["sqlite", "sqlx", "postgres", "constraint", "panicked", "src/", "serde", "missing field", "deserializ", "SELECT", "argon"]
    {
        assert!(!text.contains(word), "{path} tells {word}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_registered_function_has_cases() {
    let _node = Node::start().await;
    let registered: BTreeSet<&str> = server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    let covered: BTreeSet<&str> = cases().into_keys().collect();
    assert_eq!(registered, covered);
    for (path, method) in server_fn::axum::server_fn_paths() {
        assert_eq!(method, reqwest::Method::POST, "{path}: a GET could be made by any link");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_get_clear_answers_with_and_without_javascript() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    for (path, cases) in cases() {
        for (fields, status, code) in cases {
            let function = path.trim_start_matches("/api/");
            let (answered, json) = ana.api(function, fields).await;
            assert_eq!((answered.as_u16(), json["code"].as_str()), (status, Some(code)), "{path} {fields:?}: {json}");
            leaks_nothing(path, &json.to_string());
            let response = ana.form("/desk?x=1", function, fields).await;
            let target = response.headers().get(header::LOCATION).map(|l| l.to_str().unwrap().to_owned()).unwrap_or_default();
            assert!(
                response.status() == StatusCode::SEE_OTHER && target.starts_with("/desk?x=1&rejected="),
                "{path}: {} {target}",
                response.status()
            );
            let id = target.split("rejected=").nth(1).unwrap();
            let (_, kept) = ana.api("forms/rejected", &[("id", id)]).await;
            assert_eq!((kept["path"].as_str(), kept["error"]["code"].as_str()), (Some(path), Some(code)));
            for (name, value) in fields {
                let there = kept["fields"].as_array().unwrap().iter().any(|f| f[0] == *name && f[1] == *value);
                assert_eq!(there, !name.contains("password") && !name.contains("token"), "{path} {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_are_the_senders_mistake() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let form = "application/x-www-form-urlencoded";
    let oversized = format!("title={}", "x".repeat(70_000)).into_bytes();
    for path in cases().into_keys().filter(|p| !ENDS_SIGN_IN.contains(p)) {
        for (kind, body) in [
            (form, b"%ff%fe=%00&=&&a[b][c]=d&title[x]=1".to_vec()),
            (form, vec![0xff; 200]),
            ("application/json", b"{\"title\":".to_vec()),
            ("multipart/form-data; boundary=x", b"--x\r\n".to_vec()),
            (form, b"title=a&title=b".to_vec()),
        ] {
            let (status, _, text) = post(&ana, node.url(path), "application/json", kind, body).await;
            assert!(status < 500, "{path} {kind}: {status} {text}");
            leaks_nothing(path, &text);
        }
        let (status, _, text) = post(&ana, node.url(path), "application/json", form, oversized.clone()).await;
        assert_eq!(status, 413, "{path}: {text}");
    }
    for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
        let response = ana.http.request(method, node.url("/api/presence/go_offline")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(ana.api("no/such_function", &[]).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_reach_only_what_is_public() {
    let node = Node::start().await;
    for path in cases().into_keys() {
        let (status, json) =
            node.client().api(path.trim_start_matches("/api/"), &[("version", "1"), ("offer", NOWHERE), ("minutes", "30")]).await;
        assert_eq!(status == 401, !PUBLIC.contains(&path), "{path}: {status} {json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_answered_one_by_one() {
    let node = Node::start().await;
    let (ana, _) = node.provider("Ana").await;
    let ana = std::sync::Arc::new(ana);
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..60 {
        let ana = std::sync::Arc::clone(&ana);
        calls.spawn(async move {
            match at % 3 {
                0 => ana.api("presence/go_online", &[("minutes", "30")]).await.0,
                1 => ana.api("presence/go_offline", &[]).await.0,
                _ => ana.api("account/rename", &[("display_name", &format!("Ana {at}"))]).await.0,
            }
        });
    }
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    ana.go_online().await;
    let (_, desk) = ana.api("presence/desk", &[]).await;
    assert!(desk["presence"]["online"].is_object(), "{desk}");
}
