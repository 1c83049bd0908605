//! Server functions of offers.

use crate::{error::AppError, ui::list::ListArg};
use domain::{
    card::Card,
    id::{AccountId, OfferId},
    offer::Status,
    time::Timestamp,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// An own offer, for the desk and the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnOffer {
    /// As consumers see it.
    pub card: Card,
    /// Its description.
    pub description: String,
    /// Draft or listed.
    pub status: Status,
    /// Counts revisions: a form that was opened at an older one is refused.
    pub version: i32,
}

/// An offer's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// As in the list, with its live state.
    pub card: Card,
    /// Its description.
    pub description: String,
    /// Draft, listed.
    pub status: Status,
    /// Since when it exists.
    pub since: Timestamp,
    /// Whether the visitor is its provider.
    pub own: bool,
    /// The board's position at which the state was read, to follow it live.
    pub cursor: domain::feed::Cursor,
}

/// A provider's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// The listed offers with their live state, open ones first.
    pub cards: Vec<Card>,
    /// The board's position at which the states were read.
    pub cursor: domain::feed::Cursor,
}

/// The fields of an offer's form, as they come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OfferFields {
    title: String,
    description: String,
    category: String,
    languages: ListArg,
    media: ListArg,
    rate_minor: String,
    /// In major units, as the pages' form sends it: `1.20`.
    rate: String,
    currency: String,
    free_seconds: String,
    draft: String,
}

#[cfg(feature = "ssr")]
impl From<OfferFields> for domain::offer::OfferForm {
    fn from(fields: OfferFields) -> Self {
        domain::offer::OfferForm {
            rate_minor: typed_rate(fields.rate_minor, &fields.rate, &fields.currency),
            title: fields.title,
            description: fields.description,
            category: fields.category,
            languages: fields.languages.0,
            media: fields.media.0,
            currency: fields.currency,
            free_seconds: fields.free_seconds,
            draft: matches!(&*fields.draft, "1" | "true" | "on" | "yes"),
        }
    }
}

/// What `register` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The new offer.
    pub offer: OfferId,
}

/// The rate in minor units: as sent, or from `rate` in major units (`1.20`) as the pages' form sends it. What is no amount stays as it is, to be refused in its place.
pub(crate) fn typed_rate(rate_minor: String, rate: &str, currency: &str) -> String {
    if !rate_minor.trim().is_empty() || rate.trim().is_empty() {
        return rate_minor;
    }
    let currency = domain::currency::Currency::parse(currency).or_else(|_| domain::currency::Currency::parse("EUR"));
    currency.and_then(|c| c.parse_amount(rate)).map_or_else(|_| format!("?{rate}"), |minor| minor.to_string())
}

/// Registers an offer: listed, unless `draft` is 1.
#[server(endpoint = "offers/register", prefix = "/api")]
pub async fn register(#[server(flatten)] fields: OfferFields) -> Result<Registered, AppError> {
    use crate::context::{backend, go_to, me};
    let me = me()?;
    let offer = backend().offers.register(&me, domain::offer::OfferForm::from(fields).parse()?).await?;
    go_to("/desk");
    Ok(Registered { offer })
}

/// Replaces the content of an own offer that still is at `version`.
#[server(endpoint = "offers/revise", prefix = "/api")]
pub async fn revise(
    #[server(default)] offer: String,
    #[server(default)] version: String,
    #[server(flatten)] fields: OfferFields,
) -> Result<(), AppError> {
    use crate::context::{backend, go_to, me};
    use domain::reject::Code;
    let me = me()?;
    let (offer, version) = (offer.parse().map_err(|_| Code::NotFound)?, version.parse().map_err(|_| Code::BadRequest)?);
    backend().offers.revise(&me, offer, version, domain::offer::OfferForm::from(fields).parse()?).await?;
    go_to("/desk");
    Ok(())
}

/// Retires an own offer.
#[server(endpoint = "offers/retire", prefix = "/api")]
pub async fn retire(#[server(default)] offer: String) -> Result<(), AppError> {
    use crate::context::{backend, go_to, me};
    let me = me()?;
    backend().offers.retire(&me, offer.parse().map_err(|_| domain::reject::Code::NotFound)?).await?;
    go_to("/desk");
    Ok(())
}

/// The own offers.
#[server(endpoint = "offers/mine", prefix = "/api")]
pub async fn mine() -> Result<Vec<OwnOffer>, AppError> {
    use crate::context::{backend, me};
    Ok(backend().offers.mine(&me()?).await?)
}

/// An offer's page.
#[server(endpoint = "offers/show", prefix = "/api")]
pub async fn show(#[server(default)] offer: String) -> Result<OfferView, AppError> {
    use crate::context::{backend, visitor};
    let offer = offer.parse().map_err(|_| domain::reject::Code::NotFound)?;
    Ok(backend().offers.show(offer, visitor().me.as_ref()).await?)
}

/// A provider's page.
#[server(endpoint = "offers/provider", prefix = "/api")]
pub async fn provider(#[server(default)] provider: String) -> Result<ProviderView, AppError> {
    Ok(crate::context::backend().offers.provider(provider.parse().map_err(|_| domain::reject::Code::NotFound)?).await?)
}
