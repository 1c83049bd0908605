//! How reliably a provider answers, and practice with a robot, which counts nowhere.

use super::world::*;
use app::{
    consultation::port::{Asked, Consultations},
    context::Me,
    presence::port::Presences,
};
use domain::{
    conditions::Choice,
    consultation::{Decline, Op, Stage},
    environment::Environment,
    id::{ConsultationId, OfferId, SignInId},
    presence::{Presence, Shown},
    reject::Code,
    side::Side,
    text::Question,
    time::Millis,
};
use uuid::Uuid;

on_both!(rings_become_words_on_cards, old_rings_are_forgotten, a_robot_asks_for_practice, practice_counts_nowhere, one_practice_at_a_time);

const DEVICE: SignInId = SignInId(Uuid::nil());

async fn open_shop(world: &World) -> (Me, OfferId, Me) {
    let (ana, offer) = world.provider("Ana").await;
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    world.go_online(&ana, 480).await;
    (ana, offer, world.person("Ben").await)
}

async fn ask(world: &World, ben: &Me, offer: OfferId) -> ConsultationId {
    let choice = Choice { medium: "chat".into(), ..Choice::default() };
    let asked = Asked { offer, choice, question: Question::parse("").unwrap(), environment: Environment::default(), shown: None };
    world.store.request(ben, asked).await.unwrap()
}

/// A ring that is accepted after so many seconds and ended, or declined.
async fn answered(world: &World, (ana, ben): (&Me, &Me), offer: OfferId, seconds: i64, accepts: bool) {
    let id = ask(world, ben, offer).await;
    world.store.act(ana, id, Op::Reached { device: DEVICE }).await.unwrap();
    world.pass(Millis::seconds(seconds)).await;
    if accepts {
        world.store.act(ana, id, Op::Accept { device: DEVICE }).await.unwrap();
        world.store.end(ben, id).await.unwrap();
    } else {
        world.store.act(ana, id, Op::Decline { reason: Decline::NotMyField }).await.unwrap();
    }
}

async fn words(world: &World, offer: OfferId) -> Option<String> {
    world.card(offer).await.unwrap().answers.map(|answers| answers.words())
}

async fn rings_become_words_on_cards(world: World) {
    let (ana, offer, ben) = open_shop(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    answered(&world, (&ana, &ben), offer, 4, true).await;
    answered(&world, (&ana, &ben), offer, 18, false).await;
    assert_eq!(words(&world, offer).await, None, "two say nothing yet");
    // What was taken back says nothing about the provider.
    let id = ask(&world, &ben, offer).await;
    world.store.act(&ben, id, Op::Cancel).await.unwrap();
    assert_eq!(words(&world, offer).await, None);
    answered(&world, (&ana, &ben), offer, 9, true).await;
    assert_eq!(words(&world, offer).await.as_deref(), Some("Answers every ring, in about 10 s"));
    // A miss lowers it, and consumers are told with the same change that takes the curtain in.
    let id = ask(&world, &ben, offer).await;
    world.store.act(&ana, id, Op::Reached { device: DEVICE }).await.unwrap();
    world.pass(Millis::seconds(45)).await;
    world.store.sweep_consultations(world.clock.now()).await.unwrap();
    assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Missed);
    watcher.agrees(&world.store).await;
    assert_eq!(words(&world, offer).await.as_deref(), Some("Answers 7 of 10 rings, in about 10 s"));
    assert_eq!(world.shown(offer).await, Shown::Offline);
}

async fn old_rings_are_forgotten(world: World) {
    let (ana, offer, ben) = open_shop(&world).await;
    for _ in 0..3 {
        answered(&world, (&ana, &ben), offer, 2, true).await;
    }
    assert!(words(&world, offer).await.is_some());
    world.store.go_offline(&ana).await.unwrap();
    world.clock.advance(Millis::minutes(31 * 24 * 60));
    world.store.renew_node(world.node).await.unwrap();
    world.go_online(&ana, 30).await;
    assert_eq!(words(&world, offer).await, None);
}

async fn a_robot_asks_for_practice(world: World) {
    let (ana, offer, _) = open_shop(&world).await;
    assert!(world.store.parts().await.unwrap().is_empty());
    let id = Consultations::practise(&world.store, &ana).await.unwrap();
    let ring = world.store.ringing(&ana).await.unwrap().expect("it rings as a guest's request does");
    assert_eq!((ring.id, ring.from.name.as_str()), (id, "Practice robot"));
    assert_eq!(ring.agreement.conditions.rate.minor, 0, "a robot has no money");
    world.store.act(&ana, id, Op::Accept { device: DEVICE }).await.unwrap();
    assert_eq!(world.shown(offer).await, Shown::Busy, "whoever practises cannot take in a guest");
    let [part] = &world.store.parts().await.unwrap()[..] else { panic!("one robot has a part") };
    assert_eq!((part.id, part.side), (id, Side::Consumer));
    world.store.end(&part.me, id).await.unwrap();
    assert!(world.store.parts().await.unwrap().is_empty());
    assert_eq!(world.shown(offer).await, Shown::Online);
}

async fn practice_counts_nowhere(world: World) {
    let (ana, offer, _) = open_shop(&world).await;
    for _ in 0..3 {
        let id = Consultations::practise(&world.store, &ana).await.unwrap();
        world.store.act(&ana, id, Op::Reached { device: DEVICE }).await.unwrap();
        world.pass(Millis::seconds(45)).await;
        world.store.sweep_consultations(world.clock.now()).await.unwrap();
        assert_eq!(world.store.consultation(&ana, id).await.unwrap().stage(), Stage::Missed);
    }
    assert_eq!(words(&world, offer).await, None);
    assert!(matches!(world.store.desk(&ana).await.unwrap().presence, Presence::Online { .. }), "a missed robot takes no curtain in");
}

async fn one_practice_at_a_time(world: World) {
    let (ana, _, ben) = open_shop(&world).await;
    Consultations::practise(&world.store, &ana).await.unwrap();
    refused(Consultations::practise(&world.store, &ana).await, Code::RequestOpen);
    // Whoever has no curtain out, or no offer at all, has nothing to practise with.
    refused(Consultations::practise(&world.store, &ben).await, Code::NotOpen);
    let (eve, _) = world.provider("Eve").await;
    refused(Consultations::practise(&world.store, &eve).await, Code::NotOpen);
    // Two providers practise side by side.
    world.store.attach(eve.id, world.node, "Firefox").await.unwrap();
    world.go_online(&eve, 30).await;
    Consultations::practise(&world.store, &eve).await.unwrap();
    // Nobody signs up or in as a robot.
    assert_eq!(world.store.parts().await.unwrap().len(), 2);
    for part in world.store.parts().await.unwrap() {
        assert!(domain::account::Email::parse(&part.me.email).is_err());
    }
}
