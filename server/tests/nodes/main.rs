//! Several nodes on one database: what one of them does, the others show; and what breaks between them costs time and nothing else.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the failure")]

#[path = "../support/db.rs"]
#[expect(dead_code, reason = "these tests need PostgreSQL only")]
mod db;

mod course;
mod faults;
mod people;
mod processes;
mod world;
