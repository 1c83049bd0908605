//! The store: every use case is one transaction that changes rows and, if consumers see the change, appends one row to the feed.
//!
//! One [`Store`] on sea-orm implements the ports of `app` for SQLite and PostgreSQL alike; sockets and workers call it directly.
//! Rows are the truth; [`Hints`] only say where to look.

mod accounts;
mod answers;
mod asking;
mod attachments;
mod audit;
mod cases;
mod connect;
mod consultations;
mod copying;
mod demo;
mod error;
mod feed;
mod forms;
mod ledger;
mod limits;
mod nodes;
mod offers;
mod once;
mod operations;
mod passwords;
mod practice;
mod presence;
mod pulse;
mod receipts;
mod records;
mod rooms;
mod rows;
mod sealing;
mod seen;
mod settings;
mod settlement;
mod sign_ins;
mod tx;
mod wallets;

pub use connect::{OpenError, SQLITE};
pub use demo::{Cast, Robot};
pub use error::StoreError;
pub use feed::{BoardSnapshot, FeedBody, FeedRow};
pub use ledger::Posted;
pub use nodes::Renewed;
pub use practice::{Part, robot_environment};
pub use pulse::Pulse;
pub use rooms::{Entry, News};
pub use sealing::KEY;
pub use seen::Seen;
pub use tx::{Hint, Hints};

use crate::{
    clock::Clock,
    config::{self, Config},
    crash::Crash,
    gateway::TheGateway,
};
use app::error::PortError;
use domain::{consultation, presence::Knobs};
use limits::Limits;
use passwords::Passwords;
use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use ring::signature::Ed25519KeyPair;
use sea_orm::DatabaseConnection;
use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What the store counts.
pub struct Meters {
    /// Proofs that were noted.
    pub proofs: Counter,
    /// How long transactions waited for a connection, in seconds.
    pub pool_wait: Histogram,
}

/// The database and the rules around it. Clones share everything.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// SQLite: one connection. PostgreSQL: the pool.
    writer: DatabaseConnection,
    /// SQLite: four connections that cannot write. PostgreSQL: the pool.
    reader: DatabaseConnection,
    clock: Clock,
    knobs: Knobs,
    consultation_knobs: consultation::Knobs,
    calls: config::Calls,
    money: config::Money,
    gateway: TheGateway,
    /// Signs the ends of days.
    key: Option<Ed25519KeyPair>,
    public_url: Option<String>,
    sign_ins: sign_ins::Settings,
    feed_keep: domain::time::Millis,
    passwords: Passwords,
    limits: Limits,
    hints: Hints,
    meters: Meters,
    /// Whether the books were found wrong, as it was read last: every page asks.
    frozen: AtomicBool,
    /// Whether the database was out of reach when it was looked at last.
    down: AtomicBool,
    crash: Crash,
    /// Held while the store is open, so that no second server uses the data folder.
    _lock: Option<File>,
}

impl Store {
    fn with(
        writer: DatabaseConnection,
        reader: DatabaseConnection,
        lock: Option<File>,
        clock: Clock,
        config: &Config,
        gateway: TheGateway,
    ) -> Self {
        let key = sealing::key_of(&config.data).map_err(|error| tracing::error!(%error, "the ends of days are not signed")).ok();
        Store(Arc::new(Inner {
            writer,
            reader,
            knobs: config.presence,
            consultation_knobs: config.consultations,
            calls: config.calls.clone(),
            money: config.money.clone(),
            gateway,
            key,
            public_url: config.public_url.clone(),
            sign_ins: sign_ins::Settings::of(config),
            feed_keep: domain::time::Millis(i64::try_from(config.feed.keep).unwrap_or(i64::MAX)),
            passwords: Passwords::new(&config.accounts),
            limits: Limits::new(&config.accounts, &clock),
            hints: Hints::default(),
            meters: Meters { proofs: Counter::default(), pool_wait: crate::metrics::seconds() },
            frozen: AtomicBool::new(false),
            down: AtomicBool::new(false),
            crash: Crash::default(),
            clock,
            _lock: lock,
        }))
    }

    /// The clock by which everything here is judged.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The times of presence.
    pub fn knobs(&self) -> &Knobs {
        &self.0.knobs
    }

    /// What is so about money here.
    pub fn money_facts(&self) -> app::context::MoneyFacts {
        app::context::MoneyFacts { reality: self.0.gateway.reality(), commission: self.0.money.commission }
    }

    /// How an account's pages find those of others in a call.
    pub fn paths(&self, me: &app::context::Me) -> app::consultation::api::Paths {
        self.0.calls.paths(me.id, self.clock().now())
    }

    /// Where changes are hinted at.
    pub fn hints(&self) -> &Hints {
        &self.0.hints
    }

    /// What is counted here.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Where tests let work die.
    pub fn crash(&self) -> &Crash {
        &self.0.crash
    }

    /// Whether the database is out of reach: then nothing is tried, so that nobody waits for it.
    pub fn is_down(&self) -> bool {
        self.0.down.load(Ordering::Relaxed)
    }

    /// Notes whether it is; answers whether that is news.
    pub fn set_down(&self, down: bool) -> bool {
        self.0.down.swap(down, Ordering::Relaxed) != down
    }

    /// Errors: `Unavailable` while the database is out of reach.
    fn reachable(&self) -> Result<(), StoreError> {
        if self.is_down() { Err(domain::reject::Code::Unavailable.into()) } else { Ok(()) }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.0.reader.ping().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Closes the connections: what is open ends first, and SQLite's log is folded into its file.
    pub async fn close(&self) {
        for pool in [&self.0.reader, &self.0.writer] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(%error, "the database did not close");
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}
