//! Consultations: requests that ring, agreements, rooms. The table that stood here before held talks of the demo's robots only, which their next start
//! begins anew.

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
    "DROP TABLE consultation",
    // `state` is what `domain::consultation` says; the columns beside it are what other questions are answered from.
    "CREATE TABLE consultation (
        id :key CONSTRAINT pk_consultation PRIMARY KEY NOT NULL,
        offer :key NOT NULL CONSTRAINT fk_consultation_offer REFERENCES offer (id),
        provider :key NOT NULL CONSTRAINT fk_consultation_provider REFERENCES account (id),
        consumer :key NOT NULL CONSTRAINT fk_consultation_consumer REFERENCES account (id),
        question text NOT NULL,
        agreement text NOT NULL,
        stage text NOT NULL,
        state text NOT NULL,
        version bigint NOT NULL,
        last_row bigint NOT NULL,
        due_at bigint,
        created_at bigint NOT NULL,
        accepted_at bigint,
        over_at bigint,
        CONSTRAINT ck_consultation_sides CHECK (provider <> consumer),
        CONSTRAINT ck_consultation_question CHECK (length(question) <= 1000),
        CONSTRAINT ck_consultation_stage CHECK (stage IN ('requested', 'declined', 'missed', 'cancelled', 'unreachable', 'connecting', 'failed', 'live',
            'interrupted', 'ended', 'settled')),
        CONSTRAINT ck_consultation_accepted_at CHECK (accepted_at >= created_at),
        CONSTRAINT ck_consultation_over_at CHECK (over_at >= created_at)
    )",
    // The last judges of who was first: one ring and one open consultation a provider, one of either a consumer.
    "CREATE UNIQUE INDEX uq_consultation_ring ON consultation (provider) WHERE stage = 'requested'",
    "CREATE UNIQUE INDEX uq_consultation_open ON consultation (provider) WHERE stage IN ('connecting', 'live', 'interrupted')",
    "CREATE UNIQUE INDEX uq_consultation_asks ON consultation (consumer) WHERE over_at IS NULL",
    "CREATE INDEX ix_consultation_due_at ON consultation (due_at)",
    "CREATE INDEX ix_consultation_provider ON consultation (provider, created_at)",
    "CREATE INDEX ix_consultation_consumer ON consultation (consumer, created_at)",
    // What both accepted. Written once, with the accept.
    "CREATE TABLE agreement (
        consultation :key CONSTRAINT pk_agreement PRIMARY KEY NOT NULL CONSTRAINT fk_agreement_consultation REFERENCES consultation (id),
        at bigint NOT NULL,
        body text NOT NULL,
        hash :bytes NOT NULL,
        CONSTRAINT ck_agreement_hash CHECK (length(hash) = 32)
    )",
    "CREATE TABLE room_row (
        consultation :key NOT NULL CONSTRAINT fk_room_row_consultation REFERENCES consultation (id),
        n bigint NOT NULL,
        at bigint NOT NULL,
        message_key :key,
        body text NOT NULL,
        CONSTRAINT pk_room_row PRIMARY KEY (consultation, n),
        CONSTRAINT uq_room_row_message_key UNIQUE (consultation, message_key),
        CONSTRAINT ck_room_row_n CHECK (n >= 1)
    )",
    "CREATE TABLE segment (
        consultation :key NOT NULL CONSTRAINT fk_segment_consultation REFERENCES consultation (id),
        from_at bigint NOT NULL,
        to_at bigint NOT NULL,
        CONSTRAINT pk_segment PRIMARY KEY (consultation, from_at),
        CONSTRAINT ck_segment_length CHECK (to_at >= from_at)
    )",
    "CREATE TABLE block (
        by_account :key NOT NULL CONSTRAINT fk_block_by_account REFERENCES account (id),
        account :key NOT NULL CONSTRAINT fk_block_account REFERENCES account (id),
        at bigint NOT NULL,
        CONSTRAINT pk_block PRIMARY KEY (by_account, account),
        CONSTRAINT ck_block_sides CHECK (by_account <> account)
    )",
    "ALTER TABLE presence ADD COLUMN environment text NOT NULL DEFAULT '{}'",
    "ALTER TABLE presence ADD COLUMN missed_at bigint NOT NULL DEFAULT 0",
    "ALTER TABLE presence ADD COLUMN away boolean NOT NULL DEFAULT false",
];
