//! Accounts: signing up, in and out, passwords, names.

use super::{
    Store,
    error::{StoreError, one_row},
    feed::{Provider, publish},
    sign_ins::{end, start},
    tx::Tx,
};
use crate::ids;
use app::{
    account::{
        api::SignInView,
        port::{Accounts, SignedIn},
    },
    context::{Me, Visitor},
    error::PortError,
};
use async_trait::async_trait;
use domain::{
    account::{Email, NewPassword, Role, SignUp},
    id::{AccountId, SignInId},
    reject::{Code, Field, Reject},
    text::DisplayName,
    time::{Millis, Timestamp},
};
use entity::{account, reset_link, sign_in};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

/// How long a reset link holds: long enough to be handed over by a person.
const RESET_LINK_LASTS: Millis = Millis::minutes(120);

#[async_trait]
impl Accounts for Store {
    async fn sign_up(&self, form: SignUp, visitor: &Visitor) -> Result<SignedIn, PortError> {
        self.0.limits.sign_up(visitor.ip)?;
        let row = self.new_account(form, Role::Member).await?;
        let signed_up = self.write(async |tx| {
            let id = AccountId(account::Entity::insert(row).exec(&tx.db).await?.last_insert_id);
            start(self, tx, id, visitor).await
        });
        Ok(signed_up.await?)
    }

    async fn sign_in(&self, email: &str, password: &str, visitor: &Visitor) -> Result<SignedIn, PortError> {
        self.0.limits.password_from(visitor.ip)?;
        let email = Email::parse(email).ok();
        let account = match &email {
            Some(email) => {
                self.0.limits.password_of(email)?;
                self.account_of(email).await?
            }
            None => None,
        };
        let fits = self.0.passwords.verify(password, account.as_ref().map(|row| row.password_hash.as_str())).await?;
        let Some(account) = account.filter(|_| fits) else { return Err(Code::BadSignIn.into()) };
        let stronger = if self.0.passwords.is_weaker(&account.password_hash) { Some(self.0.passwords.hash(password).await?) } else { None };
        let signed_in = self.write(async |tx| {
            // A password that was changed while it was being checked opens nothing.
            let now = account::Entity::find_by_id(account.id).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
            if now.is_none_or(|now| now.password_hash != account.password_hash) {
                return Err(Code::BadSignIn.into());
            }
            if let Some(hash) = stronger {
                account::Entity::update_many()
                    .col_expr(account::Column::PasswordHash, Expr::value(hash))
                    .filter(account::Column::Id.eq(account.id))
                    .exec(&tx.db)
                    .await?;
            }
            start(self, tx, AccountId(account.id), visitor).await
        });
        Ok(signed_in.await?)
    }

    async fn sign_out(&self, me: &Me) -> Result<SignedIn, PortError> {
        self.write(async |tx| end(tx, me.id, Condition::all().add(sign_in::Column::Id.eq(me.sign_in.0))).await).await?;
        Ok(self.0.sign_ins.cleared())
    }

    async fn change_password(&self, me: &Me, current: &str, new: NewPassword, visitor: &Visitor) -> Result<SignedIn, PortError> {
        let wrong = || StoreError::from(Reject::field(Field::CurrentPassword, Code::WrongPassword));
        self.0.limits.password_from(visitor.ip)?;
        let account = account::Entity::find_by_id(me.id.0).one(&self.0.reader).await.map_err(StoreError::from)?.ok_or(Code::NotFound)?;
        if let Ok(email) = Email::parse(&account.email) {
            self.0.limits.password_of(&email)?;
        }
        if !self.0.passwords.verify(current, Some(&account.password_hash)).await? {
            return Err(wrong().into());
        }
        let hash = self.0.passwords.hash(new.reveal()).await?;
        let now = self.clock().now();
        let changed = self.write(async |tx| {
            let changed = account::Entity::update_many()
                .col_expr(account::Column::PasswordHash, Expr::value(hash))
                .filter(account::Column::Id.eq(account.id))
                .filter(account::Column::PasswordHash.eq(account.password_hash.as_str()))
                .exec(&tx.db)
                .await?;
            // Somebody else changed it first: what was typed is the current one no more.
            if !one_row(changed.rows_affected)? {
                return Err(wrong());
            }
            end(tx, me.id, Condition::all()).await?;
            close_links(tx, me.id, now).await?;
            start(self, tx, me.id, visitor).await
        });
        Ok(changed.await?)
    }

    async fn rename(&self, me: &Me, name: DisplayName) -> Result<(), PortError> {
        self.0.limits.write(me.id)?;
        let renamed = self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, me.id).await?;
            account::Entity::update_many()
                .col_expr(account::Column::DisplayName, Expr::value(name.as_str()))
                .filter(account::Column::Id.eq(me.id.0))
                .exec(&tx.db)
                .await?;
            publish(self, tx, &before, now).await
        });
        Ok(renamed.await?)
    }

    async fn sign_ins(&self, me: &Me) -> Result<Vec<SignInView>, PortError> {
        let rows = sign_in::Entity::find()
            .filter(sign_in::Column::Account.eq(me.id.0))
            .filter(self.0.sign_ins.ended(self.clock().now()).not())
            .order_by_desc(sign_in::Column::LastSeenAt)
            .order_by_desc(sign_in::Column::Id)
            .all(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        let view = |row: sign_in::Model| SignInView {
            id: SignInId(row.id),
            device: row.device,
            since: Timestamp(row.created_at),
            last_seen: Timestamp(row.last_seen_at),
            here: row.id == me.sign_in.0,
        };
        let (here, others): (Vec<_>, Vec<_>) = rows.into_iter().map(view).partition(|view| view.here);
        Ok(here.into_iter().chain(others).collect())
    }

    async fn revoke(&self, me: &Me, which: Option<SignInId>) -> Result<(), PortError> {
        let condition = match which {
            Some(id) => sign_in::Column::Id.eq(id.0),
            None => sign_in::Column::Id.ne(me.sign_in.0),
        };
        let ended = self.write(async |tx| end(tx, me.id, Condition::all().add(condition)).await).await?;
        if ended == 0 && which.is_some() { Err(Code::NotFound.into()) } else { Ok(()) }
    }

    async fn reset(&self, token: &str, new: NewPassword, visitor: &Visitor) -> Result<SignedIn, PortError> {
        self.0.limits.password_from(visitor.ip)?;
        let link = ids::hash(token);
        let open = |now: Timestamp| {
            Condition::all()
                .add(reset_link::Column::TokenHash.eq(ids::hash(token)))
                .add(reset_link::Column::UsedAt.is_null())
                .add(reset_link::Column::ExpiresAt.gt(now.0))
        };
        let now = self.clock().now();
        let row = reset_link::Entity::find_by_id(link).filter(open(now)).one(&self.0.reader).await.map_err(StoreError::from)?;
        let id = AccountId(row.ok_or(Code::LinkExpired)?.account);
        let account = account::Entity::find_by_id(id.0).one(&self.0.reader).await.map_err(StoreError::from)?.ok_or(Code::LinkExpired)?;
        // Only here is it known whose password it will be.
        NewPassword::parse(new.reveal(), Email::parse(&account.email).ok().as_ref())
            .map_err(|code| StoreError::from(Reject::field(Field::Password, code)))?;
        let hash = self.0.passwords.hash(new.reveal()).await?;
        let reset = self.write(async |tx| {
            let used = reset_link::Entity::update_many()
                .col_expr(reset_link::Column::UsedAt, Expr::value(now.0))
                .filter(open(self.clock().now()))
                .exec(&tx.db)
                .await?;
            if !one_row(used.rows_affected)? {
                return Err(Code::LinkExpired.into());
            }
            account::Entity::update_many()
                .col_expr(account::Column::PasswordHash, Expr::value(hash))
                .filter(account::Column::Id.eq(id.0))
                .exec(&tx.db)
                .await?;
            end(tx, id, Condition::all()).await?;
            close_links(tx, id, now).await?;
            start(self, tx, id, visitor).await
        });
        Ok(reset.await?)
    }
}

/// Uses up the reset links of an account: a new password is the end of every way to another.
async fn close_links(tx: &Tx, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    reset_link::Entity::update_many()
        .col_expr(reset_link::Column::UsedAt, Expr::value(now.0))
        .filter(reset_link::Column::Account.eq(account.0))
        .filter(reset_link::Column::UsedAt.is_null())
        .exec(&tx.db)
        .await?;
    Ok(())
}

impl Store {
    async fn new_account(&self, form: SignUp, role: Role) -> Result<account::ActiveModel, StoreError> {
        Ok(account::ActiveModel {
            id: Set(ids::uuid()),
            email: Set(form.email.as_str().into()),
            display_name: Set(form.display_name.into()),
            password_hash: Set(self.0.passwords.hash(form.password.reveal()).await?),
            role: Set(role.as_str().into()),
            created_at: Set(self.clock().now().0),
            robot: Set(false),
        })
    }

    /// The person with that address; nobody signs in as a robot.
    async fn account_of(&self, email: &Email) -> Result<Option<account::Model>, StoreError> {
        let people = account::Entity::find().filter(account::Column::Robot.eq(false));
        Ok(people.filter(account::Column::Email.eq(email.as_str())).one(&self.0.reader).await?)
    }

    /// Creates an account that runs the instance. Errors: `EmailTaken`.
    pub async fn create_operator(&self, form: SignUp) -> Result<AccountId, PortError> {
        self.create_account(form, Role::Operator).await
    }

    /// Creates an account without signing it in: for the command line and the demo. Errors: `EmailTaken`.
    pub async fn create_account(&self, form: SignUp, role: Role) -> Result<AccountId, PortError> {
        let row = self.new_account(form, role).await?;
        let id = self.write(async |tx| Ok(account::Entity::insert(row).exec(&tx.db).await?.last_insert_id)).await?;
        Ok(AccountId(id))
    }

    /// Makes a link's token that sets a new password for this account once, within two hours. Errors: `NotFound`.
    pub async fn reset_link(&self, email: &Email) -> Result<String, PortError> {
        let account = self.account_of(email).await?.ok_or(Code::NotFound)?;
        let token = ids::token();
        let row = reset_link::ActiveModel {
            token_hash: Set(ids::hash(&token)),
            account: Set(account.id),
            expires_at: Set(self.clock().now().after(RESET_LINK_LASTS).0),
            used_at: Set(None),
        };
        self.write(async |tx| Ok(reset_link::Entity::insert(row).exec_without_returning(&tx.db).await.map(drop)?)).await?;
        Ok(token)
    }
}
