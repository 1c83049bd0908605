//! Opening the database: connections, their settings, the lock of the data folder, and migrations.

use super::Store;
use crate::{
    clock::Clock,
    config::Config,
    gateway::{Stripe, TestCredit, TheGateway},
};
use domain::time::{Millis, Timestamp};
use entity::{desk_event, entry, feed, feed_head, node, presence, proof, setting, sign_in};
use migration::Migrator;
use sea_orm::{
    ActiveValue::Set,
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait, OnConflict},
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use sea_orm_migration::MigratorTrait;
use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// The file of the embedded database, in the data folder.
pub const SQLITE: &str = "noren.db";
/// Older ones can corrupt a database in WAL mode (fixed in 3.51.3).
const SQLITE_OLDEST: (u32, u32, u32) = (3, 51, 3);
/// Connections that read while one writes.
const SQLITE_READERS: u32 = 4;
/// How long SQLite waits for another process, the command line for one.
const SQLITE_BUSY: Duration = Duration::from_secs(5);
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a request waits for a free connection before it is told that the server is overloaded.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Longest statement: nothing here takes a fraction of it, so what does hangs.
const STATEMENT: Duration = Duration::from_secs(15);
/// The advisory lock under which nodes migrate, one after the other.
const MIGRATION_LOCK: i64 = 0x6e6f_7265_6e00_0001;

/// Why the database cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or read.
    #[error("the data folder {folder} cannot be used: {error}. Choose another with --data.", folder = .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Another server uses it.
    #[error("the data folder {} is in use by another noren. Stop that one, or choose another folder with --data.", .0.display())]
    Locked(PathBuf),
    /// This SQLite can corrupt a database.
    #[error("SQLite {0} can damage a database; 3.51.3 or newer is needed. Build noren with its bundled SQLite.")]
    OldSqlite(String),
    /// It cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(DbErr),
    /// The schema cannot be brought up to date.
    #[error("the database cannot be brought up to date: {0}. If a newer noren has used it, use that one or restore a backup.")]
    Migration(DbErr),
    /// It does not work as it must.
    #[error("the database cannot be used: {0}")]
    Unusable(DbErr),
    /// The payment gateway cannot be used.
    #[error("the payment gateway cannot be used: {0}")]
    Gateway(String),
}

impl Store {
    /// Opens the database as the server does: alone in its data folder, with all migrations applied. `config.database` decides which.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, OpenError> {
        match &config.database {
            Some(url) => Store::open_postgres(config, url, clock).await,
            None => {
                let lock = lock(&config.data)?.ok_or_else(|| OpenError::Locked(config.data.clone()))?;
                Store::open_sqlite(config, Some(lock), clock).await
            }
        }
    }

    /// Opens the database as a command does that may run beside the server.
    pub async fn open_beside(config: &Config, clock: Clock) -> Result<Self, OpenError> {
        match &config.database {
            Some(url) => Store::open_postgres(config, url, clock).await,
            None => Store::open_sqlite(config, lock(&config.data)?, clock).await,
        }
    }

    /// Without a lock the folder belongs to a running server, which has migrated it.
    async fn open_sqlite(config: &Config, lock: Option<File>, clock: Clock) -> Result<Self, OpenError> {
        let file = config.data.join(SQLITE);
        let writer = sqlite(&file, 1, |options| options.create_if_missing(true)).await?;
        refuse_old_sqlite(&writer).await?;
        if lock.is_some() {
            Migrator::up(&writer, None).await.map_err(OpenError::Migration)?;
        }
        let reader = sqlite(&file, SQLITE_READERS, |options| options.pragma("query_only", "ON")).await?;
        Store::with(writer, reader, lock, clock, config, gateway(config)?).ready().await
    }

    async fn open_postgres(config: &Config, url: &str, clock: Clock) -> Result<Self, OpenError> {
        migrate_postgres(url).await?;
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .set_application_name("noren")
            .statement_timeout(STATEMENT)
            .sqlx_logging(false);
        let pool = Database::connect(options).await.map_err(OpenError::Unreachable)?;
        Store::with(pool.clone(), pool, None, clock, config, gateway(config)?).ready().await
    }

    /// Gives the feed its head, and the clock its floor.
    async fn ready(self) -> Result<Self, OpenError> {
        let head = feed_head::ActiveModel { id: Set(1), epoch: Set(crate::ids::uuid()), seq: Set(0) };
        feed_head::Entity::insert(head)
            .on_conflict(OnConflict::column(feed_head::Column::Id).do_nothing().to_owned())
            .exec_without_returning(&self.0.writer)
            .await
            .map_err(OpenError::Unusable)?;
        self.measure_clock().await.map_err(OpenError::Unusable)?;
        self.0.clock.not_before(self.newest_stamp().await.map_err(OpenError::Unusable)?);
        self.keep_reality().await?;
        Ok(self)
    }

    /// The first start decides for good whether the money of a data folder is real.
    async fn keep_reality(&self) -> Result<(), OpenError> {
        let reality = self.0.gateway.reality().as_str();
        let row = setting::ActiveModel { key: Set("money.reality".into()), value: Set(reality.into()) };
        setting::Entity::insert(row)
            .on_conflict(OnConflict::column(setting::Column::Key).do_nothing().to_owned())
            .exec_without_returning(&self.0.writer)
            .await
            .map_err(OpenError::Unusable)?;
        let kept = setting::Entity::find_by_id("money.reality".to_owned()).one(&self.0.writer).await.map_err(OpenError::Unusable)?;
        match kept {
            Some(kept) if kept.value != reality => Err(OpenError::Gateway(format!(
                "the money of this data is {}, and that of the gateway {} is {reality}; take another data folder or database, or the other gateway",
                kept.value,
                self.0.gateway.id()
            ))),
            _ => Ok(()),
        }
    }

    /// Sets the clock to the one that all nodes share: the database's, if there is one.
    pub(super) async fn measure_clock(&self) -> Result<(), DbErr> {
        if self.0.reader.get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now";
            // The quickest of some answers tells best; it was given about half way.
            let mut best: Option<(Duration, Instant, Timestamp)> = None;
            for _ in 0..3 {
                let asked = Instant::now();
                if let Some(row) = self.0.reader.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await? {
                    let (answered, took) = (Instant::now(), asked.elapsed());
                    if best.is_none_or(|(least, ..)| took < least) {
                        best = Some((took, answered, Timestamp(row.try_get("", "now")?)));
                    }
                }
            }
            if let Some((took, answered, told)) = best {
                let since = answered.elapsed().saturating_add(took / 2);
                self.0.clock.anchor(told.after(Millis(i64::try_from(since.as_millis()).unwrap_or(0))));
            }
        }
        Ok(())
    }

    async fn newest_stamp(&self) -> Result<Timestamp, DbErr> {
        let db = &self.0.reader;
        let stamps = [
            newest::<feed::Entity>(db, feed::Column::At).await?,
            newest::<node::Entity>(db, node::Column::LastSign).await?,
            newest::<presence::Entity>(db, presence::Column::ShownAt).await?,
            newest::<desk_event::Entity>(db, desk_event::Column::At).await?,
            newest::<sign_in::Entity>(db, sign_in::Column::LastSeenAt).await?,
            newest::<proof::Entity>(db, proof::Column::At).await?,
            newest::<entry::Entity>(db, entry::Column::At).await?,
        ];
        Ok(stamps.into_iter().flatten().max().unwrap_or_default())
    }
}

/// The gateway of the configuration.
fn gateway(config: &Config) -> Result<TheGateway, OpenError> {
    let secret = |file: &Path| {
        let read = std::fs::read_to_string(file).map(|text| text.trim().to_owned());
        read.map_err(|error| OpenError::Gateway(format!("{} cannot be read: {error}", file.display())))
    };
    Ok(match &config.stripe {
        None => Arc::new(TestCredit),
        Some(stripe) => {
            let secrets = stripe.webhook_secret_files.iter().map(|file| secret(file)).collect::<Result<_, _>>()?;
            Arc::new(Stripe::new(&stripe.api, secret(&stripe.secret_key_file)?, secrets).map_err(OpenError::Gateway)?)
        }
    })
}

async fn newest<E: EntityTrait>(db: &DatabaseConnection, column: E::Column) -> Result<Option<Timestamp>, DbErr> {
    #[derive(FromQueryResult)]
    struct Newest {
        newest: Option<i64>,
    }
    let found = E::find().select_only().column_as(Expr::col(column).max(), "newest").into_model::<Newest>().one(db).await?;
    Ok(found.and_then(|f| f.newest).map(Timestamp))
}

/// Takes the lock of a data folder; `None` if another process holds it. The system frees it with the process, however that ends.
fn lock(folder: &Path) -> Result<Option<File>, OpenError> {
    let unusable = |error| OpenError::Folder { folder: folder.into(), error };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let file = File::options().create(true).write(true).truncate(false).open(folder.join("noren.lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

async fn sqlite(
    file: &Path,
    connections: u32,
    more: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> Result<DatabaseConnection, OpenError> {
    let path = file.to_owned();
    // The path is put in below as it is: an URL would need it encoded.
    let mut options = ConnectOptions::new("sqlite://noren.db");
    options.max_connections(connections).acquire_timeout(ACQUIRE).sqlx_logging(false).map_sqlx_sqlite_opts(move |options| {
        let options = options
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            .pragma("mmap_size", "0")
            .pragma("journal_size_limit", "67108864")
            .pragma("temp_store", "MEMORY")
            .pragma("trusted_schema", "OFF");
        more(options)
    });
    Database::connect(options).await.map_err(OpenError::Unreachable)
}

async fn refuse_old_sqlite(db: &DatabaseConnection) -> Result<(), OpenError> {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, "SELECT sqlite_version() AS version"))
        .await
        .map_err(OpenError::Unusable)?;
    let version: String = row.map(|row| row.try_get("", "version")).transpose().map_err(OpenError::Unusable)?.unwrap_or_default();
    if is_sound(&version) { Ok(()) } else { Err(OpenError::OldSqlite(version)) }
}

fn is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SQLITE_OLDEST
}

/// Migrates on a connection of its own, which holds the lock: whoever waits for it finds nothing left to do.
async fn migrate_postgres(url: &str) -> Result<(), OpenError> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).acquire_timeout(ACQUIRE).set_application_name("noren migration").sqlx_logging(false);
    let db = Database::connect(options).await.map_err(OpenError::Unreachable)?;
    db.execute_unprepared(&format!("SET lock_timeout = '60s'; SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .await
        .map_err(OpenError::Migration)?;
    let migrated = Migrator::up(&db, None).await;
    // The connection's end frees the lock.
    db.close().await.map_err(OpenError::Unusable)?;
    migrated.map_err(OpenError::Migration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_sqlite_is_refused() {
        for (version, sound) in [("3.51.3", true), ("3.52.0", true), ("4.0.0", true), ("3.51.2", false), ("3.46.0", false), ("", false)] {
            assert_eq!(is_sound(version), sound, "{version}");
        }
    }
}
