//! Whether the books are right: what the database enforces is counted again, and what it cannot see is recomputed from the proofs.

use super::{
    Store,
    error::StoreError,
    ledger::posted,
    records::proofs,
    rows::from_json,
    sealing::{hash, head_text},
};
use app::error::PortError;
use domain::{
    agreement::Agreement,
    id::ConsultationId,
    proof::{all_segments, total},
};
use entity::{consultation, entry, head, receipt, seal, setting};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

/// The mark that nothing new may begin.
const FROZEN: &str = "ledger.frozen";
/// The last receipt that was found right.
const CHECKED: &str = "ledger.checked";
/// Rows that are read at once.
const BATCH: u64 = 1_000;

/// What each query finds is wrong; a database that is right answers nothing to any of them.
const RULES: &[(&str, &str)] = &[
    ("an entry does not sum to zero", "SELECT entry AS id FROM line GROUP BY entry HAVING sum(minor) <> 0"),
    (
        "an entry has no lines, or lines of another asset",
        "SELECT e.id AS id FROM entry e LEFT JOIN line l ON l.entry = e.id AND l.asset = e.asset GROUP BY e.id HAVING count(l.n) < 2 \
         UNION ALL SELECT l.entry FROM line l JOIN entry e ON e.id = l.entry WHERE l.asset <> e.asset",
    ),
    ("a line has no entry", "SELECT l.entry AS id FROM line l LEFT JOIN entry e ON e.id = l.entry WHERE e.id IS NULL"),
    (
        "a balance is not the sum of its lines",
        "SELECT b.owner AS id FROM balance b LEFT JOIN line l ON l.owner = b.owner AND l.book = b.book AND l.asset = b.asset \
         GROUP BY b.owner, b.book, b.asset, b.minor HAVING b.minor <> coalesce(sum(l.minor), 0)",
    ),
    (
        "lines have no balance",
        "SELECT l.owner AS id FROM line l LEFT JOIN balance b ON l.owner = b.owner AND l.book = b.book AND l.asset = b.asset WHERE b.owner IS NULL",
    ),
    ("somebody owes who may not", "SELECT owner AS id FROM balance WHERE minor < 0 AND book NOT IN ('clearing', 'goodwill')"),
    (
        "a hold did not end whole",
        "SELECT h.consultation AS id FROM hold h JOIN hold_end e ON e.consultation = h.consultation AND e.n = h.n WHERE h.minor <> e.captured + e.released",
    ),
    (
        "what is held is not the sum of the open holds",
        "SELECT b.owner AS id FROM balance b LEFT JOIN (\
            SELECT c.consumer AS owner, h.asset AS asset, sum(h.minor) AS minor FROM hold h JOIN consultation c ON c.id = h.consultation \
            LEFT JOIN hold_end e ON e.consultation = h.consultation AND e.n = h.n WHERE e.n IS NULL GROUP BY c.consumer, h.asset\
         ) o ON o.owner = b.owner AND o.asset = b.asset WHERE b.book = 'held' AND b.minor <> coalesce(o.minor, 0)",
    ),
    (
        "a receipt is not what was captured",
        "SELECT r.consultation AS id FROM receipt r LEFT JOIN hold_end e ON e.consultation = r.consultation \
         GROUP BY r.consultation, r.total HAVING r.total <> coalesce(sum(e.captured), 0)",
    ),
    (
        "more went back than was paid",
        "SELECT r.consultation AS id FROM receipt r JOIN entry e ON e.about = r.consultation AND e.kind IN ('refund', 'goodwill') \
         JOIN line l ON l.entry = e.id AND l.book = 'available' GROUP BY r.consultation, r.total HAVING sum(l.minor) > r.total",
    ),
    (
        "the clearing account is not what the gateway moved",
        "SELECT b.owner AS id FROM balance b LEFT JOIN (\
            SELECT asset, sum(CASE WHEN kind = 'top_up' THEN -minor ELSE minor END) AS minor FROM operation WHERE state = 'settled' GROUP BY asset\
         ) o ON o.asset = b.asset LEFT JOIN (\
            SELECT e.asset AS asset, sum(l.minor) AS minor FROM entry e JOIN line l ON l.entry = e.id AND l.book = 'clearing' WHERE e.kind = 'reverse' GROUP BY e.asset\
         ) r ON r.asset = b.asset WHERE b.book = 'clearing' AND b.minor <> coalesce(o.minor, 0) + coalesce(r.minor, 0)",
    ),
];

/// Whether nothing new that costs money may begin.
pub(super) async fn frozen(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Ok(setting::Entity::find_by_id(FROZEN.to_owned()).one(db).await?.is_some_and(|row| !row.value.is_empty()))
}

impl Store {
    /// Counts the books again; answers what is wrong, in words. What is found freezes new consultations; when nothing is found they are free again.
    pub async fn audit(&self) -> Result<Vec<String>, PortError> {
        self.audit_after(0).await
    }

    /// The same with the receipts that were made since the last time: what is older was checked, and nothing changes it.
    pub async fn audit_new(&self) -> Result<Vec<String>, PortError> {
        let checked = self.setting(CHECKED).await?.and_then(|number| number.parse().ok()).unwrap_or(0);
        self.audit_after(checked).await
    }

    async fn audit_after(&self, checked: i64) -> Result<Vec<String>, PortError> {
        let found = self.read(async |db| {
            let mut wrong = Vec::new();
            for (what, rule) in RULES {
                if let Some(row) = db.query_one_raw(Statement::from_string(db.get_database_backend(), *rule)).await? {
                    wrong.push(format!("{what}: {}", row.try_get::<uuid::Uuid>("", "id")?));
                }
            }
            let (last, over) = self.over_billed(db, checked).await?;
            wrong.extend(over);
            Ok((last, wrong))
        });
        let (last, wrong) = found.await?;
        if wrong.is_empty() {
            self.set_setting(CHECKED, &last.to_string()).await?;
        }
        let frozen = self.setting(FROZEN).await?.filter(|why| !why.is_empty());
        match (wrong.first(), frozen) {
            (Some(first), _) => {
                tracing::error!(
                    ?wrong,
                    "the books are wrong: nothing new that costs money begins until `noren ledger verify` finds them right"
                );
                self.set_setting(FROZEN, first).await?;
            }
            (None, Some(_)) => self.set_setting(FROZEN, "").await?,
            (None, None) => {}
        }
        self.look_frozen().await?;
        Ok(wrong)
    }

    /// Whether nothing new that costs money may begin, since the books were found wrong: as it was looked at last.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    /// Looks whether it is so: another node or the command line may have found out.
    pub async fn look_frozen(&self) -> Result<(), PortError> {
        self.0.frozen.store(frozen(&self.0.reader).await?, Ordering::Relaxed);
        Ok(())
    }

    /// The bills that are higher than the proofs carry at the rate that was agreed, and the receipts that were changed.
    async fn over_billed(&self, db: &DatabaseTransaction, checked: i64) -> Result<(i64, Vec<String>), StoreError> {
        let (mut wrong, mut after) = (Vec::new(), checked);
        loop {
            let receipts = receipt::Entity::find()
                .filter(receipt::Column::Number.gt(after))
                .order_by_asc(receipt::Column::Number)
                .limit(BATCH)
                .all(db)
                .await?;
            let Some(last) = receipts.last() else { return Ok((after, wrong)) };
            after = last.number;
            for row in &receipts {
                let Some(of) = consultation::Entity::find_by_id(row.consultation).one(db).await? else { continue };
                let agreed: Agreement = from_json(&of.agreement)?;
                let evidence = proofs(db, ConsultationId(row.consultation)).await?;
                let made: domain::receipt::Receipt = from_json(&row.body)?;
                let carried = total(&all_segments(&evidence, made.join));
                if row.total > agreed.conditions.cost(carried) {
                    wrong.push(format!("receipt {} bills more than the proofs carry", row.number));
                }
                if Sha256::digest(made.canonical()).as_slice() != row.hash || made.total.minor != row.total {
                    wrong.push(format!("receipt {} was changed", row.number));
                }
            }
        }
    }

    /// Recomputes the hash chain and checks the signed heads; answers how many entries it holds, and what is wrong.
    pub async fn verify_chain(&self) -> Result<(i64, Vec<String>), PortError> {
        let read = self.read(async |db| {
            let (mut n, mut before, mut wrong) = (0, vec![0; 32], Vec::new());
            loop {
                let seals = seal::Entity::find().filter(seal::Column::N.gt(n)).order_by_asc(seal::Column::N).limit(BATCH).all(db).await?;
                if seals.is_empty() {
                    break;
                }
                let rows = entry::Entity::find().filter(entry::Column::Id.is_in(seals.iter().map(|s| s.entry))).all(db).await?;
                let entries = posted(db, rows).await?;
                for seal in seals {
                    if seal.n != n + 1 {
                        wrong.push(format!("the chain has no link {}", n + 1));
                    }
                    n = seal.n;
                    match entries.iter().find(|posted| posted.id == seal.entry) {
                        Some(posted) if hash(posted, n, &before) == seal.hash => {}
                        Some(_) => wrong.push(format!("entry {n} was changed, or one before it")),
                        None => wrong.push(format!("entry {n} is gone")),
                    }
                    before = seal.hash;
                }
            }
            for head in head::Entity::find().order_by_asc(head::Column::Day).all(db).await? {
                let text = head_text(head.day, head.n, &head.hash);
                let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &head.public_key);
                if key.verify(text.as_bytes(), &head.signature).is_err() {
                    wrong.push(format!("the head of day {} is not signed", head.day));
                }
                let sealed = seal::Entity::find_by_id(head.n).one(db).await?;
                if sealed.is_none_or(|seal| seal.hash != head.hash) {
                    wrong.push(format!("the chain does not lead to the head of day {}", head.day));
                }
            }
            Ok((n, wrong))
        });
        Ok(read.await?)
    }

    /// The whole book as lines of JSON, in the order of the chain; what is not sealed yet comes last, without a number.
    pub async fn export(&self, mut line: impl FnMut(String)) -> Result<u64, PortError> {
        #[derive(FromQueryResult)]
        struct Sealed {
            id: uuid::Uuid,
            n: Option<i64>,
            hash: Option<Vec<u8>>,
        }
        self.read(async |db| {
            let order = "SELECT e.id AS id, s.n AS n, s.hash AS hash FROM entry e LEFT JOIN seal s ON s.entry = e.id \
                         ORDER BY CASE WHEN s.n IS NULL THEN 1 ELSE 0 END, s.n, e.id";
            let all = Sealed::find_by_statement(Statement::from_string(db.get_database_backend(), order)).all(db).await?;
            for batch in all.chunks(usize::try_from(BATCH).unwrap_or(1_000)) {
                let rows = entry::Entity::find().filter(entry::Column::Id.is_in(batch.iter().map(|s| s.id))).all(db).await?;
                let entries = posted(db, rows).await?;
                for sealed in batch {
                    let Some(posted) = entries.iter().find(|posted| posted.id == sealed.id) else { continue };
                    let told = serde_json::json!({
                        "n": sealed.n,
                        "hash": sealed.hash.as_deref().map(crate::ids::hex),
                        "id": posted.id,
                        "at": posted.at,
                        "entry": posted.entry,
                    });
                    line(told.to_string());
                }
            }
            Ok(u64::try_from(all.len()).unwrap_or(u64::MAX))
        })
        .await
        .map_err(PortError::from)
    }
}
