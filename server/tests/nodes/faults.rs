//! The bus goes and comes back, the database does, and two nodes want the same at once.

use crate::{
    course::{bill, course, meet},
    people::{Line, Person, Watcher},
    world::{Nats, Node, World, until},
};
use serde_json::json;
use server::bus::Bus;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_goes_and_comes_back() {
    let mut nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let (here, there) = world.pair().await;
    let whole = || async { here.readiness().await.1 == "ready" && there.readiness().await.1 == "ready" };
    until("the bus is there", whole).await;
    nats.end();
    until("both say that the bus is lost", || async {
        here.readiness().await.1.contains("bus") && there.readiness().await.1.contains("bus")
    })
    .await;
    assert_eq!(here.readiness().await.0, 200, "and serve all the same");
    assert_eq!((here.figure("noren_bus_up").await, there.figure("noren_bus_up").await), (0.0, 0.0));
    course(&here.base, &there.base, ["Ana", "Ben"]).await;
    nats.again();
    until("the bus is back", whole).await;
    course(&there.base, &here.base, ["Cleo", "Dan"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_comes_late_is_found() {
    let mut nats = Nats::start();
    nats.end();
    let world = World::new(Some(&nats)).await;
    let node = Node::start(&world.config, domain::time::Millis(0)).await;
    until("it says that the bus is lost", || async { node.readiness().await.1.contains("bus") }).await;
    assert!(Bus::reach(&nats.url()).await.is_err(), "and the doctor finds out");
    nats.again();
    until("it is found", || async { node.readiness().await.1 == "ready" }).await;
    Bus::reach(&nats.url()).await.unwrap();
}

/// Ana and Ben are in a room on different nodes.
async fn together(here: &Node, there: &Node) -> (Person, Person, String, String, Line, Line, Line) {
    let (ana, ben) = (Person::new(&here.base, "Ana").await, Person::new(&there.base, "Ben").await);
    let offer = ana.register().await;
    let mut desk = ana.desk().await;
    ana.done("presence/go_online", &[("minutes", "30")]).await;
    let (id, anas, bens) = meet(&ana, &ben, &offer, &mut desk).await;
    (ana, ben, offer, id, desk, anas, bens)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_goes_and_comes_back() {
    let nats = Nats::start();
    let mut world = World::new(Some(&nats)).await;
    // Short, so that a line of proofs is seen to break.
    world.config.consultations.join = domain::time::Millis(2_000);
    let (here, there) = world.pair().await;
    let (ana, ben, offer, id, mut desk, mut anas, mut bens) = together(&here, &there).await;
    let cleo = Person::new(&here.base, "Cleo").await;
    let open = cleo.register().await;
    let mut cleos = cleo.desk().await;
    cleo.done("presence/go_online", &[("minutes", "30")]).await;
    let mut watcher = Watcher::at(&there.base, None).await;
    let _ = tokio::join!(anas.stay(Duration::from_secs(2)), bens.stay(Duration::from_secs(2)));

    world.wire.cut();
    let cut = std::time::Instant::now();
    until("both say that it is gone", || async { here.readiness().await.0 == 503 && there.readiness().await.0 == 503 }).await;
    until("both have found out", || async { here.figure("noren_database_up").await + there.figure("noren_database_up").await == 0.0 })
        .await;
    // Whoever watches is told, and whoever comes now too.
    assert_eq!(
        loop {
            let data = watcher.next().await;
            if data["stale"] == true {
                break data["gone"].clone();
            }
        },
        serde_json::Value::Null
    );
    // Its node may have heard of Cleo after it began to watch.
    let heard = watcher.heard.len();
    let mut late = Watcher::at(&there.base, None).await;
    assert_eq!(late.next().await["stale"], true);
    let (status, page) = reqwest_page(&there.base).await;
    assert_eq!(status, 200);
    assert!(page.contains("cannot reach its database") && page.contains(&open), "the board is still shown");
    let (status, page) = ben.page("/wallet").await;
    assert!(status == 503 && page.contains("cannot reach its database") && !page.contains("Sign in"), "{status}");
    assert_eq!(ben.api("consultations/end", &[("consultation", &id)]).await, (503, json!({"code": "unavailable"})));
    // In the room both stay together, and what cannot be noted is said.
    for line in [&mut anas, &mut bens] {
        line.until("that nothing is noted", |message| message.get("unkept").is_some()).await;
    }
    let away = Duration::from_secs(5).saturating_sub(cut.elapsed());
    let (one, two, three, four) = tokio::join!(anas.stay(away), bens.stay(away), desk.stay(away), cleos.stay(away));
    assert!(one && two && three && four, "no line breaks");

    world.wire.mend();
    until("both say that it is back", || async { here.readiness().await.0 == 200 && there.readiness().await.0 == 200 }).await;
    until("both have found out", || async { here.figure("noren_database_up").await + there.figure("noren_database_up").await == 2.0 })
        .await;
    let _ = tokio::join!(anas.stay(Duration::from_secs(3)), bens.stay(Duration::from_secs(3)));
    bens.say(json!({"say": {"key": uuid::Uuid::from_u128(9), "text": "Still there?"}})).await;
    anas.until("what Ben said", |message| message.to_string().contains("Still there?")).await;
    ben.done("consultations/end", &[("consultation", &id)]).await;
    let receipt = bill(&ana, &ben, &id).await;
    let whys: Vec<_> = receipt["stretches"].as_array().unwrap().iter().map(|stretch| stretch["why"].as_str().unwrap()).collect();
    assert!(whys.contains(&"both"), "the time in between is not billed: {whys:?}");
    // Nobody's curtain moved but Ana's, who is free again.
    watcher.sees(&offer, "online").await;
    assert!(!watcher.heard[heard..].iter().any(|frame| frame.to_string().contains(&open)), "{:?}", watcher.heard);
    let mut fresh = Watcher::at(&here.base, Some(&watcher.cursor)).await;
    cleo.done("presence/go_offline", &[]).await;
    fresh.sees(&open, "gone").await;
    assert_eq!(here.store.audit().await.unwrap(), Vec::<String>::new());
}

/// The choices, as a stranger gets them.
async fn reqwest_page(base: &str) -> (u16, String) {
    let answer = reqwest::Client::new().get(format!("{base}/")).header("accept", "text/html").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_want_the_same_at_once() {
    let nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let (here, there) = world.pair().await;
    let (ana, ben) = (Person::new(&here.base, "Ana").await, Person::new(&there.base, "Ben").await);
    let offer = ana.register().await;
    let mut desk = ana.desk().await;
    ana.done("presence/go_online", &[("minutes", "60")]).await;
    for round in 0..10 {
        let asked = ben.done("consultations/request", &[("offer", &offer), ("medium", "chat"), ("cap", "10")]).await;
        let id = asked["consultation"].as_str().unwrap().to_owned();
        assert_eq!(desk.ring().await, id);
        let fields = [("consultation", id.as_str())];
        // She accepts on two nodes, and he takes it back on both.
        let (elsewhere, otherwise) = (ana.at(&there.base), ben.at(&here.base));
        let (a, b, c, d) = tokio::join!(
            ana.api("consultations/accept", &fields),
            elsewhere.api("consultations/accept", &fields),
            ben.api("consultations/cancel", &fields),
            otherwise.api("consultations/cancel", &fields),
        );
        assert!([&a, &b, &c, &d].iter().all(|(status, _)| *status < 500), "{round}: {a:?} {b:?} {c:?} {d:?}");
        // A cancel that crossed the accept is honoured, so either way it is over; one agreement at most, and all money is free again.
        for store in [&here.store, &there.store] {
            let (settled, _) = tokio::join!(store.settle_all(), store.sweep_consultations(store.clock().now()));
            settled.unwrap();
        }
        until("all money is free again", || async { ben.done("wallet/show", &[]).await["balances"][0]["held"]["minor"] == 0 }).await;
        assert_eq!(ben.done("wallet/show", &[]).await["balances"][0]["available"]["minor"], 10_000);
        desk.until("that it rings no more", |message| message.get("ring").is_some_and(serde_json::Value::is_null)).await;
    }
    // One bill, however many nodes make it at once.
    let (id, mut anas, mut bens) = meet(&ana, &ben, &offer, &mut desk).await;
    let _ = tokio::join!(anas.stay(Duration::from_secs(2)), bens.stay(Duration::from_secs(2)));
    ben.done("consultations/end", &[("consultation", &id)]).await;
    let all = (0..10).map(|n| if n % 2 == 0 { here.store.settle_all() } else { there.store.settle_all() });
    assert!(futures::future::join_all(all).await.into_iter().all(|settled| settled.is_ok()));
    let total = bill(&ana, &ben, &id).await["total"]["minor"].as_i64().unwrap();
    assert!(total > 0);
    assert_eq!(ben.done("wallet/show", &[]).await["balances"][0]["available"]["minor"], 10_000 - total);
    let lines = ana.done("receipts/earnings", &[]).await["lines"].clone();
    let paid: Vec<_> = lines.as_array().unwrap().iter().filter(|line| line["gross"]["minor"] != 0).collect();
    assert_eq!(paid.len(), 1, "{lines}");
    assert_eq!(there.store.audit().await.unwrap(), Vec::<String>::new());
}
