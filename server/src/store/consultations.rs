//! Consultations: asking, answering, and the room. The rules are `domain::consultation`'s; here its states are kept.
//!
//! Whoever changes a consultation: lock its row, apply the op, [`keep`](Store::keep) what came of it. Lock order: consultation, provider, head of the
//! feed. Asking locks the provider only: there is no row yet, and it reads others without waiting for them.

use super::{
    Store, answers,
    asking::{Terms, asking, draft, terms},
    audit,
    error::{StoreError, one_row},
    feed::{Provider, publish},
    practice::is_robot,
    presence::{ensure_row, record},
    records::segments,
    rows::{self, from_json, to_json},
    tx::{Hint, Tx},
};
use crate::ids;
use app::{
    consultation::{
        api::{ConsultationView, PastView, TermsView},
        port::{Asked, Consultations},
        wire::RingView,
    },
    context::Me,
    error::PortError,
};
use async_trait::async_trait;
use domain::{
    agreement::Agreement,
    conditions::Choice,
    consultation::{Consultation, Effect, Knobs, Op, Stage},
    id::{AccountId, ConsultationId, MessageKey, OfferId},
    media::Medium,
    presence::{DeskEventKind, Presence, judge},
    proof::Segment,
    reject::{Code, Field, Reject},
    side::Side,
    text::Question,
    time::{Millis, Timestamp},
    timeline::Event,
};
use entity::{agreement, block, consultation, offer, presence, room_row, segment};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};
use sha2::{Digest, Sha256};

impl Store {
    /// The times of consultations.
    pub fn consultation_knobs(&self) -> &Knobs {
        &self.0.consultation_knobs
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
        let gone = self.ringing_in_vain(now).await?;
        let mut changed = 0;
        for (id, op) in due.into_iter().map(|id| (id, Op::Time)).chain(gone.into_iter().map(|id| (id, Op::Gone))) {
            // One that cannot be read must not keep the others from going on.
            match self.change(ConsultationId(id), None, op).await {
                Ok(()) => changed += 1,
                Err(error) => drop(PortError::from(error)),
            }
        }
        Ok(changed)
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
            segments(db, id).await
        });
        Ok(read.await?)
    }

    /// The requests whose provider's curtain went in while they rang.
    async fn ringing_in_vain(&self, now: Timestamp) -> Result<Vec<uuid::Uuid>, StoreError> {
        self.read(async |db| {
            let rings = consultation::Entity::find().filter(consultation::Column::Stage.eq(Stage::Requested.as_str()));
            let mut gone = Vec::new();
            for row in rings.all(db).await? {
                let provider = Provider::load(db, AccountId(row.provider), self.knobs(), now).await?;
                if judge(&provider.facts(), now) == Presence::Offline {
                    gone.push(row.id);
                }
            }
            Ok(gone)
        })
        .await
    }

    /// Writes a request that may ring, and rings. The provider is locked.
    pub(super) async fn begin(
        &self,
        tx: &Tx,
        agreement: Agreement,
        question: Question,
        now: Timestamp,
    ) -> Result<ConsultationId, StoreError> {
        let (state, effects) = Consultation::request(&agreement.conditions, now, self.consultation_knobs());
        let row = new_row(&agreement, question, &state, now)?;
        consultation::Entity::insert(consultation::ActiveModel::from(row.clone())).exec_without_returning(&tx.db).await?;
        self.keep(tx, row, &state, effects, now).await?;
        Ok(agreement.consultation)
    }

    pub(super) async fn change(&self, id: ConsultationId, who: Option<AccountId>, op: Op) -> Result<(), StoreError> {
        let changed = self.write(async |tx| {
            let row = lock(tx, id).await?;
            if let Some(who) = who
                && op.whose() != Some(side(&row, who)?)
            {
                return Err(Code::NotFound.into());
            }
            self.step(tx, row, op).await
        });
        let changed = changed.await;
        if let (Op::Accept { .. }, Err(StoreError::Reject(reject))) = (op, &changed)
            && reject.code() == Code::NoFunds
        {
            // The money went while it rang.
            self.write(async |tx| self.step(tx, lock(tx, id).await?, Op::Funds).await).await?;
            return Err(Code::FundsGone.into());
        }
        changed
    }

    pub(super) async fn step(&self, tx: &Tx, row: consultation::Model, op: Op) -> Result<(), StoreError> {
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
        let (mut last_row, mut counts) = (row.last_row, false);
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
                Effect::Reserve { cap } => self.reserve(tx, &row, cap, now).await?,
                Effect::Settle { .. } => {
                    let since = row.accepted_at.map_or(now, Timestamp);
                    record(tx, provider, now, DeskEventKind::Ended, now.since(since)).await?;
                    tx.hint(Hint::Settle);
                }
                // Practice counts nowhere.
                Effect::Miss | Effect::Answer if is_robot(&tx.db, AccountId(row.consumer)).await? => {}
                Effect::Miss => {
                    remember(tx, provider, |misses| misses.missed(now)).await?;
                    counts = true;
                }
                Effect::Answer => {
                    remember(tx, provider, |misses| misses.answered()).await?;
                    counts = true;
                }
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
        if counts {
            answers::reckon(tx, provider, now).await?;
        }
        match before {
            Some((before, now)) => publish(self, tx, &before, now).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Consultations for Store {
    async fn terms(&self, me: Option<&Me>, offer: OfferId, choice: &Choice) -> Result<TermsView, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let row = offer::Entity::find_by_id(offer.0).one(db).await?.ok_or(Code::NotFound)?;
            let provider = Provider::load(db, AccountId(row.account), self.knobs(), now).await?;
            let first = rows::content_of(&row)?.media.iter().next().unwrap_or(Medium::Chat);
            let medium = if choice.medium.trim().is_empty() { first.as_str().to_owned() } else { choice.medium.clone() };
            let Terms { conditions, environment, hash } = terms(&provider, offer, &Choice { medium, ..choice.clone() })?;
            let hung = if provider.hangs(offer.0) { judge(&provider.facts(), now) } else { Presence::Offline };
            let free_by = match hung {
                Presence::Busy { consultation } => {
                    from_json::<Consultation>(&find(db, consultation).await?.state)?.ends_by(now, self.consultation_knobs())
                }
                _ => None,
            };
            let paths = me.map(|me| self.0.calls.paths(me.id, now)).unwrap_or_default();
            let (funds, fits) = match me {
                Some(me) => {
                    let fits = self.fits(db, me.id, self.asset_of(&conditions)).await?;
                    (Some(self.available(db, me.id, &conditions).await?), Some(fits))
                }
                None => (None, None),
            };
            let key = ids::uuid().to_string();
            Ok(TermsView { conditions, environment, hash, is: hung.shown(), free_by, paths, funds, fits, key, now })
        });
        Ok(read.await?)
    }

    async fn request(&self, me: &Me, asked: Asked) -> Result<ConsultationId, PortError> {
        self.0.limits.write(me.id)?;
        let requested = self.write(async |tx| {
            let row = offer::Entity::find_by_id(asked.offer.0).one(&tx.db).await?.ok_or(Code::NotFound)?;
            let (provider, now) = Provider::lock(self, tx, AccountId(row.account)).await?;
            let terms = terms(&provider, asked.offer, &asked.choice)?;
            let as_shown = asked.shown.is_none_or(|shown| shown == terms.hash);
            asking(tx, me.id, &provider, asked.offer, as_shown, now).await?.may_ring()?;
            let most = terms.conditions.at_most();
            if most > 0 && audit::frozen(&tx.db).await? {
                return Err(Code::Frozen.into());
            }
            if self.available(&tx.db, me.id, &terms.conditions).await?.minor < most {
                return Err(Reject::field(Field::Cap, Code::NoFunds).into());
            }
            self.begin(tx, draft(&provider, me.id, asked.offer, terms, asked.environment), asked.question, now).await
        });
        Ok(requested.await?)
    }

    async fn act(&self, me: &Me, id: ConsultationId, op: Op) -> Result<(), PortError> {
        Ok(self.change(id, Some(me.id), op).await?)
    }

    async fn practise(&self, me: &Me) -> Result<ConsultationId, PortError> {
        self.0.limits.write(me.id)?;
        Ok(Store::practise(self, me.id).await?)
    }

    async fn block(&self, me: &Me, id: ConsultationId) -> Result<(), PortError> {
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
            match self.step(tx, row.clone(), Op::Block { by }).await {
                // It was due to end: that is done instead, and the block stands.
                Err(StoreError::Reject(_)) if !state.is_over() => self.step(tx, row, Op::Time).await,
                Err(StoreError::Reject(_)) => Ok(()),
                done => done,
            }
        });
        Ok(blocked.await?)
    }

    async fn end(&self, me: &Me, id: ConsultationId) -> Result<(), PortError> {
        let ended = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            self.step(tx, row, Op::End { by }).await
        });
        Ok(ended.await?)
    }

    async fn show(&self, me: &Me, id: ConsultationId) -> Result<ConsultationView, PortError> {
        Ok(self.record(me.id, id).await?)
    }

    async fn past(&self, me: &Me) -> Result<Vec<PastView>, PortError> {
        Ok(self.past_of(me.id).await?)
    }

    async fn ringing(&self, me: &Me) -> Result<Option<RingView>, PortError> {
        Ok(self.ring_of(me.id).await?)
    }

    async fn open_of(&self, me: &Me) -> Result<Option<ConsultationId>, PortError> {
        let open = consultation::Entity::find()
            .filter(consultation::Column::Consumer.eq(me.id.0))
            .filter(consultation::Column::OverAt.is_null())
            .one(&self.0.reader)
            .await
            .map_err(StoreError::from)?;
        Ok(open.map(|row| ConsultationId(row.id)))
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
        last_signal: 0,
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
pub(super) async fn tell(
    tx: &Tx,
    id: ConsultationId,
    n: i64,
    at: Timestamp,
    event: &Event,
    key: Option<MessageKey>,
) -> Result<(), StoreError> {
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

/// Locks a consultation. From then on the clock tells no earlier time than its state knows of, whichever node it was changed on. Errors: `NotFound`.
pub(super) async fn lock(tx: &Tx, id: ConsultationId) -> Result<consultation::Model, StoreError> {
    let row = consultation::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate).one(&tx.db).await?.ok_or(Code::NotFound)?;
    tx.clock.not_before(from_json::<Consultation>(&row.state)?.newest());
    Ok(row)
}

pub(super) async fn find(db: &impl ConnectionTrait, id: ConsultationId) -> Result<consultation::Model, StoreError> {
    consultation::Entity::find_by_id(id.0).one(db).await?.ok_or_else(|| Code::NotFound.into())
}

/// The side that somebody is on. Errors: `NotFound`, as for a stranger's guess.
pub(super) fn side(row: &consultation::Model, who: AccountId) -> Result<Side, Code> {
    match who.0 {
        id if id == row.consumer => Ok(Side::Consumer),
        id if id == row.provider => Ok(Side::Provider),
        _ => Err(Code::NotFound),
    }
}

/// A row that was locked cannot have changed meanwhile.
pub(super) fn met(rows_affected: u64) -> Result<(), StoreError> {
    if one_row(rows_affected)? { Ok(()) } else { Err(broken("a consultation that changed under its lock")) }
}

pub(super) fn number(n: i64) -> Result<u64, StoreError> {
    u64::try_from(n).map_err(|_| broken("a row below nothing"))
}

pub(super) fn broken(what: &str) -> StoreError {
    StoreError::Broken(format!("found {what}"))
}
