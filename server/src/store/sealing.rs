//! The hash chain over the book, in the order in which entries were committed; its end is signed once a day.

use super::{
    Store,
    error::StoreError,
    ledger::{Posted, posted},
};
use crate::crash::Point;
use app::{
    error::PortError,
    trust::{api::HeadView, port::Trust},
};
use async_trait::async_trait;
use domain::time::Timestamp;
use entity::{entry, head, seal, unsealed};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{LockType, OnConflict},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Entries that are sealed at once.
const BATCH: u64 = 500;
/// Heads on the public page.
const HEADS: u64 = 30;

/// The file in the data folder with the key that signs the ends of days.
pub const KEY: &str = "ledger.key";

/// What stands before the first entry.
const BEGIN: [u8; 32] = [0; 32];

/// The hash of an entry, after the hash of the one before.
pub(super) fn hash(posted: &Posted, n: i64, before: &[u8]) -> Vec<u8> {
    Sha256::digest(posted.entry.canonical(n, posted.id, posted.at, &crate::ids::hex(before))).to_vec()
}

/// What is signed of a day's end.
pub(super) fn head_text(day: i64, n: i64, hash: &[u8]) -> String {
    format!("noren head 1\nday {day}\nn {n}\nhash {}\n", crate::ids::hex(hash))
}

/// The seals of some entries.
pub(super) async fn hashes(
    db: &impl ConnectionTrait,
    entries: impl Iterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, (i64, Vec<u8>)>, StoreError> {
    let found = seal::Entity::find().filter(seal::Column::Entry.is_in(entries)).all(db).await?;
    Ok(found.into_iter().map(|row| (row.entry, (row.n, row.hash))).collect())
}

const fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(86_400_000)
}

impl Store {
    /// Seals the entries that were committed since; answers how many. Of two nodes that do it at once the second one waits, and seals what is left.
    pub async fn seal(&self) -> Result<u64, PortError> {
        // The one writer of SQLite is left alone while there is nothing to do.
        if unsealed::Entity::find().one(&self.0.reader).await.map_err(StoreError::from)?.is_none() {
            return Ok(0);
        }
        let sealed = self.write(async |tx| {
            tx.moves(Point::Seal);
            // Another node that is at it holds these rows: the end of the chain is read when it is done.
            let waiting = unsealed::Entity::find().order_by_asc(unsealed::Column::Entry).limit(BATCH).lock(LockType::Update);
            let waiting = waiting.all(&tx.db).await?;
            let ids: Vec<Uuid> = waiting.iter().map(|row| row.entry).collect();
            let new = entry::Entity::find().filter(entry::Column::Id.is_in(ids.clone())).order_by_asc(entry::Column::Id);
            let new = posted(&tx.db, new.all(&tx.db).await?).await?;
            let last = seal::Entity::find().order_by_desc(seal::Column::N).one(&tx.db).await?;
            let (mut n, mut before) = last.map_or((0, BEGIN.to_vec()), |row| (row.n, row.hash));
            let mut rows = Vec::new();
            for posted in &new {
                n = n.saturating_add(1);
                before = hash(posted, n, &before);
                rows.push(seal::ActiveModel { n: Set(n), entry: Set(posted.id), hash: Set(before.clone()) });
            }
            let count = rows.len();
            if count > 0 {
                seal::Entity::insert_many(rows).exec_without_returning(&tx.db).await?;
                unsealed::Entity::delete_many().filter(unsealed::Column::Entry.is_in(ids)).exec(&tx.db).await?;
            }
            Ok(u64::try_from(count).unwrap_or(u64::MAX))
        });
        Ok(sealed.await?)
    }

    /// Signs where the chain stood when the day before `now` ended, if that was not done yet.
    pub async fn sign_head(&self, now: Timestamp) -> Result<(), PortError> {
        let Some(key) = &self.0.key else { return Ok(()) };
        let yesterday = day_of(now).saturating_sub(1);
        let end = yesterday.saturating_add(1).saturating_mul(86_400_000);
        let signed = self.write(async |tx| {
            if head::Entity::find_by_id(yesterday).one(&tx.db).await?.is_some() {
                return Ok(());
            }
            let of_day = entry::Entity::find().filter(entry::Column::At.lt(end)).select_only().column(entry::Column::Id).into_query();
            let last = seal::Entity::find().filter(seal::Column::Entry.in_subquery(of_day)).order_by_desc(seal::Column::N);
            let Some(last) = last.one(&tx.db).await? else { return Ok(()) };
            let signature = key.sign(head_text(yesterday, last.n, &last.hash).as_bytes());
            let row = head::ActiveModel {
                day: Set(yesterday),
                n: Set(last.n),
                hash: Set(last.hash),
                public_key: Set(key.public_key().as_ref().to_vec()),
                signature: Set(signature.as_ref().to_vec()),
            };
            // Another node may have just done it.
            let once = OnConflict::column(head::Column::Day).do_nothing().to_owned();
            head::Entity::insert(row).on_conflict(once).exec_without_returning(&tx.db).await?;
            Ok(())
        });
        Ok(signed.await?)
    }
}

#[async_trait]
impl Trust for Store {
    async fn heads(&self) -> Result<Vec<HeadView>, PortError> {
        let rows = head::Entity::find().order_by_desc(head::Column::Day).limit(HEADS).all(&self.0.reader).await;
        let view = |row: head::Model| HeadView {
            day: Timestamp(row.day.saturating_mul(86_400_000)),
            n: row.n,
            hash: crate::ids::hex(&row.hash),
            public_key: crate::ids::hex(&row.public_key),
            signature: crate::ids::hex(&row.signature),
        };
        Ok(rows.map_err(StoreError::from)?.into_iter().map(view).collect())
    }
}

/// The key that heads are signed with: a file in the data folder, made when there is none.
pub(super) fn key_of(folder: &std::path::Path) -> std::io::Result<Ed25519KeyPair> {
    let file = folder.join(KEY);
    let broken = |_| std::io::Error::other(format!("{} holds no Ed25519 key in PKCS#8", file.display()));
    match std::fs::read(&file) {
        Ok(bytes) => Ed25519KeyPair::from_pkcs8(&bytes).map_err(broken),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made =
                Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).map_err(|_| std::io::Error::other("no randomness"))?;
            std::fs::create_dir_all(folder)?;
            write_secret(&file, made.as_ref())?;
            Ed25519KeyPair::from_pkcs8(made.as_ref()).map_err(broken)
        }
        Err(error) => Err(error),
    }
}

/// Only its owner reads it.
fn write_secret(file: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}
