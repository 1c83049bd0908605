//! The feed loses nothing, doubles nothing, and says what the board says.

use super::world::*;
use crate::db::Engine;
use app::{account::port::Accounts, context::Me, offers::port::Offers, presence::port::Presences};
use domain::{
    id::{AttachmentId, ConsultationId},
    presence::Leaving,
    text::DisplayName,
    time::Millis,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config as Settings, RngAlgorithm, TestRng},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use std::collections::BTreeSet;

on_both!(fifty_at_once_leave_a_dense_feed, any_schedule_is_told_as_it_is, old_rows_go_but_the_newest_stays, a_limit_cuts_the_feed_in_order);

async fn fifty_at_once_leave_a_dense_feed(world: World) {
    let mut people = Vec::new();
    for n in 0..10 {
        people.push(world.provider(&format!("Provider{n}")).await.0);
    }
    let mut watcher = Watcher::start(&world.store).await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (store, me) = (world.store.clone(), people[n % 10].clone());
            tokio::spawn(async move {
                if n % 3 == 0 { store.go_offline(&me).await } else { store.go_online(&me, Millis::minutes(30), None).await }
            })
        })
        .collect();
    // A reader that follows meanwhile must never meet a gap, and a snapshot taken meanwhile must continue.
    let mut late = None;
    while watcher.seq == 0 || tasks.iter().any(|task| !task.is_finished()) {
        watcher.catch_up(&world.store).await;
        if late.is_none() {
            late = Some(Watcher::start(&world.store).await);
        }
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    watcher.agrees(&world.store).await;
    late.unwrap().agrees(&world.store).await;
}

/// One random act.
#[derive(Clone, Debug)]
enum Act {
    GoOnline { all: bool },
    GoOffline,
    Attach,
    Detach(Leaving),
    Register { draft: bool },
    Revise { draft: bool },
    Retire,
    Rename(u8),
    Begin,
    End,
    Pass(i64),
}

fn any_act() -> impl Strategy<Value = (usize, usize, Act)> {
    let leaving = prop_oneof![Just(Leaving::Said), Just(Leaving::Lost)];
    let act = prop_oneof![
        3 => any::<bool>().prop_map(|all| Act::GoOnline { all }),
        1 => Just(Act::GoOffline),
        3 => Just(Act::Attach),
        2 => leaving.prop_map(Act::Detach),
        2 => any::<bool>().prop_map(|draft| Act::Register { draft }),
        1 => any::<bool>().prop_map(|draft| Act::Revise { draft }),
        1 => Just(Act::Retire),
        1 => any::<u8>().prop_map(Act::Rename),
        2 => Just(Act::Begin),
        2 => Just(Act::End),
        4 => prop_oneof![1i64..1_000, 1_000i64..20_000, 60_000i64..2_400_000].prop_map(Act::Pass),
    ];
    (0usize..3, 0usize..8, act)
}

/// snapshot(S) + changes(> S) = state at T, for any schedule of the real use cases. The seed is fixed: a failure comes again.
async fn any_schedule_is_told_as_it_is(world: World) {
    let settings = Settings::default();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(settings, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut people = Vec::new();
    for name in ["Ana", "Ben", "Caro"] {
        people.push(world.provider(name).await.0);
    }
    // A guest for each of them, since a consumer is in one consultation at a time.
    let guests = [world.person("Gil").await, world.person("Hal").await, world.person("Ida").await];
    let mut pages: Vec<AttachmentId> = Vec::new();
    let mut consultations: Vec<ConsultationId> = Vec::new();
    let mut watchers = vec![Watcher::start(&world.store).await];
    for step in 0..250 {
        let (who, which, act) = any_act().new_tree(&mut runner).expect("an act can be drawn").current();
        let me = &people[who];
        act_out(&world, me, &guests[who], which, &act, &mut pages, &mut consultations).await;
        if step % 50 == 0 {
            watchers.push(Watcher::start(&world.store).await);
        }
        if step % 7 == 0 {
            watchers[0].agrees(&world.store).await;
        }
    }
    world.pass(Millis::minutes(1)).await;
    assert!(watchers[0].seq > 60, "the schedule did not do much");
    for watcher in &mut watchers {
        watcher.agrees(&world.store).await;
    }
}

async fn act_out(
    world: &World,
    me: &Me,
    guest: &Me,
    which: usize,
    act: &Act,
    pages: &mut Vec<AttachmentId>,
    consultations: &mut Vec<ConsultationId>,
) {
    let store = &world.store;
    let own = store.mine(me).await.unwrap();
    let chosen = own.get(which % own.len().max(1)).map(|own| (own.card.id, own.version));
    // What a rule refuses changes nothing; what breaks fails the test.
    let refused = |result: Result<(), app::error::PortError>| {
        assert!(!matches!(result, Err(app::error::PortError::Broken { .. })), "{result:?}");
    };
    match act {
        Act::GoOnline { all } => {
            let offers = chosen.filter(|_| !all).map(|(id, _)| vec![id]);
            refused(store.go_online(me, Millis::minutes(30), offers).await);
        }
        Act::GoOffline => store.go_offline(me).await.unwrap(),
        Act::Attach => pages.push(store.attach(me.id, world.node, "Firefox").await.unwrap()),
        Act::Detach(leaving) if !pages.is_empty() => store.detach(pages.remove(which % pages.len()), *leaving).await.unwrap(),
        Act::Register { draft: true } => refused(store.register(me, draft("A draft")).await.map(drop)),
        Act::Register { draft: false } => refused(store.register(me, offer("An offer")).await.map(drop)),
        Act::Revise { draft: is_draft } => {
            if let Some((id, version)) = chosen {
                let content = if *is_draft { draft("Withdrawn") } else { offer(&format!("Revision {version}")) };
                refused(store.revise(me, id, version, content).await);
            }
        }
        Act::Retire => {
            if let Some((id, _)) = chosen {
                store.retire(me, id).await.unwrap();
            }
        }
        Act::Rename(n) => store.rename(me, DisplayName::parse(&format!("Name {n}")).expect("a name")).await.unwrap(),
        Act::Begin => {
            if let Some((id, _)) = chosen {
                consultations.extend(store.begin_scene(id, guest.id).await.unwrap());
            }
        }
        Act::End if !consultations.is_empty() => {
            store.end_scene(consultations.remove(which % consultations.len())).await.unwrap();
        }
        // Time passes without the sweeper too: what comes next finds overdue rows.
        Act::Pass(ms) if *ms < 20_000 => world.clock.advance(Millis(*ms)),
        Act::Pass(ms) => {
            world.clock.advance(Millis(*ms));
            store.renew_node(world.node).await.unwrap();
            store.sweep(world.clock.now()).await.unwrap();
        }
        Act::Detach(_) | Act::End => {}
    }
}

async fn old_rows_go_but_the_newest_stays(world: World) {
    let (me, _) = world.provider("Ana").await;
    world.go_online(&me, 30).await;
    let seq = world.seq().await;
    world.clock.advance(Millis::minutes(14));
    world.store.prune(world.clock.now()).await.unwrap();
    assert_eq!(world.store.feed_after(0, 100).await.unwrap().len(), usize::try_from(seq).unwrap());
    world.clock.advance(Millis::minutes(2));
    world.store.prune(world.clock.now()).await.unwrap();
    let left = world.store.feed_after(0, 100).await.unwrap();
    assert_eq!(left.iter().map(|row| row.seq).collect::<Vec<_>>(), [seq]);
}

async fn a_limit_cuts_the_feed_in_order(world: World) {
    let me = world.person("Ana").await;
    for n in 0..5 {
        world.store.register(&me, offer(&format!("Offer {n}"))).await.unwrap();
    }
    let numbers = async |after, limit| world.store.feed_after(after, limit).await.unwrap().iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(
        (numbers(0, 2).await, numbers(2, 2).await, numbers(4, 2).await, numbers(5, 2).await),
        (vec![1, 2], vec![3, 4], vec![5], vec![])
    );
    assert_eq!(numbers(u64::MAX, 2).await, Vec::<u64>::new());
}

/// A reader by cursor, as the hub is one: rows after the last that it saw.
struct Reader<'a> {
    db: &'a DatabaseConnection,
    table: &'static str,
    cursor: i64,
    seen: BTreeSet<i64>,
}

impl Reader<'_> {
    async fn look(&mut self) {
        let sql = format!("SELECT seq FROM {} WHERE seq > {} ORDER BY seq", self.table, self.cursor);
        for row in self.db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap() {
            let seq = row.try_get("", "seq").unwrap();
            self.seen.insert(seq);
            self.cursor = seq;
        }
    }
}

/// Why the feed is numbered under a lock: with a plain serial column the numbers are given out in one order and become visible in another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_serial_column_loses_an_event() {
    let world = World::new(Engine::Postgres).await;
    let (slow, quick, reading) = (world.db.raw().await, world.db.raw().await, world.db.raw().await);
    quick.execute_unprepared("CREATE TABLE plain (seq bigserial PRIMARY KEY, body text NOT NULL)").await.unwrap();
    let mut reader = Reader { db: &reading, table: "plain", cursor: 0, seen: BTreeSet::new() };

    slow.execute_unprepared("BEGIN; INSERT INTO plain (body) VALUES ('first')").await.unwrap();
    quick.execute_unprepared("INSERT INTO plain (body) VALUES ('second')").await.unwrap();
    reader.look().await;
    slow.execute_unprepared("COMMIT").await.unwrap();
    reader.look().await;
    assert_eq!(reader.seen, BTreeSet::from([2]), "the first event is lost for good");
}

/// The same schedule on the feed: whoever draws the second number waits until the first is visible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_does_not_lose_it() {
    let world = World::new(Engine::Postgres).await;
    let (me, _) = world.provider("Ana").await;
    let (slow, watching, reading) = (world.db.raw().await, world.db.raw().await, world.db.raw().await);
    let start = i64::try_from(world.seq().await).unwrap();
    let mut reader = Reader { db: &reading, table: "feed", cursor: start, seen: BTreeSet::new() };

    slow.execute_unprepared(
        "BEGIN; UPDATE feed_head SET seq = seq + 1; INSERT INTO feed (seq, at, body) SELECT seq, 0, '{\"cards\":[],\"gone\":[]}' FROM feed_head",
    )
    .await
    .unwrap();
    let store = world.store.clone();
    let quick = tokio::spawn(async move { store.go_online(&me, Millis::minutes(30), None).await });
    let waiting = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%feed_head%'";
    loop {
        let row = watching.query_one_raw(Statement::from_string(DbBackend::Postgres, waiting)).await.unwrap().unwrap();
        if row.try_get::<i64>("", "n").unwrap() == 1 {
            break;
        }
        assert!(!quick.is_finished(), "the second change overtook the first");
        tokio::task::yield_now().await;
    }
    reader.look().await;
    assert_eq!(reader.seen, BTreeSet::new(), "nothing may be visible before the first");
    slow.execute_unprepared("COMMIT").await.unwrap();
    quick.await.unwrap().unwrap();
    reader.look().await;
    assert_eq!(reader.seen, BTreeSet::from([start + 1, start + 2]));
}
