//! Rooms: who sits in one, what proves it, what is said there, and the signals by which two pages find each other.
//!
//! A side has one seat. A page takes it under a name of its own, its *life*; a page that comes later takes it away, so at most one page of a side
//! proves, signals and speaks. Lock order as everywhere: the consultation first.

use super::{
    Store,
    consultations::{broken, find, lock, met, number, side, tell},
    error::StoreError,
    records,
    rows::from_json,
    tx::{Hint, Tx},
};
use app::{
    consultation::wire::{FromServer, RoomState},
    context::Me,
    error::PortError,
};
use domain::{
    consultation::{Consultation, Op, Phase},
    id::{AccountId, ConsultationId, LifeId, MessageKey, TabId},
    message::{Marks, Message},
    proof::Proofs,
    reject::Code,
    side::{Both, Side},
    text::MessageText,
    time::{Millis, Timestamp},
    timeline::{Event, Row},
};
use entity::{consultation, mark, proof, room_row, seat, signal};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

/// How long a page may be away until the other side is told that it left: a reload is quicker.
const PATIENCE: Millis = Millis::seconds(4);
/// How long signals are kept for a page that is coming back.
pub(super) const SIGNALS_KEPT: Millis = Millis::seconds(60);
/// Longest signal, in bytes.
const SIGNAL_MAX: usize = 32 * 1_024;
/// Rows that are read at once.
const ROWS: u64 = 200;
/// Signals that are read at once.
const SIGNALS: u64 = 50;
/// Most rows of a room: nobody talks so much in three hours.
const ROWS_MAX: i64 = 20_000;

/// A page that wants into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In which tab.
    pub tab: TabId,
    /// Which life of the page.
    pub life: LifeId,
    /// By which line: only the end of the last one means that the page left.
    pub socket: uuid::Uuid,
    /// Whether it may take the seat of another tab.
    pub take: bool,
}

/// What a page has yet to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How it stands.
    pub state: RoomState,
    /// The rows after those that it has.
    pub rows: Vec<Row>,
    /// The signals of the other side's page after those that it has.
    pub signals: Vec<FromServer>,
    /// Whether there are more rows than were read.
    pub more: bool,
}

impl Store {
    /// On which side an account is. Errors: `NotFound` for everybody who is on neither.
    pub async fn side_of(&self, me: &Me, id: ConsultationId) -> Result<Side, PortError> {
        let read = self.read(async |db| Ok(side(&find(db, id).await?, me.id)?));
        Ok(read.await?)
    }

    /// Sits a page down in an open room; whether it sits there now. It does not while another tab of its side does, unless it may take the seat.
    ///
    /// Errors: `NotFound`; `TooEarly` while it rings; `Over`.
    pub async fn enter(&self, me: &Me, id: ConsultationId, entry: Entry) -> Result<bool, PortError> {
        let entered = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            match from_json::<Consultation>(&row.state)? {
                Consultation::Open(_) => {}
                Consultation::Requested(_) => return Err(Code::TooEarly.into()),
                _ => return Err(Code::Over.into()),
            }
            let now = self.clock().now();
            if let Some(sits) = seat_of(&tx.db, id, by).await? {
                let other = sits.tab != entry.tab.0 && self.is_alive(&tx.db, &sits, now).await?;
                if other && !entry.take {
                    return Ok(false);
                }
            }
            let taken = seat::ActiveModel {
                consultation: Set(id.0),
                side: Set(by.as_str().into()),
                tab: Set(entry.tab.0),
                life: Set(entry.life.0),
                socket: Set(entry.socket),
                taken_at: Set(now.0),
                left_at: Set(None),
            };
            seat::Entity::insert(taken)
                .on_conflict(
                    OnConflict::columns([seat::Column::Consultation, seat::Column::Side])
                        .update_columns([
                            seat::Column::Tab,
                            seat::Column::Life,
                            seat::Column::Socket,
                            seat::Column::TakenAt,
                            seat::Column::LeftAt,
                        ])
                        .to_owned(),
                )
                .exec_without_returning(&tx.db)
                .await?;
            tx.hint(Hint::Room(id));
            self.step(tx, row, Op::Joined { by }).await?;
            Ok(true)
        });
        Ok(entered.await?)
    }

    /// The line of a page is gone. Unless it comes back soon, the other side is told.
    pub async fn leave(&self, id: ConsultationId, socket: uuid::Uuid) -> Result<(), PortError> {
        let left = self.write(async |tx| {
            seat::Entity::update_many()
                .col_expr(seat::Column::LeftAt, Expr::value(self.clock().now().0))
                .filter(seat::Column::Consultation.eq(id.0))
                .filter(seat::Column::Socket.eq(socket))
                .filter(seat::Column::LeftAt.is_null())
                .exec(&tx.db)
                .await?;
            Ok(())
        });
        Ok(left.await?)
    }

    /// Tells of the pages that left and did not come back; answers how many.
    pub async fn sweep_seats(&self, now: Timestamp) -> Result<u64, PortError> {
        let gone = seat::Entity::find().filter(seat::Column::LeftAt.lte(now.before(PATIENCE).0)).all(&self.0.reader).await;
        let mut told = 0;
        for found in gone.map_err(StoreError::from)? {
            let cleared = self.write(async |tx| {
                let row = lock(tx, ConsultationId(found.consultation)).await?;
                let deleted = seat::Entity::delete_many()
                    .filter(seat::Column::Consultation.eq(found.consultation))
                    .filter(seat::Column::Side.eq(found.side.as_str()))
                    .filter(seat::Column::Life.eq(found.life))
                    .filter(seat::Column::LeftAt.is_not_null())
                    .exec(&tx.db)
                    .await?;
                if deleted.rows_affected == 0 {
                    return Ok(false);
                }
                tx.hint(Hint::Room(ConsultationId(row.id)));
                if from_json::<Consultation>(&row.state)?.is_open() {
                    self.step(tx, row, Op::Left { by: named(&found.side)? }).await?;
                }
                Ok(true)
            });
            match cleared.await {
                Ok(true) => told += 1,
                Ok(false) => {}
                // One that cannot be read must not keep the others from being told.
                Err(error) => drop(PortError::from(error)),
            }
        }
        Ok(told)
    }

    /// A side proves that it is there. `media` tells whether sound or picture arrived: without it, voice and video prove nothing.
    ///
    /// Errors: `NotFound`, `Answered` when another page sits in the room by now, and those of [`Consultation::apply`].
    pub async fn prove(&self, me: &Me, id: ConsultationId, life: LifeId, media: bool) -> Result<(), PortError> {
        let proved = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            seated(tx, id, by, life).await?;
            let state: Consultation = from_json(&row.state)?;
            if let Consultation::Open(room) = &state
                && room.course.medium != domain::media::Medium::Chat
                && !media
            {
                return Ok(());
            }
            let now = self.clock().now();
            let (after, effects) = state.apply(Op::Proof { by }, now, self.consultation_knobs())?;
            // What is kept is what the meter counts: nothing while the cap is used up.
            if let Consultation::Open(room) = &after
                && !matches!(room.phase, Phase::Full { .. })
            {
                let entry = proof::ActiveModel {
                    consultation: Set(id.0),
                    side: Set(by.as_str().into()),
                    at: Set(now.0),
                    part: Set(i32::try_from(room.part).unwrap_or(i32::MAX)),
                };
                let key = [proof::Column::Consultation, proof::Column::Side, proof::Column::At];
                proof::Entity::insert(entry)
                    .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
                    .exec_without_returning(&tx.db)
                    .await?;
            }
            if after == state { Ok(()) } else { self.keep(tx, row, &after, effects, now).await }
        });
        proved.await?;
        self.0.meters.proofs.inc();
        Ok(())
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
            if row.last_row >= ROWS_MAX {
                return Err(Code::TooManyTries.into());
            }
            let n = row.last_row.saturating_add(1);
            let now = self.clock().now();
            tell(tx, id, n, now, &Event::Message(message), Some(key)).await?;
            count(tx, id, consultation::Column::LastRow, n).await?;
            tx.hint(Hint::Room(id));
            number(n)
        });
        Ok(said.await?)
    }

    /// Passes a signal on to the page of the other side; it is not looked into. The same number again changes nothing.
    ///
    /// Errors: `NotFound`, `TooLarge`, `TooEarly`, `Over`, `Answered` when another page sits in the room by now.
    pub async fn signal(&self, me: &Me, id: ConsultationId, life: LifeId, k: u64, body: String) -> Result<(), PortError> {
        if body.len() > SIGNAL_MAX {
            return Err(Code::TooLarge.into());
        }
        let passed = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            seated(tx, id, by, life).await?;
            if !from_json::<Consultation>(&row.state)?.is_open() {
                return Err(Code::Over.into());
            }
            let k = i64::try_from(k).map_err(|_| Code::BadRequest)?;
            let known = signal::Entity::find()
                .filter(signal::Column::Consultation.eq(id.0))
                .filter(signal::Column::Life.eq(life.0))
                .filter(signal::Column::K.eq(k));
            if known.one(&tx.db).await?.is_some() {
                return Ok(());
            }
            let n = row.last_signal.saturating_add(1);
            let entry = signal::ActiveModel {
                consultation: Set(id.0),
                n: Set(n),
                side: Set(by.as_str().into()),
                life: Set(life.0),
                k: Set(k),
                at: Set(self.clock().now().0),
                body: Set(body),
            };
            signal::Entity::insert(entry).exec_without_returning(&tx.db).await?;
            count(tx, id, consultation::Column::LastSignal, n).await?;
            tx.hint(Hint::Room(id));
            Ok(())
        });
        Ok(passed.await?)
    }

    /// Notes how far a side has got. Errors: `NotFound`.
    pub async fn mark(&self, me: &Me, id: ConsultationId, delivered: u64, read: u64) -> Result<(), PortError> {
        let marked = self.write(async |tx| {
            let row = lock(tx, id).await?;
            let by = side(&row, me.id)?;
            let before = *marks(&tx.db, id).await?.of(by);
            let after = before.moved(delivered, read, number(row.last_row)?);
            if after == before {
                return Ok(());
            }
            let stored = |n: u64| Set(i64::try_from(n).unwrap_or(i64::MAX));
            let entry = mark::ActiveModel {
                consultation: Set(id.0),
                side: Set(by.as_str().into()),
                delivered: stored(after.delivered()),
                seen: stored(after.read()),
            };
            mark::Entity::insert(entry)
                .on_conflict(
                    OnConflict::columns([mark::Column::Consultation, mark::Column::Side])
                        .update_columns([mark::Column::Delivered, mark::Column::Seen])
                        .to_owned(),
                )
                .exec_without_returning(&tx.db)
                .await?;
            tx.hint(Hint::Room(id));
            Ok(())
        });
        Ok(marked.await?)
    }

    /// What a page has yet to be told that has the rows up to `row` and the other side's signals up to `signal`. Errors: `NotFound`.
    pub async fn news(&self, me: &Me, id: ConsultationId, after: u64, signal: u64) -> Result<News, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let row = find(db, id).await?;
            let by = side(&row, me.id)?;
            let state = records::state(db, &row, now, self.consultation_knobs()).await?;
            let rows = rows_after(db, id, after, ROWS).await?;
            let signals = match state.lives.of(by.other()) {
                Some(other) => signals_after(db, id, *other, signal).await?,
                None => Vec::new(),
            };
            let last = rows.last().map_or(after, |row| row.n);
            let more = last < state.head || signals.len() >= usize::try_from(SIGNALS).unwrap_or(usize::MAX);
            Ok(News { more, state, rows, signals })
        });
        Ok(read.await?)
    }

    /// At most `limit` rows of a room after row `after`, in order. Errors: `NotFound` for everybody who is on neither side.
    pub async fn room_after(&self, me: &Me, id: ConsultationId, after: u64, limit: u64) -> Result<Vec<Row>, PortError> {
        let read = self.read(async |db| {
            side(&find(db, id).await?, me.id)?;
            rows_after(db, id, after, limit).await
        });
        Ok(read.await?)
    }

    /// Whether a page is believed to sit in its room: its line stands, and it came or proved lately.
    async fn is_alive(&self, db: &impl ConnectionTrait, sits: &seat::Model, now: Timestamp) -> Result<bool, StoreError> {
        let lately = now.before(self.consultation_knobs().join).0;
        if sits.left_at.is_some() {
            return Ok(false);
        }
        if sits.taken_at >= lately {
            return Ok(true);
        }
        let proved = proof::Entity::find()
            .filter(proof::Column::Consultation.eq(sits.consultation))
            .filter(proof::Column::Side.eq(sits.side.as_str()))
            .filter(proof::Column::At.gte(lately))
            .one(db)
            .await?;
        Ok(proved.is_some())
    }

    /// When each side proved, in order, part by part: what a bill is checked by. Errors: `NotFound` for everybody who is on neither side.
    pub async fn proofs(&self, me: &Me, id: ConsultationId) -> Result<Proofs, PortError> {
        let read = self.read(async |db| {
            side(&find(db, id).await?, me.id)?;
            records::proofs(db, id).await
        });
        Ok(read.await?)
    }
}

/// The page that sits for a side, if one does.
async fn seat_of(db: &impl ConnectionTrait, id: ConsultationId, side: Side) -> Result<Option<seat::Model>, StoreError> {
    let found = seat::Entity::find().filter(seat::Column::Consultation.eq(id.0)).filter(seat::Column::Side.eq(side.as_str()));
    Ok(found.one(db).await?)
}

/// The page must sit in the room. Errors: `Answered` when another one does, or none.
async fn seated(tx: &Tx, id: ConsultationId, side: Side, life: LifeId) -> Result<(), StoreError> {
    match seat_of(&tx.db, id, side).await? {
        Some(sits) if sits.life == life.0 => Ok(()),
        _ => Err(Code::Answered.into()),
    }
}

/// The pages that sit in a room.
pub(super) async fn lives(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Both<Option<LifeId>>, StoreError> {
    let mut lives = Both::default();
    for row in seat::Entity::find().filter(seat::Column::Consultation.eq(id.0)).all(db).await? {
        *lives.of_mut(named(&row.side)?) = Some(LifeId(row.life));
    }
    Ok(lives)
}

/// How far both sides have got.
pub(super) async fn marks(db: &impl ConnectionTrait, id: ConsultationId) -> Result<Both<Marks>, StoreError> {
    let mut marks = Both::<Marks>::default();
    for row in mark::Entity::find().filter(mark::Column::Consultation.eq(id.0)).all(db).await? {
        *marks.of_mut(named(&row.side)?) = Marks::default().moved(number(row.delivered)?, number(row.seen)?, u64::MAX);
    }
    Ok(marks)
}

/// At most `limit` rows after row `after`, in order.
pub(super) async fn rows_after(db: &impl ConnectionTrait, id: ConsultationId, after: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
    let rows = room_row::Entity::find()
        .filter(room_row::Column::Consultation.eq(id.0))
        .filter(room_row::Column::N.gt(i64::try_from(after).unwrap_or(i64::MAX)))
        .order_by_asc(room_row::Column::N)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(|row| Ok(Row { n: number(row.n)?, at: Timestamp(row.at), is: from_json(&row.body)? })).collect()
}

async fn signals_after(db: &impl ConnectionTrait, id: ConsultationId, life: LifeId, after: u64) -> Result<Vec<FromServer>, StoreError> {
    let found = signal::Entity::find()
        .filter(signal::Column::Consultation.eq(id.0))
        .filter(signal::Column::Life.eq(life.0))
        .filter(signal::Column::N.gt(i64::try_from(after).unwrap_or(i64::MAX)))
        .order_by_asc(signal::Column::N)
        .limit(SIGNALS)
        .all(db)
        .await?;
    found.into_iter().map(|row| Ok(FromServer::Signal { n: number(row.n)?, life: LifeId(row.life), body: row.body })).collect()
}

/// Moves one of the counters of a consultation that is locked.
async fn count(tx: &Tx, id: ConsultationId, counter: consultation::Column, n: i64) -> Result<(), StoreError> {
    let updated = consultation::Entity::update_many()
        .col_expr(counter, Expr::value(n))
        .filter(consultation::Column::Id.eq(id.0))
        .exec(&tx.db)
        .await?;
    met(updated.rows_affected)
}

/// A side as a column names it.
pub(super) fn named(stored: &str) -> Result<Side, StoreError> {
    Side::ALL.iter().copied().find(|side| side.as_str() == stored).ok_or_else(|| broken("a side that is none"))
}

/// The account of a side.
pub(super) fn account_of(row: &consultation::Model, side: Side) -> AccountId {
    AccountId(match side {
        Side::Consumer => row.consumer,
        Side::Provider => row.provider,
    })
}
