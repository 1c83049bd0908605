//! Consultations over HTTP: pages in every state, and the sockets of rooms.

use crate::{
    desk::sign_in_cookie,
    node::{Client, Node, location},
};
use app::consultation::wire::{FromPage, FromServer};
use domain::{consultation::Stage, id::MessageKey, media::Medium, timeline::Event};
use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// A page that looks at a consultation.
struct Page(WebSocketStream<TcpStream>);

async fn open(node: &Node, cookie: &str, path: &str, origin: Option<&str>) -> Result<Page, u16> {
    let mut request = format!("ws://{}{path}", node.address).into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match client_async(request, node.socket().await).await {
        Ok((stream, _)) => Ok(Page(stream)),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The address of a room's socket, for the page of that number.
fn room(id: &str, page: u128) -> String {
    let page = uuid::Uuid::from_u128(page);
    format!("/live/consultations/{id}?tab={page}&life={page}")
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

    /// Answers beats until something wanted is said.
    async fn until<T>(&mut self, wanted: impl Fn(&FromServer) -> Option<T>) -> T {
        loop {
            let message = self.hear().await.expect("the socket stays open");
            if let FromServer::Beat { n } = message {
                self.say(FromPage::Beat { n }).await;
            }
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    }

    async fn stage(&mut self, stage: Stage) {
        self.until(|message| matches!(message, FromServer::Room(state) if state.stage == stage).then_some(())).await;
    }
}

/// A provider who is open, a consumer, and the offer.
async fn shop(node: &Node) -> (Client, Client, String) {
    let (ana, offer) = node.provider("Ana").await;
    ana.go_online().await;
    (ana, node.account("Ben").await, offer)
}

async fn request(ben: &Client, offer: &str, medium: &str) -> String {
    let (status, json) = ben.api("consultations/request", &[("offer", offer), ("medium", medium), ("question", "<b>Why?</b>")]).await;
    assert_eq!(status, StatusCode::OK, "{json}");
    json["consultation"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_every_state_are_whole_without_javascript() {
    let node = Node::start().await;
    let (ana, ben, offer) = shop(&node).await;
    let stranger = node.client();
    let (status, html) = stranger.page(&format!("/offers/{offer}/ask")).await;
    assert!(status == StatusCode::OK && html.contains("Sign in to ask") && html.contains("At most"), "{html}");
    let id = request(&ben, &offer, "voice").await;
    let path = format!("/consultations/{id}");
    let (_, html) = ben.page(&path).await;
    assert!(html.contains("Ringing Ana") && html.contains("Cancel") && html.contains("-whole"), "{html}");
    let (_, html) = ana.page(&path).await;
    assert!(html.contains("Ben asks") && html.contains("&lt;b&gt;Why?") && !html.contains("<b>Why?"), "{html}");
    let taken = ana.form(&path, "consultations/accept", &[("consultation", &id)]).await;
    assert_eq!(location(&taken), path);
    for client in [&ana, &ben] {
        let (status, html) = client.page(&path).await;
        assert!(status == StatusCode::OK && html.contains("data-stage=\"connecting\"") && html.contains("needs JavaScript"), "{html}");
    }
    let (status, _) = ben.api("consultations/end", &[("consultation", &id)]).await;
    assert_eq!(status, StatusCode::OK);
    for (client, words) in [(&ana, "Ben ended it."), (&ben, "You ended it.")] {
        let (_, html) = client.page(&path).await;
        assert!(html.contains(words) && html.contains("Kept unchanged under"), "{html}");
        let (_, html) = client.page("/consultations").await;
        assert!(html.contains(&path), "{html}");
    }
    let (status, text) = ben.page(&format!("{path}/transcript")).await;
    assert!(status == StatusCode::OK && text.contains("Question: <b>Why?") && text.contains("You ended it."), "{text}");
    let eve = node.account("Eve").await;
    assert_eq!(eve.page(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(eve.page(&format!("{path}/transcript")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stranger.page(&format!("{path}/transcript")).await.0, StatusCode::UNAUTHORIZED);
    // Whoever only looks around loads the small program, a provider the whole one.
    assert!(!eve.page("/").await.1.contains("-whole") && ana.page("/").await.1.contains("-whole"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_changed_are_shown_again() {
    let node = Node::start().await;
    let (ana, ben, offer) = shop(&node).await;
    let (_, terms) = ben.api("consultations/terms", &[("offer", &offer), ("medium", "chat")]).await;
    let mut fields = crate::node::offer_fields("Spanish conversation");
    fields.retain(|(name, _)| *name != "rate_minor");
    fields.extend([("rate_minor", "240".to_owned()), ("offer", offer.clone()), ("version", "1".to_owned())]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(ana.api("offers/revise", &fields).await.0, StatusCode::OK);
    let asked = [("offer", offer.as_str()), ("medium", "chat"), ("shown", terms["hash"].as_str().unwrap())];
    let (status, json) = ben.api("consultations/request", &asked).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (422, Some("conditions_changed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_carries_messages_and_signals_between_its_two_sides_only() {
    let node = Node::start().await;
    let (ana, ben, offer) = shop(&node).await;
    let id = request(&ben, &offer, "chat").await;
    let (ana_cookie, ben_cookie) = (sign_in_cookie(&node, "ana@example.org").await, sign_in_cookie(&node, "ben@example.org").await);
    let mut caller = open(&node, &ben_cookie, &room(&id, 1), None).await.ok().unwrap();
    caller.stage(Stage::Requested).await;
    assert_eq!(ana.api("consultations/accept", &[("consultation", &id)]).await.0, StatusCode::OK);
    caller.stage(Stage::Connecting).await;
    let mut provider = open(&node, &ana_cookie, &room(&id, 2), None).await.ok().unwrap();
    provider.stage(Stage::Connecting).await;
    caller.say(FromPage::Proof { media: false }).await;
    provider.say(FromPage::Proof { media: false }).await;
    caller.stage(Stage::Live).await;
    let key = MessageKey(uuid::Uuid::from_u128(5));
    for _ in 0..2 {
        caller.say(FromPage::Say { key, text: "Hola".into() }).await;
        caller.until(|message| matches!(message, FromServer::Posted { key: posted, .. } if *posted == key).then_some(())).await;
    }
    let said = |message: &FromServer| match message {
        FromServer::Rows(rows) => {
            rows.iter().find_map(|row| if let Event::Message(m) = &row.is { Some(m.text.as_str().to_owned()) } else { None })
        }
        _ => None,
    };
    assert_eq!(provider.until(said).await, "Hola");
    caller.say(FromPage::Signal { k: 1, body: "opaque".into() }).await;
    let signal = provider.until(|message| if let FromServer::Signal { body, .. } = message { Some(body.clone()) } else { None }).await;
    assert_eq!(signal, "opaque");
    provider.say(FromPage::Medium { medium: Medium::Video }).await;
    let refused = provider.until(|message| if let FromServer::Refused { code, .. } = message { Some(*code) } else { None }).await;
    assert_eq!(refused, domain::reject::Code::BadMedia, "the offer is for chat and voice");
    provider.say(FromPage::Typing {}).await;
    caller.until(|message| matches!(message, FromServer::Typing {}).then_some(())).await;
    // A second page of a side does not take its seat without being told to.
    let mut second = open(&node, &ben_cookie, &room(&id, 3), None).await.ok().unwrap();
    second.until(|message| matches!(message, FromServer::Elsewhere {}).then_some(())).await;
    let mut third = open(&node, &ben_cookie, &format!("{}&take=1", room(&id, 4)), None).await.ok().unwrap();
    third.stage(Stage::Live).await;
    caller.until(|message| matches!(message, FromServer::Elsewhere {}).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_asks_sits_down_and_talks_for_practice() {
    let node = Node::start().await;
    let (ana, ben, _) = shop(&node).await;
    // Whoever has no curtain out has nothing to practise with.
    let (status, json) = ben.api("consultations/practise", &[]).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (422, Some("not_open")));
    let (status, json) = ana.api("consultations/practise", &[]).await;
    assert_eq!(status, StatusCode::OK, "{json}");
    let id = json["consultation"].as_str().unwrap().to_owned();
    ana.api("consultations/accept", &[("consultation", &id)]).await;
    let own = sign_in_cookie(&node, "ana@example.org").await;
    let mut page = open(&node, &own, &room(&id, 1), None).await.ok().unwrap();
    page.say(FromPage::Proof { media: false }).await;
    page.stage(Stage::Live).await;
    let text = page
        .until(|message| match message {
            FromServer::Rows(rows) => {
                rows.iter().find_map(|row| if let Event::Message(m) = &row.is { Some(m.text.as_str().to_owned()) } else { None })
            }
            _ => None,
        })
        .await;
    assert!(text.starts_with("Hello! I am a robot"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_belong_into_a_room_is_refused_and_it_is_unharmed() {
    let node = Node::start().await;
    let (ana, ben, offer) = shop(&node).await;
    node.account("Eve").await;
    let id = request(&ben, &offer, "chat").await;
    ana.api("consultations/accept", &[("consultation", &id)]).await;
    let (eve, own) = (sign_in_cookie(&node, "eve@example.org").await, sign_in_cookie(&node, "ben@example.org").await);
    assert_eq!(open(&node, &eve, &room(&id, 1), None).await.err(), Some(404));
    assert_eq!(open(&node, "sid=guessed", &room(&id, 1), None).await.err(), Some(401));
    assert_eq!(open(&node, &own, &room(&id, 1), Some("http://evil.example")).await.err(), Some(403));
    assert_eq!(open(&node, &own, &room("00000000-0000-0000-0000-000000000000", 1), None).await.err(), Some(404));
    assert_eq!(open(&node, &own, &format!("/live/consultations/{id}?tab=x&life=y"), None).await.err(), Some(400));
    for bad in ["{\"what\":1}".to_owned(), "x".repeat(70_000), "\u{0}".into()] {
        let mut page = open(&node, &own, &room(&id, 1), None).await.ok().unwrap();
        page.stage(Stage::Connecting).await;
        // An oversized message may break the line while it is still being sent.
        let _ = page.0.send(Message::text(bad)).await;
        while page.hear().await.is_some() {}
    }
    let mut page = open(&node, &own, &room(&id, 1), None).await.ok().unwrap();
    page.stage(Stage::Connecting).await;
    for n in 0..400 {
        if page.0.send(Message::text(serde_json::to_string(&FromPage::Marks { delivered: n, read: 0 }).unwrap())).await.is_err() {
            break;
        }
    }
    while page.hear().await.is_some() {}
    let mut page = open(&node, &own, &room(&id, 1), None).await.ok().unwrap();
    page.stage(Stage::Connecting).await;
    // A blocked account finds the offer as a stranger finds nothing.
    assert_eq!(ana.api("consultations/block", &[("consultation", &id)]).await.0, StatusCode::OK);
    let (status, json) = ben.api("consultations/request", &[("offer", &offer), ("medium", "chat")]).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (404, Some("not_found")));
}
