//! Practice: a robot asks a provider as a guest would, so that ring, room and chat can be tried by one person alone. Nobody pays, and it counts nowhere.
//!
//! What robots do is decided in `crate::robots`; here stands whom they act for.

use super::{
    Store,
    asking::{asking, draft, terms},
    error::StoreError,
    feed::Provider,
    rows,
};
use app::{context::Me, error::PortError};
use domain::{
    account::Role,
    conditions::Choice,
    consultation::Asking,
    environment::{Device, Environment, Gear},
    id::{AccountId, ConsultationId, SignInId},
    media::Medium,
    reject::Code,
    side::Side,
    text::{Browser, Question},
};
use entity::{account, consultation};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{OnConflict, SelectStatement},
};

/// What the robot is called.
const NAME: &str = "Practice robot";
/// What it asks.
const QUESTION: &str = "I am a robot, and I ask so that you can practise. Would you show me how it works?";
/// A robot's "password hash": no password fits it.
pub(super) const LOCKED: &str = "!";

/// A consultation in which a robot acts for one side, and a person for the other.
#[derive(Clone, Debug)]
pub struct Part {
    /// The consultation.
    pub id: ConsultationId,
    /// The robot.
    pub me: Me,
    /// Its side.
    pub side: Side,
}

/// What a robot can do: it has no microphone and no camera, and says so.
pub fn robot_environment() -> Environment {
    Environment {
        device: Device::Desktop,
        browser: Browser::parse("Robot").ok(),
        microphone: Gear::Missing,
        camera: Gear::Missing,
        ..Environment::default()
    }
}

/// The ids of all robots.
pub(super) fn robots() -> SelectStatement {
    account::Entity::find().select_only().column(account::Column::Id).filter(account::Column::Robot.eq(true)).into_query()
}

/// Whether the server itself acts for an account.
pub(super) async fn is_robot(db: &impl ConnectionTrait, id: AccountId) -> Result<bool, StoreError> {
    Ok(account::Entity::find_by_id(id.0).one(db).await?.is_some_and(|row| row.robot))
}

impl Store {
    /// A robot asks a provider for the first offer that hangs out. Errors: `NotOpen`, `Busy`, `Ringing`.
    pub(super) async fn practise(&self, provider: AccountId) -> Result<ConsultationId, StoreError> {
        self.write(async |tx| {
            let (before, now) = Provider::lock(self, tx, provider).await?;
            let robot = self.robot_of(tx, provider).await?;
            let offer = before.listed.iter().find(|offer| before.hangs(offer.id)).ok_or(Code::NotOpen)?;
            let media = rows::content_of(offer)?.media;
            // A robot can only write, so it asks by chat where that is offered, and else changes to it.
            let medium = media.iter().find(|medium| *medium == Medium::Chat).or(media.iter().next()).unwrap_or(Medium::Chat);
            let offer = domain::id::OfferId(offer.id);
            let mut terms = terms(&before, offer, &Choice { medium: medium.as_str().into(), ..Choice::default() })?;
            terms.cost_nothing();
            let asking = asking(tx, robot, &before, offer, true, now).await?;
            // It asks once at a time: while it is inside, the provider is busy.
            Asking { blocked: false, ..asking }.may_ring()?;
            let agreement = draft(&before, robot, offer, terms, robot_environment());
            self.begin(tx, agreement, Question::parse(QUESTION)?, now).await
        })
        .await
    }

    /// The robot with which a provider practises: one each, since nobody asks two at once.
    async fn robot_of(&self, tx: &super::tx::Tx, provider: AccountId) -> Result<AccountId, StoreError> {
        // No address, so nobody can sign up or in by it.
        let email = format!("practice {provider}");
        let row = account::ActiveModel {
            id: Set(crate::ids::uuid()),
            email: Set(email.clone()),
            display_name: Set(NAME.into()),
            password_hash: Set(LOCKED.into()),
            role: Set(Role::Member.as_str().into()),
            created_at: Set(self.clock().now().0),
            robot: Set(true),
        };
        account::Entity::insert(row)
            .on_conflict(OnConflict::column(account::Column::Email).do_nothing().to_owned())
            .exec_without_returning(&tx.db)
            .await?;
        let found = account::Entity::find().filter(account::Column::Email.eq(email)).one(&tx.db).await?;
        found.map(|row| AccountId(row.id)).ok_or_else(|| StoreError::Broken("a robot that was just made is gone".into()))
    }

    /// The consultations that wait for something that a robot may do. Those between two robots are scenes, and move by themselves.
    pub async fn parts(&self) -> Result<Vec<Part>, PortError> {
        let read = self.read(async |db| {
            let one = |is: consultation::Column, is_not: consultation::Column| {
                Condition::all().add(is.in_subquery(robots())).add(is_not.not_in_subquery(robots()))
            };
            let (consumer, provider) = (consultation::Column::Consumer, consultation::Column::Provider);
            let open = consultation::Entity::find()
                .filter(consultation::Column::OverAt.is_null())
                .filter(Condition::any().add(one(consumer, provider)).add(one(provider, consumer)));
            let mut parts = Vec::new();
            for row in open.all(db).await? {
                let accounts = account::Entity::find().filter(account::Column::Id.is_in([row.consumer, row.provider])).all(db).await?;
                let Some(robot) = accounts.into_iter().find(|account| account.robot) else { continue };
                let side = if robot.id == row.consumer { Side::Consumer } else { Side::Provider };
                parts.push(Part { id: ConsultationId(row.id), me: robot_me(robot), side });
            }
            Ok::<_, StoreError>(parts)
        });
        Ok(read.await?)
    }
}

/// A robot as whoever acts is known to the store. It never signs in; its one device goes by its own id.
pub(super) fn robot_me(row: account::Model) -> Me {
    Me {
        id: AccountId(row.id),
        sign_in: SignInId(row.id),
        display_name: row.display_name,
        email: row.email,
        role: Role::Member,
        provider: true,
    }
}
