//! What backups need of the store.

use super::{Store, error::StoreError};
use app::error::PortError;
use entity::{feed_head, seal};
use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, Statement,
    sea_query::Expr,
};
use std::path::Path;

impl Store {
    /// How many entries of the book are sealed, and the hash of the last one; empty when there is none.
    pub async fn chain_end(&self) -> Result<(i64, String), PortError> {
        let last = seal::Entity::find().order_by_desc(seal::Column::N).one(&self.0.reader).await.map_err(StoreError::from)?;
        Ok(last.map(|seal| (seal.n, crate::ids::hex(&seal.hash))).unwrap_or_default())
    }

    /// The hash of a sealed entry, by its number.
    pub async fn sealed_hash(&self, n: i64) -> Result<Option<String>, PortError> {
        let found = seal::Entity::find_by_id(n).one(&self.0.reader).await.map_err(StoreError::from)?;
        Ok(found.map(|seal| crate::ids::hex(&seal.hash)))
    }

    /// Writes a copy of the embedded database to a new file: one state of it, whatever is written meanwhile.
    pub async fn copy_to(&self, file: &Path) -> Result<(), PortError> {
        let path = file.to_string_lossy().into_owned();
        let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
        // The readers' connections may write nothing, not even elsewhere.
        self.0.writer.execute_raw(copy).await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Begins a new life of the feed, after a restore: no cursor of the old one is continued.
    pub async fn begin_new_epoch(&self) -> Result<(), PortError> {
        let begun = self.write(async |tx| {
            feed_head::Entity::update_many()
                .col_expr(feed_head::Column::Epoch, Expr::value(crate::ids::uuid()))
                .filter(feed_head::Column::Id.eq(1))
                .exec(&tx.db)
                .await?;
            Ok(())
        });
        Ok(begun.await?)
    }

    /// Whether a PostgreSQL database holds no tables.
    pub async fn is_empty(url: &str) -> Result<bool, DbErr> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).set_application_name("noren restore").sqlx_logging(false);
        let db = Database::connect(options).await?;
        let sql = "SELECT count(*) AS tables FROM information_schema.tables WHERE table_schema = current_schema()";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let tables: i64 = row.map(|row| row.try_get("", "tables")).transpose()?.unwrap_or_default();
        db.close().await?;
        Ok(tables == 0)
    }
}
