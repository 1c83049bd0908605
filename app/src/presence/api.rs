//! Server functions of presence.

use crate::{error::AppError, ui::list::ListArg};
use domain::presence::Desk;
use leptos::prelude::*;

/// Goes online for `minutes` (30, 60, 120, 240 or 480) with `offers`, or all listed ones when there are none. Answers the desk as it stands then.
#[server(endpoint = "presence/go_online", prefix = "/api")]
pub async fn go_online(#[server(default)] minutes: String, #[server(default)] offers: ListArg) -> Result<Desk, AppError> {
    use crate::context::{backend, me};
    use domain::{
        presence::parse_minutes,
        reject::{Code, Field, Reject},
    };
    let me = me()?;
    let stretch = parse_minutes(&minutes).map_err(|code| Reject::field(Field::Minutes, code))?;
    let chosen =
        offers.0.iter().map(|id| id.parse()).collect::<Result<Vec<_>, _>>().map_err(|_| Reject::field(Field::Offers, Code::BadOffers))?;
    let presences = backend().presences;
    presences.go_online(&me, stretch, (!chosen.is_empty()).then_some(chosen)).await?;
    Ok(presences.desk(&me).await?)
}

/// Goes offline. Answers the desk as it stands then.
#[server(endpoint = "presence/go_offline", prefix = "/api")]
pub async fn go_offline() -> Result<Desk, AppError> {
    use crate::context::{backend, me};
    let (me, presences) = (me()?, backend().presences);
    presences.go_offline(&me).await?;
    Ok(presences.desk(&me).await?)
}

/// The own presence.
#[server(endpoint = "presence/desk", prefix = "/api")]
pub async fn read_desk() -> Result<Desk, AppError> {
    use crate::context::{backend, me};
    Ok(backend().presences.desk(&me()?).await?)
}
