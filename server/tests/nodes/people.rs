//! People who speak to nodes, as their browsers do: any request may go to any node.

use futures::{SinkExt, StreamExt};
use reqwest::{StatusCode, header, redirect::Policy};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    net::TcpStream,
    time::{Interval, interval},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    pub base: String,
    cookie: String,
    http: reqwest::Client,
}

impl Person {
    /// Signs up at a node, with a hundred euros.
    pub async fn new(base: &str, name: &str) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        let email = format!("{}@example.org", name.to_lowercase());
        let fields = [("display_name", name), ("email", &email), ("password", "three random words")];
        let answer = http.post(format!("{base}/api/account/sign_up")).header(header::ACCEPT, "application/json").form(&fields);
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let person = Person { base: base.into(), cookie, http };
        person.done("wallet/top_up", &[("amount", "100"), ("currency", "EUR")]).await;
        person
    }

    /// The same person, at another node.
    pub fn at(&self, base: &str) -> Self {
        Person { base: base.into(), ..self.clone() }
    }

    pub async fn api(&self, function: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let request = self.http.post(format!("{}/api/{function}", self.base)).header(header::ACCEPT, "application/json");
        let answer = request.header(header::COOKIE, &self.cookie).form(fields).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    /// What must work.
    pub async fn done(&self, function: &str, fields: &[(&str, &str)]) -> Value {
        let (status, json) = self.api(function, fields).await;
        assert_eq!(status, 200, "{function}: {json}");
        json
    }

    pub async fn page(&self, path: &str) -> (u16, String) {
        let request =
            self.http.get(format!("{}{path}", self.base)).header(header::COOKIE, &self.cookie).header(header::ACCEPT, "text/html");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Registers an offer of a euro and twenty cents a minute, without free seconds.
    pub async fn register(&self) -> String {
        let fields = [
            ("title", "Spanish conversation"),
            ("description", "At your level."),
            ("category", "languages"),
            ("languages", "en,es"),
            ("media", "chat"),
            ("rate_minor", "120"),
            ("currency", "EUR"),
            ("free_seconds", "0"),
        ];
        self.done("offers/register", &fields).await["offer"].as_str().unwrap().to_owned()
    }

    async fn open(&self, path: &str) -> Line {
        let address = self.base.trim_start_matches("http://");
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        request.headers_mut().insert("cookie", self.cookie.parse().unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(request, stream).await.unwrap();
        Line { socket, proves: false, proofs: interval(Duration::from_millis(400)), rows: Vec::new() }
    }

    /// A page at the desk.
    pub async fn desk(&self) -> Line {
        self.open("/live/desk").await
    }

    /// The page of that number in a room; with the rows that it has.
    pub async fn room(&self, id: &str, page: u128, rows: usize) -> Line {
        let page = Uuid::from_u128(page);
        let mut line = self.open(&format!("/live/consultations/{id}?tab={page}&life={page}&take=1&rows={rows}")).await;
        line.proves = true;
        line
    }
}

/// A socket of a page. It answers beats, and in a room it proves.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
    proves: bool,
    proofs: Interval,
    /// The rows of the room that came over this line.
    pub rows: Vec<Value>,
}

impl Line {
    pub async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// What comes next; `None` when the line is broken.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                _ = self.proofs.tick(), if self.proves => {
                    self.socket.send(Message::text(r#"{"proof":{"media":true}}"#)).await.ok()?;
                    continue;
                }
            };
            let Message::Text(text) = message?.ok()? else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if let Some(n) = message["beat"]["n"].as_u64() {
                self.say(json!({"beat": {"n": n}})).await;
            }
            if let Some(rows) = message["rows"].as_array() {
                self.rows.extend(rows.iter().cloned());
            }
            return Some(message);
        }
    }

    /// Waits until something is said.
    pub async fn until(&mut self, what: &str, said: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                match self.next().await {
                    Some(message) if said(&message) => return Some(message),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, heard).await {
            Ok(Some(message)) => message,
            Ok(None) => panic!("the line broke before {what}"),
            Err(_) => panic!("it was not said: {what}"),
        }
    }

    /// Goes on for a while, proving and answering; whether the line still stands.
    pub async fn stay(&mut self, stretch: Duration) -> bool {
        let talk = async { while self.next().await.is_some() {} };
        tokio::time::timeout(stretch, talk).await.is_err()
    }

    pub async fn stage(&mut self, stage: &str) -> Value {
        self.until(stage, |message| message["room"]["stage"] == stage).await
    }

    /// Both prove until both are told that it is live.
    pub async fn live(one: &mut Line, other: &mut Line) {
        tokio::join!(one.stage("live"), other.stage("live"));
    }

    /// Waits for a ring; answers its consultation.
    pub async fn ring(&mut self) -> String {
        let ring = self.until("a ring", |message| message["ring"]["id"].is_string()).await;
        ring["ring"]["id"].as_str().unwrap().to_owned()
    }
}

/// Somebody who watches the choices.
pub struct Watcher {
    answer: reqwest::Response,
    rest: String,
    pub cursor: String,
    pub mode: String,
    /// All frames that came, in order.
    pub heard: Vec<Value>,
}

impl Watcher {
    pub async fn at(base: &str, since: Option<&str>) -> Self {
        let query = since.map(|since| format!("?since={since}")).unwrap_or_default();
        let answer = reqwest::get(format!("{base}/live/choices{query}")).await.unwrap();
        let mut watcher = Watcher { answer, rest: String::new(), cursor: String::new(), mode: String::new(), heard: Vec::new() };
        let hello = watcher.next().await;
        watcher.mode = hello["mode"].as_str().unwrap().to_owned();
        watcher
    }

    pub async fn next(&mut self) -> Value {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
                if let Some(id) = field("id:") {
                    self.cursor = id;
                }
                let data: Value = serde_json::from_str(&field("data:").unwrap_or_default()).unwrap();
                self.rest = rest.to_owned();
                self.heard.push(data.clone());
                return data;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.expect("an event in time");
            self.rest.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream goes on")).unwrap());
        }
    }

    /// Waits until an offer is shown so; `gone`: it is not among the choices.
    pub async fn sees(&mut self, offer: &str, presence: &str) {
        let seen = async {
            loop {
                let data = self.next().await;
                let of = |what: &str| data[what].as_array().cloned().unwrap_or_default();
                let is = of("cards").iter().any(|card| card["id"] == offer && card["is"] == presence);
                if is || (presence == "gone" && of("gone").iter().any(|gone| gone == offer)) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("it was not seen: {presence}"));
    }
}
