//! Filling a new database with a demo, and finding its robots again.

use super::{
    Store,
    error::StoreError,
    feed::{Provider, publish},
    offers,
};
use crate::ids;
use app::{context::Me, error::PortError};
use domain::{
    account::{Email, NewPassword, Role},
    id::{AccountId, OfferId, SignInId},
    offer::{OfferContent, Status},
    text::DisplayName,
};
use entity::{account, offer, setting};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

/// An account of the demo, checked.
#[derive(Debug)]
pub struct Cast {
    /// The name shown to others.
    pub name: DisplayName,
    /// The address to sign in with.
    pub email: Email,
    /// The offers.
    pub offers: Vec<OfferContent>,
}

/// A provider that is moved by the demo.
#[derive(Clone, Debug)]
pub struct Robot {
    /// Its account; it never signs in.
    pub me: Me,
    /// Its listed offers.
    pub offers: Vec<OfferId>,
}

impl Store {
    /// Makes an empty database a demo under that mark: all of it or nothing. All accounts share one hash, since hashing is slow on
    /// purpose. `false` if there are accounts already.
    pub async fn seed_demo(&self, mark: &str, password: &NewPassword, cast: Vec<Cast>) -> Result<bool, PortError> {
        let hash = self.0.passwords.hash(password.reveal()).await?;
        let seeded = self.write(async |tx| {
            if account::Entity::find().count(&tx.db).await? > 0 {
                return Ok(false);
            }
            let mark = setting::ActiveModel { key: Set(mark.into()), value: Set("1".into()) };
            setting::Entity::insert(mark).exec_without_returning(&tx.db).await?;
            for person in cast {
                let id: AccountId = ids::new();
                let row = account::ActiveModel {
                    id: Set(id.0),
                    email: Set(person.email.as_str().into()),
                    display_name: Set(person.name.into()),
                    password_hash: Set(hash.clone()),
                    role: Set(Role::Member.as_str().into()),
                    created_at: Set(self.clock().now().0),
                };
                account::Entity::insert(row).exec_without_returning(&tx.db).await?;
                let (before, now) = Provider::lock(self, tx, id).await?;
                for content in person.offers {
                    offers::insert(tx, ids::new(), id, content, now).await?;
                }
                publish(self, tx, &before, now).await?;
            }
            Ok(true)
        });
        Ok(seeded.await?)
    }

    /// The accounts whose address lies on `host`, with their listed offers, oldest first.
    pub async fn robots(&self, host: &str) -> Result<Vec<Robot>, PortError> {
        let read = self.read(async |db| {
            let accounts =
                account::Entity::find().filter(account::Column::Email.ends_with(format!("@{host}"))).order_by_asc(account::Column::Id);
            let mut robots = Vec::new();
            for row in accounts.all(db).await? {
                let listed = offer::Entity::find()
                    .filter(offer::Column::Account.eq(row.id))
                    .filter(offer::Column::Status.eq(Status::Listed.as_str()));
                let offers = listed.order_by_asc(offer::Column::Id).all(db).await?.into_iter().map(|offer| OfferId(offer.id)).collect();
                let me = Me {
                    id: AccountId(row.id),
                    sign_in: SignInId(Uuid::nil()),
                    display_name: row.display_name,
                    email: row.email,
                    role: Role::Member,
                    provider: true,
                };
                robots.push(Robot { me, offers });
            }
            Ok::<_, StoreError>(robots)
        });
        Ok(read.await?)
    }
}
