//! Backups: what is restored is what was there, and nothing is overwritten.

use super::world::*;
use crate::db::Db;
use domain::ledger::{Book, Place};
use sea_orm::ConnectionTrait;
use server::{
    backup::{backup, restore},
    clock::Clock,
    store::Store,
};

on_both!(what_is_restored_is_what_was_there, a_backup_that_was_changed_is_told);

async fn what_is_restored_is_what_was_there(world: World) {
    let (ana, offer) = world.provider("Ana").await;
    let ben = world.person("Ben").await;
    world.top_up(&ben, 250).await;
    world.store.seal().await.unwrap();
    let folder = world.db.config.data.join("backup");
    let told = backup(&world.db.config, &folder).await.unwrap();
    assert!(told.contains("sealed entries"), "{told}");
    assert!(backup(&world.db.config, &folder).await.is_err(), "never into what is there");
    // What comes after it is not in it.
    world.top_up(&ben, 77).await;
    let new = Db::new(if world.db.config.database.is_some() { crate::db::Engine::Postgres } else { crate::db::Engine::Sqlite }).await;
    let told = restore(&new.config, &folder, true).await.unwrap();
    assert!(told.contains("The books are right"), "{told}");
    assert!(restore(&new.config, &folder, true).await.is_err(), "never over what is there");
    let store = Store::open(&new.config, Clock::system()).await.unwrap();
    let kept = async |store: &Store| store.entries(None, 1_000).await.unwrap();
    let (before, after) = (kept(&world.store).await, kept(&store).await);
    assert_eq!(before.len(), after.len() + 1);
    assert!(after.iter().all(|posted| before.contains(posted)));
    assert_eq!(store.balance(Place::of(ben.id, Book::Available), euros(0).asset).await.unwrap(), euros(100_250));
    let (old, new_board) = (world.store.board().await.unwrap(), store.board().await.unwrap());
    assert_ne!(old.cursor.epoch, new_board.cursor.epoch, "no cursor of the lost life is continued");
    assert!(new_board.cards.iter().any(|card| card.id == offer && card.by == ana.id));
    store.close().await;
}

async fn a_backup_that_was_changed_is_told(world: World) {
    let ben = world.person("Ben").await;
    world.top_up(&ben, 500).await;
    world.store.seal().await.unwrap();
    let folder = world.db.config.data.join("backup");
    backup(&world.db.config, &folder).await.unwrap();
    let postgres = world.db.config.database.is_some();
    let new = Db::new(if postgres { crate::db::Engine::Postgres } else { crate::db::Engine::Sqlite }).await;
    if postgres {
        // A dump is not easily changed, its manifest is: the chain does not lead to what it says.
        let manifest = folder.join("manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let at = text.find("\"hash\": \"").unwrap() + 9;
        let other = if &text[at..=at] == "0" { "1" } else { "0" };
        std::fs::write(&manifest, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    } else {
        let raw = sea_orm::Database::connect(format!("sqlite://{}", folder.join("noren.db").display())).await.unwrap();
        for trigger in raw
            .query_all_raw(sea_orm::Statement::from_string(
                sea_orm::DbBackend::Sqlite,
                "SELECT name FROM sqlite_master WHERE type = 'trigger'",
            ))
            .await
            .unwrap()
        {
            let name: String = trigger.try_get("", "name").unwrap();
            raw.execute_unprepared(&format!("DROP TRIGGER {name}")).await.unwrap();
        }
        raw.execute_unprepared("UPDATE line SET minor = minor * 2").await.unwrap();
        raw.close().await.unwrap();
    }
    let wrong = restore(&new.config, &folder, true).await.unwrap_err().to_string();
    assert!(wrong.contains("this is wrong"), "{wrong}");
}
