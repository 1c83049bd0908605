//! One suite for every gateway: `test-credit`, and `stripe` against a local server that speaks its wire format, with everything that goes wrong on the way.

use super::world::*;
use crate::stripe::{Fake, KEY, SECRET, signed};
use app::{
    context::Me,
    wallet::{
        api::MovedMoney,
        port::{Movement, Wallets},
    },
};
use domain::{
    ledger::{Book, Place},
    money::{Asset, Money},
    operation::OperationState,
    reject::Code,
    time::Millis,
};
use server::{
    config::Stripe,
    crash::{Point, When},
    gateway::Forged,
};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

on_both!(
    test_credit_conforms,
    stripe_conforms,
    stripe_that_fails_after_it_worked_is_asked_again,
    stripe_that_refuses_charges_nothing,
    events_come_twice_late_in_another_order_or_never,
    forged_and_stale_events_are_refused,
    an_event_outlives_a_death,
    a_refund_that_fails_comes_back,
    a_dispute_takes_what_is_there_and_gives_it_again,
    real_and_test_money_never_share_a_folder,
);

/// The secret that comes after the one in use.
const NEXT_SECRET: &str = "whsec_next";

/// A world whose gateway is Stripe, and Stripe.
async fn with_stripe(world: World) -> (World, Fake) {
    let (fake, api) = Fake::start().await;
    let engine = world.engine();
    let World { store, .. } = world;
    store.close().await;
    let world = World::with(engine, |config| {
        let (key, secret) = (config.data.join("stripe.key"), config.data.join("stripe.secret"));
        std::fs::write(&key, format!("{KEY}\n")).unwrap();
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let next = config.data.join("stripe.next");
        std::fs::write(&next, NEXT_SECRET).unwrap();
        config.stripe = Some(Stripe { secret_key_file: key, webhook_secret_files: vec![secret, next], api });
    })
    .await;
    (world, fake)
}

fn real(minor: i64) -> Money {
    Money::new(minor, Asset::parse("EUR").unwrap())
}

async fn own(world: &World, me: &Me, asset: Asset) -> i64 {
    world.store.balance(Place::of(me.id, Book::Available), asset).await.unwrap().minor
}

async fn top_up(world: &World, me: &Me, key: u128, amount: Money) -> Result<MovedMoney, app::error::PortError> {
    world.store.top_up(me, Movement { key: Some(Uuid::from_u128(key)), amount }, "/wallet").await
}

async fn refund(world: &World, me: &Me, key: u128, amount: Money) -> Result<MovedMoney, app::error::PortError> {
    world.store.refund_unused(me, Movement { key: Some(Uuid::from_u128(key)), amount }).await
}

/// Tells an event as Stripe's own call does.
async fn tell(world: &World, event: &serde_json::Value) -> Result<(), Forged> {
    let (headers, body) = signed(event, world.clock.now().0 / 1_000, SECRET);
    world.store.hear_call(&headers, &body).await.map(|taken| taken.unwrap())
}

/// What the worker does until nothing waits any more.
async fn work(world: &World) {
    for _ in 0..12 {
        world.clock.advance(Millis::minutes(2));
        world.store.drive_all(world.clock.now()).await.unwrap();
    }
}

async fn sound(world: &World) {
    assert_eq!(world.store.audit().await.unwrap(), [] as [String; 0]);
}

/// What every gateway keeps: money comes in once, goes back once, and the same key is the same movement. `pay` does what a person does to pay.
async fn conforms(world: &World, asset: Asset, pay: impl AsyncFn(&MovedMoney)) {
    let ben = world.pauper("Ben").await;
    let of = |minor| Money::new(minor, asset);
    let first = top_up(world, &ben, 1, of(5_000)).await.unwrap();
    pay(&first).await;
    work(world).await;
    assert_eq!(own(world, &ben, asset).await, 5_000);
    let again = top_up(world, &ben, 1, of(5_000)).await.unwrap();
    assert_eq!(
        (again.operations, again.state, again.next),
        (first.operations, OperationState::Settled, None),
        "the same key, the same movement"
    );
    refused(top_up(world, &ben, 1, of(5_001)).await, Code::OtherPayload);
    let second = top_up(world, &ben, 2, of(1_000)).await.unwrap();
    pay(&second).await;
    work(world).await;
    assert_eq!(own(world, &ben, asset).await, 6_000);
    let back = refund(world, &ben, 3, of(5_500)).await.unwrap();
    work(world).await;
    assert_eq!((back.operations.len(), own(world, &ben, asset).await), (2, 500));
    assert_eq!(refund(world, &ben, 3, of(5_500)).await.unwrap().operations, back.operations);
    refused_field(refund(world, &ben, 4, of(501)).await, domain::reject::Field::AmountMinor, Code::NoFunds);
    assert_eq!(own(world, &ben, asset).await, 500);
    let house = world.store.balance(Place::house(Book::Clearing), asset).await.unwrap().minor;
    assert_eq!(house, -500, "what lies at the gateway is what people have");
    assert_eq!(world.store.wallet(&ben).await.unwrap().operations, [], "nothing waits");
    sound(world).await;
}

async fn test_credit_conforms(world: World) {
    conforms(&world, euros(0).asset, async |_| {}).await;
}

async fn stripe_conforms(world: World) {
    let (world, fake) = with_stripe(world).await;
    conforms(&world, real(0).asset, async |moved| {
        assert_eq!(moved.state, OperationState::Sent);
        assert!(moved.next.as_ref().is_some_and(|next| next.starts_with("https://checkout.stripe.example/")), "{moved:?}");
        fake.pay(&fake.last_session());
    })
    .await;
    let books = fake.books();
    assert_eq!(books.moved, 4, "two payments and two refunds, however often it was asked");
}

async fn stripe_that_fails_after_it_worked_is_asked_again(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    fake.books().fail_after = 1;
    refused(top_up(&world, &ben, 1, real(5_000)).await, Code::GatewayDown);
    assert_eq!(world.store.wallet(&ben).await.unwrap().operations[0].state, OperationState::Unknown);
    // The same key again, by the person or by the worker, finds the session that was made.
    let moved = top_up(&world, &ben, 1, real(5_000)).await.unwrap();
    assert_eq!(moved.state, OperationState::Sent);
    fake.pay(&fake.last_session());
    fake.books().fail_before = 3;
    work(&world).await;
    assert_eq!(own(&world, &ben, real(0).asset).await, 5_000);
    fake.books().fail_after = 1;
    refund(&world, &ben, 2, real(2_000)).await.unwrap();
    fake.forget_keys();
    work(&world).await;
    assert_eq!((own(&world, &ben, real(0).asset).await, fake.books().moved), (3_000, 2), "one payment, one refund");
    sound(&world).await;
}

async fn stripe_that_refuses_charges_nothing(world: World) {
    let (world, _fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    let dinars = Money::new(5_125, Asset::parse("KWD").unwrap());
    refused(top_up(&world, &ben, 1, dinars).await, Code::PaymentRefused);
    let failed = &world.store.wallet(&ben).await.unwrap().operations[0];
    assert_eq!((failed.state, failed.amount), (OperationState::Failed, dinars), "and the wallet says so");
    sound(&world).await;
}

async fn events_come_twice_late_in_another_order_or_never(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    let asset = real(0).asset;
    // Twice.
    top_up(&world, &ben, 1, real(1_000)).await.unwrap();
    let paid = fake.pay(&fake.last_session());
    for _ in 0..3 {
        tell(&world, &paid).await.unwrap();
    }
    assert_eq!(own(&world, &ben, asset).await, 1_000);
    // In another order: that it expired is told after it was paid, and what counts is what Stripe says it is.
    top_up(&world, &ben, 2, real(1_000)).await.unwrap();
    let session = fake.last_session();
    let expired = fake.expire(&session);
    let paid = fake.pay(&session);
    tell(&world, &expired).await.unwrap();
    tell(&world, &paid).await.unwrap();
    assert_eq!(own(&world, &ben, asset).await, 2_000);
    // Never: the poller finds it, and so does whoever looks at what waits.
    top_up(&world, &ben, 3, real(1_000)).await.unwrap();
    fake.pay(&fake.last_session());
    assert!(world.store.poll_gateway(START).await.unwrap() >= 4);
    assert_eq!(own(&world, &ben, asset).await, 3_000);
    top_up(&world, &ben, 4, real(1_000)).await.unwrap();
    fake.pay(&fake.last_session());
    work(&world).await;
    assert_eq!(own(&world, &ben, asset).await, 4_000);
    // One that expires brings nothing.
    top_up(&world, &ben, 5, real(1_000)).await.unwrap();
    let gone = fake.expire(&fake.last_session());
    tell(&world, &gone).await.unwrap();
    assert_eq!(own(&world, &ben, asset).await, 4_000);
    for event in fake.told() {
        tell(&world, &event).await.unwrap();
    }
    assert_eq!(own(&world, &ben, asset).await, 4_000, "all of them again change nothing");
    sound(&world).await;
}

async fn forged_and_stale_events_are_refused(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    top_up(&world, &ben, 1, real(1_000)).await.unwrap();
    let paid = fake.pay(&fake.last_session());
    let now = world.clock.now().0 / 1_000;
    let hear = async |headers: &http::HeaderMap, body: &[u8]| world.store.hear_call(headers, body).await.map(drop);
    let (headers, body) = signed(&paid, now, "whsec_other");
    assert_eq!(hear(&headers, &body).await, Err(Forged::Signature));
    let (headers, mut body) = signed(&paid, now, SECRET);
    body.push(b' ');
    assert_eq!(hear(&headers, &body).await, Err(Forged::Signature), "another body");
    assert_eq!(hear(&http::HeaderMap::new(), &body).await, Err(Forged::Signature));
    for (late, told) in [(-301, Err(Forged::Stale)), (301, Err(Forged::Stale)), (-299, Ok(()))] {
        let (headers, body) = signed(&paid, now + late, SECRET);
        assert_eq!(hear(&headers, &body).await, told, "{late}");
    }
    // While the secret is being changed, both are good.
    let (headers, body) = signed(&paid, now, NEXT_SECRET);
    assert_eq!(hear(&headers, &body).await, Ok(()));
    // Replayed within the tolerance it is the same event, and changes nothing.
    let (headers, body) = signed(&paid, now, SECRET);
    assert_eq!(hear(&headers, &body).await, Ok(()));
    assert_eq!(own(&world, &ben, real(0).asset).await, 1_000);
    let (headers, body) = signed(&serde_json::json!({ "no": "event" }), now, SECRET);
    assert_eq!(hear(&headers, &body).await, Err(Forged::Unreadable));
    sound(&world).await;
}

async fn an_event_outlives_a_death(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    let deaths = Arc::new(Mutex::new(vec![When::Before, When::After]));
    let left = Arc::clone(&deaths);
    world.store.crash().on(Box::new(move |point, when| {
        let mut left = left.lock().unwrap();
        let dies = point == Point::Webhook && left.first() == Some(&when);
        if dies {
            left.remove(0);
        }
        dies
    }));
    top_up(&world, &ben, 1, real(1_000)).await.unwrap();
    let paid = fake.pay(&fake.last_session());
    let (headers, body) = signed(&paid, world.clock.now().0 / 1_000, SECRET);
    // Whoever hears no answer tells it again.
    assert!(world.store.hear_call(&headers, &body).await.unwrap().is_err());
    assert_eq!(own(&world, &ben, real(0).asset).await, 0, "died before the commit");
    assert!(world.store.hear_call(&headers, &body).await.unwrap().is_err());
    assert_eq!(own(&world, &ben, real(0).asset).await, 1_000, "died after it");
    assert!(world.store.hear_call(&headers, &body).await.unwrap().is_ok());
    assert_eq!((own(&world, &ben, real(0).asset).await, deaths.lock().unwrap().len()), (1_000, 0));
    sound(&world).await;
}

async fn a_refund_that_fails_comes_back(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    top_up(&world, &ben, 1, real(1_000)).await.unwrap();
    fake.pay(&fake.last_session());
    work(&world).await;
    fake.books().refunds_become = Some("pending");
    refund(&world, &ben, 2, real(600)).await.unwrap();
    work(&world).await;
    assert_eq!(own(&world, &ben, real(0).asset).await, 400, "it is on its way");
    sound(&world).await;
    let failed = fake.decide_refund(&fake.refunds()[0], "failed");
    tell(&world, &failed).await.unwrap();
    assert_eq!(own(&world, &ben, real(0).asset).await, 1_000);
    fake.books().refunds_become = None;
    refund(&world, &ben, 3, real(1_000)).await.unwrap();
    work(&world).await;
    assert_eq!(own(&world, &ben, real(0).asset).await, 0, "and it can be asked for again");
    sound(&world).await;
}

async fn a_dispute_takes_what_is_there_and_gives_it_again(world: World) {
    let (world, fake) = with_stripe(world).await;
    let ben = world.pauper("Ben").await;
    top_up(&world, &ben, 1, real(1_000)).await.unwrap();
    let session = fake.last_session();
    // Told before the payment itself is: it comes in first, then it is taken.
    fake.pay(&session);
    let taken = fake.dispute(&session, false);
    tell(&world, &taken).await.unwrap();
    tell(&world, &taken).await.unwrap();
    let house = |book| world.store.balance(Place::house(book), real(0).asset);
    assert_eq!((own(&world, &ben, real(0).asset).await, house(Book::Goodwill).await.unwrap().minor), (0, 0));
    sound(&world).await;
    let given = fake.dispute(&session, true);
    tell(&world, &given).await.unwrap();
    assert_eq!(own(&world, &ben, real(0).asset).await, 1_000);
    // Spent meanwhile: the operator bears it, and gets it back when it is given again.
    let operation = domain::id::OperationId(Uuid::from_u128(77));
    world.store.post(&domain::ledger::Entry::withdraw(operation, ben.id, real(800)).unwrap()).await.unwrap();
    let taken = fake.dispute(&session, false);
    tell(&world, &taken).await.unwrap();
    assert_eq!((own(&world, &ben, real(0).asset).await, house(Book::Goodwill).await.unwrap().minor), (0, -800));
    let given = fake.dispute(&session, true);
    tell(&world, &given).await.unwrap();
    assert_eq!((own(&world, &ben, real(0).asset).await, house(Book::Goodwill).await.unwrap().minor), (200, 0));
    sound(&world).await;
}

async fn real_and_test_money_never_share_a_folder(world: World) {
    let (world, _fake) = with_stripe(world).await;
    let World { store, mut db, clock, .. } = world;
    store.close().await;
    drop(store);
    db.config.stripe = None;
    let error = server::store::Store::open(&db.config, clock).await.expect_err("the other money is refused").to_string();
    assert!(error.contains("real") && error.contains("test-credit"), "{error}");
}
