//! Filling a new database with a demo, and finding its robots again.

use super::{
    Store,
    asking::{asking, draft, terms},
    consultations::{find, lock, new_row},
    error::StoreError,
    feed::{Provider, publish},
    offers,
    practice::{LOCKED, is_robot, robot_me},
    presence::{ensure_row, record},
    rooms::account_of,
    rows::{self, from_json},
};
use crate::ids;
use app::{context::Me, error::PortError};
use domain::{
    account::{Email, NewPassword, Role},
    conditions::Choice,
    consultation::{Consultation, Op},
    environment::Environment,
    id::{AccountId, ConsultationId, OfferId, SignInId},
    media::Medium,
    offer::{OfferContent, Status},
    presence::DeskEventKind,
    side::Side,
    text::{DisplayName, Question},
    time::{Millis, Timestamp},
};
use entity::{account, consultation, offer, setting};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

/// An account of the demo, checked.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The name shown to others.
    pub name: DisplayName,
    /// The address to sign in with.
    pub email: Email,
    /// The offers.
    pub offers: Vec<OfferContent>,
    /// Whether the server acts for it.
    pub robot: bool,
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
                    // Nobody signs in to a robot: its guests' words are not for others.
                    password_hash: Set(if person.robot { LOCKED.into() } else { hash.clone() }),
                    role: Set(Role::Member.as_str().into()),
                    created_at: Set(self.clock().now().0),
                    robot: Set(person.robot),
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
            let accounts = account::Entity::find()
                .filter(account::Column::Robot.eq(true))
                .filter(account::Column::Email.ends_with(format!("@{host}")))
                .order_by_asc(account::Column::Id);
            let mut robots = Vec::new();
            for row in accounts.all(db).await? {
                let listed = offer::Entity::find()
                    .filter(offer::Column::Account.eq(row.id))
                    .filter(offer::Column::Status.eq(Status::Listed.as_str()));
                let offers = listed.order_by_asc(offer::Column::Id).all(db).await?.into_iter().map(|offer| OfferId(offer.id)).collect();
                robots.push(Robot { me: robot_me(row), offers });
            }
            Ok::<_, StoreError>(robots)
        });
        Ok(read.await?)
    }

    /// Begins a talk of two robots, for others to see that its provider is busy: nobody proves anything, and time does not end it.
    /// `None` if the offer is not open now.
    pub async fn begin_scene(&self, offer: OfferId, consumer: AccountId) -> Result<Option<ConsultationId>, PortError> {
        let begun = self.write(async |tx| {
            let Some(row) = offer::Entity::find_by_id(offer.0).one(&tx.db).await? else { return Ok(None) };
            let (before, now) = Provider::lock(self, tx, AccountId(row.account)).await?;
            let medium = rows::content_of(&row)?.media.iter().next().unwrap_or(Medium::Chat);
            let Ok(terms) = terms(&before, offer, &Choice { medium: medium.as_str().into(), ..Choice::default() }) else { return Ok(None) };
            if asking(tx, consumer, &before, offer, true, now).await?.may_ring().is_err() {
                return Ok(None);
            }
            let agreement = draft(&before, consumer, offer, terms, Environment::default());
            let knobs = self.consultation_knobs();
            let (mut state, _) = Consultation::request(&agreement.conditions, now, knobs);
            let device = SignInId(before.account.id);
            for op in [Op::Accept { device }, Op::Proof { by: Side::Consumer }, Op::Proof { by: Side::Provider }] {
                (state, _) = state.apply(op, now, knobs)?;
            }
            let row = consultation::Model { accepted_at: Some(now.0), ..new_row(&agreement, Question::parse("")?, &state, now)? };
            consultation::Entity::insert(consultation::ActiveModel::from(row)).exec_without_returning(&tx.db).await?;
            ensure_row(tx, before.id()).await?;
            record(tx, before.id(), now, DeskEventKind::Began, Millis(0)).await?;
            publish(self, tx, &before, now).await?;
            Ok(Some(agreement.consultation))
        });
        Ok(begun.await?)
    }

    /// Whether a consultation is such a talk. Errors: `NotFound`.
    pub async fn is_scene(&self, id: ConsultationId) -> Result<bool, PortError> {
        let read = self.read(async |db| is_robot(db, account_of(&find(db, id).await?, Side::Consumer)).await);
        Ok(read.await?)
    }

    /// Ends such a talk; whether it was still going on.
    pub async fn end_scene(&self, id: ConsultationId) -> Result<bool, PortError> {
        let ended = self.write(async |tx| {
            let row = match lock(tx, id).await {
                Err(StoreError::Reject(_)) => return Ok(false),
                row => row?,
            };
            let state: Consultation = from_json(&row.state)?;
            if state.is_over() {
                return Ok(false);
            }
            // As if no time had passed: what time does is for people.
            let began = Timestamp(row.accepted_at.unwrap_or(row.created_at));
            let (state, effects) = state.apply(Op::Stop, began, self.consultation_knobs())?;
            self.keep(tx, row, &state, effects, self.clock().now()).await?;
            Ok(true)
        });
        Ok(ended.await?)
    }
}
