//! The only place that begins transactions.

use super::{
    Store,
    error::{StoreError, was_given_up},
};
use crate::{
    clock::Clock,
    crash::{Point, When},
    ids,
};
use domain::{
    id::{AccountId, ConsultationId, SignInId},
    reject::Code,
};
use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, broadcast};

/// How long the work of a transaction may take; PostgreSQL itself ends a statement after 15 s, if it is there.
const ANSWER: Duration = Duration::from_secs(20);

/// How long a transaction that was given up waits before it is done again, in milliseconds at least; the last try has none after it.
const PAUSES: [u64; 3] = [5, 20, 80];

/// Hints to this node's sockets and workers that rows have changed, here or on another node. They are sent after the commit, may be spurious and
/// may be lost: the rows are the truth.
#[derive(Debug)]
pub struct Hints {
    /// The feed has grown. For one waiter, the hub's feeder; a hint that comes while it works is kept.
    pub feed: Notify,
    /// Presence or offers of this account changed.
    pub desks: broadcast::Sender<AccountId>,
    /// This sign-in ended.
    pub sign_outs: broadcast::Sender<SignInId>,
    /// A consultation is to be settled. For one waiter, the worker for money.
    pub settle: Notify,
    /// The room of this consultation has new rows.
    pub rooms: broadcast::Sender<ConsultationId>,
    /// What this node itself has changed: for the bus, which tells the others.
    pub out: broadcast::Sender<Hint>,
}

impl Default for Hints {
    fn default() -> Self {
        Hints {
            feed: Notify::new(),
            settle: Notify::new(),
            desks: broadcast::Sender::new(1_024),
            sign_outs: broadcast::Sender::new(1_024),
            rooms: broadcast::Sender::new(1_024),
            out: broadcast::Sender::new(4_096),
        }
    }
}

impl Hints {
    /// Tells this node.
    pub fn tell(&self, hint: Hint) {
        match hint {
            Hint::Feed => self.feed.notify_one(),
            Hint::Settle => self.settle.notify_one(),
            // Nobody listening is no error.
            Hint::Desk(account) => drop(self.desks.send(account)),
            Hint::SignOut(sign_in) => drop(self.sign_outs.send(sign_in)),
            Hint::Room(id) => drop(self.rooms.send(id)),
        }
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// The feed has grown.
    Feed,
    /// A consultation is to be settled.
    Settle,
    /// Presence, offers or rings of this account.
    Desk(AccountId),
    /// This sign-in ended.
    SignOut(SignInId),
    /// The room of this consultation has new rows.
    Room(ConsultationId),
}

/// A transaction that writes.
pub(super) struct Tx {
    pub(super) db: DatabaseTransaction,
    /// The node's clock, for whoever finds a later time than it tells.
    pub(super) clock: Clock,
    hints: Mutex<Vec<Hint>>,
    /// The step that moves money in it.
    point: OnceLock<Point>,
}

impl Tx {
    /// Names the step that moves money; the first one counts.
    pub(super) fn moves(&self, point: Point) {
        let _ = self.point.set(point);
    }

    /// Notes a hint to be sent after the commit.
    pub(super) fn hint(&self, hint: Hint) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
}

/// Sends what it holds when it is dropped, so also when the caller gave up while the commit was under way.
struct Sending<'a>(&'a Hints, Vec<Hint>);

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        for hint in self.1.drain(..) {
            self.0.tell(hint);
            // Without a bus nobody listens.
            let _ = self.0.out.send(hint);
        }
    }
}

impl Store {
    /// Runs `work` in a transaction that writes; commits if it succeeds, else nothing has happened.
    ///
    /// SQLite: one writer, begun as IMMEDIATE. PostgreSQL: READ COMMITTED; whoever changes what a provider shows locks the provider first
    /// ([`super::feed::Provider::lock`]), a consultation before its provider, and the head of the feed last, so nobody waits in a circle.
    /// Where PostgreSQL gives a transaction up all the same, in favour of another, it is done again from its beginning.
    pub(super) async fn write<T>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T, StoreError> + Clone) -> Result<T, StoreError> {
        for pause in PAUSES {
            match self.write_once(work.clone()).await {
                Err(StoreError::Database(error)) if was_given_up(&error) => tracing::info!(%error, "a transaction is done again"),
                done => return done,
            }
            tokio::time::sleep(Duration::from_millis(ids::jitter(pause, pause.saturating_mul(3)))).await;
        }
        self.write_once(work).await
    }

    async fn write_once<T>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.reachable()?;
        let options =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
        let tx = Tx {
            db: self.transaction(&self.0.writer, options).await?,
            clock: self.clock().clone(),
            hints: Mutex::default(),
            point: OnceLock::new(),
        };
        let worked = self.in_time(work(&tx)).await;
        match worked {
            Ok(done) => {
                let hints = tx.hints.into_inner().unwrap_or_else(PoisonError::into_inner);
                let _sending = Sending(&self.0.hints, hints);
                let dies = |when| tx.point.get().is_some_and(|point| self.0.crash.at(*point, when));
                if dies(When::Before) {
                    tx.db.rollback().await?;
                    return Err(StoreError::Broken("the process died before the commit".into()));
                }
                tx.db.commit().await?;
                if dies(When::After) {
                    return Err(StoreError::Broken("the process died after the commit".into()));
                }
                Ok(done)
            }
            Err(error) => {
                if let Err(rollback) = tx.db.rollback().await {
                    tracing::warn!(error = %rollback, "a transaction was not rolled back, its connection is given up");
                }
                Err(error)
            }
        }
    }

    /// Runs `work` on one state of the database, whatever is written meanwhile.
    pub(super) async fn read<T>(&self, work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.reachable()?;
        let options = match self.0.reader.get_database_backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred), ..TransactionOptions::default() },
        };
        let tx = self.transaction(&self.0.reader, options).await?;
        let found = self.in_time(work(&tx)).await?;
        tx.commit().await?;
        Ok(found)
    }
}

impl Store {
    /// Gives up what PostgreSQL does not answer: where a machine or a line dies without a word, nobody else would.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.0.reader.get_database_backend() != DbBackend::Postgres {
            return work.await;
        }
        tokio::time::timeout(ANSWER, work).await.unwrap_or_else(|_| Err(Code::Unavailable.into()))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where transactions are begun")]
    async fn transaction(&self, pool: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
        let asked = Instant::now();
        let begun = pool.begin_with_options(options).await;
        self.0.meters.pool_wait.observe(asked.elapsed().as_secs_f64());
        begun
    }
}
