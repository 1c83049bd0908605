//! `noren backup` and `noren restore`: the database, the key that signs the ends of days, and where the hash chain stood, in one folder.
//!
//! SQLite copies itself while the server runs; PostgreSQL is copied by its own `pg_dump`. A restore is a new life of the feed: its epoch changes, so that
//! no page goes on with a cursor of the life that was lost.

use crate::{
    clock::Clock,
    config::Config,
    store::{KEY, SQLITE, Store},
};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// That of PostgreSQL, in its own form.
const DUMP: &str = "noren.dump";
/// What the backup says of itself.
const MANIFEST: &str = "manifest.json";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// How it is written; this is 1.
    format: u32,
    /// When it was begun, in UTC.
    at: String,
    /// How many entries of the book were sealed then, and the hash of the last one.
    sealed: i64,
    /// Empty when there was none.
    hash: String,
}

/// Why it did not work, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackupError(String);

fn because<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> BackupError {
    move |error| BackupError(format!("{what}: {error}"))
}

/// Copies everything into a new folder, while the server runs or not. Answers what was kept, in words.
pub async fn backup(config: &Config, to: &Path) -> Result<String, BackupError> {
    if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError(format!("{} is not empty: name a new folder", to.display())));
    }
    std::fs::create_dir_all(to).map_err(because(to.display()))?;
    let store = Store::open_beside(config, Clock::system()).await.map_err(because("the database"))?;
    // Read before the copy is made, so the copy holds it.
    let (sealed, hash) = store.chain_end().await.map_err(|error| BackupError(format!("the book cannot be read: {error:?}")))?;
    let at = store.clock().now().iso();
    match &config.database {
        None => {
            let copied = store.copy_to(&to.join(SQLITE)).await;
            copied.map_err(|error| BackupError(format!("the database could not be copied: {error:?}")))?;
        }
        Some(url) => {
            program(Command::new("pg_dump").args(["--format=custom", "--no-owner", "--file"]).arg(to.join(DUMP)).arg("--dbname").arg(url))?
        }
    }
    store.close().await;
    let key = config.data.join(KEY);
    if key.exists() {
        copy_private(&key, &to.join(KEY))?;
    }
    let manifest = Manifest { format: 1, at, sealed, hash };
    let text = serde_json::to_string_pretty(&manifest).map_err(because(MANIFEST))?;
    // Last: a backup without it is not whole.
    std::fs::write(to.join(MANIFEST), text).map_err(because(MANIFEST))?;
    Ok(format!("Kept in {}: the database as of {}, {sealed} sealed entries of the book.", to.display(), manifest.at))
}

/// Puts a backup into a data folder or database that holds nothing yet. With `verify` the books are counted and the chain is followed to where it stood.
pub async fn restore(config: &Config, from: &Path, verify: bool) -> Result<String, BackupError> {
    let text = std::fs::read_to_string(from.join(MANIFEST)).map_err(because(format!("{} is no whole backup", from.display())))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(because(MANIFEST))?;
    if manifest.format != 1 {
        return Err(BackupError("the backup is of a newer noren: restore it with that one".into()));
    }
    match &config.database {
        None => put_sqlite(config, from)?,
        Some(url) => put_postgres(url, from).await?,
    }
    let key = config.data.join(KEY);
    if from.join(KEY).exists() && !key.exists() {
        std::fs::create_dir_all(&config.data).map_err(because(config.data.display()))?;
        copy_private(&from.join(KEY), &key)?;
    }
    let store = Store::open(config, Clock::system()).await.map_err(because("the database that was restored"))?;
    let failed = |error| BackupError(format!("the database that was restored cannot be read: {error:?}"));
    store.begin_new_epoch().await.map_err(failed)?;
    let mut wrong = Vec::new();
    if verify {
        let (sealed, found) = store.verify_chain().await.map_err(failed)?;
        wrong.extend(found);
        wrong.extend(store.audit().await.map_err(failed)?);
        if manifest.sealed > 0 && store.sealed_hash(manifest.sealed).await.map_err(failed)?.as_deref() != Some(&*manifest.hash) {
            wrong.push(format!("the chain of {sealed} entries does not lead to where it stood, {} at {}", manifest.hash, manifest.sealed));
        }
    }
    store.close().await;
    if wrong.is_empty() {
        let verified = if verify { " The books are right, and the hash chain leads to where it stood." } else { "" };
        Ok(format!("Restored as of {}: {} sealed entries.{verified}", manifest.at, manifest.sealed))
    } else {
        Err(BackupError(format!("it was restored, and this is wrong: {}", wrong.join("; "))))
    }
}

fn put_sqlite(config: &Config, from: &Path) -> Result<(), BackupError> {
    let (source, target) = (from.join(SQLITE), config.data.join(SQLITE));
    if target.exists() {
        return Err(BackupError(format!("{} is there already: name a new folder with --data", target.display())));
    }
    if !source.exists() {
        return Err(BackupError("the backup is one of PostgreSQL: name an empty database with --database".into()));
    }
    std::fs::create_dir_all(&config.data).map_err(because(config.data.display()))?;
    // Half a copy never stands under the name of a whole one.
    let half: PathBuf = config.data.join("noren.db.restoring");
    std::fs::copy(&source, &half).map_err(because(half.display()))?;
    std::fs::rename(&half, &target).map_err(because(target.display()))
}

async fn put_postgres(url: &str, from: &Path) -> Result<(), BackupError> {
    let dump = from.join(DUMP);
    if !dump.exists() {
        return Err(BackupError("the backup is one of the embedded database: leave --database out".into()));
    }
    if !Store::is_empty(url).await.map_err(because("the database"))? {
        return Err(BackupError("the database holds tables already: name an empty one".into()));
    }
    program(Command::new("pg_restore").args(["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", url]).arg(dump))
}

/// The key is nobody else's.
fn copy_private(from: &Path, to: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::copy(from, to).map_err(because(to.display()))?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).map_err(because(to.display()))
}

/// Runs one of PostgreSQL's programs.
fn program(command: &mut Command) -> Result<(), BackupError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(because(format!("{name} could not be started; install PostgreSQL's client programs")))?;
    if output.status.success() { Ok(()) } else { Err(BackupError(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))) }
}
