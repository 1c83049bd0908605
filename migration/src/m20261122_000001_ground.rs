//! Accounts, offers, presence and the feed.

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
    "CREATE TABLE account (
        id :key CONSTRAINT pk_account PRIMARY KEY NOT NULL,
        email text NOT NULL,
        display_name text NOT NULL,
        password_hash text NOT NULL,
        role text NOT NULL,
        created_at bigint NOT NULL,
        CONSTRAINT uq_account_email UNIQUE (email),
        CONSTRAINT ck_account_email CHECK (length(email) BETWEEN 3 AND 254),
        CONSTRAINT ck_account_display_name CHECK (length(display_name) BETWEEN 1 AND 40),
        CONSTRAINT ck_account_role CHECK (role IN ('member', 'operator'))
    )",
    "CREATE TABLE sign_in (
        id :key CONSTRAINT pk_sign_in PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_sign_in_account REFERENCES account (id),
        token_hash :bytes NOT NULL,
        device text NOT NULL,
        created_at bigint NOT NULL,
        last_seen_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        CONSTRAINT uq_sign_in_token_hash UNIQUE (token_hash)
    )",
    "CREATE INDEX ix_sign_in_account ON sign_in (account)",
    "CREATE INDEX ix_sign_in_expires_at ON sign_in (expires_at)",
    "CREATE INDEX ix_sign_in_last_seen_at ON sign_in (last_seen_at)",
    "CREATE TABLE reset_link (
        token_hash :bytes CONSTRAINT pk_reset_link PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_reset_link_account REFERENCES account (id),
        expires_at bigint NOT NULL,
        used_at bigint
    )",
    "CREATE INDEX ix_reset_link_expires_at ON reset_link (expires_at)",
    "CREATE TABLE offer (
        id :key CONSTRAINT pk_offer PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_offer_account REFERENCES account (id),
        title text NOT NULL,
        description text NOT NULL,
        category text NOT NULL,
        languages text NOT NULL,
        media integer NOT NULL,
        rate_minor bigint NOT NULL,
        currency text NOT NULL,
        free_seconds integer NOT NULL,
        status text NOT NULL,
        version integer NOT NULL,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        CONSTRAINT ck_offer_title CHECK (length(title) BETWEEN 1 AND 80),
        CONSTRAINT ck_offer_description CHECK (length(description) BETWEEN 1 AND 4000),
        CONSTRAINT ck_offer_category CHECK (category IN ('languages', 'interpreting', 'tutoring', 'careers', 'business', 'legal', 'health',
            'fortune', 'technology', 'repair', 'arts', 'other')),
        CONSTRAINT ck_offer_languages CHECK (length(languages) BETWEEN 2 AND 40),
        CONSTRAINT ck_offer_media CHECK (media BETWEEN 1 AND 7),
        CONSTRAINT ck_offer_rate_minor CHECK (rate_minor >= 0),
        CONSTRAINT ck_offer_currency CHECK (length(currency) = 3),
        CONSTRAINT ck_offer_free_seconds CHECK (free_seconds BETWEEN 0 AND 3600),
        CONSTRAINT ck_offer_status CHECK (status IN ('draft', 'listed', 'retired')),
        CONSTRAINT ck_offer_version CHECK (version >= 1)
    )",
    "CREATE INDEX ix_offer_account ON offer (account, status)",
    "CREATE INDEX ix_offer_status ON offer (status)",
    "CREATE TABLE presence (
        account :key CONSTRAINT pk_presence PRIMARY KEY NOT NULL CONSTRAINT fk_presence_account REFERENCES account (id),
        until bigint,
        since bigint NOT NULL,
        all_offers boolean NOT NULL,
        proved_until bigint NOT NULL,
        missed integer NOT NULL,
        shown text NOT NULL,
        shown_at bigint NOT NULL,
        line_lost_at bigint,
        CONSTRAINT ck_presence_missed CHECK (missed >= 0),
        CONSTRAINT ck_presence_shown CHECK (shown IN ('online', 'busy', 'offline'))
    )",
    "CREATE INDEX ix_presence_until ON presence (until)",
    "CREATE INDEX ix_presence_shown ON presence (shown)",
    "CREATE TABLE presence_offer (
        account :key NOT NULL CONSTRAINT fk_presence_offer_presence REFERENCES presence (account),
        offer :key NOT NULL CONSTRAINT fk_presence_offer_offer REFERENCES offer (id),
        CONSTRAINT pk_presence_offer PRIMARY KEY (account, offer)
    )",
    "CREATE INDEX ix_presence_offer_offer ON presence_offer (offer)",
    "CREATE TABLE node (
        id :key CONSTRAINT pk_node PRIMARY KEY NOT NULL,
        started_at bigint NOT NULL,
        last_sign bigint NOT NULL
    )",
    "CREATE INDEX ix_node_last_sign ON node (last_sign)",
    "CREATE TABLE attachment (
        id :key CONSTRAINT pk_attachment PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_attachment_account REFERENCES account (id),
        node :key NOT NULL CONSTRAINT fk_attachment_node REFERENCES node (id),
        device text NOT NULL,
        attached_at bigint NOT NULL
    )",
    "CREATE INDEX ix_attachment_account ON attachment (account)",
    "CREATE INDEX ix_attachment_node ON attachment (node)",
    "CREATE TABLE consultation (
        id :key CONSTRAINT pk_consultation PRIMARY KEY NOT NULL,
        offer :key NOT NULL CONSTRAINT fk_consultation_offer REFERENCES offer (id),
        provider :key NOT NULL CONSTRAINT fk_consultation_provider REFERENCES account (id),
        consumer :key NOT NULL CONSTRAINT fk_consultation_consumer REFERENCES account (id),
        accepted_at bigint NOT NULL,
        ended_at bigint,
        CONSTRAINT ck_consultation_sides CHECK (provider <> consumer),
        CONSTRAINT ck_consultation_ended_at CHECK (ended_at >= accepted_at)
    )",
    // A provider is in one live consultation at most: the last judge of who won an offer.
    "CREATE UNIQUE INDEX uq_consultation_live ON consultation (provider) WHERE ended_at IS NULL",
    "CREATE TABLE desk_event (
        id :key CONSTRAINT pk_desk_event PRIMARY KEY NOT NULL,
        account :key NOT NULL CONSTRAINT fk_desk_event_account REFERENCES account (id),
        at bigint NOT NULL,
        kind text NOT NULL,
        stretch_ms bigint NOT NULL,
        CONSTRAINT ck_desk_event_kind CHECK (kind IN ('went_online', 'renewed', 'went_offline', 'time_up', 'page_left', 'line_lost', 'line_gap',
            'came_back', 'began', 'ended'))
    )",
    "CREATE INDEX ix_desk_event_account ON desk_event (account, at)",
    // One row. Its lock is what orders the feed, so commit order and number order are the same.
    "CREATE TABLE feed_head (
        id integer CONSTRAINT pk_feed_head PRIMARY KEY NOT NULL,
        epoch :key NOT NULL,
        seq bigint NOT NULL,
        CONSTRAINT ck_feed_head_one CHECK (id = 1)
    )",
    "CREATE TABLE feed (
        seq bigint CONSTRAINT pk_feed PRIMARY KEY NOT NULL,
        at bigint NOT NULL,
        body text NOT NULL
    )",
    "CREATE INDEX ix_feed_at ON feed (at)",
    "CREATE TABLE rejected_form (
        id text CONSTRAINT pk_rejected_form PRIMARY KEY NOT NULL,
        at bigint NOT NULL,
        body text NOT NULL
    )",
    "CREATE INDEX ix_rejected_form_at ON rejected_form (at)",
    "CREATE TABLE setting (
        key text CONSTRAINT pk_setting PRIMARY KEY NOT NULL,
        value text NOT NULL
    )",
];
