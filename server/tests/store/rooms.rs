//! Rooms: seats, proofs, signals and marks, with the clock in hand.

use super::world::*;
use app::{
    consultation::{
        port::{Asked, Consultations},
        wire::FromServer,
    },
    context::Me,
    error::PortError,
};
use domain::{
    conditions::Choice,
    consultation::{Op, Stage},
    environment::Environment,
    id::{ConsultationId, LifeId, SignInId, TabId},
    proof::{all_segments, total},
    reject::Code,
    side::{Both, Side},
    text::Question,
    time::Millis,
    timeline::Event,
};
use server::store::Entry;
use uuid::Uuid;

on_both!(
    a_side_has_one_seat,
    a_page_that_leaves_is_told_after_a_while,
    only_the_page_that_sits_proves,
    signals_pass_once_and_to_the_other_side,
    marks_move_forward,
    the_record_is_for_both_and_nobody_else,
);

/// An open consultation by this medium: provider, consumer, its id.
async fn open(world: &World, medium: &str) -> (Me, Me, ConsultationId) {
    let (ana, offer) = world.provider("Ana").await;
    world.go_online(&ana, 480).await;
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    let ben = world.person("Ben").await;
    let choice = Choice { medium: medium.into(), ..Choice::default() };
    let asked = Asked { offer, choice, question: Question::parse("Why?").unwrap(), environment: Environment::default(), shown: None };
    let id = world.store.request(&ben, asked).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: SignInId(Uuid::nil()) }).await.unwrap();
    (ana, ben, id)
}

fn entry(tab: u128, life: u128) -> Entry {
    Entry { tab: TabId(Uuid::from_u128(tab)), life: life_of(life), socket: Uuid::from_u128(life), take: false }
}

fn life_of(n: u128) -> LifeId {
    LifeId(Uuid::from_u128(n))
}

fn code<T: std::fmt::Debug>(refused: Result<T, PortError>) -> Code {
    match refused {
        Err(PortError::Reject(reject)) => reject.code(),
        other => panic!("{other:?} is no refusal"),
    }
}

async fn a_side_has_one_seat(world: World) {
    let (ana, ben, id) = open(&world, "chat").await;
    let store = &world.store;
    assert_eq!(store.enter(&ben, id, entry(1, 1)).await, Ok(true));
    assert_eq!(store.enter(&ben, id, entry(2, 2)).await, Ok(false), "another tab asks first");
    assert_eq!(store.enter(&ben, id, Entry { take: true, ..entry(2, 2) }).await, Ok(true), "continue here");
    assert_eq!(code(store.prove(&ben, id, life_of(1), true).await), Code::Answered);
    assert_eq!(store.prove(&ben, id, life_of(2), true).await, Ok(()));
    // A reload is the same tab, and needs not ask.
    assert_eq!(store.enter(&ben, id, entry(2, 3)).await, Ok(true));
    assert_eq!(store.enter(&ana, id, entry(9, 9)).await, Ok(true));
    let lives = store.news(&ana, id, 0, 0).await.unwrap().state.lives;
    assert_eq!(lives, Both { consumer: Some(life_of(3)), provider: Some(life_of(9)) });
    let joined = store.room_after(&ana, id, 0, 100).await.unwrap().into_iter().filter(|row| matches!(row.is, Event::Joined { .. }));
    assert_eq!(joined.count(), 2, "each side came in once");
    // A page that has been silent holds nothing.
    world.pass(Millis::seconds(30)).await;
    assert_eq!(store.enter(&ben, id, entry(4, 4)).await, Ok(true));
    store.end(&ana, id).await.unwrap();
    assert_eq!(code(store.enter(&ben, id, entry(4, 5)).await), Code::Over);
}

async fn a_page_that_leaves_is_told_after_a_while(world: World) {
    let (ana, ben, id) = open(&world, "chat").await;
    let store = &world.store;
    store.enter(&ben, id, entry(1, 1)).await.unwrap();
    store.enter(&ana, id, entry(2, 2)).await.unwrap();
    store.leave(id, Uuid::from_u128(1)).await.unwrap();
    assert_eq!(store.sweep_seats(world.clock.now()).await, Ok(0));
    // Back in time, on another line: the end of the first one means nothing any more.
    assert_eq!(store.enter(&ben, id, Entry { socket: Uuid::from_u128(7), ..entry(1, 1) }).await, Ok(true));
    store.leave(id, Uuid::from_u128(1)).await.unwrap();
    world.pass(Millis::seconds(10)).await;
    assert_eq!(store.sweep_seats(world.clock.now()).await, Ok(0));
    store.leave(id, Uuid::from_u128(7)).await.unwrap();
    world.pass(Millis::seconds(10)).await;
    assert_eq!(store.sweep_seats(world.clock.now()).await, Ok(1));
    assert_eq!(store.sweep_seats(world.clock.now()).await, Ok(0));
    let state = store.news(&ana, id, 0, 0).await.unwrap().state;
    assert_eq!((state.here, state.lives.consumer), (Both { consumer: false, provider: true }, None));
}

async fn only_the_page_that_sits_proves(world: World) {
    let (ana, ben, id) = open(&world, "voice").await;
    let store = &world.store;
    assert_eq!(code(store.prove(&ben, id, life_of(1), true).await), Code::Answered, "nobody sits yet");
    store.enter(&ben, id, entry(1, 1)).await.unwrap();
    store.enter(&ana, id, entry(2, 2)).await.unwrap();
    // A line on which nothing is heard proves nothing.
    for _ in 0..2 {
        store.prove(&ben, id, life_of(1), false).await.unwrap();
        store.prove(&ana, id, life_of(2), false).await.unwrap();
    }
    assert_eq!(store.news(&ben, id, 0, 0).await.unwrap().state.stage, Stage::Connecting);
    for _ in 0..4 {
        store.prove(&ben, id, life_of(1), true).await.unwrap();
        store.prove(&ana, id, life_of(2), true).await.unwrap();
        world.clock.advance(Millis::seconds(5));
        store.renew_node(world.node).await.unwrap();
    }
    let state = store.news(&ben, id, 0, 0).await.unwrap().state;
    assert_eq!((state.stage, state.proved), (Stage::Live, Millis::seconds(15)));
    store.end(&ben, id).await.unwrap();
    // The proofs alone tell what is billed.
    let proofs = store.proofs(&ana, id).await.unwrap();
    let found = all_segments(&proofs, store.consultation_knobs().join);
    assert_eq!(total(&found), Millis::seconds(15));
    assert_eq!(store.show(&ana, id).await.unwrap().segments, found);
}

async fn signals_pass_once_and_to_the_other_side(world: World) {
    let (ana, ben, id) = open(&world, "voice").await;
    let store = &world.store;
    store.enter(&ben, id, entry(1, 1)).await.unwrap();
    store.enter(&ana, id, entry(2, 2)).await.unwrap();
    for body in ["offer", "offer"] {
        store.signal(&ben, id, life_of(1), 1, body.into()).await.unwrap();
    }
    store.signal(&ben, id, life_of(1), 2, "candidate".into()).await.unwrap();
    let heard = |news: server::store::News| {
        news.signals.into_iter().map(|s| if let FromServer::Signal { n, body, .. } = s { (n, body) } else { panic!() })
    };
    let all: Vec<_> = heard(store.news(&ana, id, 0, 0).await.unwrap()).collect();
    assert_eq!(all, [(1, "offer".to_owned()), (2, "candidate".to_owned())]);
    assert_eq!(heard(store.news(&ana, id, 0, 1).await.unwrap()).count(), 1, "after a drop only what is missing");
    assert_eq!(heard(store.news(&ben, id, 0, 0).await.unwrap()).count(), 0);
    assert_eq!(code(store.signal(&ben, id, life_of(8), 1, "x".into()).await), Code::Answered);
    assert_eq!(code(store.signal(&ben, id, life_of(1), 3, "x".repeat(40_000)).await), Code::TooLarge);
    // What an earlier life of a page said is nothing to the next.
    store.enter(&ben, id, entry(1, 3)).await.unwrap();
    assert_eq!(heard(store.news(&ana, id, 0, 0).await.unwrap()).count(), 0);
    store.prune(world.clock.now().after(Millis::minutes(2))).await.unwrap();
    store.enter(&ben, id, entry(1, 1)).await.unwrap();
    assert_eq!(heard(store.news(&ana, id, 0, 0).await.unwrap()).count(), 0, "signals are not kept");
}

async fn marks_move_forward(world: World) {
    let (ana, ben, id) = open(&world, "chat").await;
    let store = &world.store;
    store.mark(&ben, id, 2, 1).await.unwrap();
    store.mark(&ben, id, 1, 0).await.unwrap();
    store.mark(&ana, id, 900, 900).await.unwrap();
    let state = store.news(&ana, id, 0, 0).await.unwrap().state;
    assert_eq!((state.marks.consumer.delivered(), state.marks.consumer.read()), (2, 1));
    assert_eq!(state.marks.provider.read(), state.head, "nobody has read what is not there");
}

async fn the_record_is_for_both_and_nobody_else(world: World) {
    let (ana, ben, id) = open(&world, "chat").await;
    let store = &world.store;
    let eve = world.person("Eve").await;
    assert_eq!(code(store.show(&eve, id).await), Code::NotFound);
    assert_eq!(code(store.news(&eve, id, 0, 0).await), Code::NotFound);
    assert_eq!(code(store.enter(&eve, id, entry(1, 1)).await), Code::NotFound);
    assert_eq!(code(store.signal(&eve, id, life_of(1), 1, "x".into()).await), Code::NotFound);
    assert_eq!(code(store.mark(&eve, id, 1, 1).await), Code::NotFound);
    assert_eq!(code(store.end(&eve, id).await), Code::NotFound);
    assert_eq!(code(store.block(&eve, id).await), Code::NotFound);
    assert_eq!(store.past(&eve).await, Ok(vec![]));
    assert_eq!(store.open_of(&ben).await, Ok(Some(id)));
    store.end(&ana, id).await.unwrap();
    for (me, side) in [(&ana, Side::Provider), (&ben, Side::Consumer)] {
        let record = store.show(me, id).await.unwrap();
        assert_eq!((record.side, record.question.as_str(), record.state.stage), (side, "Why?", Stage::Ended));
        assert_eq!(record.hash.map(|hash| hash.len()), Some(64));
        assert_eq!(store.past(me).await.unwrap().iter().map(|past| past.id).collect::<Vec<_>>(), [id]);
    }
    assert_eq!(store.open_of(&ben).await, Ok(None));
}
