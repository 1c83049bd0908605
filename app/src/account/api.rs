//! Server functions of accounts.

use crate::error::AppError;
use domain::{id::SignInId, money::Commission, time::Timestamp};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInView {
    /// The sign-in.
    pub id: SignInId,
    /// Browser and system in words.
    pub device: String,
    /// Since when.
    pub since: Timestamp,
    /// Last seen, to the minute.
    pub last_seen: Timestamp,
    /// Whether it is the one that asks.
    pub here: bool,
}

/// What the frame of every page shows of the visitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeView {
    /// The account.
    pub id: domain::id::AccountId,
    /// Its name.
    pub display_name: String,
    /// Its address.
    pub email: String,
    /// Whether it has offers.
    pub provider: bool,
    /// Whether it runs the instance.
    pub operator: bool,
}

#[cfg(feature = "ssr")]
impl From<crate::context::Me> for MeView {
    fn from(me: crate::context::Me) -> Self {
        let operator = me.role == domain::account::Role::Operator;
        MeView { id: me.id, display_name: me.display_name, email: me.email, provider: me.provider, operator }
    }
}

/// What the frame of every page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The visitor, when signed in.
    pub me: Option<MeView>,
    /// Whether nothing is real here.
    pub demo: bool,
    /// The request or consultation that the visitor has open as a consumer.
    #[serde(default)]
    pub open: Option<domain::id::ConsultationId>,
    /// Whether its money is worth nothing.
    #[serde(default)]
    pub test_money: bool,
    /// The operator's share of what providers earn.
    #[serde(default)]
    pub commission: Commission,
    /// Whether nothing new that costs money can begin, since the books are being checked.
    #[serde(default)]
    pub frozen: bool,
    /// Whether the database is out of reach: nobody is known, and what is shown may be old.
    #[serde(default)]
    pub down: bool,
}

#[cfg(feature = "ssr")]
impl Site {
    /// The site for a visitor.
    pub(crate) fn of(backend: &crate::context::Backend, me: Option<crate::context::Me>, notices: crate::context::Notices) -> Self {
        Site {
            me: me.map(MeView::from),
            demo: backend.demo,
            open: notices.open,
            test_money: backend.money.reality == domain::money::Reality::Test,
            commission: backend.money.commission,
            frozen: notices.frozen,
            down: notices.down,
        }
    }
}

/// The frame of the page.
#[server(endpoint = "account/site", prefix = "/api")]
pub async fn read_site() -> Result<Site, AppError> {
    let (visitor, backend) = (crate::context::visitor(), crate::context::backend());
    let open = match &visitor.me {
        Some(me) => backend.consultations.open_of(me).await?,
        None => None,
    };
    let frozen = backend.wallets.frozen();
    Ok(Site::of(&backend, visitor.me, crate::context::Notices { open, frozen, down: false }))
}

/// Creates an account, signs it in and goes to `next`.
#[server(endpoint = "account/sign_up", prefix = "/api")]
pub async fn sign_up(
    #[server(default)] display_name: String,
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    use crate::context::{backend, go_to, set_cookie, visitor};
    let form = domain::account::SignUp::parse(&display_name, &email, &password)?;
    set_cookie(&backend().accounts.sign_up(form, &visitor()).await?.cookie);
    go_to(&next);
    Ok(())
}

/// Signs in and goes to `next`.
#[server(endpoint = "account/sign_in", prefix = "/api")]
pub async fn sign_in(
    #[server(default)] email: String,
    #[server(default)] password: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    use crate::context::{backend, go_to, set_cookie, visitor};
    set_cookie(&backend().accounts.sign_in(&email, &password, &visitor()).await?.cookie);
    go_to(&next);
    Ok(())
}

/// Signs this browser out.
#[server(endpoint = "account/sign_out", prefix = "/api")]
pub async fn sign_out() -> Result<(), AppError> {
    use crate::context::{backend, go_to, me, set_cookie};
    set_cookie(&backend().accounts.sign_out(&me()?).await?.cookie);
    go_to("/");
    Ok(())
}

/// Changes the password; every other browser is signed out.
#[server(endpoint = "account/change_password", prefix = "/api")]
pub async fn change_password(#[server(default)] current_password: String, #[server(default)] password: String) -> Result<(), AppError> {
    use crate::context::{backend, me, set_cookie, visitor};
    use domain::{
        account::{Email, NewPassword},
        reject::{Field, Reject},
    };
    let me = me()?;
    let new = NewPassword::parse(&password, Email::parse(&me.email).ok().as_ref()).map_err(|code| Reject::field(Field::Password, code))?;
    set_cookie(&backend().accounts.change_password(&me, &current_password, new, &visitor()).await?.cookie);
    Ok(())
}

/// Changes the display name.
#[server(endpoint = "account/rename", prefix = "/api")]
pub async fn rename(#[server(default)] display_name: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    use domain::{
        reject::{Field, Reject},
        text::DisplayName,
    };
    let me = me()?;
    let name = DisplayName::parse(&display_name).map_err(|code| Reject::field(Field::DisplayName, code))?;
    Ok(backend().accounts.rename(&me, name).await?)
}

/// The browsers that are signed in.
#[server(endpoint = "account/sign_ins", prefix = "/api")]
pub async fn sign_ins() -> Result<Vec<SignInView>, AppError> {
    use crate::context::{backend, me};
    Ok(backend().accounts.sign_ins(&me()?).await?)
}

/// Ends one sign-in, or with `others` all but this one.
#[server(endpoint = "account/revoke", prefix = "/api")]
pub async fn revoke(#[server(default)] sign_in: String) -> Result<(), AppError> {
    use crate::context::{backend, me};
    let me = me()?;
    let which = match sign_in.as_str() {
        "others" => None,
        id => Some(id.parse().map_err(|_| domain::reject::Code::NotFound)?),
    };
    Ok(backend().accounts.revoke(&me, which).await?)
}

/// Sets a new password by the link that the operator gave.
#[server(endpoint = "account/reset", prefix = "/api")]
pub async fn reset(#[server(default)] token: String, #[server(default)] password: String) -> Result<(), AppError> {
    use crate::context::{backend, go_to, set_cookie, visitor};
    use domain::{
        account::NewPassword,
        reject::{Field, Reject},
    };
    let new = NewPassword::parse(&password, None).map_err(|code| Reject::field(Field::Password, code))?;
    set_cookie(&backend().accounts.reset(&token, new, &visitor()).await?.cookie);
    go_to("/account");
    Ok(())
}
