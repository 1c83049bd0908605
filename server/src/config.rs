//! Configuration: defaults, then `noren.toml`, then `NOREN_*`, then flags. Every key is documented here and in docs/operations.md.

use domain::{
    consultation,
    money::{Asset, Commission},
    presence::Knobs,
    time::Millis,
};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// Variables with our prefix that belong to the tests, not to the server.
const NOT_OURS: &[&str] = &["bin", "test_postgres", "chromium", "turnserver", "config", "crash"];

/// The whole configuration of a node. Times are milliseconds unless a name says otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address under which people reach this instance: `https://help.example.org`. None: what the request's Host says (a trial on one machine or a LAN).
    pub public_url: Option<String>,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The data folder: the embedded database and its lock.
    pub data: PathBuf,
    /// `postgres://...` instead of the embedded database.
    pub database: Option<String>,
    /// `nats://...`: by which nodes that share a PostgreSQL tell each other what changed. Without it they look at its tables.
    pub bus: Option<String>,
    /// Fill a new data folder with robot providers; nothing is real then.
    pub demo: bool,
    /// A folder of built assets instead of those in the binary.
    pub site: Option<PathBuf>,
    /// How to log.
    pub log: Log,
    /// The times of presence.
    pub presence: Knobs,
    /// The times of consultations.
    pub consultations: consultation::Knobs,
    /// How the pages of a consultation find each other.
    pub calls: Calls,
    /// Money.
    pub money: Money,
    /// The gateway for real money. None: credit for trying, which is worth nothing.
    pub stripe: Option<Stripe>,
    /// Figures for Prometheus.
    pub metrics: Metrics,
    /// The feed.
    pub feed: Feed,
    /// Connections and requests.
    pub http: Http,
    /// Accounts and sign-ins.
    pub accounts: Accounts,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            public_url: None,
            trusted_proxies: Vec::new(),
            data: "data".into(),
            database: None,
            bus: None,
            demo: false,
            site: None,
            log: Log::default(),
            presence: Knobs::default(),
            consultations: consultation::Knobs::default(),
            calls: Calls::default(),
            money: Money::default(),
            stripe: None,
            metrics: Metrics::default(),
            feed: Feed::default(),
            http: Http::default(),
            accounts: Accounts::default(),
        }
    }
}

/// How to log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One JSON object a line instead of text.
    pub json: bool,
    /// What to log, as tracing's filter: `info`, `server=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { json: false, filter: "info,sqlx=warn,sea_orm_migration=warn".into() }
    }
}

/// How the pages of a consultation find each other. Without any server they do in one network only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// Addresses of STUN servers, which tell a terminal its own address: `stun:help.example.org:3478`.
    pub stun: Vec<String>,
    /// Addresses of TURN servers, which relay what finds no other way: `turn:help.example.org:3478?transport=udp`.
    pub turn: Vec<String>,
    /// The secret that the TURN servers share with us: coturn's `static-auth-secret`.
    pub turn_secret: Option<String>,
    /// How long a name for a TURN server lasts; a consultation lasts three hours at most.
    pub turn_ttl: Millis,
    /// Send everything through TURN, so that neither side learns the other's address.
    pub relay_only: bool,
}

impl Default for Calls {
    fn default() -> Self {
        Calls { stun: Vec::new(), turn: Vec::new(), turn_secret: None, turn_ttl: Millis::minutes(240), relay_only: false }
    }
}

/// Money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Money {
    /// The operator's share of what providers earn, in basis points (250 is 2.5 %).
    pub commission: Commission,
    /// Most that a wallet may hold of a currency, in its units; hundreds of them where it has no decimal places.
    pub wallet: i64,
    /// Up to how much a consumer who complains gets back by itself, in units; 0 switches that off.
    pub automatic: i64,
    /// Days after which what was earned can be paid out.
    pub clear_days: i64,
    /// How often the books are counted again.
    pub audit: Millis,
}

impl Default for Money {
    fn default() -> Self {
        Money { commission: Commission::default(), wallet: 200, automatic: 2, clear_days: 7, audit: Millis::minutes(60) }
    }
}

impl Money {
    /// Most that a wallet may hold.
    pub fn wallet_most(&self, asset: Asset) -> domain::money::Money {
        domain::money::Money::new(asset.currency.units(self.wallet), asset)
    }

    /// Up to how much goes back by itself.
    pub fn automatic_most(&self, asset: Asset) -> domain::money::Money {
        domain::money::Money::new(asset.currency.units(self.automatic), asset)
    }

    /// How long what was earned can still go back by itself.
    pub fn clears_after(&self) -> Millis {
        Millis::minutes(self.clear_days.saturating_mul(24 * 60))
    }
}

/// The gateway for real money. Secrets are in files, so that no listing of processes or variables shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// The file with the secret key (`sk_live_...`).
    pub secret_key_file: PathBuf,
    /// The files with the secrets that webhooks are signed with: one, or two while it is being changed.
    pub webhook_secret_files: Vec<PathBuf>,
    /// The address of the interface.
    #[serde(default = "stripe_api")]
    pub api: String,
}

fn stripe_api() -> String {
    "https://api.stripe.com/".into()
}

/// Figures for Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where `GET /metrics` is answered: an address of its own, which the world does not reach. None: nowhere.
    pub listen: Option<SocketAddr>,
}

/// The feed of the choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// Shortest time between two frames.
    pub tick_min: u64,
    /// Longest time that a change waits for the one before to be delivered.
    pub tick_max: u64,
    /// How long nothing may be sent before a beat goes out.
    pub beat: u64,
    /// Frames kept for replay.
    pub ring: usize,
    /// Mean age at which a stream is asked to reconnect; each stream's own lies within 20 % of it.
    pub max_age: u64,
    /// How long a reader may stand still before its connection is cut.
    pub stall: u64,
    /// How long watchers are told to wait after a shutdown at most; each is given a random part of it.
    pub retry_spread: u64,
    /// How long feed rows are kept.
    pub keep: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Feed { tick_min: 40, tick_max: 250, beat: 20_000, ring: 4_096, max_age: 600_000, stall: 10_000, retry_spread: 3_000, keep: 900_000 }
    }
}

/// Connections and requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Most open connections; 0 takes what the limit on open files leaves.
    pub connections: usize,
    /// How long the head of a request may take.
    pub head_timeout: u64,
    /// How long a page or a server function may take.
    pub answer_timeout: u64,
    /// Largest body of a request, in bytes.
    pub body_max: usize,
    /// Most live pages of one account at the desk.
    pub desk_pages: usize,
    /// How long a shutdown may take.
    pub drain: u64,
}

impl Default for Http {
    fn default() -> Self {
        Http { connections: 0, head_timeout: 10_000, answer_timeout: 15_000, body_max: 65_536, desk_pages: 20, drain: 15_000 }
    }
}

/// Accounts and sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Days without use after which a sign-in ends.
    pub idle_days: i64,
    /// Days after which a sign-in ends in any case.
    pub absolute_days: i64,
    /// argon2id memory in KiB (OWASP's minimum is 19456).
    pub argon2_memory: u32,
    /// argon2id passes.
    pub argon2_passes: u32,
    /// How many passwords may wait for a free core before the answer is 503.
    pub hash_queue: usize,
    /// Sign-in tries a minute from one address (IPv6: one /64).
    pub sign_in_per_minute: u32,
    /// Sign-in tries an hour for one account.
    pub sign_in_per_hour: u32,
    /// Accounts an hour from one address.
    pub sign_up_per_hour: u32,
    /// Rejected forms a minute that are kept for one address.
    pub rejected_per_minute: u32,
    /// Changes a minute that one account can make to its offers, name and presence.
    pub writes_per_minute: u32,
}

impl Default for Accounts {
    fn default() -> Self {
        Accounts {
            idle_days: 14,
            absolute_days: 30,
            argon2_memory: 19_456,
            argon2_passes: 2,
            hash_queue: 64,
            sign_in_per_minute: 10,
            // High enough that a stranger cannot lock a person out in minutes, low enough against guessing from many addresses.
            sign_in_per_hour: 600,
            sign_up_per_hour: 20,
            rejected_per_minute: 60,
            writes_per_minute: 240,
        }
    }
}

/// What is wrong with the configuration, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key is unknown or a value does not fit.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(Box<figment::Error>),
    /// Values do not fit each other.
    #[error("{0}")]
    Unfit(String),
}

impl Config {
    /// Reads defaults, the file, the environment, then the flags.
    pub fn read(file: Option<PathBuf>, flags: impl Serialize) -> Result<Self, ConfigError> {
        let file = file.unwrap_or_else(|| "noren.toml".into());
        let figment = Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::file(file))
            .merge(Env::prefixed("NOREN_").ignore(NOT_OURS).split("__"))
            .merge(Serialized::defaults(flags));
        let config: Config = figment.extract().map_err(|e| ConfigError::Unreadable(Box::new(e)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let unfit = |text: &str| Err(ConfigError::Unfit(text.into()));
        if let Some(url) = &self.public_url {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            if host.is_none_or(|h| h.is_empty() || h.contains(['/', '?', '#', '@', ' '])) {
                return unfit("public_url must be scheme and host only, such as https://help.example.org");
            }
        }
        if self.database.as_ref().is_some_and(|d| !d.starts_with("postgres://") && !d.starts_with("postgresql://")) {
            return unfit("database must be postgres://user:password@host/name; leave it out for the embedded database in the data folder");
        }
        if self.bus.as_ref().is_some_and(|b| !b.starts_with("nats://") && !b.starts_with("tls://")) {
            return unfit("bus must be nats://host:4222, or tls://host:4222");
        }
        if self.bus.is_some() && self.database.is_none() {
            return unfit("a bus joins nodes that share a database: set database to a postgres:// address too, or leave bus out");
        }
        if self.stripe.is_some() && !self.https() {
            return unfit("stripe needs public_url to be https://: real money is not moved over lines that others can read");
        }
        if self.stripe.is_some() && self.demo {
            return unfit("a demo moves no real money: leave stripe out, or demo");
        }
        let scheme = |all: &[String], schemes: &[&str]| {
            all.iter().all(|url| schemes.iter().any(|s| url.strip_prefix(s).is_some_and(|rest| !rest.is_empty())))
        };
        if !scheme(&self.calls.stun, &["stun:", "stuns:"]) || !scheme(&self.calls.turn, &["turn:", "turns:"]) {
            return unfit(
                "calls.stun must hold stun: addresses and calls.turn turn: or turns: addresses, such as turn:help.example.org:3478?transport=udp",
            );
        }
        if self.calls.turn.is_empty() == self.calls.turn_secret.is_some() {
            return unfit("calls.turn and calls.turn_secret belong together: set both or neither");
        }
        if self.calls.relay_only && self.calls.turn.is_empty() {
            return unfit("calls.relay_only needs calls.turn, or no call could find its way");
        }
        let positive = [self.presence.beat, self.presence.silence, self.presence.node_lease];
        if positive.iter().any(|m| m.0 <= 0) || self.presence.silence <= self.presence.beat {
            return unfit("presence.silence must be longer than presence.beat, and both longer than 0");
        }
        if self.feed.tick_min == 0 || self.feed.tick_max < self.feed.tick_min || self.feed.beat == 0 || self.feed.ring == 0 {
            return unfit("feed.tick_min, feed.beat and feed.ring must be above 0, and feed.tick_max at least feed.tick_min");
        }
        Ok(())
    }

    /// Whether people reach this instance over https.
    pub fn https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// How often a node tells that it lives.
    pub fn node_beat(&self) -> Millis {
        Millis(self.presence.node_lease.0.div_euclid(3).max(50))
    }
}
