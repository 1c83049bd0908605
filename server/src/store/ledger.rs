//! The book: entries are added, and nothing else happens to them. Whether they sum to zero, and that nobody owes who may not, is judged by the
//! database itself; see the migration.

use super::{Store, error::StoreError, rows::named, tx::Tx};
use crate::ids;
use app::error::PortError;
use domain::{
    id::AccountId,
    ledger::{Book, Entry, EntryKind, Line, Place},
    money::{Asset, Money},
    reject::Code,
    time::Timestamp,
};
use entity::{balance, entry, line};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType};
use uuid::Uuid;

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its key.
    pub id: Uuid,
    /// When it was booked.
    pub at: Timestamp,
    /// What was booked.
    pub entry: Entry,
}

/// Books an entry; the same one again changes nothing. Answers whether it is new.
///
/// Errors: `NoFunds` when a place would owe that may not, `OtherPayload` when another entry has its key.
pub(super) async fn post(tx: &Tx, entry: &Entry, now: Timestamp) -> Result<bool, StoreError> {
    let known = entry::Entity::find().filter(entry::Column::Key.eq(entry.key.as_str())).one(&tx.db).await?;
    if let Some(known) = known {
        let known = posted(&tx.db, vec![known]).await?;
        return if known.iter().all(|known| known.entry == *entry) { Ok(false) } else { Err(Code::OtherPayload.into()) };
    }
    let id = ids::uuid();
    let asset = entry.asset.to_string();
    let lines = entry.lines.iter().zip(1..).map(|(line, n)| line::ActiveModel {
        entry: Set(id),
        n: Set(n),
        owner: Set(line.place.owner.0),
        book: Set(line.place.book.as_str().into()),
        asset: Set(asset.clone()),
        minor: Set(line.minor),
    });
    line::Entity::insert_many(lines).exec_without_returning(&tx.db).await?;
    let row = entry::ActiveModel {
        id: Set(id),
        key: Set(entry.key.clone()),
        kind: Set(entry.kind.as_str().into()),
        asset: Set(asset.clone()),
        about: Set(entry.about),
        at: Set(now.0),
    };
    entry::Entity::insert(row).exec_without_returning(&tx.db).await?;
    Ok(true)
}

/// What a place holds. The row is locked, so that it stays so until the transaction ends.
pub(super) async fn locked_balance(tx: &Tx, place: Place, asset: Asset) -> Result<i64, StoreError> {
    let found = balance::Entity::find_by_id((place.owner.0, place.book.as_str().to_owned(), asset.to_string()));
    Ok(found.lock(LockType::NoKeyUpdate).one(&tx.db).await?.map_or(0, |row| row.minor))
}

/// What a place holds now.
pub(super) async fn balance(db: &impl ConnectionTrait, place: Place, asset: Asset) -> Result<Money, StoreError> {
    let found = balance::Entity::find_by_id((place.owner.0, place.book.as_str().to_owned(), asset.to_string()));
    Ok(Money::new(found.one(db).await?.map_or(0, |row| row.minor), asset))
}

/// All that an account holds, by asset.
pub(super) async fn balances_of(db: &impl ConnectionTrait, owner: AccountId) -> Result<Vec<(Book, Money)>, StoreError> {
    let rows = balance::Entity::find().filter(balance::Column::Owner.eq(owner.0)).order_by_asc(balance::Column::Asset).all(db).await?;
    rows.iter().map(|row| Ok((book(&row.book)?, Money::new(row.minor, asset(&row.asset)?)))).collect()
}

/// Entries with their lines, in the order given.
pub(super) async fn posted(db: &impl ConnectionTrait, rows: Vec<entry::Model>) -> Result<Vec<Posted>, StoreError> {
    let ids = rows.iter().map(|row| row.id);
    let all = line::Entity::find().filter(line::Column::Entry.is_in(ids)).order_by_asc(line::Column::N).all(db).await?;
    rows.into_iter()
        .map(|row| {
            let lines = all
                .iter()
                .filter(|line| line.entry == row.id)
                .map(|line| Ok(Line { place: Place { owner: AccountId(line.owner), book: book(&line.book)? }, minor: line.minor }));
            let entry = Entry {
                kind: kind(&row.kind)?,
                asset: asset(&row.asset)?,
                about: row.about,
                lines: lines.collect::<Result<_, StoreError>>()?,
                key: row.key,
            };
            Ok(Posted { id: row.id, at: Timestamp(row.at), entry })
        })
        .collect()
}

/// The entries about a consultation or an operation, oldest first.
pub(super) async fn about(db: &impl ConnectionTrait, about: Uuid) -> Result<Vec<Posted>, StoreError> {
    let rows = entry::Entity::find().filter(entry::Column::About.eq(about)).order_by_asc(entry::Column::Id).all(db).await?;
    posted(db, rows).await
}

pub(super) fn asset(stored: &str) -> Result<Asset, StoreError> {
    Asset::parse(stored).map_err(|_| StoreError::Broken(format!("the book holds the asset {stored:?}")))
}

pub(super) fn book(stored: &str) -> Result<Book, StoreError> {
    named(Book::ALL, Book::as_str, stored, "a book")
}

fn kind(stored: &str) -> Result<EntryKind, StoreError> {
    named(EntryKind::ALL, EntryKind::as_str, stored, "entry.kind")
}

impl Store {
    /// Books an entry by itself. Answers whether it is new. Errors: `NoFunds`, `OtherPayload`.
    pub async fn post(&self, entry: &Entry) -> Result<bool, PortError> {
        let now = self.clock().now();
        Ok(self.write(async |tx| post(tx, entry, now).await).await?)
    }

    /// What a place holds.
    pub async fn balance(&self, place: Place, asset: Asset) -> Result<Money, PortError> {
        Ok(balance(&self.0.reader, place, asset).await?)
    }

    /// The entries that come after `after`, oldest first, at most `limit`.
    pub async fn entries(&self, after: Option<Uuid>, limit: u64) -> Result<Vec<Posted>, PortError> {
        let read = self.read(async |db| {
            let mut found = entry::Entity::find().order_by_asc(entry::Column::Id).limit(limit);
            if let Some(after) = after {
                found = found.filter(entry::Column::Id.gt(after));
            }
            posted(db, found.all(db).await?).await
        });
        Ok(read.await?)
    }
}
