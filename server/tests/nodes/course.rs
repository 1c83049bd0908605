//! One consultation from the curtain to the receipt, its sides on different nodes.

use crate::{
    people::{Line, Person, Watcher},
    world::{Nats, Node, World, until},
};
use domain::time::Millis;
use serde_json::json;

/// Ana works at one node, Ben at the other, and a stranger watches at each.
pub async fn course(here: &str, there: &str, names: [&str; 2]) {
    let (ana, ben) = (Person::new(here, names[0]).await, Person::new(there, names[1]).await);
    let offer = ana.register().await;
    let (mut near, mut far) = (Watcher::at(here, None).await, Watcher::at(there, None).await);
    let mut desk = ana.desk().await;
    ana.done("presence/go_online", &[("minutes", "30")]).await;
    near.sees(&offer, "online").await;
    far.sees(&offer, "online").await;
    // Any node replays any cursor.
    let mut moved = Watcher::at(there, Some(&near.cursor)).await;
    assert!(matches!(&*moved.mode, "live" | "replay"), "{}", moved.mode);

    let asked = ben.done("consultations/request", &[("offer", &offer), ("medium", "chat"), ("cap", "10")]).await;
    let id = asked["consultation"].as_str().unwrap().to_owned();
    let mut bens = ben.room(&id, 1, 0).await;
    assert_eq!(desk.ring().await, id);
    desk.say(json!({"shown": {"ring": id}})).await;
    bens.until("that it is shown", |message| message["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["is"] == "shown")))
        .await;
    ana.done("consultations/accept", &[("consultation", &id)]).await;
    desk.until("that it rings no more", |message| message.get("ring").is_some_and(serde_json::Value::is_null)).await;
    let mut anas = ana.room(&id, 2, 0).await;
    Line::live(&mut bens, &mut anas).await;
    moved.sees(&offer, "busy").await;
    bens.say(json!({"say": {"key": uuid::Uuid::from_u128(7), "text": "Do you hear me?"}})).await;
    anas.until("what Ben said", |message| message.to_string().contains("Do you hear me?")).await;
    ben.done("consultations/end", &[("consultation", &id)]).await;
    for line in [&mut bens, &mut anas] {
        line.until("the end", |message| matches!(message["room"]["stage"].as_str(), Some("ended" | "settled"))).await;
    }
    near.sees(&offer, "online").await;
    far.sees(&offer, "online").await;
    bill(&ana, &ben, &id).await;
    ana.done("presence/go_offline", &[]).await;
    far.sees(&offer, "gone").await;
}

/// The consumer asks, the provider's desk rings, she accepts, and both prove in the room. Answers it, her page and his.
pub async fn meet(provider: &Person, consumer: &Person, offer: &str, desk: &mut Line) -> (String, Line, Line) {
    let asked = consumer.done("consultations/request", &[("offer", offer), ("medium", "chat"), ("cap", "10")]).await;
    let id = asked["consultation"].as_str().unwrap().to_owned();
    assert_eq!(desk.ring().await, id);
    provider.done("consultations/accept", &[("consultation", &id)]).await;
    let (mut hers, mut his) = (provider.room(&id, 2, 0).await, consumer.room(&id, 1, 0).await);
    Line::live(&mut hers, &mut his).await;
    (id, hers, his)
}

/// Both find the same receipt, and it is the only one.
pub async fn bill(ana: &Person, ben: &Person, id: &str) -> serde_json::Value {
    let fields = [("consultation", id)];
    until("the bill is made", || async { ben.api("receipts/show", &fields).await.0 == 200 }).await;
    let (own, theirs) = (ben.done("receipts/show", &fields).await, ana.done("receipts/show", &fields).await);
    assert_eq!(own["receipt"], theirs["receipt"]);
    assert_eq!(own["hash"], theirs["hash"]);
    own["receipt"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_are_on_different_nodes() {
    let nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let (here, there) = world.pair().await;
    for node in [&here, &there] {
        until("the bus is there", || async { node.readiness().await == (200, "ready".into()) }).await;
    }
    course(&here.base, &there.base, ["Ana", "Ben"]).await;
    typing_crosses(&here, &there).await;
    figures(&here, &there).await;
    // The database's books are right, whoever made the bill.
    assert_eq!(here.store.audit().await.unwrap(), Vec::<String>::new());
}

/// What happened can be seen from outside.
async fn figures(here: &Node, there: &Node) {
    let watcher = Watcher::at(&here.base, None).await;
    until("the stream is counted", || async { here.figure("noren_streams").await == 1.0 }).await;
    assert!(here.figure("noren_proofs_total").await + there.figure("noren_proofs_total").await >= 4.0);
    assert!(here.figure("noren_feed_delivered_total").await > 2.0 && here.figure("noren_feed_rows_total").await > 2.0);
    assert!(here.figure("noren_feed_frame_seconds_count").await > 2.0 && here.figure("noren_pool_wait_seconds_count").await > 10.0);
    assert_eq!(here.figure("noren_offers{state=\"offline\"}").await, 1.0);
    assert_eq!(here.figure("noren_consultations{state=\"live\"}").await, 0.0);
    assert_eq!(
        (here.figure("noren_database_up").await, here.figure("noren_bus_up").await, here.figure("noren_books_frozen").await),
        (1.0, 1.0, 0.0)
    );
    drop(watcher);
}

/// What is only whispered crosses by the bus, and nowhere else.
async fn typing_crosses(here: &Node, there: &Node) {
    let (cleo, dan) = (Person::new(&here.base, "Cleo").await, Person::new(&there.base, "Dan").await);
    let offer = cleo.register().await;
    let mut desk = cleo.desk().await;
    cleo.done("presence/go_online", &[("minutes", "30")]).await;
    let (id, mut cleos, mut dans) = meet(&cleo, &dan, &offer, &mut desk).await;
    dans.say(json!({"typing": {}})).await;
    cleos.until("that Dan types", |message| message.get("typing").is_some()).await;
    cleos.say(json!({"line": "poor"})).await;
    dans.until("how Cleo's line is", |message| message["line"] == "poor").await;
    dan.done("consultations/end", &[("consultation", &id)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bus_the_tables_say_it() {
    let world = World::new(None).await;
    let (here, there) = world.pair().await;
    assert_eq!(here.readiness().await, (200, "ready".into()));
    course(&here.base, &there.base, ["Ana", "Ben"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_wrong_by_half_a_minute_make_no_difference() {
    let nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let (here, there) = (Node::start(&world.config, Millis::seconds(30)).await, Node::start(&world.config, Millis::seconds(-30)).await);
    let apart = here.store.clock().now().since(there.store.clock().now()).0.abs();
    assert!(apart < 1_000, "{apart} ms apart");
    course(&here.base, &there.base, ["Ana", "Ben"]).await;
    course(&there.base, &here.base, ["Cleo", "Dan"]).await;
}
