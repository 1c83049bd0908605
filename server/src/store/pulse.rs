//! Whether PostgreSQL answers, over a connection of its own: whoever waits for a pool that is busy must not take that for a database that is gone.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The line by which it is felt.
pub struct Pulse {
    url: String,
    line: Option<DatabaseConnection>,
}

impl Pulse {
    /// The pulse of a database; nothing is connected yet.
    pub fn new(url: String) -> Self {
        Pulse { url, line: None }
    }

    /// Whether it answers now. A line that does not is given up.
    pub async fn feel(&mut self) -> bool {
        let felt = matches!(timeout(PATIENCE, self.beat()).await, Ok(Ok(())));
        if !felt {
            self.line = None;
        }
        felt
    }

    async fn beat(&mut self) -> Result<(), DbErr> {
        if self.line.is_none() {
            let mut options = ConnectOptions::new(&self.url);
            options.max_connections(1).acquire_timeout(PATIENCE).set_application_name("noren pulse").sqlx_logging(false);
            self.line = match Database::connect(options).await {
                // It is there, and has no place for this connection.
                Err(error) if is_full(&error) => return Ok(()),
                connected => Some(connected?),
            };
        }
        match &self.line {
            Some(line) => line.execute_unprepared("SELECT 1").await.map(drop),
            None => Ok(()),
        }
    }
}

/// Whether PostgreSQL answers that it has too many connections: `too_many_connections` of its table of error codes, in words since a failed
/// connection carries no code.
fn is_full(error: &DbErr) -> bool {
    let words = error.to_string();
    words.contains("too many clients") || words.contains("connection slots")
}
