//! The front page that is ready: the same as one that is rendered for whoever asks, and never older than what the feed has told.

use crate::node::Node;
use reqwest::{Response, header};
use std::io::Read;

/// The page without its nonce, and the nonce.
async fn read(response: Response) -> (String, String) {
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let packed = response.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    let bytes = response.bytes().await.unwrap();
    let mut text = String::new();
    match packed {
        true => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
        false => (&bytes[..]).read_to_string(&mut text).unwrap(),
    };
    assert!(text.contains(&format!("nonce=\"{nonce}\"")), "its scripts may run");
    (text.replace(&nonce, ""), nonce)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ready_is_what_would_be_rendered() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    ana.go_online().await;
    let mut watcher = node.watch(None).await;
    ana.go_offline().await;
    watcher.presence_of(&offer).await;
    let get = async |name: &str, value: &str| {
        let request = node.client().http.get(node.url("/")).header(header::ACCEPT, "text/html").header(name, value);
        request.send().await.unwrap()
    };
    let ready = get("accept-encoding", "identity").await;
    let length: usize = ready.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    assert_eq!(ready.headers()[header::CACHE_CONTROL], "no-cache");
    let vary: Vec<_> = ready.headers().get_all(header::VARY).iter().map(|vary| vary.to_str().unwrap()).collect();
    assert!(vary.contains(&"cookie") && vary.contains(&"accept-encoding"), "{vary:?}");
    let (plain, first) = read(ready).await;
    assert!(length > plain.len());
    let (packed, second) = read(get("accept-encoding", "br, gzip").await).await;
    // A sign-in that does not hold makes a stranger, whose page is rendered for this request.
    let (rendered, third) = read(get("cookie", "sid=nobody").await).await;
    assert_eq!(plain, rendered);
    assert_eq!(packed, rendered);
    assert!(first != second && second != third);
    let (ordered, _) = read(node.client().http.get(node.url("/?category=arts")).send().await.unwrap()).await;
    assert_ne!(ordered, rendered, "another view is another page");
    let own = ana.page("/").await.1;
    assert!(own.contains("Account of Ana") && !plain.contains("Account of"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_on_the_next_page() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let mut watcher = node.watch(None).await;
    let shown = async || node.client().page("/").await.1.contains(&format!("data-offer=\"{offer}\" data-presence=\"online\""));
    for _ in 0..10 {
        ana.go_online().await;
        assert_eq!(watcher.presence_of(&offer).await, "online");
        assert!(shown().await);
        ana.go_offline().await;
        assert_eq!(watcher.presence_of(&offer).await, "gone");
        assert!(!shown().await);
    }
}
