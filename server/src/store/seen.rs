//! What the pages of this node look at, as it stands in the tables: where a hint got lost, a difference shows that something changed.

use super::{Store, error::StoreError, tx::Hint};
use app::error::PortError;
use domain::{
    id::{AccountId, ConsultationId, NodeId},
    time::Millis,
};
use entity::{attachment, consultation, mark, offer, presence, seat};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use std::{
    collections::{BTreeSet, HashMap, hash_map::DefaultHasher},
    fmt::Debug,
    hash::{Hash, Hasher},
};

/// For how long a consultation that is over is still looked at: its pages are told the end and the bill.
const OVER: Millis = Millis::minutes(2);

/// How something stands; another value is another state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u64);

impl Seen {
    fn add(&mut self, row: &impl Debug) {
        let mut hasher = DefaultHasher::new();
        (self.0, format!("{row:?}")).hash(&mut hasher);
        self.0 = hasher.finish();
    }
}

impl Store {
    /// How the rooms that are open stand, or were until just now, and the desks whose pages this node holds; by the hint that each change is worth.
    pub async fn seen(&self, node: NodeId) -> Result<HashMap<Hint, Seen>, PortError> {
        let now = self.clock().now();
        let read = self.read(async |db| {
            let mut seen: HashMap<Hint, Seen> = HashMap::new();
            let recent =
                Condition::any().add(consultation::Column::OverAt.is_null()).add(consultation::Column::OverAt.gte(now.before(OVER).0));
            let rooms: Vec<(uuid::Uuid, uuid::Uuid, String, i64, i64)> = consultation::Entity::find()
                .filter(recent)
                .select_only()
                .columns([
                    consultation::Column::Id,
                    consultation::Column::Provider,
                    consultation::Column::Stage,
                    consultation::Column::LastRow,
                    consultation::Column::LastSignal,
                ])
                .into_tuple()
                .all(db)
                .await?;
            let ids: Vec<_> = rooms.iter().map(|room| room.0).collect();
            for room in &rooms {
                seen.entry(Hint::Room(ConsultationId(room.0))).or_default().add(room);
                // A ring, and whether a guest is inside.
                seen.entry(Hint::Desk(AccountId(room.1))).or_default().add(&(room.0, &room.2));
            }
            for row in seat::Entity::find().filter(seat::Column::Consultation.is_in(ids.iter().copied())).all(db).await? {
                seen.entry(Hint::Room(ConsultationId(row.consultation))).or_default().add(&row);
            }
            for row in mark::Entity::find().filter(mark::Column::Consultation.is_in(ids)).all(db).await? {
                seen.entry(Hint::Room(ConsultationId(row.consultation))).or_default().add(&row);
            }
            let here = attachment::Entity::find().filter(attachment::Column::Node.eq(node.0)).all(db).await?;
            let here: BTreeSet<_> = here.iter().map(|row| row.account).collect();
            let mut desk = |account, row: &dyn Debug| seen.entry(Hint::Desk(AccountId(account))).or_default().add(&row);
            for row in attachment::Entity::find().filter(attachment::Column::Account.is_in(here.iter().copied())).all(db).await? {
                desk(row.account, &row);
            }
            for row in presence::Entity::find().filter(presence::Column::Account.is_in(here.iter().copied())).all(db).await? {
                desk(row.account, &row);
            }
            for row in offer::Entity::find().filter(offer::Column::Account.is_in(here)).all(db).await? {
                desk(row.account, &(row.id, row.version, &row.status));
            }
            Ok::<_, StoreError>(seen)
        });
        Ok(read.await?)
    }
}
