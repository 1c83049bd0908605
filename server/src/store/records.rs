//! What both sides see of a consultation: how it stands, its record, the own history, and the ring at the desk.

use super::{
    Store,
    consultations::{find, number, side},
    error::StoreError,
    rooms::{account_of, lives, marks, named, rows_after},
    rows::from_json,
};
use crate::ids;
use app::{
    consultation::{
        api::{ConsultationView, Cost, PastView},
        wire::{Person, RingView, RoomState},
    },
    error::PortError,
};
use domain::{
    agreement::Agreement,
    consultation::{Consultation, EndReason, Knobs, Phase, Stage},
    id::{AccountId, ConsultationId, OfferId},
    proof::{Proofs, Segment, total},
    side::{Both, Side},
    time::{Millis, Timestamp},
};
use entity::{account, agreement, consultation, offer, proof, receipt, segment};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

/// Lines of the own history.
const PAST: u64 = 50;

/// How a consultation stands.
pub(super) async fn state(
    db: &impl ConnectionTrait,
    row: &consultation::Model,
    now: Timestamp,
    knobs: &Knobs,
) -> Result<RoomState, StoreError> {
    let id = ConsultationId(row.id);
    let state: Consultation = from_json(&row.state)?;
    let conditions = from_json::<Agreement>(&row.agreement)?.conditions;
    let mut seen = RoomState {
        stage: state.stage(),
        until: None,
        asked: false,
        full: false,
        missing: None,
        medium: conditions.medium,
        cap: conditions.cap,
        proved: Millis(0),
        counts_from: None,
        ends_by: state.ends_by(now, knobs),
        here: Both::default(),
        lives: lives(db, id).await?,
        marks: marks(db, id).await?,
        reason: None,
        decline: None,
        head: number(row.last_row)?,
        now,
    };
    match state {
        Consultation::Requested(ring) => seen.until = Some(ring.until),
        Consultation::Declined { reason, .. } => seen.decline = Some(reason),
        Consultation::Ended(end) | Consultation::Settled(end) => {
            seen.reason = Some(end.reason);
            seen.proved = end.proved;
        }
        Consultation::Open(room) => {
            seen.medium = room.course.medium;
            seen.cap = room.course.cap;
            seen.proved = room.meter.proved();
            seen.here = room.here;
            seen.missing = room.meter.missing();
            match room.phase {
                Phase::Connecting { until } => seen.until = Some(until),
                Phase::Live => seen.counts_from = room.meter.full_at(Millis(0)),
                Phase::Interrupted { until, asked } => (seen.until, seen.asked) = (Some(until), asked),
                Phase::Full { until } => (seen.until, seen.full, seen.missing) = (Some(until), true, None),
            }
        }
        Consultation::Cancelled { unfunded, .. } => seen.reason = unfunded.then_some(EndReason::Funds),
        Consultation::Missed { .. } | Consultation::Unreachable { .. } | Consultation::Failed { .. } => {}
    }
    Ok(seen)
}

async fn person(db: &impl ConnectionTrait, id: AccountId) -> Result<Person, StoreError> {
    let row = account::Entity::find_by_id(id.0).one(db).await?;
    Ok(Person { id, name: row.map(|row| row.display_name).unwrap_or_default() })
}

async fn people(db: &impl ConnectionTrait, row: &consultation::Model) -> Result<Both<Person>, StoreError> {
    Ok(Both { consumer: person(db, account_of(row, Side::Consumer)).await?, provider: person(db, account_of(row, Side::Provider)).await? })
}

async fn title(db: &impl ConnectionTrait, row: &consultation::Model) -> Result<String, StoreError> {
    Ok(offer::Entity::find_by_id(row.offer).one(db).await?.map(|offer| offer.title).unwrap_or_default())
}

/// The stretches in which both proved that they were there, in order.
pub(super) async fn segments(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Vec<Segment>, StoreError> {
    let found =
        segment::Entity::find().filter(segment::Column::Consultation.eq(id.0)).order_by_asc(segment::Column::FromAt).all(db).await?;
    Ok(found.into_iter().map(|row| Segment { from: Timestamp(row.from_at), to: Timestamp(row.to_at) }).collect())
}

/// When each side proved, in order, part by part: what a bill is made of and checked by.
pub(super) async fn proofs(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Proofs, StoreError> {
    let found = proof::Entity::find().filter(proof::Column::Consultation.eq(id.0)).order_by_asc(proof::Column::At).all(db).await?;
    let last = found.iter().map(|row| row.part).max().unwrap_or(0);
    let mut parts = Proofs::default();
    for part in 0..=last {
        let mut both = Both::<Vec<Timestamp>>::default();
        for row in found.iter().filter(|row| row.part == part) {
            both.of_mut(named(&row.side)?).push(Timestamp(row.at));
        }
        parts.push(both);
    }
    Ok(parts)
}

impl Store {
    /// The state of a consultation. Errors: `NotFound` for everybody who is on neither side.
    pub async fn consultation(&self, me: &app::context::Me, id: ConsultationId) -> Result<Consultation, PortError> {
        let read = self.read(async |db| {
            let row = find(db, id).await?;
            side(&row, me.id)?;
            from_json(&row.state)
        });
        Ok(read.await?)
    }

    /// A consultation and all that is kept of it. Errors: `NotFound` for everybody who is on neither side.
    pub(super) async fn record(&self, who: AccountId, id: ConsultationId) -> Result<ConsultationView, StoreError> {
        let now = self.clock().now();
        self.read(async |db| {
            let row = find(db, id).await?;
            let by = side(&row, who)?;
            let state = state(db, &row, now, self.consultation_knobs()).await?;
            let hash = agreement::Entity::find_by_id(id.0).one(db).await?.map(|kept| ids::hex(&kept.hash));
            Ok(ConsultationView {
                id,
                side: by,
                offer: OfferId(row.offer),
                title: title(db, &row).await?,
                people: people(db, &row).await?,
                agreement: from_json(&row.agreement)?,
                hash,
                rows: rows_after(db, id, 0, u64::try_from(i64::MAX).unwrap_or_default()).await?,
                segments: segments(db, id).await?,
                cost: match receipt::Entity::find_by_id(id.0).one(db).await? {
                    Some(kept) => {
                        let charge = super::receipts::charge(db, &row, &kept).await?.1;
                        Some(Cost { total: charge.total, refunded: charge.refunded })
                    }
                    None => None,
                },
                at: Timestamp(row.created_at),
                accepted_at: row.accepted_at.map(Timestamp),
                // A name and a password for the relay are given to those who are in the room, not to those who read its record.
                paths: if matches!(state.stage, Stage::Requested) || state.stage.is_open() {
                    self.0.calls.paths(who, now)
                } else {
                    Default::default()
                },
                prove: self.consultation_knobs().prove,
                join: self.consultation_knobs().join,
                question: row.question,
                state,
            })
        })
        .await
    }

    /// How many consultations are not over, by the name of their state.
    pub async fn open_by_stage(&self) -> Result<Vec<(String, i64)>, PortError> {
        let read = self.read(async |db| {
            Ok(consultation::Entity::find()
                .filter(consultation::Column::OverAt.is_null())
                .select_only()
                .column(consultation::Column::Stage)
                .column_as(consultation::Column::Id.count(), "count")
                .group_by(consultation::Column::Stage)
                .into_tuple()
                .all(db)
                .await?)
        });
        Ok(read.await?)
    }

    /// The last consultations of an account, on either side, newest first.
    pub(super) async fn past_of(&self, who: AccountId) -> Result<Vec<PastView>, StoreError> {
        self.read(async |db| {
            let own = Condition::any().add(consultation::Column::Consumer.eq(who.0)).add(consultation::Column::Provider.eq(who.0));
            let rows = consultation::Entity::find().filter(own).order_by_desc(consultation::Column::CreatedAt).limit(PAST).all(db).await?;
            let mut past = Vec::new();
            for row in rows {
                let by = side(&row, who)?;
                let state: Consultation = from_json(&row.state)?;
                let (reason, proved) = match &state {
                    Consultation::Ended(end) | Consultation::Settled(end) => (Some(end.reason), end.proved),
                    _ => (None, total(&segments(db, ConsultationId(row.id)).await?)),
                };
                past.push(PastView {
                    id: ConsultationId(row.id),
                    side: by,
                    other: person(db, account_of(&row, by.other())).await?,
                    title: title(db, &row).await?,
                    at: Timestamp(row.created_at),
                    stage: state.stage(),
                    reason,
                    proved,
                });
            }
            Ok(past)
        })
        .await
    }

    /// The request that rings an account now.
    pub(super) async fn ring_of(&self, who: AccountId) -> Result<Option<RingView>, StoreError> {
        let now = self.clock().now();
        self.read(async |db| {
            let found = consultation::Entity::find()
                .filter(consultation::Column::Provider.eq(who.0))
                .filter(consultation::Column::Stage.eq(Stage::Requested.as_str()))
                .one(db)
                .await?;
            let Some(row) = found else { return Ok(None) };
            let Consultation::Requested(ring) = from_json(&row.state)? else { return Ok(None) };
            // What has timed out rings no more, also when nobody has noted it yet.
            if ring.until <= now {
                return Ok(None);
            }
            Ok(Some(RingView {
                id: ConsultationId(row.id),
                from: person(db, account_of(&row, Side::Consumer)).await?,
                title: title(db, &row).await?,
                agreement: from_json(&row.agreement)?,
                until: ring.until,
                question: row.question,
                now,
            }))
        })
        .await
    }
}
