//! Rows as domain types. What a row holds has passed the domain's parsers once, so a row that does not parse is damage.

use super::error::StoreError;
use app::context::Me;
use domain::{
    account::Role,
    card::Card,
    category::Category,
    consultation::Misses,
    currency::Currency,
    id::{AccountId, OfferId, SignInId},
    language::Languages,
    media::Media,
    money::Rate,
    offer::{OfferContent, Status},
    presence::{DeskEvent, DeskEventKind, Shown},
    text::{Description, Title},
    time::{Millis, Timestamp},
};
use entity::{account, desk_event, offer, presence, sign_in};
use sea_orm::ActiveValue::Set;
use serde::{Serialize, de::DeserializeOwned};

/// A value as a text column keeps it.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Broken(error.to_string()))
}

/// The value that a text column keeps.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken(error.to_string()))
}

/// The value of an enumeration that a column holds as text.
pub(super) fn named<T: Copy>(all: &[T], text: impl Fn(T) -> &'static str, stored: &str, column: &str) -> Result<T, StoreError> {
    all.iter().copied().find(|value| text(*value) == stored).ok_or_else(|| StoreError::Broken(format!("{column} holds {stored:?}")))
}

pub(super) fn status(stored: &str) -> Result<Status, StoreError> {
    named(Status::ALL, Status::as_str, stored, "offer.status")
}

pub(super) fn shown(stored: &str) -> Result<Shown, StoreError> {
    named(Shown::ALL, Shown::as_str, stored, "presence.shown")
}

/// An offer as consumers see it.
pub(super) fn card(offer: &offer::Model, name: &str, is: Shown, at: Timestamp) -> Result<Card, StoreError> {
    let damaged = |column: &str| StoreError::Broken(format!("offer.{column} of {} cannot be read", offer.id));
    Ok(Card {
        id: OfferId(offer.id),
        by: AccountId(offer.account),
        name: name.to_owned(),
        title: offer.title.clone(),
        category: Category::parse(&offer.category).map_err(|_| damaged("category"))?,
        languages: Languages::parse(offer.languages.split(',')).map_err(|_| damaged("languages"))?,
        media: u8::try_from(offer.media).ok().and_then(|bits| Media::from_bits(bits).ok()).ok_or_else(|| damaged("media"))?,
        rate_minor: offer.rate_minor,
        currency: Currency::parse(&offer.currency).map_err(|_| damaged("currency"))?,
        free_seconds: u32::try_from(offer.free_seconds).map_err(|_| damaged("free_seconds"))?,
        is,
        at,
        answers: None,
    })
}

/// The columns that a form fills.
pub(super) fn content(content: OfferContent) -> offer::ActiveModel {
    offer::ActiveModel {
        title: Set(content.title.into()),
        description: Set(content.description.into()),
        category: Set(content.category.as_str().into()),
        languages: Set(content.languages.as_str().into()),
        media: Set(content.media.bits().into()),
        rate_minor: Set(content.rate.minor),
        currency: Set(content.rate.currency.code().into()),
        free_seconds: Set(i32::try_from(content.free_seconds).unwrap_or(i32::MAX)),
        status: Set(content.status.as_str().into()),
        ..offer::ActiveModel::default()
    }
}

/// An offer as its provider wrote it.
pub(super) fn content_of(offer: &offer::Model) -> Result<OfferContent, StoreError> {
    let damaged = |column: &str| StoreError::Broken(format!("offer.{column} of {} cannot be read", offer.id));
    let card = card(offer, "", Shown::Offline, Timestamp(0))?;
    Ok(OfferContent {
        title: Title::parse(&offer.title).map_err(|_| damaged("title"))?,
        description: Description::parse(&offer.description).map_err(|_| damaged("description"))?,
        category: card.category,
        languages: card.languages,
        media: card.media,
        rate: Rate::new(card.rate_minor, card.currency).map_err(|_| damaged("rate_minor"))?,
        free_seconds: card.free_seconds,
        status: status(&offer.status)?,
    })
}

/// What is remembered of a provider's misses.
pub(super) fn misses(row: &presence::Model) -> Misses {
    Misses { in_a_row: u32::try_from(row.missed).unwrap_or(0), last: Timestamp(row.missed_at), away: row.away }
}

/// The account behind a sign-in.
pub(super) fn me(account: account::Model, sign_in: &sign_in::Model, provider: bool) -> Result<Me, StoreError> {
    Ok(Me {
        id: AccountId(account.id),
        sign_in: SignInId(sign_in.id),
        role: named(Role::ALL, Role::as_str, &account.role, "account.role")?,
        display_name: account.display_name,
        email: account.email,
        provider,
    })
}

/// One line of a desk's log.
pub(super) fn desk_event(row: &desk_event::Model) -> Result<DeskEvent, StoreError> {
    let kind = named(DeskEventKind::ALL, DeskEventKind::as_str, &row.kind, "desk_event.kind")?;
    Ok(DeskEvent { at: Timestamp(row.at), kind, stretch: Millis(row.stretch_ms) })
}
