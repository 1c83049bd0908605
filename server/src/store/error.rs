//! What can go wrong in the store, and what of it a person is told.

use crate::ids;
use app::error::PortError;
use domain::reject::{Code, Field, Reject};
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Why a use case of the store did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule refused it.
    #[error("refused: {0:?}")]
    Reject(Reject),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// What is stored makes no sense, or a part of the server failed.
    #[error("{0}")]
    Broken(String),
}

impl From<Reject> for StoreError {
    fn from(reject: Reject) -> Self {
        StoreError::Reject(reject)
    }
}

impl From<Code> for StoreError {
    fn from(code: Code) -> Self {
        StoreError::Reject(code.into())
    }
}

impl From<StoreError> for PortError {
    /// Known constraints and an exhausted pool become refusals; all else is logged once, here, and told by its number only.
    fn from(error: StoreError) -> Self {
        let refusal = match &error {
            StoreError::Reject(reject) => return PortError::Reject(reject.clone()),
            StoreError::Database(DbErr::ConnectionAcquire(_)) => Some(Code::Overloaded.into()),
            StoreError::Database(DbErr::Conn(_)) => Some(Code::Unavailable.into()),
            StoreError::Database(error) => violated(error).and_then(|name| refusal(&name)),
            StoreError::Broken(_) => None,
        };
        if let Some(reject) = refusal {
            return PortError::Reject(reject);
        }
        let incident = ids::incident();
        // A constraint's detail may quote the row, and with it a person: its name is enough.
        match &error {
            StoreError::Database(broken) if violated(broken).is_some() => {
                tracing::error!(%incident, constraint = violated(broken), "the store failed");
            }
            _ => tracing::error!(%incident, %error, "the store failed"),
        }
        PortError::Broken { incident }
    }
}

/// The name of the constraint that a statement violated: PostgreSQL's name for it; for SQLite that of a CHECK, or `table.column` of a
/// UNIQUE, since it tells no more.
pub(super) fn violated(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else { return None };
    let sqlx::Error::Database(error) = error.as_ref() else { return None };
    let name = |text: &str| text.split_once(" constraint failed: ").map(|(_, name)| name.to_owned());
    error.constraint().map(str::to_owned).or_else(|| name(error.message()))
}

/// Whether PostgreSQL gave the transaction up in favour of another one, so that it may be done again: `serialization_failure` or
/// `deadlock_detected` of its table of error codes.
pub(super) fn was_given_up(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else { return false };
    matches!(error.as_ref(), sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("40001" | "40P01")))
}

/// The refusal that a violated constraint means. What no form can cause is missing here and stays an incident.
fn refusal(constraint: &str) -> Option<Reject> {
    let (field, code) = match constraint {
        "uq_account_email" | "account.email" => (Field::Email, Code::EmailTaken),
        "ck_account_email" => (Field::Email, Code::BadEmail),
        "ck_account_display_name" => (Field::DisplayName, Code::TooLong),
        "ck_offer_title" => (Field::Title, Code::TooLong),
        "ck_offer_description" => (Field::Description, Code::TooLong),
        "ck_offer_category" => (Field::Category, Code::BadCategory),
        "ck_offer_languages" => (Field::Languages, Code::TooMany),
        "ck_offer_media" => (Field::Media, Code::BadMedia),
        "ck_offer_rate_minor" => (Field::RateMinor, Code::BadRate),
        "ck_offer_currency" => (Field::Currency, Code::BadCurrency),
        "ck_offer_free_seconds" => (Field::FreeSeconds, Code::BadFreeSeconds),
        "ck_balance_funds" => return Some(Code::NoFunds.into()),
        "uq_consultation_ring" => return Some(Code::Ringing.into()),
        "uq_consultation_asks" => return Some(Code::RequestOpen.into()),
        _ => return None,
    };
    Some(Reject::field(field, code))
}

/// Whether a conditional statement met its one row. More than one means that its condition is wrong.
pub(super) fn one_row(rows_affected: u64) -> Result<bool, StoreError> {
    match rows_affected {
        0 => Ok(false),
        1 => Ok(true),
        more => Err(StoreError::Broken(format!("a statement for one row met {more}"))),
    }
}
