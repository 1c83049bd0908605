//! Server functions of the choices: reads of the board in memory.

use crate::error::AppError;
use domain::{card::Card, view::Snapshot};
use leptos::prelude::*;

/// Closed offers on a page of them.
pub const CLOSED_PAGE: usize = 24;

/// The choices that match the query part of an address, and their position, read in one call.
#[server(endpoint = "choices/view", prefix = "/api")]
pub async fn view(#[server(default)] query: String, #[server(default)] window: u32) -> Result<Snapshot, AppError> {
    let window = domain::view::window(usize::try_from(window).ok());
    Ok(crate::context::backend().choices.view(&domain::filter::Filter::parse_query(&query), window).await?)
}

/// A page of the matching offers that are closed now.
#[server(endpoint = "choices/closed", prefix = "/api")]
pub async fn closed(#[server(default)] query: String, #[server(default)] page: u32) -> Result<Vec<Card>, AppError> {
    let filter = domain::filter::Filter::parse_query(&query);
    Ok(crate::context::backend().choices.closed(&filter, usize::try_from(page).unwrap_or(0)).await?)
}
