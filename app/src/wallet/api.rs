//! Server functions of wallets.

use crate::error::AppError;
use domain::{
    id::{ConsultationId, OperationId},
    ledger::EntryKind,
    money::{Money, Reality},
    operation::{OperationKind, OperationState},
    time::Timestamp,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What a wallet holds of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// To be spent.
    pub available: Money,
    /// Reserved for a consultation.
    pub held: Money,
    /// What of it can go back to where it came from.
    pub refundable: Money,
    /// How much more of it the wallet may take in.
    pub fits: Money,
    /// A fresh key for sending it back.
    pub key: String,
}

/// A line of a wallet's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// When.
    pub at: Timestamp,
    /// What was booked.
    pub kind: EntryKind,
    /// What it changed of the available money.
    pub available: Money,
    /// What it changed of the held money.
    pub held: Money,
    /// The consultation that it is about.
    pub consultation: Option<ConsultationId>,
    /// The other side of that.
    pub with: String,
    /// Its number in the hash chain, once it has one.
    pub n: Option<i64>,
    /// Its hash, as a member checks it by.
    pub hash: Option<String>,
}

/// A movement through the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationView {
    /// The movement.
    pub id: OperationId,
    /// Which way.
    pub kind: OperationKind,
    /// How far it is.
    pub state: OperationState,
    /// How much.
    pub amount: Money,
    /// Since when.
    pub at: Timestamp,
    /// Where to go on paying.
    pub next: Option<String>,
}

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletView {
    /// A fresh key for the next top-up: the same key is the same movement.
    pub key: String,
    /// Whether its money is real.
    pub reality: Reality,
    /// By currency.
    pub balances: Vec<Balance>,
    /// Movements through the gateway that are not done, and the last ones that failed.
    pub operations: Vec<OperationView>,
    /// The last bookings, newest first.
    pub moved: Vec<Moved>,
}

/// What moving money answers: the first movement, as it stands; the same key answers the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedMoney {
    /// The movements.
    pub operations: Vec<OperationId>,
    /// How far they are.
    pub state: OperationState,
    /// Where to go on paying.
    pub next: Option<String>,
}

/// The own wallet.
#[server(endpoint = "wallet/show", prefix = "/api")]
pub async fn read_wallet() -> Result<WalletView, AppError> {
    use crate::context::{backend, me};
    Ok(backend().wallets.wallet(&me()?).await?)
}

#[cfg(feature = "ssr")]
fn asked(key: &str, amount_minor: String, amount: &str, currency: &str) -> Result<super::port::Movement, AppError> {
    use domain::{
        currency::Currency,
        reject::{Field, Reject},
    };
    let currency = Currency::parse(currency).map_err(|code| Reject::field(Field::Currency, code))?;
    let asset = crate::context::backend().wallets.asset(currency);
    let amount = Money::parse(&amount_minor, amount, asset).map_err(|code| Reject::field(Field::AmountMinor, code))?;
    let key = crate::context::key(key)?;
    Ok(super::port::Movement { key, amount })
}

/// Tops the own wallet up: by `amount_minor` in minor units, or `amount` as typed. `key` is a UUID; `next` is the page to come back to.
#[server(endpoint = "wallet/top_up", prefix = "/api")]
pub async fn top_up(
    #[server(default)] amount_minor: String,
    #[server(default)] amount: String,
    #[server(default)] currency: String,
    #[server(default)] key: String,
    #[server(default)] next: String,
) -> Result<MovedMoney, AppError> {
    use crate::context::{backend, go_out, go_to, is_local, me};
    let me = me()?;
    let movement = asked(&key, amount_minor, &amount, &currency)?;
    let next = if is_local(&next) { next } else { crate::routes::WALLET.to_owned() };
    let moved = backend().wallets.top_up(&me, movement, &next).await?;
    match &moved.next {
        Some(url) => go_out(url),
        None => go_to(&next),
    }
    Ok(moved)
}

/// Sends unused money back to where it came from.
#[server(endpoint = "wallet/refund", prefix = "/api")]
pub async fn refund_unused(
    #[server(default)] amount_minor: String,
    #[server(default)] amount: String,
    #[server(default)] currency: String,
    #[server(default)] key: String,
) -> Result<MovedMoney, AppError> {
    use crate::context::{backend, go_to, me};
    let me = me()?;
    let moved = backend().wallets.refund_unused(&me, asked(&key, amount_minor, &amount, &currency)?).await?;
    go_to(crate::routes::WALLET);
    Ok(moved)
}
