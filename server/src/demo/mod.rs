//! The demo: believable providers who come and go, so that one person alone can see the board move.

pub mod people;
mod plan;
mod troupe;

pub use troupe::run;

use crate::{
    application::StartError,
    store::{Cast, Store},
};
use domain::{
    account::{Email, NewPassword},
    text::DisplayName,
};
use people::{CONSUMER, DemoOffer, PASSWORD, PEOPLE, PROVIDER};

/// The mark of a demo among the settings.
const MARK: &str = "demo";
/// The host of the robots' addresses. Nobody else's address ends so, since no such host can exist.
const ROBOTS: &str = "robots.noren.example";

/// Whether the data is a demo's. A new database becomes one if that is `wanted`; one with people in it never does. Errors: `Demo`.
pub async fn prepare(store: &Store, wanted: bool) -> Result<bool, StartError> {
    if store.setting(MARK).await?.is_some() {
        return Ok(true);
    }
    if !wanted {
        return Ok(false);
    }
    let unsound = |why| StartError::Demo(format!("the demo's own data is unsound: {why:?}"));
    let cast = cast().map_err(unsound)?;
    let password = NewPassword::parse(PASSWORD, None).map_err(|code| unsound(code.into()))?;
    if store.seed_demo(MARK, &password, cast).await? {
        tracing::info!(people = PEOPLE.len(), "a demo was set up");
        Ok(true)
    } else {
        Err(StartError::Demo(
            "there are accounts in this database already, and a demo needs a new one: choose another folder with --data".into(),
        ))
    }
}

/// Everybody, as forms would have made them.
fn cast() -> Result<Vec<Cast>, domain::reject::Reject> {
    let robots = PEOPLE.iter().enumerate().map(|(n, person)| (person.name, format!("{n}@{ROBOTS}"), person.offers, true));
    let guests = [PROVIDER, CONSUMER].map(|account| (account.name, account.email.to_owned(), account.offers, false));
    let checked = |(name, email, offers, robot): (&str, String, &[DemoOffer], bool)| {
        let offers = offers.iter().map(|offer| offer.form().parse()).collect::<Result<_, _>>()?;
        Ok(Cast { name: DisplayName::parse(name)?, email: Email::parse(&email)?, offers, robot })
    };
    guests.into_iter().chain(robots).map(checked).collect()
}
