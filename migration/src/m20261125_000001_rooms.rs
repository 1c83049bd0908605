//! Rooms: who sits in them, what proves it, how far each side has read, and the signals by which two pages find each other.

use crate::run;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await
    }
}

const TABLES: &[&str] = &[
    // What a bill is computed from: when a side's proof arrived. Never changed, never deleted.
    "CREATE TABLE proof (
        consultation :key NOT NULL CONSTRAINT fk_proof_consultation REFERENCES consultation (id),
        side text NOT NULL,
        at bigint NOT NULL,
        CONSTRAINT pk_proof PRIMARY KEY (consultation, side, at),
        CONSTRAINT ck_proof_side CHECK (side IN ('consumer', 'provider'))
    )",
    // The page of each side that is in the room. `left_at`: its line is gone since then.
    "CREATE TABLE seat (
        consultation :key NOT NULL CONSTRAINT fk_seat_consultation REFERENCES consultation (id),
        side text NOT NULL,
        tab :key NOT NULL,
        life :key NOT NULL,
        socket :key NOT NULL,
        taken_at bigint NOT NULL,
        left_at bigint,
        CONSTRAINT pk_seat PRIMARY KEY (consultation, side),
        CONSTRAINT ck_seat_side CHECK (side IN ('consumer', 'provider'))
    )",
    "CREATE INDEX ix_seat_left_at ON seat (left_at)",
    "CREATE TABLE mark (
        consultation :key NOT NULL CONSTRAINT fk_mark_consultation REFERENCES consultation (id),
        side text NOT NULL,
        delivered bigint NOT NULL,
        seen bigint NOT NULL,
        CONSTRAINT pk_mark PRIMARY KEY (consultation, side),
        CONSTRAINT ck_mark_side CHECK (side IN ('consumer', 'provider'))
    )",
    // Passed on as they are, and deleted minutes later.
    "CREATE TABLE signal (
        consultation :key NOT NULL CONSTRAINT fk_signal_consultation REFERENCES consultation (id),
        n bigint NOT NULL,
        side text NOT NULL,
        life :key NOT NULL,
        k bigint NOT NULL,
        at bigint NOT NULL,
        body text NOT NULL,
        CONSTRAINT pk_signal PRIMARY KEY (consultation, n),
        CONSTRAINT uq_signal_k UNIQUE (consultation, life, k),
        CONSTRAINT ck_signal_side CHECK (side IN ('consumer', 'provider'))
    )",
    "CREATE INDEX ix_signal_at ON signal (at)",
    "ALTER TABLE consultation ADD COLUMN last_signal bigint NOT NULL DEFAULT 0",
];
