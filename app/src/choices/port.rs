//! What the choices need of the server: the board, in memory.

use crate::error::PortError;
use async_trait::async_trait;
use domain::{card::Card, filter::Filter, view::Snapshot};

/// The board.
#[async_trait]
pub trait Choices: Send + Sync {
    /// The matching choices at one position, with a window of so many cards.
    async fn view(&self, filter: &Filter, window: usize) -> Result<Snapshot, PortError>;
    /// A page of the matching listed offers that are closed now, last closed first; pages count from 0.
    async fn closed(&self, filter: &Filter, page: usize) -> Result<Vec<Card>, PortError>;
}
