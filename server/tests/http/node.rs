//! A node for one test, and clients that speak to it.

use reqwest::{Response, StatusCode, header, redirect::Policy};
use serde_json::Value;
use server::{application::Application, clock::Clock, config::Config};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A running node; its data folder goes with it.
pub struct Node {
    pub address: SocketAddr,
    pub hub: Arc<server::live::hub::Hub>,
    pub store: server::store::Store,
    stop: CancellationToken,
    ended: Option<JoinHandle<()>>,
    data: PathBuf,
}

/// A configuration for tests: everything fast, a free port, a data folder of its own.
pub fn config() -> Config {
    let data = std::env::temp_dir().join(format!("noren-http-{}", server::ids::token()));
    let mut config = Config { data, listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
    config.accounts.argon2_memory = 64;
    config.accounts.argon2_passes = 1;
    config.accounts.sign_in_per_minute = 1_000;
    config.accounts.sign_in_per_hour = 1_000;
    config.accounts.sign_up_per_hour = 1_000;
    config.accounts.rejected_per_minute = 100_000;
    config.accounts.writes_per_minute = 1_000_000;
    config
}

impl Node {
    pub async fn start() -> Self {
        Node::with(config()).await
    }

    pub async fn with(config: Config) -> Self {
        Node::with_clock(config, Clock::system()).await
    }

    pub async fn with_clock(config: Config, clock: Clock) -> Self {
        // The clients of these tests speak plain HTTP, and want to know by whom they would encrypt all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = config.data.clone();
        let application = Application::start(config, clock).await.expect("the node starts");
        let (address, hub, store, stop) =
            (application.address, application.hub.clone(), application.store.clone(), application.life.stop.clone());
        Node { address, hub, store, stop, ended: Some(tokio::spawn(application.run())), data }
    }

    /// Ends the node as SIGTERM does; the data folder stays.
    pub async fn end(mut self) -> PathBuf {
        self.stop.cancel();
        if let Some(ended) = self.ended.take() {
            ended.await.expect("the node ends");
        }
        std::mem::take(&mut self.data)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn client(&self) -> Client {
        let http = reqwest::Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
        Client { base: format!("http://{}", self.address), http }
    }

    /// A client that has signed up.
    pub async fn account(&self, name: &str) -> Client {
        let client = self.client();
        let local: String = name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let email = format!("{local}@example.org");
        let (status, json) = client.api("account/sign_up", &[("display_name", name), ("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(status, StatusCode::OK, "{json}");
        let (status, json) = client.api("wallet/top_up", &[("amount", "100"), ("currency", "EUR")]).await;
        assert_eq!(status, StatusCode::OK, "{json}");
        client
    }

    /// A provider with one listed offer.
    pub async fn provider(&self, name: &str) -> (Client, String) {
        let client = self.account(name).await;
        let offer = client.register("Spanish conversation").await;
        (client, offer)
    }

    pub async fn watch(&self, since: Option<&str>) -> Watcher {
        self.watch_query(&since.map(|s| format!("since={s}")).unwrap_or_default()).await
    }

    pub async fn watch_query(&self, query: &str) -> Watcher {
        let response = reqwest::get(self.url(&format!("/live/choices?{query}"))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Watcher { response, rest: String::new() }
    }

    pub async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
        if !self.data.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

pub const PASSWORD: &str = "three random words";

/// The fields of a sound offer.
pub fn offer_fields(title: &str) -> Vec<(&'static str, String)> {
    [
        ("title", title),
        ("description", "At your level."),
        ("category", "languages"),
        ("languages", "en,es"),
        ("media[]", "chat"),
        ("media[]", "voice"),
        ("rate_minor", "120"),
        ("currency", "EUR"),
        ("free_seconds", "60"),
    ]
    .map(|(k, v)| (k, v.to_owned()))
    .to_vec()
}

/// A browser, or a program, with its cookies.
pub struct Client {
    pub http: reqwest::Client,
    base: String,
}

impl Client {
    /// Calls a server function as a program does.
    pub async fn api(&self, function: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let response = self
            .http
            .post(format!("{}/api/{function}", self.base))
            .header(header::ACCEPT, "application/json")
            .form(fields)
            .send()
            .await
            .unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends a form as a browser without JavaScript does, from `page`.
    pub async fn form(&self, page: &str, function: &str, fields: &[(&str, &str)]) -> Response {
        self.http
            .post(format!("{}/api/{function}", self.base))
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::REFERER, format!("{}{page}", self.base))
            .header(header::ORIGIN, &self.base)
            .form(fields)
            .send()
            .await
            .unwrap()
    }

    pub async fn page(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(format!("{}{path}", self.base)).header(header::ACCEPT, "text/html").send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    pub async fn register(&self, title: &str) -> String {
        let fields = offer_fields(title);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let (status, json) = self.api("offers/register", &fields).await;
        assert_eq!(status, StatusCode::OK, "{json}");
        json["offer"].as_str().unwrap().to_owned()
    }

    pub async fn go_online(&self) {
        let (status, json) = self.api("presence/go_online", &[("minutes", "30")]).await;
        assert_eq!(status, StatusCode::OK, "{json}");
    }

    pub async fn go_offline(&self) {
        let (status, json) = self.api("presence/go_offline", &[]).await;
        assert_eq!(status, StatusCode::OK, "{json}");
    }
}

/// Where a redirect leads.
pub fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

/// A reader of the feed.
pub struct Watcher {
    response: Response,
    rest: String,
}

impl Watcher {
    /// The next event; `None` when the stream has ended. Waits 20 s at most.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
                let event = Event {
                    name: field("event:").unwrap_or_default(),
                    id: field("id:"),
                    data: serde_json::from_str(&field("data:").unwrap_or_default()).unwrap_or(Value::Null),
                };
                self.rest = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await.expect("an event within 20 s");
            self.rest.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// The next event that tells of a change of `offer`: its presence, or `gone`.
    pub async fn presence_of(&mut self, offer: &str) -> String {
        loop {
            let event = self.next().await.expect("the stream goes on");
            let data = &event.data;
            if data["gone"].as_array().is_some_and(|gone| gone.iter().any(|g| g == offer)) {
                return "gone".into();
            }
            if let Some(card) = data["cards"].as_array().and_then(|cards| cards.iter().find(|c| c["id"] == offer)) {
                return card["is"].as_str().unwrap().to_owned();
            }
        }
    }
}
