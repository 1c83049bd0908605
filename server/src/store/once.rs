//! The same key is the same request: it gets the same answer, and another request under it is refused.

use super::{
    error::{StoreError, one_row},
    rows::{from_json, to_json},
    tx::Tx,
};
use domain::{id::AccountId, reject::Code, time::Timestamp};
use entity::once;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Does `work` once for each key of an account; `asked` is what it depends on. Without a key it is always done.
///
/// Errors: `OtherPayload`, and those of `work`; after an error the key is free again.
pub(super) async fn once<T: Serialize + DeserializeOwned>(
    tx: &Tx,
    who: AccountId,
    key: Option<Uuid>,
    asked: &impl Serialize,
    now: Timestamp,
    work: impl AsyncFnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let Some(key) = key else { return work().await };
    let asked = Sha256::digest(to_json(asked)?).to_vec();
    let row =
        once::ActiveModel { account: Set(who.0), key: Set(key), asked: Set(asked.clone()), answer: Set(String::new()), at: Set(now.0) };
    // Written first: whoever comes with the same key at the same time waits here.
    let written = once::Entity::insert(row)
        .on_conflict(OnConflict::columns([once::Column::Account, once::Column::Key]).do_nothing().to_owned())
        .exec_without_returning(&tx.db)
        .await?;
    if !one_row(written)? {
        let known = once::Entity::find_by_id((who.0, key)).one(&tx.db).await?;
        let known = known.ok_or_else(|| StoreError::Broken("a key that is there and is not".into()))?;
        return if known.asked == asked { from_json(&known.answer) } else { Err(Code::OtherPayload.into()) };
    }
    let answer = work().await?;
    once::Entity::update_many()
        .col_expr(once::Column::Answer, Expr::value(to_json(&answer)?))
        .filter(once::Column::Account.eq(who.0))
        .filter(once::Column::Key.eq(key))
        .exec(&tx.db)
        .await?;
    Ok(answer)
}
