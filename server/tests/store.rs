//! Every use case of the store, on SQLite and on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/db.rs"]
mod db;
#[path = "support/stripe.rs"]
mod stripe;

mod store {
    mod accounts;
    mod answers;
    mod backup;
    mod consultations;
    mod course;
    mod feed;
    mod gateway;
    mod ledger;
    mod money;
    mod offers;
    mod opening;
    mod presence;
    mod rooms;
    mod schedules;
    mod world;
}
