//! How reliably providers answer, reckoned from what is kept of their rings.

use super::{error::StoreError, practice::robots, presence::ensure_row, tx::Tx};
use domain::{
    answers::{Answers, COUNTED},
    consultation::Stage,
    id::AccountId,
    time::{Millis, Timestamp},
};
use entity::{consultation, presence};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

/// Most rings that are looked at.
const RINGS: u64 = 500;

/// What is kept of a provider.
pub(super) fn kept(row: &presence::Model) -> Option<Answers> {
    Answers::try_from(u8::try_from(row.answers?).ok()?).ok()
}

/// Reckons anew and keeps it. The provider is locked; what consumers see of it is told by `publish`.
pub(super) async fn reckon(tx: &Tx, provider: AccountId, now: Timestamp) -> Result<(), StoreError> {
    // Rings of robots are practice, for whichever side.
    let rings: Vec<(String, i64, Option<i64>, Option<i64>)> = consultation::Entity::find()
        .select_only()
        .columns([
            consultation::Column::Stage,
            consultation::Column::CreatedAt,
            consultation::Column::AcceptedAt,
            consultation::Column::OverAt,
        ])
        .filter(consultation::Column::Provider.eq(provider.0))
        .filter(consultation::Column::CreatedAt.gte(now.before(COUNTED).0))
        .filter(consultation::Column::Consumer.not_in_subquery(robots()))
        .order_by_desc(consultation::Column::CreatedAt)
        .limit(RINGS)
        .into_tuple()
        .all(&tx.db)
        .await?;
    let (mut times, mut missed) = (Vec::new(), 0_usize);
    for (stage, asked, accepted, over) in rings {
        let declined = over.filter(|_| stage == Stage::Declined.as_str());
        match accepted.or(declined) {
            Some(at) => times.push(Millis(at.saturating_sub(asked))),
            None if stage == Stage::Missed.as_str() => missed = missed.saturating_add(1),
            None => {}
        }
    }
    let answers = Answers::of(&times, missed);
    ensure_row(tx, provider).await?;
    presence::Entity::update_many()
        .col_expr(presence::Column::Answers, Expr::value(answers.map(|answers| i32::from(u8::from(answers)))))
        .filter(presence::Column::Account.eq(provider.0))
        .exec(&tx.db)
        .await?;
    Ok(())
}
