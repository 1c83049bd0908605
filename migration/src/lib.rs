//! The schema of Noren: one list of migrations for SQLite and PostgreSQL.
//!
//! Times are UTC milliseconds, keys are UUIDs, enumerations are text with a CHECK. Every constraint has a name
//! (`uq_`, `ck_`, `fk_`), because `server::store::error` turns some of them into refusals of a field.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use sea_orm_migration::prelude::*;

mod m20261122_000001_ground;
mod m20261123_000001_consultations;
mod m20261125_000001_rooms;
mod m20261125_000002_answers;
mod m20261125_000003_money;
mod m20261126_000001_nodes;

/// All migrations, oldest first. One that has been released is never changed.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_ground::Migration),
            Box::new(m20261123_000001_consultations::Migration),
            Box::new(m20261125_000001_rooms::Migration),
            Box::new(m20261125_000002_answers::Migration),
            Box::new(m20261125_000003_money::Migration),
            Box::new(m20261126_000001_nodes::Migration),
        ]
    }
}

/// Runs statements that are written once for both engines; `key` and `bytes` stand for the types whose names differ.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let (key, bytes) = match manager.get_database_backend() {
        sea_orm::DbBackend::Postgres => ("uuid", "bytea"),
        _ => ("blob", "blob"),
    };
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(&statement.replace(" :key", &format!(" {key}")).replace(" :bytes", &format!(" {bytes}")))
            .await?;
    }
    Ok(())
}
