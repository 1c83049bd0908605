//! Cases: something was wrong with a receipt. What is little goes back by itself; the rest is decided by an operator.

use super::{
    Store,
    consultations::{lock, side},
    error::StoreError,
    once::once,
    receipts::{amount_of, charge, give_back},
    rows::{from_json, named, to_json},
    settlement::receipt_of,
};
use app::{
    cases::{
        api::{CaseLine, CaseView},
        port::{Cases, Decision},
    },
    context::Me,
    error::PortError,
};
use async_trait::async_trait;
use domain::{
    account::Role,
    id::ConsultationId,
    money::{Asset, Money},
    operation::{Borne, CaseState},
    receipt::{Receipt, Why},
    reject::{Code, Reject},
    side::Side,
    text::CaseText,
    time::{Millis, Timestamp},
};
use entity::{complaint, receipt};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

/// Within which time one consumer gets one automatic refund.
const AUTOMATIC_EVERY: Millis = Millis::minutes(30 * 24 * 60);
/// Cases on the operator's list.
const LIST: u64 = 200;

/// How a case stands.
pub(super) fn state(row: &complaint::Model) -> Result<CaseState, StoreError> {
    named(CaseState::ALL, CaseState::as_str, &row.state, "complaint.state")
}

/// A case as it is kept.
pub(super) fn view(row: &complaint::Model, asset: Asset) -> Result<CaseView, StoreError> {
    Ok(CaseView {
        consultation: ConsultationId(row.consultation),
        text: row.text.clone(),
        state: state(row)?,
        refunded: Money::new(row.refunded, asset),
        answer: row.answer.clone(),
        at: Timestamp(row.at),
        decided_at: row.decided_at.map(Timestamp),
    })
}

/// What the server knows about a consultation, line by line: what an operator judges by.
async fn evidence(db: &impl ConnectionTrait, made: &Receipt) -> Result<Vec<String>, StoreError> {
    let seconds = |why: Why| {
        let parts = made.stretches.iter().filter(|stretch| stretch.why == why);
        parts.fold(0, |sum, stretch| stretch.time.length().0.saturating_add(sum)).div_euclid(1_000)
    };
    let mut lines: Vec<String> = Why::ALL
        .iter()
        .map(|why| (why, seconds(*why)))
        .filter(|(_, seconds)| *seconds > 0)
        .map(|(why, seconds)| format!("{seconds} s · {}", app::receipts::why_words(*why)))
        .collect();
    let both = super::records::proofs(db, made.consultation).await?;
    let count = |of: fn(&domain::side::Both<Vec<Timestamp>>) -> usize| both.iter().map(of).sum::<usize>();
    lines.push(format!("{} proofs of the consumer, {} of the provider", count(|p| p.consumer.len()), count(|p| p.provider.len())));
    for row in super::rooms::rows_after(db, made.consultation, 0, 20_000).await? {
        // What was said is not shown to an operator.
        if let Some(words) = app::consultation::parts::event_words(&row.is, None, "") {
            lines.push(format!("{} · {words}", row.at.iso()));
        }
    }
    Ok(lines)
}

fn operator(me: &Me) -> Result<(), Code> {
    if me.role == Role::Operator { Ok(()) } else { Err(Code::NotFound) }
}

#[async_trait]
impl Cases for Store {
    async fn open(&self, me: &Me, id: ConsultationId, text: CaseText) -> Result<CaseView, PortError> {
        self.0.limits.write(me.id)?;
        let now = self.clock().now();
        let opened = self.write(async |tx| {
            let row = lock(tx, id).await?;
            if side(&row, me.id)? != Side::Consumer {
                return Err(Code::NotFound.into());
            }
            let (_, kept) = receipt_of(&tx.db, id).await?;
            let (made, charge, _) = charge(&tx.db, &row, &kept).await?;
            if let Some(known) = complaint::Entity::find_by_id(id.0).one(&tx.db).await? {
                return if known.text == text.as_str() { view(&known, made.total.asset) } else { Err(Code::OtherPayload.into()) };
            }
            // One automatic refund a consumer and month, so that complaining does not become a way to pay nothing; and from the provider, so that
            // nobody earns the operator's money by complaining about an account of their own.
            let own = receipt::Entity::find()
                .filter(receipt::Column::Consumer.eq(me.id.0))
                .select_only()
                .column(receipt::Column::Consultation)
                .into_query();
            super::wallets::lock(tx, me.id).await?;
            let lately = complaint::Entity::find()
                .filter(complaint::Column::Consultation.in_subquery(own))
                .filter(complaint::Column::State.eq(CaseState::Automatic.as_str()))
                .filter(complaint::Column::At.gte(now.before(AUTOMATIC_EVERY).0))
                .count(&tx.db)
                .await?;
            let left = charge.left();
            let automatic = left.minor > 0 && lately == 0 && left.minor <= self.0.money.automatic_most(left.asset).minor;
            if automatic {
                give_back(tx, &row, crate::ids::uuid(), |_| Ok(left), Borne::Provider, now).await?;
            }
            let state = if automatic { CaseState::Automatic } else { CaseState::Open };
            let case = complaint::ActiveModel {
                consultation: Set(id.0),
                text: Set(text.into()),
                evidence: Set(to_json(&evidence(&tx.db, &made).await?)?),
                state: Set(state.as_str().into()),
                refunded: Set(if automatic { left.minor } else { 0 }),
                answer: Set(String::new()),
                decided_by: Set(None),
                at: Set(now.0),
                decided_at: Set(automatic.then_some(now.0)),
            };
            complaint::Entity::insert(case).exec_without_returning(&tx.db).await?;
            let case = complaint::Entity::find_by_id(id.0).one(&tx.db).await?;
            view(&case.ok_or_else(|| StoreError::Broken("a case that vanished".into()))?, made.total.asset)
        });
        Ok(opened.await?)
    }

    async fn decide(&self, me: &Me, id: ConsultationId, decision: Decision) -> Result<CaseView, PortError> {
        operator(me)?;
        let now = self.clock().now();
        let Decision { minor, typed, borne, reason, key } = decision;
        let asked = ("decide", id, &minor, &typed, borne.as_str(), reason.as_str().to_owned());
        let decided = self.write(async |tx| {
            let row = lock(tx, id).await?;
            once(tx, me.id, key, &asked, now, async || {
                let case = complaint::Entity::find_by_id(id.0).one(&tx.db).await?.ok_or(Code::NotFound)?;
                let (_, kept) = receipt_of(&tx.db, id).await?;
                let total = Money::new(kept.total, super::ledger::asset(&kept.asset)?);
                if case.state != CaseState::Open.as_str() {
                    return Err(Code::Over.into());
                }
                let nothing = |text: &str| text.trim().trim_matches(['0', '.', ',']).is_empty();
                let amount =
                    if nothing(&minor) && nothing(&typed) { Money::new(0, total.asset) } else { amount_of(&minor, &typed, total)? };
                if amount.minor > 0 {
                    give_back(tx, &row, key.unwrap_or_else(crate::ids::uuid), |_| Ok::<_, Reject>(amount), borne, now).await?;
                }
                let state = if amount.minor > 0 { CaseState::Refunded } else { CaseState::Refused };
                let change = complaint::ActiveModel {
                    state: Set(state.as_str().into()),
                    refunded: Set(amount.minor),
                    answer: Set(reason.clone().into()),
                    decided_by: Set(Some(me.id.0)),
                    decided_at: Set(Some(now.0)),
                    ..complaint::ActiveModel::default()
                };
                complaint::Entity::update_many().set(change).filter(complaint::Column::Consultation.eq(id.0)).exec(&tx.db).await?;
                let case = complaint::Entity::find_by_id(id.0).one(&tx.db).await?.ok_or(Code::NotFound)?;
                view(&case, total.asset)
            })
            .await
        });
        Ok(decided.await?)
    }

    async fn list(&self, me: &Me) -> Result<Vec<CaseLine>, PortError> {
        operator(me)?;
        let read = self.read(async |db| {
            let open = complaint::Column::State.eq(CaseState::Open.as_str());
            let waiting = complaint::Entity::find().filter(open.clone()).order_by_asc(complaint::Column::At).limit(LIST).all(db).await?;
            let done = complaint::Entity::find()
                .filter(sea_orm::sea_query::ExprTrait::not(open))
                .order_by_desc(complaint::Column::At)
                .limit(LIST)
                .all(db)
                .await?;
            let mut lines = Vec::new();
            for case in waiting.iter().chain(&done) {
                let (row, kept) = receipt_of(db, ConsultationId(case.consultation)).await?;
                let (made, charge, _) = charge(db, &row, &kept).await?;
                lines.push(CaseLine {
                    case: view(case, made.total.asset)?,
                    number: made.number,
                    consumer: made.names.consumer.clone(),
                    provider: made.names.provider.clone(),
                    title: made.title.clone(),
                    total: made.total,
                    left: charge.left(),
                    evidence: from_json(&case.evidence)?,
                    key: crate::ids::uuid().to_string(),
                });
            }
            Ok(lines)
        });
        Ok(read.await?)
    }
}
