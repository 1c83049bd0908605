//! Opening a database: alone, migrated, with a clock that does not go back.

use super::world::*;
use crate::db::{Db, Engine, Folder};
use domain::time::{Millis, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use server::{
    clock::Clock,
    config::Config,
    store::{OpenError, Store},
};

on_both!(
    the_clock_starts_after_the_newest_stamp,
    the_feed_goes_on_after_a_restart,
    a_newer_database_is_refused,
    a_store_answers_until_it_is_closed
);

async fn the_clock_starts_after_the_newest_stamp(world: World) {
    world.clock.advance(Millis::minutes(5));
    world.person("Ana").await;
    let newest = world.clock.now();
    let behind = Clock::manual(START.before(Millis::minutes(60)));
    let again = Store::open_beside(&world.db.config, behind.clone()).await.unwrap();
    assert_eq!(behind.now(), newest);
    again.close().await;
}

async fn the_feed_goes_on_after_a_restart(world: World) {
    world.provider("Ana").await;
    let before = world.store.board().await.unwrap();
    let World { store, db, .. } = world;
    store.close().await;
    drop(store);
    let again = Store::open(&db.config, Clock::manual(START)).await.unwrap();
    assert_eq!(again.board().await.unwrap(), before, "the same life of the feed");
    again.close().await;
}

async fn a_newer_database_is_refused(world: World) {
    let db = world.db.raw().await;
    db.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_from_the_future', 0)")
        .await
        .unwrap();
    world.store.close().await;
    let World { db, store, .. } = world;
    drop(store);
    assert!(matches!(Store::open(&db.config, Clock::manual(START)).await, Err(OpenError::Migration(_))));
}

async fn a_store_answers_until_it_is_closed(world: World) {
    assert_eq!(world.store.ping().await, Ok(()));
    world.store.close().await;
    assert!(world.store.ping().await.is_err());
}

#[tokio::test]
async fn a_data_folder_has_one_server() {
    let folder = Folder::new();
    let mut config = Config { data: folder.0.join("not there yet"), ..Config::default() };
    quick(&mut config);
    let first = Store::open(&config, Clock::manual(START)).await.unwrap();
    assert!(matches!(Store::open(&config, Clock::manual(START)).await, Err(OpenError::Locked(_))));
    let beside = Store::open_beside(&config, Clock::manual(START)).await.unwrap();
    beside.set_setting("seen", "by both").await.unwrap();
    assert_eq!(first.setting("seen").await, Ok(Some("by both".into())));
    beside.close().await;
    drop(beside);
    first.close().await;
    drop(first);
    assert!(Store::open(&config, Clock::manual(START)).await.is_ok(), "the lock goes with the store");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told() {
    let folder = Folder::new();
    let file = folder.0.join("a file");
    std::fs::write(&file, "").unwrap();
    let config = Config { data: file.join("data"), ..Config::default() };
    assert!(matches!(Store::open(&config, Clock::manual(START)).await, Err(OpenError::Folder { .. })));
}

#[tokio::test]
async fn sqlite_is_set_up_for_safety() {
    let world = World::new(Engine::Sqlite).await;
    assert!(world.db.config.data.join("noren.db-wal").exists());
    let db = world.db.raw().await;
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode")).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "wal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_migrate_once() {
    let db = Db::new(Engine::Postgres).await;
    let nodes: Vec<_> = (0..5)
        .map(|_| {
            let config = db.config.clone();
            tokio::spawn(async move { Store::open(&config, Clock::system()).await })
        })
        .collect();
    let mut cursors = Vec::new();
    for node in nodes {
        cursors.push(node.await.unwrap().unwrap().board().await.unwrap().cursor);
    }
    assert!(cursors.iter().all(|cursor| *cursor == cursors[0]), "all live in the same life of the feed");
}

#[tokio::test]
async fn with_postgres_the_clock_is_the_databases() {
    let db = Db::new(Engine::Postgres).await;
    let clock = Clock::system();
    let store = Store::open(&db.config, clock.clone()).await.unwrap();
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now";
    let row = db.raw().await.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    let theirs = Timestamp(row.try_get("", "now").unwrap());
    assert!(clock.now().since(theirs).0.abs() < 2_000);
    store.close().await;
}
