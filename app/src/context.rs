//! What the server puts into the context of every page and server function.

use crate::error::AppError;
use crate::{
    account::port::Accounts, cases::port::Cases, choices::port::Choices, consultation::port::Consultations, forms::port::Forms,
    offers::port::Offers, presence::port::Presences, receipts::port::Receipts, trust::port::Trust, wallet::port::Wallets,
};
use domain::{
    account::Role,
    id::{AccountId, ConsultationId, SignInId},
    money::{Commission, Reality},
    reject::Code,
};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use std::{net::IpAddr, sync::Arc};

/// The ports of all features.
#[derive(Clone)]
pub struct Backend {
    /// Accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Offers.
    pub offers: Arc<dyn Offers>,
    /// Presence.
    pub presences: Arc<dyn Presences>,
    /// The board.
    pub choices: Arc<dyn Choices>,
    /// Rejected forms.
    pub forms: Arc<dyn Forms>,
    /// Consultations.
    pub consultations: Arc<dyn Consultations>,
    /// Wallets.
    pub wallets: Arc<dyn Wallets>,
    /// Receipts and earnings.
    pub receipts: Arc<dyn Receipts>,
    /// Cases.
    pub cases: Arc<dyn Cases>,
    /// What anybody can check.
    pub trust: Arc<dyn Trust>,
    /// Whether this is a demo, where nothing is real.
    pub demo: bool,
    /// What is so about money here.
    pub money: MoneyFacts,
}

/// What is so about money on an instance.
#[derive(Clone, Copy, Debug)]
pub struct MoneyFacts {
    /// Whether it is real.
    pub reality: Reality,
    /// The operator's share.
    pub commission: Commission,
}

/// Who sends a request, and from where.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The client's address, as far as trusted proxies tell it.
    pub ip: IpAddr,
    /// Browser and system in words, for the list of sign-ins.
    pub device: String,
    /// The account, when signed in.
    pub me: Option<Me>,
}

/// A signed-in account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The account.
    pub id: AccountId,
    /// By which sign-in.
    pub sign_in: SignInId,
    /// Its name.
    pub display_name: String,
    /// Its address.
    pub email: String,
    /// Its role.
    pub role: Role,
    /// Whether it has offers that are not retired.
    pub provider: bool,
}

/// What the frame of a page tells beside who is signed in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notices {
    /// What the visitor has open as a consumer.
    pub open: Option<ConsultationId>,
    /// Whether nothing new that costs money can begin, since the books are being checked.
    pub frozen: bool,
    /// Whether the database is out of reach.
    pub down: bool,
}

/// The ports.
pub fn backend() -> Backend {
    expect_context()
}

/// Who asks.
pub fn visitor() -> Visitor {
    expect_context()
}

/// The signed-in account. Errors: `SignInRequired`.
pub fn me() -> Result<Me, AppError> {
    visitor().me.ok_or_else(|| Code::SignInRequired.into())
}

/// The key of a movement of money, as a form carries it; nothing when there is none. Errors: `BadRequest`.
pub fn key(raw: &str) -> Result<Option<uuid::Uuid>, AppError> {
    if raw.is_empty() { Ok(None) } else { raw.parse().map(Some).map_err(|_| Code::BadRequest.into()) }
}

/// Sends the browser to a page of this site after the server function; anything but an absolute path leads to `/`.
pub fn go_to(path: &str) {
    leptos_axum::redirect(if is_local(path) { path } else { "/" });
}

/// Sends the browser to the gateway's own page, which is not ours.
pub fn go_out(url: &str) {
    leptos_axum::redirect(url);
}

/// Whether a path stays on this site: `/desk`, but not `//other.example` or `/\other.example`.
pub fn is_local(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// Sets the cookie that the accounts port made.
pub fn set_cookie(cookie: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), cookie.parse()) {
        response.append_header(http::header::SET_COOKIE, value);
    }
}

/// Answers the page with a status other than 200.
pub fn set_status(status: http::StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}
