//! The book: what the database itself keeps right, and the same entries as the plainest model.

use super::world::*;
use app::wallet::port::{Movement, Wallets};
use domain::{
    id::{AccountId, ConsultationId, OperationId},
    ledger::{Book, Books, Entry, LINE_MAX, Place},
    money::Commission,
    reject::{Code, Reject},
    side::Both,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

on_both!(
    entries_are_those_of_the_model,
    what_is_written_stays_and_sums_to_zero,
    a_thousand_entries_at_once_lose_nothing,
    the_same_key_is_the_same_movement,
    the_chain_shows_every_change,
    nodes_that_seal_at_once_wait_for_each_other,
    wrong_books_freeze_what_costs_money,
    what_the_database_gives_up_is_done_again,
);

/// What may be booked, of few accounts and small amounts, so that they meet and run short.
fn any_entry() -> impl Strategy<Value = Result<Entry, Code>> {
    let who = || (1u128..5).prop_map(|n| AccountId(Uuid::from_u128(n)));
    let key = || (0u128..80).prop_map(Uuid::from_u128);
    let minor = || prop_oneof![4 => 1i64..100, 1 => prop::sample::select(&[LINE_MAX, i64::MAX][..])];
    prop_oneof![
        4 => (key(), who(), minor()).prop_map(|(key, who, minor)| Entry::top_up(OperationId(key), who, euros(minor))),
        3 => (key(), 1i64..3, who(), minor()).prop_map(|(key, n, who, minor)| Entry::hold(ConsultationId(key), n, who, euros(minor))),
        3 => (key(), who(), who(), 1i64..100, 0i64..100, 0i64..=10_000).prop_map(|(key, consumer, provider, held, total, points)| {
            let commission = Commission::new(points).unwrap();
            Entry::settle(ConsultationId(key), Both { consumer, provider }, euros(held), euros(total), commission)
        }),
        2 => (key(), who(), minor()).prop_map(|(key, who, minor)| Entry::withdraw(OperationId(key), who, euros(minor))),
        1 => (key(), minor()).prop_map(|(key, minor)| Entry::withdrawn(OperationId(key), euros(minor))),
        1 => (key(), who(), minor()).prop_map(|(key, who, minor)| Entry::clear(ConsultationId(key), who, euros(minor))),
        1 => (key(), who(), 1u32..3, 1i64..50, 0i64..50).prop_map(|(key, who, n, minor, own)| Entry::reverse(OperationId(key), n, who, euros(minor), own, 0)),
    ]
}

async fn entries_are_those_of_the_model(world: World) {
    let mut runner = TestRunner::deterministic();
    let entries = prop::collection::vec(any_entry(), 400).new_tree(&mut runner).unwrap().current();
    let mut model = Books::default();
    let (mut taken, mut refused) = (0, 0);
    for entry in entries.into_iter().flatten() {
        let known = model.clone();
        let expected = model.post(&entry);
        match (world.store.post(&entry).await, expected) {
            (Ok(new), Ok(())) => {
                assert_eq!(new, known != model, "{entry:?}");
                taken += 1;
            }
            (Err(app::error::PortError::Reject(Reject::Whole(code))), Err(expected)) => {
                assert_eq!(code, expected, "{entry:?}");
                refused += 1;
            }
            (found, expected) => panic!("{entry:?}: {found:?}, the model says {expected:?}"),
        }
    }
    assert!(taken > 100 && refused > 50, "{taken} taken, {refused} refused");
    for (place, asset, minor) in model.balances() {
        assert_eq!(asset, "test:EUR");
        assert_eq!(world.store.balance(place, euros(0).asset).await.unwrap().minor, minor, "{place:?}");
    }
    let kept = world.store.entries(None, 1_000).await.unwrap();
    assert!(kept.iter().all(|posted| posted.entry.lines.iter().map(|line| line.minor).sum::<i64>() == 0));
}

async fn what_is_written_stays_and_sums_to_zero(world: World) {
    let ben = world.person("Ben").await;
    let raw = world.db.raw().await;
    let fails = async |sql: &str| {
        let done = raw.execute_unprepared(sql).await;
        assert!(done.is_err(), "was taken: {sql}");
    };
    for table in ["entry", "line"] {
        fails(&format!("DELETE FROM {table}")).await;
    }
    fails("UPDATE line SET minor = minor + 1").await;
    fails("UPDATE entry SET at = 0").await;
    let postgres = world.db.config.database.is_some();
    let id = |n: u8| {
        if postgres { format!("'00000000-0000-0000-0000-0000000000{n:02x}'") } else { format!("x'000000000000000000000000000000{n:02x}'") }
    };
    let line = |entry: u8, n: u8, owner: u8, book: &str, asset: &str, minor: i64| {
        format!(
            "INSERT INTO line (entry, n, owner, book, asset, minor) VALUES ({}, {n}, {}, '{book}', '{asset}', {minor})",
            id(entry),
            id(owner)
        )
    };
    let entry = |n: u8| {
        format!("INSERT INTO entry (id, key, kind, asset, about, at) VALUES ({}, 'k{n}', 'top_up', 'test:EUR', {}, 0)", id(n), id(n))
    };
    let whole = |statements: &[String]| format!("BEGIN; {}; COMMIT", statements.join("; "));
    // Not in balance; not of one asset; without lines; lines without an entry; a line too late.
    for wrong in [
        vec![line(1, 1, 9, "available", "test:EUR", 5), line(1, 2, 0, "clearing", "test:EUR", -4), entry(1)],
        vec![line(2, 1, 9, "available", "test:EUR", 5), line(2, 2, 0, "clearing", "test:JPY", -5), entry(2)],
        vec![entry(3)],
        vec![line(4, 1, 9, "available", "test:EUR", 5), line(4, 2, 0, "clearing", "test:EUR", -5)],
        vec![line(7, 1, 9, "available", "test:EUR", i64::MAX), line(7, 2, 0, "clearing", "test:EUR", -i64::MAX), entry(7)],
        vec![line(5, 1, 9, "available", "test:EUR", -5), line(5, 2, 0, "clearing", "test:EUR", 5), entry(5)],
    ] {
        fails(&whole(&wrong)).await;
        let _ = raw.execute_unprepared("ROLLBACK").await;
    }
    raw.execute_unprepared(&whole(&[line(6, 1, 9, "available", "test:EUR", 5), line(6, 2, 0, "clearing", "test:EUR", -5), entry(6)]))
        .await
        .unwrap();
    fails(&line(6, 3, 9, "held", "test:EUR", 7)).await;
    let own = world.store.balance(Place::of(ben.id, Book::Available), euros(0).asset).await.unwrap();
    assert_eq!(own, euros(100_000), "nothing of all that counted");
}

async fn a_thousand_entries_at_once_lose_nothing(world: World) {
    let people = [world.pauper("Ben").await, world.pauper("Cleo").await, world.pauper("Dan").await];
    for who in &people {
        world.top_up(who, 1_000).await;
    }
    // Three people and the house, in every direction, more than there is.
    let tries: Vec<_> = (0..1_000u128)
        .map(|n| {
            let (store, who) = (world.store.clone(), people[usize::try_from(n % 3).unwrap()].id);
            let operation = OperationId(Uuid::from_u128(n + 1_000));
            let entry = if n % 2 == 0 {
                Entry::withdraw(operation, who, euros(7))
            } else {
                Entry::hold(ConsultationId(operation.0), 1, who, euros(5))
            };
            tokio::spawn(async move { store.post(&entry.unwrap()).await })
        })
        .collect();
    let mut booked = 0;
    for (n, one) in tries.into_iter().enumerate() {
        match one.await.unwrap() {
            Ok(new) => {
                assert!(new);
                booked += if n % 2 == 0 { 7 } else { 5 };
            }
            Err(error) => assert_eq!(error, Code::NoFunds.into()),
        }
    }
    let mut left = 0;
    for who in &people {
        let own = world.store.balance(Place::of(who.id, Book::Available), euros(0).asset).await.unwrap();
        assert!((0..5).contains(&own.minor), "{own:?}: what could be taken was taken, and no more");
        left += own.minor;
    }
    assert_eq!(left + booked, 3_000, "no update was lost");
    let raw = world.db.raw().await;
    let all = "SELECT CAST(sum(minor) AS bigint) AS sum FROM balance";
    let sum = raw.query_one_raw(sea_orm::Statement::from_string(raw.get_database_backend(), all));
    assert_eq!(sum.await.unwrap().unwrap().try_get::<i64>("", "sum").unwrap(), 0);
}

async fn the_same_key_is_the_same_movement(world: World) {
    let ben = world.pauper("Ben").await;
    let cleo = world.pauper("Cleo").await;
    let key = Some(Uuid::from_u128(1));
    let of = |minor| Movement { key, amount: euros(minor) };
    let first = world.store.top_up(&ben, of(500), "/wallet").await.unwrap();
    assert_eq!(world.store.top_up(&ben, of(500), "/wallet").await.unwrap(), first);
    refused(world.store.top_up(&ben, of(501), "/wallet").await, Code::OtherPayload);
    refused(world.store.refund_unused(&ben, of(500)).await, Code::OtherPayload);
    let hers = world.store.top_up(&cleo, of(500), "/wallet").await.unwrap();
    assert_ne!(hers.operations, first.operations, "a key is of one account");
    let tries: Vec<_> = (0..50)
        .map(|_| {
            let (store, ben) = (world.store.clone(), ben.clone());
            tokio::spawn(async move { store.top_up(&ben, Movement { key: Some(Uuid::from_u128(2)), amount: euros(100) }, "/wallet").await })
        })
        .collect();
    for one in tries {
        one.await.unwrap().unwrap();
    }
    assert_eq!(world.store.wallet(&ben).await.unwrap().balances[0].available, euros(600), "fifty at once are one");
    let back = |key: u128, minor| Movement { key: Some(Uuid::from_u128(key)), amount: euros(minor) };
    let gone = world.store.refund_unused(&ben, back(3, 550)).await.unwrap();
    assert_eq!(gone.operations.len(), 2, "it goes back to both payments");
    assert_eq!(world.store.refund_unused(&ben, back(3, 550)).await.unwrap(), gone);
    refused_field(world.store.refund_unused(&ben, back(4, 51)).await, domain::reject::Field::AmountMinor, Code::NoFunds);
    refused_field(world.store.top_up(&ben, back(5, 100_000_000), "/wallet").await, domain::reject::Field::AmountMinor, Code::WalletFull);
    assert_eq!(world.store.wallet(&ben).await.unwrap().balances[0].available, euros(50));
    assert_eq!(world.store.audit().await.unwrap(), [] as [String; 0]);
}

async fn the_chain_shows_every_change(world: World) {
    let ben = world.person("Ben").await;
    world.top_up(&ben, 10).await;
    while world.store.seal().await.unwrap() > 0 {}
    assert_eq!(world.store.verify_chain().await.unwrap(), (2, vec![]));
    // The next day: where the chain stood is signed, once.
    world.clock.advance(domain::time::Millis::minutes(24 * 60));
    let now = world.clock.now();
    world.store.sign_head(now).await.unwrap();
    world.store.sign_head(now).await.unwrap();
    let heads = app::trust::port::Trust::heads(&world.store).await.unwrap();
    assert_eq!((heads.len(), heads[0].n), (1, 2));
    assert_eq!(world.store.verify_chain().await.unwrap().1, [] as [String; 0]);
    let mut lines = Vec::new();
    assert_eq!(world.store.export(|line| lines.push(line)).await.unwrap(), 2);
    assert!(lines[0].contains("\"n\":1") && lines[0].contains("top_up"), "{lines:?}");
    // Whoever changes a line must take away what guards it first, and is found all the same.
    let raw = world.db.raw().await;
    let guard = if world.db.config.database.is_some() { "DROP TRIGGER tr_line_kept ON line" } else { "DROP TRIGGER tr_line_no_update" };
    raw.execute_unprepared(guard).await.unwrap();
    raw.execute_unprepared("UPDATE line SET minor = minor * 2 WHERE entry = (SELECT entry FROM seal WHERE n = 1)").await.unwrap();
    let (_, wrong) = world.store.verify_chain().await.unwrap();
    assert_eq!(wrong, ["entry 1 was changed, or one before it"]);
    assert!(world.store.audit().await.unwrap().iter().any(|what| what.contains("balance")), "and the balances tell it too");
}

async fn nodes_that_seal_at_once_wait_for_each_other(world: World) {
    let ben = world.person("Ben").await;
    let mut all = 0;
    for _ in 0..10 {
        for _ in 0..3 {
            world.top_up(&ben, 1).await;
        }
        let sealing: Vec<_> = (0..6)
            .map(|_| {
                let store = world.store.clone();
                tokio::spawn(async move { store.seal().await })
            })
            .collect();
        for one in sealing {
            all += one.await.unwrap().expect("whoever comes second seals what is left");
        }
    }
    world.clock.advance(domain::time::Millis::minutes(24 * 60));
    let now = world.clock.now();
    let signing: Vec<_> = (0..6)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.sign_head(now).await })
        })
        .collect();
    for one in signing {
        one.await.unwrap().expect("whoever comes second leaves it as it is");
    }
    assert_eq!(world.store.verify_chain().await.unwrap(), (i64::try_from(all).unwrap(), vec![]));
    assert_eq!(app::trust::port::Trust::heads(&world.store).await.unwrap().len(), 1);
}

async fn wrong_books_freeze_what_costs_money(world: World) {
    let (ana, offer) = world.provider("Ana").await;
    let ben = world.person("Ben").await;
    world.go_online(&ana, 480).await;
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    assert!(!world.store.is_frozen());
    world.db.raw().await.execute_unprepared("UPDATE balance SET minor = minor + 1 WHERE book = 'available'").await.unwrap();
    assert!(world.store.audit().await.unwrap()[0].contains("balance"));
    assert!(world.store.is_frozen());
    let asked = || app::consultation::port::Asked {
        offer,
        choice: domain::conditions::Choice { medium: "chat".into(), ..Default::default() },
        question: domain::text::Question::parse("").unwrap(),
        environment: Default::default(),
        shown: None,
    };
    use app::consultation::port::Consultations;
    refused(world.store.request(&ben, asked()).await, Code::Frozen);
    world.db.raw().await.execute_unprepared("UPDATE balance SET minor = minor - 1 WHERE book = 'available'").await.unwrap();
    assert_eq!(world.store.audit().await.unwrap(), [] as [String; 0]);
    world.store.request(&ben, asked()).await.unwrap();
}

async fn what_the_database_gives_up_is_done_again(world: World) {
    if world.db.config.database.is_none() {
        // SQLite has one writer, and gives nothing up.
        return;
    }
    let ben = world.pauper("Ben").await;
    let raw = world.db.raw().await;
    let gives_up = async |code: &str, times: u32| {
        let sql = format!(
            "CREATE SEQUENCE IF NOT EXISTS tries; ALTER SEQUENCE tries RESTART;
             CREATE OR REPLACE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'given up' USING ERRCODE = '{code}'; END IF;
               RETURN NEW;
             END $$;
             CREATE OR REPLACE TRIGGER give_up BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION give_up()"
        );
        raw.execute_unprepared(&sql).await.unwrap();
    };
    let entry = |n: u128| Entry::top_up(OperationId(Uuid::from_u128(n)), ben.id, euros(100)).unwrap();
    let has = async || world.store.balance(Place::of(ben.id, Book::Available), euros(0).asset).await.unwrap();
    gives_up("40P01", 3).await;
    world.store.post(&entry(1)).await.unwrap();
    assert_eq!(has().await, euros(100));
    gives_up("40001", 3).await;
    world.store.post(&entry(2)).await.unwrap();
    assert_eq!(has().await, euros(200));
    // Not for ever, and nothing else.
    gives_up("40001", 4).await;
    assert!(world.store.post(&entry(3)).await.is_err());
    gives_up("22000", 1).await;
    assert!(world.store.post(&entry(3)).await.is_err());
    assert_eq!(has().await, euros(200));
    world.store.post(&entry(3)).await.unwrap();
    assert_eq!(has().await, euros(300));
}
