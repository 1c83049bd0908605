//! What nodes look at again and again: the consultations that are not over, or were until just now.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, &["CREATE INDEX ix_consultation_over_at ON consultation (over_at)"]).await
    }
}
