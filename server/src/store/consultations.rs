//! Consultations: asking, answering, and the room. The rules are `domain::consultation`'s; here its states are kept.
//!
//! Whoever changes a consultation: lock its row, apply the op, [`keep`](Store::keep) what came of it. Lock order: consultation, provider, head of the
//! feed. Asking locks the provider only: there is no row yet, and it reads others without waiting for them.

use super::{
    Store,
    error::{StoreError, one_row},
    feed::{Provider, publish},
    presence::{ensure_row, record},
    rows::{self, from_json, to_json},
    tx::{Hint, Tx},
};
use crate::ids;
use app::{context::Me, error::PortError};
use domain::{
    agreement::{Agreement, shown},
    conditions::{Choice, Conditions},
    consultation::{Asking, Consultation, Effect, Knobs, Op, Stage},
    environment::Environment,
    id::{AccountId, ConsultationId, MessageKey, OfferId},
    message::Message,
    presence::{DeskEventKind, judge},
    proof::Segment,
    reject::Code,
    side::{Both, Side},
    text::{MessageText, Question},
    time::{Millis, Timestamp},
    timeline::{Event, Row},
};
use entity::{agreement, block, consultation, offer, presence, room_row, segment};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};
use sha2::{Digest, Sha256};

/// What a consumer is shown before asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Under which conditions.
    pub conditions: Conditions,
    /// The provider's environment.
    pub environment: Environment,
    /// Names both: a request carries it, so that nobody is asked for what was not shown.
    pub hash: String,
}

/// A request, as its consumer sends it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For which offer.
    pub offer: OfferId,
    /// What was chosen.
    pub choice: Choice,
    /// What the consumer wants to know.
    pub question: Question,
    /// The consumer's environment, as its owner saw it.
    pub environment: Environment,
    /// The hash of the [`Terms`] that were shown.
    pub shown: String,
}

impl Store {
    /// The times of consultations.
    pub fn consultation_knobs(&self) -> &Knobs {
        &self.0.consultation_knobs
    }

    /// What an offer would be given under, by what is known now. Errors: `NotFound`, and those of [`Conditions::of`].
    pub async fn terms(&self, offer: OfferId, choice: &Choice) -> Result<Terms, PortError> {
        let read = self.read(async |db| {
            let row = offer::Entity::find_by_id(offer.0).one(db).await?.ok_or(Code::NotFound)?;
            let provider = Provider::load(db, AccountId(row.account), self.knobs(), self.clock().now()).await?;
            terms(&provider, offer, choice)
        });
        Ok(read.await?)
    }

    /// Asks for an offer: its provider is rung.
    ///
    /// Errors: `NotFound`, those of [`Conditions::of`], and those of [`Asking::may_ring`].
    pub async fn request(&self, me: &Me, asked: Asked) -> Result<ConsultationId, PortError> {
        self.0.limits.write(me.id)?;
        let requested = self.write(async |tx| {
            let row = offer::Entity::find_by_id(asked.offer.0).one(&tx.db).await?.ok_or(Code::NotFound)?;
            let (provider, now) = Provider::lock(self, tx, AccountId(row.account)).await?;
            let terms = terms(&provider, asked.offer, &asked.choice)?;
            asking(tx, me.id, &provider, asked.offer, asked.shown == terms.hash, now).await?.may_ring()?;
            let agreement = draft(&provider, me.id, asked.offer, terms, asked.environment);
            let (state, effects) = Consultation::request(&agreement.conditions, now, self.consultation_knobs());
            let row = new_row(&agreement, asked.question, &state, now)?;
            consultation::Entity::insert(consultation::ActiveModel::from(row.clone())).exec_without_returning(&tx.db).await?;
            self.keep(tx, row, &state, effects, now).await?;
            Ok(agreement.consultation)
        });
        Ok(requested.await?)
    }

    /// Does something to a consultation as one of its sides. Whoever is not on the side that may do it is told that there is no such thing.
    ///
    /// Errors: `NotFound`, and those of [`Consultation::apply`].
    pub async fn act(&self, me: &Me, id: ConsultationId, op: Op) -> Result<(), PortError> {
        Ok(self.change(id, Some(me.id), op).await?)
    }

    /// Does to every consultation what time does; answers how many changed. One that fails is logged, and tried again.
    pub async fn sweep_consultations(&self, now: Timestamp) -> Result<u64, PortError> {
        let due: Vec<uuid::Uuid> = consultation::Entity::find()
            .filter(consultation::Column::DueAt.lte(now.0))
            .select_only()
            .column(consultation::Column::Id)
            .into_tuple()
            .all(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        let mut changed = 0;
        for id in due {
            // One that cannot be read must not keep the others from going on.
            match self.change(ConsultationId(id), None, Op::Time).await {
                Ok(()) => changed += 1,
                Err(error) => drop(PortError::from(error)),
            }
        }
        Ok(changed)
    }

    /// Posts a chat message; answers the number of its row. The same message again answers the same number.
    ///
    /// Errors: `NotFound`, `TooEarly`, `Interrupted`, `Over`, `KeyReused`.
    pub async fn say(&self, me: &Me, id: ConsultationId, key: MessageKey, text: MessageText) -> Result<u64, PortError> {
        let said = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let message = Message { by: side(&row, me.id)?, key, text };
            let known = room_row::Entity::find()
                .filter(room_row::Column::Consultation.eq(id.0))
                .filter(room_row::Column::MessageKey.eq(key.0))
                .one(&tx.db)
                .await?;
            if let Some(known) = known {
                let Event::Message(posted) = from_json(&known.body)? else { return Err(broken("a row with a message's key")) };
                message.repeats(&posted)?;
                return number(known.n);
            }
            from_json::<Consultation>(&row.state)?.takes_messages()?;
            let n = row.last_row.saturating_add(1);
            let now = self.clock().now();
            tell(tx, id, n, now, &Event::Message(message), Some(key)).await?;
            let updated = consultation::Entity::update_many()
                .col_expr(consultation::Column::LastRow, Expr::value(n))
                .filter(consultation::Column::Id.eq(id.0))
                .exec(&tx.db)
                .await?;
            met(updated.rows_affected)?;
            tx.hint(Hint::Room(id));
            number(n)
        });
        Ok(said.await?)
    }

    /// At most `limit` rows of a room after row `after`, in order. Errors: `NotFound` for everybody who is on neither side.
    pub async fn room_after(&self, me: &Me, id: ConsultationId, after: u64, limit: u64) -> Result<Vec<Row>, PortError> {
        let read = self.read(async |db| {
            side(&find(db, id).await?, me.id)?;
            let rows = room_row::Entity::find()
                .filter(room_row::Column::Consultation.eq(id.0))
                .filter(room_row::Column::N.gt(i64::try_from(after).unwrap_or(i64::MAX)))
                .order_by_asc(room_row::Column::N)
                .limit(limit)
                .all(db)
                .await?;
            rows.into_iter().map(|row| Ok(Row { n: number(row.n)?, at: Timestamp(row.at), is: from_json(&row.body)? })).collect()
        });
        Ok(read.await?)
    }

    /// The state of a consultation. Errors: `NotFound` for everybody who is on neither side.
    pub async fn consultation(&self, me: &Me, id: ConsultationId) -> Result<Consultation, PortError> {
        let read = self.read(async |db| {
            let row = find(db, id).await?;
            side(&row, me.id)?;
            from_json(&row.state)
        });
        Ok(read.await?)
    }

    /// What both accepted, and its hash; `None` before they have. Errors: `NotFound` for everybody who is on neither side.
    pub async fn agreement(&self, me: &Me, id: ConsultationId) -> Result<Option<(Agreement, Vec<u8>)>, PortError> {
        let read = self.read(async |db| {
            side(&find(db, id).await?, me.id)?;
            let kept = agreement::Entity::find_by_id(id.0).one(db).await?;
            kept.map(|row| Ok((from_json(&row.body)?, row.hash))).transpose()
        });
        Ok(read.await?)
    }

    /// The stretches in which both proved that they were there, in order. Errors: `NotFound` for everybody who is on neither side.
    pub async fn segments(&self, me: &Me, id: ConsultationId) -> Result<Vec<Segment>, PortError> {
        let read = self.read(async |db| {
            side(&find(db, id).await?, me.id)?;
            let found = segment::Entity::find()
                .filter(segment::Column::Consultation.eq(id.0))
                .order_by_asc(segment::Column::FromAt)
                .all(db)
                .await?;
            Ok(found.into_iter().map(|row| Segment { from: Timestamp(row.from_at), to: Timestamp(row.to_at) }).collect())
        });
        Ok(read.await?)
    }

    /// Blocks the other side of a consultation, for good, and leaves it. Doing it twice changes nothing.
    pub async fn block(&self, me: &Me, id: ConsultationId) -> Result<(), PortError> {
        let blocked = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            let other = if by == Side::Consumer { row.provider } else { row.consumer };
            let entry = block::ActiveModel { by_account: Set(me.id.0), account: Set(other), at: Set(self.clock().now().0) };
            block::Entity::insert(entry)
                .on_conflict(OnConflict::columns([block::Column::ByAccount, block::Column::Account]).do_nothing().to_owned())
                .exec_without_returning(&tx.db)
                .await?;
            let state: Consultation = from_json(&row.state)?;
            if state.is_over() { Ok(()) } else { self.step(tx, row, Op::Block { by }).await }
        });
        Ok(blocked.await?)
    }

    async fn change(&self, id: ConsultationId, who: Option<AccountId>, op: Op) -> Result<(), StoreError> {
        self.write(async |tx| {
            let row = lock(tx, id).await?;
            if let Some(who) = who
                && op.whose() != Some(side(&row, who)?)
            {
                return Err(Code::NotFound.into());
            }
            self.step(tx, row, op).await
        })
        .await
    }

    async fn step(&self, tx: &Tx, row: consultation::Model, op: Op) -> Result<(), StoreError> {
        let before: Consultation = from_json(&row.state)?;
        let now = self.clock().now();
        let (after, effects) = before.apply(op, now, self.consultation_knobs())?;
        if after == before { Ok(()) } else { self.keep(tx, row, &after, effects, now).await }
    }

    /// Writes a state and does what it asks for.
    pub(super) async fn keep(
        &self,
        tx: &Tx,
        row: consultation::Model,
        state: &Consultation,
        effects: Vec<Effect>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, provider) = (ConsultationId(row.id), AccountId(row.provider));
        // Before anything is written, so that consumers are told the difference.
        let before = if effects.iter().any(changes_provider) { Some(Provider::lock(self, tx, provider).await?) } else { None };
        let mut last_row = row.last_row;
        for effect in effects {
            match effect {
                Effect::Ring | Effect::StopRinging => tx.hint(Hint::Desk(provider)),
                Effect::Tell(event) => {
                    last_row = last_row.saturating_add(1);
                    tell(tx, id, last_row, now, &event, None).await?;
                }
                Effect::Segment(found) => {
                    let found = segment::ActiveModel { consultation: Set(id.0), from_at: Set(found.from.0), to_at: Set(found.to.0) };
                    segment::Entity::insert(found).exec_without_returning(&tx.db).await?;
                }
                Effect::Conclude => {
                    conclude(tx, &row, now).await?;
                    ensure_row(tx, provider).await?;
                    record(tx, provider, now, DeskEventKind::Began, Millis(0)).await?;
                }
                Effect::Settle { .. } => {
                    let since = row.accepted_at.map_or(now, Timestamp);
                    record(tx, provider, now, DeskEventKind::Ended, now.since(since)).await?;
                }
                Effect::Miss => remember(tx, provider, |misses| misses.missed(now)).await?,
                Effect::Answer => remember(tx, provider, |misses| misses.answered()).await?,
            }
        }
        let updated = consultation::Entity::update_many()
            .set(kept(&row, state, last_row, now, self.consultation_knobs())?)
            .filter(consultation::Column::Id.eq(row.id))
            .filter(consultation::Column::Version.eq(row.version))
            .exec(&tx.db)
            .await?;
        met(updated.rows_affected)?;
        tx.hint(Hint::Room(id));
        match before {
            Some((before, now)) => publish(self, tx, &before, now).await,
            None => Ok(()),
        }
    }
}

/// The providers who are in a consultation now.
pub(super) async fn open(db: &impl ConnectionTrait, provider: Option<AccountId>) -> Result<Vec<(AccountId, ConsultationId)>, StoreError> {
    let mut found = consultation::Entity::find()
        .filter(consultation::Column::Stage.is_in(Stage::ALL.iter().filter(|stage| stage.is_open()).map(|stage| stage.as_str())));
    if let Some(provider) = provider {
        found = found.filter(consultation::Column::Provider.eq(provider.0));
    }
    Ok(found.all(db).await?.into_iter().map(|row| (AccountId(row.provider), ConsultationId(row.id))).collect())
}

pub(super) fn terms(provider: &Provider, offer: OfferId, choice: &Choice) -> Result<Terms, StoreError> {
    let row = provider.listed.iter().find(|row| row.id == offer.0).ok_or(Code::NotFound)?;
    let conditions = Conditions::of(&rows::content_of(row)?, choice)?;
    let environment: Environment =
        provider.presence.as_ref().map_or_else(|| Ok(Environment::default()), |row| from_json(&row.environment))?;
    let hash = ids::hex(&Sha256::digest(shown(offer, &conditions, &environment)));
    Ok(Terms { conditions, environment, hash })
}

/// The agreement that an accept would conclude, under a new id.
pub(super) fn draft(provider: &Provider, consumer: AccountId, offer: OfferId, terms: Terms, environment: Environment) -> Agreement {
    Agreement {
        consultation: ids::new(),
        offer,
        parties: Both { consumer, provider: provider.id() },
        conditions: terms.conditions,
        environments: Both { consumer: environment, provider: terms.environment },
    }
}

/// All that decides whether a request may ring, read under the lock of its provider.
pub(super) async fn asking(
    tx: &Tx,
    consumer: AccountId,
    provider: &Provider,
    offer: OfferId,
    as_shown: bool,
    now: Timestamp,
) -> Result<Asking, StoreError> {
    let pair =
        |by: AccountId, whom: AccountId| Condition::all().add(block::Column::ByAccount.eq(by.0)).add(block::Column::Account.eq(whom.0));
    let blocks = block::Entity::find().filter(Condition::any().add(pair(consumer, provider.id())).add(pair(provider.id(), consumer)));
    let asks =
        consultation::Entity::find().filter(consultation::Column::Consumer.eq(consumer.0)).filter(consultation::Column::OverAt.is_null());
    let rings = consultation::Entity::find()
        .filter(consultation::Column::Provider.eq(provider.account.id))
        .filter(consultation::Column::Stage.eq(Stage::Requested.as_str()));
    Ok(Asking {
        blocked: blocks.count(&tx.db).await? > 0,
        own: consumer == provider.id(),
        asks_already: asks.count(&tx.db).await? > 0,
        presence: judge(&provider.facts(), now),
        hangs: provider.hangs(offer.0),
        ringing: rings.count(&tx.db).await? > 0,
        as_shown,
    })
}

/// Whether an effect changes what consumers see of the provider.
const fn changes_provider(effect: &Effect) -> bool {
    matches!(effect, Effect::Miss | Effect::Answer | Effect::Conclude | Effect::Settle { .. })
}

pub(super) fn new_row(
    agreement: &Agreement,
    question: Question,
    state: &Consultation,
    now: Timestamp,
) -> Result<consultation::Model, StoreError> {
    Ok(consultation::Model {
        id: agreement.consultation.0,
        offer: agreement.offer.0,
        provider: agreement.parties.provider.0,
        consumer: agreement.parties.consumer.0,
        question: question.into(),
        agreement: to_json(agreement)?,
        stage: state.stage().as_str().into(),
        state: to_json(state)?,
        version: 1,
        last_row: 0,
        due_at: None,
        created_at: now.0,
        accepted_at: None,
        over_at: None,
    })
}

/// The columns that change with the state.
fn kept(
    row: &consultation::Model,
    state: &Consultation,
    last_row: i64,
    now: Timestamp,
    knobs: &Knobs,
) -> Result<consultation::ActiveModel, StoreError> {
    Ok(consultation::ActiveModel {
        stage: Set(state.stage().as_str().into()),
        state: Set(to_json(state)?),
        version: Set(row.version.saturating_add(1)),
        last_row: Set(last_row),
        due_at: Set(state.next_due(knobs).map(|due| due.0)),
        accepted_at: Set(row.accepted_at.or_else(|| state.is_open().then_some(now.0))),
        over_at: Set(row.over_at.or_else(|| state.is_over().then_some(now.0))),
        ..consultation::ActiveModel::default()
    })
}

/// Keeps the agreement that an accept concludes.
async fn conclude(tx: &Tx, row: &consultation::Model, now: Timestamp) -> Result<(), StoreError> {
    let agreed: Agreement = from_json(&row.agreement)?;
    let concluded = agreement::ActiveModel {
        consultation: Set(row.id),
        at: Set(now.0),
        body: Set(row.agreement.clone()),
        hash: Set(Sha256::digest(agreed.canonical()).to_vec()),
    };
    agreement::Entity::insert(concluded).exec_without_returning(&tx.db).await?;
    Ok(())
}

/// Changes what is remembered of a provider's misses. The provider is locked.
async fn remember(
    tx: &Tx,
    provider: AccountId,
    change: impl FnOnce(domain::consultation::Misses) -> domain::consultation::Misses,
) -> Result<(), StoreError> {
    ensure_row(tx, provider).await?;
    let row = presence::Entity::find_by_id(provider.0).one(&tx.db).await?.ok_or_else(|| broken("a presence that was just made sure of"))?;
    let misses = change(rows::misses(&row));
    presence::Entity::update_many()
        .col_expr(presence::Column::Missed, Expr::value(i32::try_from(misses.in_a_row).unwrap_or(i32::MAX)))
        .col_expr(presence::Column::MissedAt, Expr::value(misses.last.0))
        .col_expr(presence::Column::Away, Expr::value(misses.away))
        .filter(presence::Column::Account.eq(provider.0))
        .exec(&tx.db)
        .await?;
    Ok(())
}

/// Writes a row of the room. The consultation is locked.
async fn tell(tx: &Tx, id: ConsultationId, n: i64, at: Timestamp, event: &Event, key: Option<MessageKey>) -> Result<(), StoreError> {
    let row = room_row::ActiveModel {
        consultation: Set(id.0),
        n: Set(n),
        at: Set(at.0),
        message_key: Set(key.map(|key| key.0)),
        body: Set(to_json(event)?),
    };
    room_row::Entity::insert(row).exec_without_returning(&tx.db).await?;
    Ok(())
}

/// Locks a consultation. Errors: `NotFound`.
pub(super) async fn lock(tx: &Tx, id: ConsultationId) -> Result<consultation::Model, StoreError> {
    let row = consultation::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate).one(&tx.db).await?;
    row.ok_or_else(|| Code::NotFound.into())
}

async fn find(db: &impl ConnectionTrait, id: ConsultationId) -> Result<consultation::Model, StoreError> {
    consultation::Entity::find_by_id(id.0).one(db).await?.ok_or_else(|| Code::NotFound.into())
}

/// The side that somebody is on. Errors: `NotFound`, as for a stranger's guess.
fn side(row: &consultation::Model, who: AccountId) -> Result<Side, Code> {
    match who.0 {
        id if id == row.consumer => Ok(Side::Consumer),
        id if id == row.provider => Ok(Side::Provider),
        _ => Err(Code::NotFound),
    }
}

/// A row that was locked cannot have changed meanwhile.
fn met(rows_affected: u64) -> Result<(), StoreError> {
    if one_row(rows_affected)? { Ok(()) } else { Err(broken("a consultation that changed under its lock")) }
}

fn number(n: i64) -> Result<u64, StoreError> {
    u64::try_from(n).map_err(|_| broken("a row below nothing"))
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(format!("found {what}"))
}
