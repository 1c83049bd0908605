//! What nodes stand on: a database that can be cut off, a bus that can be ended, and the nodes themselves.

use crate::db::{Db, Engine};
use domain::time::Millis;
use server::{application::Application, clock::Clock, config::Config, store::Store};
use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{io::copy_bidirectional, net::TcpStream};
use tokio_util::sync::CancellationToken;

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}

/// Waits until something is so, 30 s at most.
pub async fn until<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) {
    for _ in 0..1_500 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not become so: {what}");
}

/// The way to a server, which can be cut: what goes over it breaks, and nobody gets through.
pub struct Wire {
    pub port: u16,
    cut: Arc<Mutex<CancellationToken>>,
    _ends: tokio_util::sync::DropGuard,
}

impl Wire {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, end) = (Arc::new(Mutex::new(CancellationToken::new())), CancellationToken::new());
        let (of_listener, ended) = (Arc::clone(&cut), end.clone());
        tokio::spawn(async move {
            while let Some(Ok((mut near, _))) = ended.run_until_cancelled(listener.accept()).await {
                let cut = of_listener.lock().unwrap().clone();
                tokio::spawn(async move {
                    let carry = async {
                        let mut far = TcpStream::connect(target).await?;
                        copy_bidirectional(&mut near, &mut far).await
                    };
                    let _ = cut.run_until_cancelled(carry).await;
                });
            }
        });
        Wire { port, cut, _ends: end.drop_guard() }
    }

    /// Breaks what goes over it, and whatever tries to.
    pub fn cut(&self) {
        self.cut.lock().unwrap().cancel();
    }

    /// Lets it through again.
    pub fn mend(&self) {
        *self.cut.lock().unwrap() = CancellationToken::new();
    }
}

/// A NATS server, which ends with the test.
pub struct Nats {
    pub port: u16,
    child: Option<Child>,
}

impl Nats {
    pub fn start() -> Self {
        let mut nats = Nats { port: free_port(), child: None };
        nats.again();
        nats
    }

    /// Starts it where it was before.
    pub fn again(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("these tests need nats-server: install the package of that name"));
    }

    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.end();
    }
}

/// A node in this process.
pub struct Node {
    pub base: String,
    pub store: Store,
    /// Where its figures are.
    pub metrics: String,
    stop: CancellationToken,
}

impl Node {
    /// A node whose machine's clock is wrong by so much.
    pub async fn start(config: &Config, wrong: Millis) -> Self {
        let _ = tracing_subscriber::fmt().with_env_filter("warn,server=info").with_test_writer().try_init();
        let clock = Clock::system();
        if wrong.0 != 0 {
            clock.anchor(Clock::system().now().after(wrong));
        }
        let data = config.data.join(server::ids::token());
        let application = Application::start(Config { data, ..config.clone() }, clock).await.expect("the node starts");
        let (address, store, stop) = (application.address, application.store.clone(), application.life.stop.clone());
        let metrics = format!("http://{}/metrics", application.metrics.unwrap());
        tokio::spawn(application.run());
        Node { base: format!("http://{address}"), store, metrics, stop }
    }

    /// A figure, as Prometheus gets it.
    pub async fn figure(&self, name: &str) -> f64 {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    pub async fn readiness(&self) -> (u16, String) {
        let answer = reqwest::get(format!("{}/readyz", self.base)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A database for several nodes, and the way to it.
pub struct World {
    pub config: Config,
    pub wire: Wire,
    _db: Db,
}

impl World {
    /// Everything quick; with a bus or without.
    pub async fn new(bus: Option<&Nats>) -> Self {
        // The clients of these tests speak plain HTTP, and want to know by whom they would encrypt all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let db = Db::new(Engine::Postgres).await;
        let url = db.config.database.clone().unwrap();
        // postgres://user@host:port/name
        let (head, rest) = url.split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let wire = Wire::to(address.parse().unwrap()).await;
        let database = Some(format!("{head}@127.0.0.1:{}/{name}", wire.port));
        let mut config = Config { database, bus: bus.map(Nats::url), listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..db.config.clone() };
        config.accounts.argon2_memory = 64;
        config.accounts.argon2_passes = 1;
        config.accounts.sign_up_per_hour = 1_000;
        config.consultations.prove = Millis(500);
        config.metrics.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        World { config, wire, _db: db }
    }

    /// Two nodes.
    pub async fn pair(&self) -> (Node, Node) {
        (Node::start(&self.config, Millis(0)).await, Node::start(&self.config, Millis(0)).await)
    }
}
