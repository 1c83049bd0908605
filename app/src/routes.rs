//! Every page's path, once.

use domain::id::{AccountId, ConsultationId, OfferId};

/// The choices.
pub const CHOICES: &str = "/";
/// A new offer.
pub const NEW_OFFER: &str = "/offers/new";
/// The desk.
pub const DESK: &str = "/desk";
/// The own consultations.
pub const CONSULTATIONS: &str = "/consultations";
/// The own wallet.
pub const WALLET: &str = "/wallet";
/// The own wallet's bookings, as a table.
pub const STATEMENT: &str = "/wallet/statement.csv";
/// The own earnings.
pub const EARNINGS: &str = "/earnings";
/// The own earnings, as a table.
pub const EARNINGS_TABLE: &str = "/earnings.csv";
/// The cases, for operators.
pub const CASES: &str = "/operator/cases";
/// What anybody can check of this instance.
pub const TRUST: &str = "/trust";
/// The own account.
pub const ACCOUNT: &str = "/account";
/// Signing in.
pub const SIGN_IN: &str = "/sign-in";
/// Signing up.
pub const SIGN_UP: &str = "/sign-up";

/// All of them as the router knows them.
pub const ROUTES: &[&str] = &[
    CHOICES,
    NEW_OFFER,
    "/offers/:id",
    "/offers/:id/revise",
    "/offers/:id/ask",
    "/providers/:id",
    DESK,
    CONSULTATIONS,
    "/consultations/:id",
    "/consultations/:id/receipt",
    WALLET,
    EARNINGS,
    CASES,
    TRUST,
    ACCOUNT,
    SIGN_IN,
    SIGN_UP,
    "/reset/:token",
];

/// Whether a page is only in the whole program, and not in the small one that visitors load first.
pub fn is_beyond_first(path: &str) -> bool {
    [NEW_OFFER, DESK, WALLET, EARNINGS, CASES, TRUST].contains(&path)
        || path.starts_with(CONSULTATIONS)
        || path.ends_with("/ask")
        || path.ends_with("/revise")
}

/// An offer's page.
pub fn offer(id: OfferId) -> String {
    format!("/offers/{id}")
}

/// The form that revises an offer.
pub fn revise(id: OfferId) -> String {
    format!("/offers/{id}/revise")
}

/// The request for an offer.
pub fn ask(id: OfferId) -> String {
    format!("/offers/{id}/ask")
}

/// A consultation, from the request to its record.
pub fn consultation(id: ConsultationId) -> String {
    format!("/consultations/{id}")
}

/// What is kept of a consultation, as a text file.
pub fn transcript(id: ConsultationId) -> String {
    format!("/consultations/{id}/transcript")
}

/// The receipt of a consultation.
pub fn receipt(id: ConsultationId) -> String {
    format!("/consultations/{id}/receipt")
}

/// The receipt of a consultation, for programs.
pub fn receipt_json(id: ConsultationId) -> String {
    format!("/consultations/{id}/receipt.json")
}

/// A provider's page.
pub fn provider(id: AccountId) -> String {
    format!("/providers/{id}")
}

/// Signing in, and back to `path`, which holds no query.
pub fn sign_in_then(path: &str) -> String {
    if path == CHOICES { SIGN_IN.into() } else { format!("{SIGN_IN}?next={path}") }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn the_list_is_what_the_router_knows() {
        let routes = leptos_axum::generate_route_list(crate::App);
        let known: BTreeSet<String> = routes.iter().map(|route| route.path().replace('{', ":").replace('}', "")).collect();
        assert_eq!(known, ROUTES.iter().map(|path| (*path).to_owned()).collect());
    }
}
