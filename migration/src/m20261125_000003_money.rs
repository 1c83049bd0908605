//! Money: the book, holds, receipts, what goes through the gateway, and cases. The rules of the book are kept here, by constraints and triggers.

use crate::run;
use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await?;
        match manager.get_database_backend() {
            DbBackend::Postgres => {
                run(manager, POSTGRES).await?;
                for table in KEPT {
                    let forbid = format!(
                        "CREATE TRIGGER tr_{table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
                    );
                    manager.get_connection().execute_unprepared(&forbid).await?;
                }
            }
            _ => {
                run(manager, SQLITE).await?;
                for table in KEPT {
                    for change in ["UPDATE", "DELETE"] {
                        let name = format!("tr_{table}_no_{}", change.to_lowercase());
                        let forbid =
                            format!("CREATE TRIGGER {name} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'kept for good'); END");
                        manager.get_connection().execute_unprepared(&forbid).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What is written once and never changed.
const KEPT: &[&str] = &["proof", "segment", "agreement", "entry", "line", "seal", "head", "hold", "hold_end", "receipt"];

const TABLES: &[&str] = &[
    // Proofs of different parts are never joined: a part ends when the cap is used up.
    "ALTER TABLE proof ADD COLUMN part integer NOT NULL DEFAULT 0",
    // One booking. Its lines are written before it, in the same transaction: a trigger then sees whether they sum to zero.
    "CREATE TABLE entry (
        id :key CONSTRAINT pk_entry PRIMARY KEY NOT NULL,
        key text NOT NULL,
        kind text NOT NULL,
        asset text NOT NULL,
        about :key NOT NULL,
        at bigint NOT NULL,
        CONSTRAINT uq_entry_key UNIQUE (key),
        CONSTRAINT ck_entry_kind CHECK (kind IN ('top_up', 'hold', 'settle', 'clear', 'refund', 'goodwill', 'withdraw', 'withdrawn', 'returned', 'reverse'))
    )",
    "CREATE INDEX ix_entry_about ON entry (about)",
    // `owner` is nil for the house. What people and the operator own is positive.
    "CREATE TABLE line (
        entry :key NOT NULL CONSTRAINT fk_line_entry REFERENCES entry (id) DEFERRABLE INITIALLY DEFERRED,
        n integer NOT NULL,
        owner :key NOT NULL,
        book text NOT NULL,
        asset text NOT NULL,
        minor bigint NOT NULL,
        CONSTRAINT pk_line PRIMARY KEY (entry, n),
        CONSTRAINT uq_line_place UNIQUE (entry, owner, book),
        CONSTRAINT ck_line_minor CHECK (minor <> 0 AND minor BETWEEN -1000000000000000 AND 1000000000000000),
        CONSTRAINT ck_line_book CHECK (book IN ('available', 'held', 'pending', 'payable', 'commission', 'clearing', 'goodwill', 'refunds'))
    )",
    "CREATE INDEX ix_line_owner ON line (owner, entry)",
    // The sums of the lines, moved by a trigger with each of them.
    "CREATE TABLE balance (
        owner :key NOT NULL,
        book text NOT NULL,
        asset text NOT NULL,
        minor bigint NOT NULL,
        CONSTRAINT pk_balance PRIMARY KEY (owner, book, asset),
        -- Far from where a sum would not fit any more: SQLite would go on with a fraction there.
        CONSTRAINT ck_balance_fits CHECK (minor BETWEEN -4000000000000000000 AND 4000000000000000000),
        CONSTRAINT ck_balance_funds CHECK (minor >= 0 OR book IN ('clearing', 'goodwill'))
    )",
    // The hash chain, in the order in which entries were committed.
    "CREATE TABLE seal (
        n bigint CONSTRAINT pk_seal PRIMARY KEY NOT NULL,
        entry :key NOT NULL CONSTRAINT fk_seal_entry REFERENCES entry (id),
        hash :bytes NOT NULL,
        CONSTRAINT uq_seal_entry UNIQUE (entry),
        CONSTRAINT ck_seal_n CHECK (n >= 1),
        CONSTRAINT ck_seal_hash CHECK (length(hash) = 32)
    )",
    // The entries that are not sealed yet: written by a trigger, deleted by the sealer.
    "CREATE TABLE unsealed (entry :key CONSTRAINT pk_unsealed PRIMARY KEY NOT NULL CONSTRAINT fk_unsealed_entry REFERENCES entry (id))",
    // The end of the chain at the end of a day, signed.
    "CREATE TABLE head (
        day bigint CONSTRAINT pk_head PRIMARY KEY NOT NULL,
        n bigint NOT NULL CONSTRAINT fk_head_seal REFERENCES seal (n),
        hash :bytes NOT NULL,
        public_key :bytes NOT NULL,
        signature :bytes NOT NULL,
        CONSTRAINT ck_head_hash CHECK (length(hash) = 32),
        CONSTRAINT ck_head_public_key CHECK (length(public_key) = 32),
        CONSTRAINT ck_head_signature CHECK (length(signature) = 64)
    )",
    "CREATE TABLE hold (
        consultation :key NOT NULL CONSTRAINT fk_hold_consultation REFERENCES consultation (id),
        n bigint NOT NULL,
        asset text NOT NULL,
        minor bigint NOT NULL,
        commission bigint NOT NULL,
        at bigint NOT NULL,
        CONSTRAINT pk_hold PRIMARY KEY (consultation, n),
        CONSTRAINT ck_hold_minor CHECK (minor > 0)
    )",
    // The consultations that hold something: what there is to settle is found here, however many are past.
    "CREATE TABLE holding (consultation :key CONSTRAINT pk_holding PRIMARY KEY NOT NULL CONSTRAINT fk_holding_consultation REFERENCES consultation (id))",
    // Each hold ends once.
    "CREATE TABLE hold_end (
        consultation :key NOT NULL,
        n bigint NOT NULL,
        captured bigint NOT NULL,
        released bigint NOT NULL,
        at bigint NOT NULL,
        CONSTRAINT pk_hold_end PRIMARY KEY (consultation, n),
        CONSTRAINT fk_hold_end_hold FOREIGN KEY (consultation, n) REFERENCES hold (consultation, n),
        CONSTRAINT ck_hold_end_parts CHECK (captured >= 0 AND released >= 0)
    )",
    "CREATE TABLE receipt (
        consultation :key CONSTRAINT pk_receipt PRIMARY KEY NOT NULL CONSTRAINT fk_receipt_consultation REFERENCES consultation (id),
        number bigint NOT NULL,
        at bigint NOT NULL,
        consumer :key NOT NULL CONSTRAINT fk_receipt_consumer REFERENCES account (id),
        provider :key NOT NULL CONSTRAINT fk_receipt_provider REFERENCES account (id),
        asset text NOT NULL,
        total bigint NOT NULL,
        fee bigint NOT NULL,
        body text NOT NULL,
        hash :bytes NOT NULL,
        CONSTRAINT uq_receipt_number UNIQUE (number),
        CONSTRAINT ck_receipt_number CHECK (number >= 1),
        CONSTRAINT ck_receipt_total CHECK (total >= fee AND fee >= 0),
        CONSTRAINT ck_receipt_hash CHECK (length(hash) = 32)
    )",
    "CREATE INDEX ix_receipt_provider ON receipt (provider, at)",
    "CREATE INDEX ix_receipt_at ON receipt (at)",
    // When the earnings of a consultation can be paid out; gone when they can.
    "CREATE TABLE clearing (
        consultation :key CONSTRAINT pk_clearing PRIMARY KEY NOT NULL CONSTRAINT fk_clearing_receipt REFERENCES receipt (consultation),
        due_at bigint NOT NULL
    )",
    "CREATE INDEX ix_clearing_due_at ON clearing (due_at)",
    "CREATE TABLE counter (
        name text CONSTRAINT pk_counter PRIMARY KEY NOT NULL,
        value bigint NOT NULL
    )",
    "INSERT INTO counter (name, value) VALUES ('receipt', 0)",
    // Each movement through the gateway: written before the gateway is called.
    "CREATE TABLE operation (
        id :key CONSTRAINT pk_operation PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_operation_account REFERENCES account (id),
        gateway text NOT NULL,
        kind text NOT NULL,
        asset text NOT NULL,
        minor bigint NOT NULL,
        state text NOT NULL,
        external text,
        next text,
        parent :key CONSTRAINT fk_operation_parent REFERENCES operation (id),
        returned bigint NOT NULL DEFAULT 0,
        reversals bigint NOT NULL DEFAULT 0,
        tries bigint NOT NULL DEFAULT 0,
        created_at bigint NOT NULL,
        changed_at bigint NOT NULL,
        due_at bigint,
        CONSTRAINT uq_operation_external UNIQUE (gateway, external),
        CONSTRAINT ck_operation_kind CHECK (kind IN ('top_up', 'refund')),
        CONSTRAINT ck_operation_state CHECK (state IN ('requested', 'sent', 'unknown', 'settled', 'failed')),
        CONSTRAINT ck_operation_minor CHECK (minor > 0),
        CONSTRAINT ck_operation_returned CHECK (returned >= 0 AND returned <= minor)
    )",
    "CREATE INDEX ix_operation_account ON operation (account, created_at)",
    "CREATE INDEX ix_operation_due_at ON operation (due_at)",
    // What a gateway has told, each once.
    "CREATE TABLE gateway_event (
        gateway text NOT NULL,
        id text NOT NULL,
        kind text NOT NULL,
        at bigint NOT NULL,
        body text NOT NULL,
        CONSTRAINT pk_gateway_event PRIMARY KEY (gateway, id)
    )",
    // What was answered under which key.
    "CREATE TABLE once (
        account :key NOT NULL CONSTRAINT fk_once_account REFERENCES account (id),
        key :key NOT NULL,
        asked :bytes NOT NULL,
        answer text NOT NULL,
        at bigint NOT NULL,
        CONSTRAINT pk_once PRIMARY KEY (account, key)
    )",
    "CREATE INDEX ix_once_at ON once (at)",
    // Something was wrong with a receipt.
    "CREATE TABLE complaint (
        consultation :key CONSTRAINT pk_complaint PRIMARY KEY NOT NULL CONSTRAINT fk_complaint_receipt REFERENCES receipt (consultation),
        text text NOT NULL,
        evidence text NOT NULL,
        state text NOT NULL,
        refunded bigint NOT NULL DEFAULT 0,
        answer text NOT NULL DEFAULT '',
        decided_by :key CONSTRAINT fk_complaint_decided_by REFERENCES account (id),
        at bigint NOT NULL,
        decided_at bigint,
        CONSTRAINT ck_complaint_text CHECK (length(text) <= 1000 AND length(answer) <= 1000),
        CONSTRAINT ck_complaint_state CHECK (state IN ('open', 'automatic', 'refunded', 'refused'))
    )",
    "CREATE INDEX ix_complaint_state ON complaint (state, at)",
    "CREATE INDEX ix_consultation_stage ON consultation (stage)",
];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept for good'; END $$",
    "CREATE FUNCTION move_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry) THEN RAISE EXCEPTION 'the entry is complete'; END IF;
        UPDATE balance SET minor = minor + NEW.minor WHERE owner = NEW.owner AND book = NEW.book AND asset = NEW.asset;
        IF NOT FOUND THEN
            INSERT INTO balance (owner, book, asset, minor) VALUES (NEW.owner, NEW.book, NEW.asset, 0) ON CONFLICT DO NOTHING;
            UPDATE balance SET minor = minor + NEW.minor WHERE owner = NEW.owner AND book = NEW.book AND asset = NEW.asset;
        END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER tr_line_moves AFTER INSERT ON line FOR EACH ROW EXECUTE FUNCTION move_balance()",
    "CREATE FUNCTION judge_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT coalesce(sum(minor), 1) FROM line WHERE entry = NEW.id) <> 0 THEN RAISE EXCEPTION 'an entry sums to zero'; END IF;
        IF EXISTS (SELECT 1 FROM line WHERE entry = NEW.id AND asset <> NEW.asset) THEN RAISE EXCEPTION 'an entry is of one asset'; END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER tr_entry_judged BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION judge_entry()",
    "CREATE FUNCTION note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO unsealed (entry) VALUES (NEW.id);
        RETURN NEW;
    END $$",
    "CREATE TRIGGER tr_entry_unsealed AFTER INSERT ON entry FOR EACH ROW EXECUTE FUNCTION note_unsealed()",
    "CREATE FUNCTION judge_hold_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NOT EXISTS (SELECT 1 FROM hold WHERE consultation = NEW.consultation AND n = NEW.n AND minor = NEW.captured + NEW.released) THEN
            RAISE EXCEPTION 'a hold ends whole';
        END IF;
        RETURN NEW;
    END $$",
    "CREATE TRIGGER tr_hold_end_judged BEFORE INSERT ON hold_end FOR EACH ROW EXECUTE FUNCTION judge_hold_end()",
];

const SQLITE: &[&str] = &[
    "CREATE TRIGGER tr_line_moves AFTER INSERT ON line BEGIN
        SELECT RAISE(ABORT, 'the entry is complete') WHERE EXISTS (SELECT 1 FROM entry WHERE id = NEW.entry);
        INSERT OR IGNORE INTO balance (owner, book, asset, minor) VALUES (NEW.owner, NEW.book, NEW.asset, 0);
        UPDATE balance SET minor = minor + NEW.minor WHERE owner = NEW.owner AND book = NEW.book AND asset = NEW.asset;
    END",
    "CREATE TRIGGER tr_entry_judged BEFORE INSERT ON entry BEGIN
        SELECT RAISE(ABORT, 'an entry sums to zero') WHERE (SELECT coalesce(sum(minor), 1) FROM line WHERE entry = NEW.id) <> 0;
        SELECT RAISE(ABORT, 'an entry is of one asset') WHERE EXISTS (SELECT 1 FROM line WHERE entry = NEW.id AND asset <> NEW.asset);
    END",
    "CREATE TRIGGER tr_entry_unsealed AFTER INSERT ON entry BEGIN
        INSERT INTO unsealed (entry) VALUES (NEW.id);
    END",
    "CREATE TRIGGER tr_hold_end_judged BEFORE INSERT ON hold_end BEGIN
        SELECT RAISE(ABORT, 'a hold ends whole')
        WHERE NOT EXISTS (SELECT 1 FROM hold WHERE consultation = NEW.consultation AND n = NEW.n AND minor = NEW.captured + NEW.released);
    END",
];
