//! Every page's path, once.

use domain::id::{AccountId, OfferId};

/// The choices.
pub const CHOICES: &str = "/";
/// A new offer.
pub const NEW_OFFER: &str = "/offers/new";
/// The desk.
pub const DESK: &str = "/desk";
/// The own account.
pub const ACCOUNT: &str = "/account";
/// Signing in.
pub const SIGN_IN: &str = "/sign-in";
/// Signing up.
pub const SIGN_UP: &str = "/sign-up";

/// All of them as the router knows them.
pub const ROUTES: &[&str] =
    &[CHOICES, NEW_OFFER, "/offers/:id", "/offers/:id/revise", "/providers/:id", DESK, ACCOUNT, SIGN_IN, SIGN_UP, "/reset/:token"];

/// An offer's page.
pub fn offer(id: OfferId) -> String {
    format!("/offers/{id}")
}

/// The form that revises an offer.
pub fn revise(id: OfferId) -> String {
    format!("/offers/{id}/revise")
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
