//! Sign-ins: the browsers that are signed in, and the cookie that says so.

use super::{
    Store,
    error::StoreError,
    rows,
    tx::{Hint, Tx},
};
use crate::{config::Config, ids};
use app::{
    account::port::SignedIn,
    context::{Me, Visitor},
    error::PortError,
};
use domain::{
    id::{AccountId, SignInId},
    offer::Status,
    time::{Millis, Timestamp},
};
use entity::{account, offer, sign_in};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

/// How often `last_seen_at` is written.
const SEEN_EVERY: Millis = Millis::minutes(1);
/// Longest description of a browser.
const DEVICE_MAX: usize = 80;

/// How long sign-ins last, and how their cookie looks.
pub(super) struct Settings {
    idle: Millis,
    absolute: Millis,
    secure: bool,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        let days = |days: i64| Millis::minutes(days.saturating_mul(24 * 60));
        Settings { idle: days(config.accounts.idle_days), absolute: days(config.accounts.absolute_days), secure: config.https() }
    }

    /// The sign-ins that have ended at `now`.
    pub(super) fn ended(&self, now: Timestamp) -> Condition {
        Condition::any().add(sign_in::Column::ExpiresAt.lte(now.0)).add(sign_in::Column::LastSeenAt.lte(now.before(self.idle).0))
    }

    /// The `Set-Cookie` value that carries a token; an empty one clears it.
    fn cookie(&self, token: &str) -> String {
        let (name, secure) = if self.secure { ("__Host-sid", "; Secure") } else { ("sid", "") };
        let seconds = if token.is_empty() { 0 } else { self.absolute.0.div_euclid(1_000) };
        format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}")
    }

    /// The cookie of a browser that is signed in no more.
    pub(super) fn cleared(&self) -> SignedIn {
        SignedIn { cookie: self.cookie("") }
    }
}

/// Starts a sign-in and ends the one that this browser had.
pub(super) async fn start(store: &Store, tx: &Tx, account: AccountId, visitor: &Visitor) -> Result<SignedIn, StoreError> {
    let (token, now) = (ids::token(), store.clock().now());
    if let Some(old) = &visitor.me {
        end(tx, old.id, Condition::all().add(sign_in::Column::Id.eq(old.sign_in.0))).await?;
    }
    let row = sign_in::ActiveModel {
        id: Set(ids::uuid()),
        account: Set(account.0),
        token_hash: Set(ids::hash(&token)),
        device: Set(visitor.device.chars().take(DEVICE_MAX).collect()),
        created_at: Set(now.0),
        last_seen_at: Set(now.0),
        expires_at: Set(now.after(store.0.sign_ins.absolute).0),
    };
    sign_in::Entity::insert(row).exec_without_returning(&tx.db).await?;
    Ok(SignedIn { cookie: store.0.sign_ins.cookie(&token) })
}

/// Ends those of an account's sign-ins that meet a condition. Answers how many.
pub(super) async fn end(tx: &Tx, account: AccountId, which: Condition) -> Result<usize, StoreError> {
    let ended = sign_in::Entity::find().filter(sign_in::Column::Account.eq(account.0)).filter(which).all(&tx.db).await?;
    sign_in::Entity::delete_many().filter(sign_in::Column::Id.is_in(ended.iter().map(|row| row.id))).exec(&tx.db).await?;
    for row in &ended {
        tx.hint(Hint::SignOut(SignInId(row.id)));
    }
    Ok(ended.len())
}

async fn is_provider(db: &impl ConnectionTrait, account: &account::Model) -> Result<bool, StoreError> {
    let one = offer::Entity::find()
        .filter(offer::Column::Account.eq(account.id))
        .filter(offer::Column::Status.is_in([Status::Draft.as_str(), Status::Listed.as_str()]))
        .one(db)
        .await?;
    Ok(one.is_some())
}

impl Store {
    /// Who holds this token, if the sign-in still stands.
    pub async fn who(&self, token: &str) -> Result<Option<Me>, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let found = sign_in::Entity::find()
                .filter(sign_in::Column::TokenHash.eq(ids::hash(token)))
                .filter(self.0.sign_ins.ended(now).not())
                .find_also_related(account::Entity)
                .one(db)
                .await?;
            let Some((sign_in, Some(account))) = found else { return Ok(None) };
            let provider = is_provider(db, &account).await?;
            Ok(Some((rows::me(account, &sign_in, provider)?, Timestamp(sign_in.last_seen_at))))
        });
        let Some((me, seen)) = read.await? else { return Ok(None) };
        if now.since(seen) >= SEEN_EVERY {
            // Conditional, so that many requests at once write once.
            let seen_now = sign_in::Entity::update_many()
                .col_expr(sign_in::Column::LastSeenAt, Expr::value(now.0))
                .filter(sign_in::Column::Id.eq(me.sign_in.0))
                .filter(sign_in::Column::LastSeenAt.eq(seen.0));
            // Whoever is signed in stays so, also when this cannot be written now.
            if let Err(error) = self.write(async |tx| Ok(seen_now.exec(&tx.db).await.map(drop)?)).await {
                tracing::warn!(%error, "a sign-in was seen, but that was not written");
            }
        }
        Ok(Some(me))
    }
}
