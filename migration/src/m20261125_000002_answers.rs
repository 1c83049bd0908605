//! How reliably providers answer, and which accounts the server itself acts for.

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
        run(manager, CHANGES).await
    }
}

const CHANGES: &[&str] = &[
    "ALTER TABLE account ADD COLUMN robot boolean NOT NULL DEFAULT false",
    // Demos that were set up before: nobody else's address could end so there.
    "UPDATE account SET robot = true WHERE email LIKE '%@robots.noren.example' AND EXISTS (SELECT 1 FROM setting WHERE key = 'demo')",
    // Nobody signs in to a robot.
    "DELETE FROM sign_in WHERE account IN (SELECT id FROM account WHERE robot = true)",
    "UPDATE account SET password_hash = '!' WHERE robot = true",
    "CREATE INDEX ix_account_robot ON account (robot)",
    // As cards show it; reckoned anew whenever a ring was answered or missed.
    "ALTER TABLE presence ADD COLUMN answers integer",
];
