//! Feels the pulse of the database, over a connection of its own: whoever waits for a pool that is busy must not take that for a database that is gone.

use crate::{lifecycle::Lifecycle, live::hub::Hub, store::Store};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often it is felt.
const EVERY: Duration = Duration::from_millis(500);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the node ends.
pub async fn run(url: String, store: Store, hub: Arc<Hub>, life: Lifecycle) {
    let (mut line, mut missed) = (None, 0u32);
    loop {
        let felt = matches!(timeout(PATIENCE, feel(&url, &mut line)).await, Ok(Ok(())));
        if felt {
            missed = 0;
        } else {
            line = None;
            missed = missed.saturating_add(1);
        }
        // One beat may be late.
        let answers = missed < 2;
        if store.set_down(!answers) {
            match answers {
                true => tracing::info!("the database is back"),
                false => tracing::error!("the database cannot be reached: the board is shown as it was, and nothing can be changed"),
            }
        }
        hub.set_stale(!answers);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = life.stop.cancelled() => return,
        }
    }
}

/// Whether PostgreSQL answers that it has too many connections: `too_many_connections` of its table of error codes, in words since a failed
/// connection carries no code.
fn is_full(error: &DbErr) -> bool {
    let words = error.to_string();
    words.contains("too many clients") || words.contains("connection slots")
}

async fn feel(url: &str, line: &mut Option<DatabaseConnection>) -> Result<(), DbErr> {
    if line.is_none() {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).acquire_timeout(PATIENCE).set_application_name("noren pulse").sqlx_logging(false);
        *line = match Database::connect(options).await {
            // It is there, and has no place for this connection.
            Err(error) if is_full(&error) => return Ok(()),
            connected => Some(connected?),
        };
    }
    match line {
        Some(line) => line.execute_unprepared("SELECT 1").await.map(drop),
        None => Ok(()),
    }
}
