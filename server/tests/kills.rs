//! Two hundred lives of the real program, each ended by a kill: at one of the points of `server::crash`, or at any moment. Whoever was answered finds
//! everything again in the next life, the same key gets the same answer, and at the end the books are right.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the failure")]

use futures::{SinkExt, StreamExt};
use reqwest::{Client, header};
use serde_json::Value;
use server::{clock::Clock, config::Config, crash::Point, store::Store};
use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use uuid::Uuid;

/// What is answered, or nothing when the program is gone.
type Answer = Option<(u16, Value)>;

/// A plain generator of numbers (splitmix64), so that a seed is a course for good.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

struct Program {
    port: u16,
    data: PathBuf,
    child: Option<Child>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl Program {
    fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
        let data = std::env::temp_dir().join(format!("noren-kills-{}", server::ids::token()));
        Program { port, data, child: None }
    }

    /// Begins a life; `crash` names the point at which it ends itself.
    async fn live(&mut self, crash: Option<&str>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noren"));
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"]).arg(&self.data);
        for (key, value) in [
            ("ACCOUNTS__ARGON2_MEMORY", "64"),
            ("ACCOUNTS__ARGON2_PASSES", "1"),
            ("ACCOUNTS__WRITES_PER_MINUTE", "100000"),
            ("CONSULTATIONS__PROVE", "200"),
            ("CONSULTATIONS__JOIN", "1500"),
            ("CONSULTATIONS__INTERRUPTED", "1000"),
            ("CONSULTATIONS__ANSWER", "1000"),
            ("CONSULTATIONS__CONNECT", "2000"),
            ("MONEY__WALLET", "1000000"),
            ("LOG__FILTER", "error"),
        ] {
            command.env(format!("NOREN_{key}"), value);
        }
        match crash {
            Some(at) => command.env("NOREN_CRASH", at),
            None => command.env_remove("NOREN_CRASH"),
        };
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let ready = format!("http://127.0.0.1:{}/readyz", self.port);
        let client = Client::new();
        let begun = Instant::now();
        loop {
            if client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            // It may have died already: what it left undone is settled at its start.
            if self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some())) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Somebody with a browser.
struct Person {
    http: Client,
    base: String,
    cookie: String,
}

impl Person {
    async fn new(port: u16, name: &str) -> Self {
        let (http, base) = (Client::builder().cookie_store(true).build().unwrap(), format!("http://127.0.0.1:{port}"));
        let fields = [("display_name", name), ("email", &format!("{name}@example.org")), ("password", "three random words")];
        let answer = http.post(format!("{base}/api/account/sign_up")).header(header::ACCEPT, "application/json").form(&fields).send().await;
        let answer = answer.unwrap();
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(answer.status().is_success());
        Person { http, base, cookie }
    }

    async fn api(&self, function: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("{}/api/{function}", self.base);
        let answer = self.http.post(url).header(header::ACCEPT, "application/json").form(fields).send().await.ok()?;
        let status = answer.status().as_u16();
        // Half an answer is none.
        let text = answer.text().await.ok()?;
        (status < 500).then(|| (status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Proves in a room that this side is there, and says what else there is to say.
    async fn sit(&self, id: &str, page: u128, proofs: u32, raise: Option<u32>) -> Option<()> {
        let page = Uuid::from_u128(page);
        let address = self.base.trim_start_matches("http://");
        let mut request = format!("ws://{address}/live/consultations/{id}?tab={page}&life={page}&take=1").into_client_request().unwrap();
        request.headers_mut().insert("cookie", self.cookie.parse().unwrap());
        let stream = tokio::net::TcpStream::connect(address).await.ok()?;
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.ok()?;
        let (mut say, mut hear) = socket.split();
        // What is said is not looked at, but the end of the line is.
        let listening = tokio::spawn(async move { while hear.next().await.is_some_and(|said| said.is_ok()) {} });
        for n in 0..proofs {
            say.send(Message::text(r#"{"proof":{"media":true}}"#)).await.ok()?;
            if let (Some(minutes), true) = (raise, n == proofs / 2) {
                say.send(Message::text(format!(r#"{{"raise":{{"cap":{}}}}}"#, minutes * 60_000))).await.ok()?;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        listening.abort();
        Some(())
    }
}

/// What was answered, to be found again.
#[derive(Default)]
struct Acknowledged {
    top_ups: Vec<(String, String, Value)>,
    gave_back: Vec<(String, String, String, Value)>,
}

/// One paid consultation and what goes with it, until the program is gone.
async fn course(ana: &Person, ben: &Person, offer: &str, chance: &mut Chance, known: &mut Acknowledged) -> Option<()> {
    let amount = (1_000 + chance.below(500)).to_string();
    let key = Uuid::from_u128(u128::from(chance.below(u64::MAX)) << 64 | 1).to_string();
    let fields = [("amount_minor", &*amount), ("currency", "EUR"), ("key", &key)];
    let (status, answer) = ben.api("wallet/top_up", &fields).await?;
    assert_eq!(status, 200, "{answer}");
    known.top_ups.push((key, amount, answer["operations"].clone()));
    ana.api("presence/go_online", &[("minutes", "30")]).await?;
    let (status, asked) = ben.api("consultations/request", &[("offer", offer), ("medium", "chat"), ("cap", "2")]).await?;
    let id = match asked["consultation"].as_str() {
        Some(id) => id.to_owned(),
        // An earlier life left one open: it would end by itself, but not so soon.
        None => {
            assert!(status == 422 || status == 409, "{status} {asked}");
            let (_, site) = ben.api("account/site", &[]).await?;
            for function in ["consultations/cancel", "consultations/end"] {
                ben.api(function, &[("consultation", site["open"].as_str().unwrap_or_default())]).await?;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Some(());
        }
    };
    ana.api("consultations/accept", &[("consultation", &id)]).await?;
    let (a, b) = tokio::join!(ana.sit(&id, 1, 8, None), ben.sit(&id, 2, 8, Some(3)));
    a.and(b)?;
    ben.api("consultations/end", &[("consultation", &id)]).await?;
    for _ in 0..20 {
        let (status, receipt) = ben.api("receipts/show", &[("consultation", &id)]).await?;
        if status == 200 {
            let total = receipt["receipt"]["total"]["minor"].as_i64().unwrap();
            if total > 0 {
                let back = (1 + i64::try_from(chance.below(3)).unwrap()).min(total).to_string();
                let key = Uuid::from_u128(u128::from(chance.below(u64::MAX)) << 64 | 2).to_string();
                let fields = [("consultation", &*id), ("amount_minor", &back), ("key", &key)];
                let (status, answer) = ana.api("receipts/refund", &fields).await?;
                assert_eq!(status, 200, "{answer}");
                known.gave_back.push((id.clone(), back, key, answer));
            }
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    ben.api("wallet/refund", &[("amount_minor", "10"), ("currency", "EUR")]).await?;
    Some(())
}

async fn lives(seed: u64, count: usize) {
    println!("seed {seed}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut program = Program::new();
    program.live(None).await;
    let (ana, ben) = (Person::new(program.port, "ana").await, Person::new(program.port, "ben").await);
    let fields = [
        ("title", "Advice"),
        ("description", "At once."),
        ("category", "other"),
        ("languages", "en"),
        ("media", "chat"),
        ("rate_minor", "6000"),
        ("currency", "EUR"),
        ("free_seconds", "0"),
    ];
    let offer = ana.api("offers/register", &fields).await.unwrap().1["offer"].as_str().unwrap().to_owned();
    ben.api("wallet/top_up", &[("amount", "3000"), ("currency", "EUR")]).await.unwrap();
    program.kill();
    // Events come from real gateways only.
    let points: Vec<String> = Point::ALL
        .iter()
        .filter(|point| **point != Point::Webhook)
        .flat_map(|point| ["before", "after"].map(|when| format!("{}:{when}", point.as_str())))
        .collect();
    let (mut chance, mut known, mut courses, mut own_deaths) = (Chance(seed), Acknowledged::default(), 0, 0);
    for life in 0..count {
        let crash = (life % 3 != 2).then(|| format!("{}:{}", points[life % points.len()], 1 + chance.below(2)));
        program.live(crash.as_deref()).await;
        // What was answered in the last life is there, and answered alike.
        if let Some((key, amount, operations)) = known.top_ups.last()
            && let Some((status, again)) = ben.api("wallet/top_up", &[("amount_minor", amount), ("currency", "EUR"), ("key", key)]).await
        {
            assert_eq!((status, &again["operations"]), (200, operations), "life {life}");
        }
        if let Some((id, back, key, answer)) = known.gave_back.last()
            && let Some((status, again)) = ana.api("receipts/refund", &[("consultation", id), ("amount_minor", back), ("key", key)]).await
        {
            assert_eq!((status, &again), (200, answer), "life {life}");
        }
        let end = Duration::from_millis(if crash.is_some() { 1_200 } else { 100 + chance.below(700) });
        let lived = async {
            while course(&ana, &ben, &offer, &mut chance, &mut known).await.is_some() {
                courses += 1;
            }
        };
        if tokio::time::timeout(end, lived).await.is_ok() {
            own_deaths += 1;
        }
        program.kill();
    }
    assert!(courses > count / 10 && own_deaths > count / 5, "{courses} whole courses, {own_deaths} died at a point");
    println!("{courses} courses, {own_deaths} died at a point, {} refunds", known.gave_back.len());
    assert!(known.top_ups.len() > count / 2 && known.gave_back.len() > count / 20, "{} {}", known.top_ups.len(), known.gave_back.len());
    // The last life is left alone until everything has ended.
    program.live(None).await;
    for (key, amount, operations) in &known.top_ups {
        let (status, again) = ben.api("wallet/top_up", &[("amount_minor", amount), ("currency", "EUR"), ("key", key)]).await.unwrap();
        assert_eq!((status, &again["operations"], &again["state"]), (200, operations, &Value::from("settled")));
    }
    let begun = Instant::now();
    loop {
        let (_, wallet) = ben.api("wallet/show", &[]).await.unwrap();
        if wallet["balances"][0]["held"]["minor"] == 0 && wallet["operations"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "money stays held: {wallet}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    program.kill();
    let mut config = Config { data: program.data.clone(), ..Config::default() };
    config.money.wallet = 1_000_000;
    let store = Store::open(&config, Clock::system()).await.unwrap();
    while store.seal().await.unwrap() > 0 {}
    assert_eq!(store.audit().await.unwrap(), [] as [String; 0]);
    assert_eq!(store.verify_chain().await.unwrap().1, [] as [String; 0]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_lives() {
    lives(1, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_more() {
    lives(2, 100).await;
}
