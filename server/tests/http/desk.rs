//! The desk socket: an attached page is the proof. Lines are cut by hand, times are short.

use crate::node::{Client, Node, PASSWORD, config};
use app::presence::wire::{FromPage, FromServer};
use domain::{
    presence::{Desk, Shown},
    time::Millis,
};
use futures::{SinkExt, StreamExt};
use reqwest::header;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Response},
};

/// A page at the desk. It answers beats only when it is asked to.
struct Page(WebSocketStream<TcpStream>);

pub async fn sign_in_cookie(node: &Node, email: &str) -> String {
    let response =
        node.client().http.post(node.url("/api/account/sign_in")).form(&[("email", email), ("password", PASSWORD)]).send().await.unwrap();
    response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn open(node: &Node, cookie: &str, origin: Option<&str>) -> Result<(Page, Response), u16> {
    let mut request = format!("ws://{}/live/desk", node.address).into_client_request().unwrap();
    if !cookie.is_empty() {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match client_async(request, node.socket().await).await {
        Ok((stream, response)) => Ok((Page(stream), response)),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

impl Page {
    async fn hear(&mut self) -> Option<FromServer> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    async fn say(&mut self, message: FromPage) {
        self.0.send(Message::text(serde_json::to_string(&message).unwrap())).await.unwrap();
    }

    /// Answers beats until the desk satisfies `wanted`.
    async fn until(&mut self, wanted: impl Fn(&Desk) -> bool) -> Desk {
        loop {
            match self.hear().await.expect("the socket stays open") {
                FromServer::Desk(desk) if wanted(&desk) => return desk,
                FromServer::Beat { n, .. } => self.say(FromPage::Beat { n }).await,
                _ => {}
            }
        }
    }
}

async fn provider(node: &Node) -> (Client, String, String) {
    let (ana, offer) = node.provider("Ana").await;
    let cookie = sign_in_cookie(node, "ana@example.org").await;
    (ana, offer, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_sees_the_same_desk_at_once() {
    let node = Node::start().await;
    let (ana, offer, cookie) = provider(&node).await;
    let (mut one, _) = open(&node, &cookie, None).await.ok().unwrap();
    let (mut two, _) = open(&node, &cookie, None).await.ok().unwrap();
    one.until(|d| d.presence.shown() == Shown::Offline).await;
    ana.go_online().await;
    for page in [&mut one, &mut two] {
        let desk = page.until(|d| d.presence.shown() == Shown::Online && d.pages == 2).await;
        assert_eq!(desk.offers.iter().map(ToString::to_string).collect::<Vec<_>>(), std::slice::from_ref(&offer));
        assert!(desk.until.is_some_and(|until| until.since(desk.now) > Millis::minutes(29)));
    }
    ana.go_offline().await;
    two.until(|d| d.presence.shown() == Shown::Offline && d.until.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leaves_is_believed_for_a_short_while_and_a_reload_is_no_gap() {
    let mut config = config();
    config.presence.page_left = Millis(700);
    config.presence.without_page = Millis(1);
    let node = Node::with(config).await;
    let (ana, offer, cookie) = provider(&node).await;
    let (mut page, _) = open(&node, &cookie, None).await.ok().unwrap();
    page.until(|d| d.pages == 1).await;
    let mut watcher = node.watch(None).await;
    ana.go_online().await;
    assert_eq!(watcher.presence_of(&offer).await, "online");
    let before = node.hub.head();
    page.say(FromPage::Leave {}).await;
    page.0.close(None).await.unwrap();
    let (mut page, _) = open(&node, &cookie, None).await.ok().unwrap();
    page.until(|d| d.pages == 1 && d.presence.shown() == Shown::Online).await;
    assert_eq!(node.hub.head(), before, "a reload is no change for anybody");
    page.say(FromPage::Leave {}).await;
    page.0.close(None).await.unwrap();
    assert_eq!(watcher.presence_of(&offer).await, "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_stops_answering_is_lost_and_back_by_itself() {
    let mut config = config();
    config.presence.beat = Millis(100);
    config.presence.silence = Millis(400);
    config.presence.line_lost = Millis(400);
    config.presence.without_page = Millis(1);
    let node = Node::with(config).await;
    let (ana, offer, cookie) = provider(&node).await;
    let (mut page, _) = open(&node, &cookie, None).await.ok().unwrap();
    page.until(|d| d.pages == 1).await;
    let mut watcher = node.watch(None).await;
    ana.go_online().await;
    assert_eq!(watcher.presence_of(&offer).await, "online");
    // The socket stays open, and pings would be answered by the library: only answers of the page's own code count.
    assert_eq!(watcher.presence_of(&offer).await, "gone");
    let (mut again, _) = open(&node, &cookie, None).await.ok().unwrap();
    assert_eq!(watcher.presence_of(&offer).await, "online");
    again.until(|d| d.presence.shown() == Shown::Online).await;
    ana.go_offline().await;
    assert_eq!(watcher.presence_of(&offer).await, "gone");
    let head = node.hub.head();
    let (mut third, _) = open(&node, &cookie, None).await.ok().unwrap();
    third.until(|d| d.pages >= 1).await;
    assert_eq!(node.hub.head(), head, "after an explicit off a page alone hangs nothing out");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_sites_are_refused() {
    let node = Node::start().await;
    let (ana, _, cookie) = provider(&node).await;
    assert_eq!(open(&node, "", None).await.err(), Some(401));
    assert_eq!(open(&node, "sid=guessed", None).await.err(), Some(401));
    assert_eq!(open(&node, &cookie, Some("http://evil.example")).await.err(), Some(403));
    assert_eq!(open(&node, &cookie, Some("null")).await.err(), Some(403));
    let own = format!("http://{}", node.address);
    let (mut page, _) = open(&node, &cookie, Some(&own)).await.ok().unwrap();
    page.0.send(Message::text("{\"what\":1}")).await.unwrap();
    while page.hear().await.is_some() {}
    // Signed out elsewhere: the socket is told and ends.
    let (mut page, _) = open(&node, &cookie, Some(&own)).await.ok().unwrap();
    page.until(|_| true).await;
    let (status, _) = ana.api("account/revoke", &[("sign_in", "others")]).await;
    assert_eq!(status, 200);
    let mut told = false;
    while let Some(message) = page.hear().await {
        told |= message == FromServer::SignedOut {};
    }
    assert!(told);
    assert_eq!(open(&node, &cookie, None).await.err(), Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_is_told_that_nothing_rings_any_more() {
    let node = Node::start().await;
    let (_, _, cookie) = provider(&node).await;
    let (mut page, _) = open(&node, &cookie, None).await.unwrap();
    loop {
        match page.hear().await.expect("the socket stays open") {
            FromServer::Ring(ring) => return assert_eq!(ring, None),
            FromServer::Measure(_) => panic!("the page was not told whether anything rings"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_page_that_says_too_much_is_sent_away() {
    let node = Node::start().await;
    let (_, _, cookie) = provider(&node).await;
    let (mut page, _) = open(&node, &cookie, None).await.unwrap();
    for n in 0..200 {
        let beat = serde_json::to_string(&FromPage::Beat { n }).unwrap();
        if page.0.send(Message::text(beat)).await.is_err() {
            break;
        }
    }
    while page.hear().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_no_gap() {
    let config = config();
    let data = config.data.clone();
    let node = Node::with(config).await;
    let (ana, offer, cookie) = provider(&node).await;
    let (mut page, _) = open(&node, &cookie, None).await.ok().unwrap();
    page.until(|d| d.pages == 1).await;
    ana.go_online().await;
    page.until(|d| d.presence.shown() == Shown::Online).await;
    node.end().await;
    let mut bye = false;
    while let Some(message) = page.hear().await {
        bye |= matches!(message, FromServer::Bye { .. });
    }
    assert!(bye);
    let again = server::config::Config { data: data.clone(), ..crate::node::config() };
    let node = Node::with(again).await;
    let (_, html) = node.client().page("/").await;
    assert!(html.contains(&offer) && html.contains("data-presence=\"online\""), "the curtain is still out after the restart");
    let (mut page, _) = open(&node, &cookie, None).await.ok().unwrap();
    page.until(|d| d.presence.shown() == Shown::Online && d.pages == 1).await;
}
