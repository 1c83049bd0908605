//! Accounts over HTTP.

use crate::node::{Node, PASSWORD, config, location};
use reqwest::header;

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_signs_in_and_goes_on_to_the_next_page() {
    let node = Node::start().await;
    let client = node.client();
    let fields = [("display_name", "Ana"), ("email", "Ana@Example.org"), ("password", PASSWORD), ("next", "/offers/new")];
    let response = client.form("/sign-up?next=/offers/new", "account/sign_up", &fields).await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(location(&response), "/offers/new");
    let (_, site) = client.api("account/site", &[]).await;
    assert_eq!(site["me"]["email"], "ana@example.org");
    let elsewhere = node
        .client()
        .form("/sign-in", "account/sign_in", &[("email", "ana@example.org"), ("password", PASSWORD), ("next", "//evil.example")])
        .await;
    assert_eq!(location(&elsewhere), "/", "a next page is one of ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_wrong_get_the_same_answer() {
    let node = Node::start().await;
    node.account("Ana").await;
    let wrong = node.client().api("account/sign_in", &[("email", "ana@example.org"), ("password", "not this one at all")]).await;
    let unknown = node.client().api("account/sign_in", &[("email", "nobody@example.org"), ("password", "not this one at all")]).await;
    assert_eq!(wrong, unknown);
    assert_eq!((wrong.0.as_u16(), wrong.1["code"].as_str()), (422, Some("bad_sign_in")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_is_told_at_its_field() {
    let node = Node::start().await;
    node.account("Ana").await;
    let (status, json) =
        node.client().api("account/sign_up", &[("display_name", "Bea"), ("email", "ANA@example.org"), ("password", PASSWORD)]).await;
    assert_eq!((status.as_u16(), json["code"].as_str(), json["field"].as_str()), (409, Some("email_taken"), Some("email")));
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_limited() {
    let mut config = config();
    config.accounts.sign_in_per_minute = 3;
    let node = Node::with(config).await;
    let mut last = 0;
    for _ in 0..5 {
        last = node.client().api("account/sign_in", &[("email", "ana@example.org"), ("password", "not this one at all")]).await.0.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_sign_in() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let other = node.client();
    other.api("account/sign_in", &[("email", "ana@example.org"), ("password", PASSWORD)]).await;
    let (status, sign_ins) = ana.api("account/sign_ins", &[]).await;
    assert_eq!((status.as_u16(), sign_ins.as_array().map(Vec::len)), (200, Some(2)));
    let (status, json) =
        ana.api("account/change_password", &[("current_password", "wrong"), ("password", "four other random words")]).await;
    assert_eq!((status.as_u16(), json["field"].as_str()), (422, Some("current_password")));
    let (status, _) = ana.api("account/change_password", &[("current_password", PASSWORD), ("password", "four other random words")]).await;
    assert_eq!(status, 200);
    assert_eq!(ana.api("account/sign_ins", &[]).await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(other.api("account/sign_ins", &[]).await.0, 401);
    let (status, _) = ana.api("account/sign_out", &[]).await;
    assert_eq!(status, 200);
    assert_eq!(ana.api("account/sign_ins", &[]).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_works_once() {
    let node = Node::start().await;
    node.account("Ana").await;
    let token = node.store.reset_link(&domain::account::Email::parse("ana@example.org").unwrap()).await.unwrap();
    let set = [("token", token.as_str()), ("password", "four other random words")];
    assert_eq!(node.client().api("account/reset", &set).await.0, 200);
    let (status, json) = node.client().api("account/reset", &set).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (410, Some("link_expired")));
    assert_eq!(node.client().api("account/sign_in", &[("email", "ana@example.org"), ("password", PASSWORD)]).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_sees_and_ends_nothing_of_mine() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let mine = ana.api("account/sign_ins", &[]).await.1[0]["id"].as_str().unwrap().to_owned();
    let bea = node.account("Bea").await;
    assert_eq!(bea.api("account/revoke", &[("sign_in", &mine)]).await.0, 404);
    assert_eq!(ana.api("account/sign_ins", &[]).await.0, 200);
}
