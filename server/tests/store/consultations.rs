//! Asking, answering, and the room: design sections 4 and 6, with the clock in hand.

use super::world::*;
use app::{
    consultation::port::{Asked, Consultations},
    context::Me,
    error::PortError,
    presence::port::Presences,
};
use domain::{
    conditions::Choice,
    consultation::{Consultation, Decline, EndReason, Op, Stage},
    environment::Environment,
    id::{AttachmentId, ConsultationId, MessageKey, OfferId, SignInId},
    presence::{DeskEventKind::*, Leaving, Presence, Shown},
    proof::Segment,
    reject::{Code, Field},
    side::Side,
    text::{MessageText, Question},
    time::Millis,
    timeline::Event,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use server::{ids, store::Store};

on_both!(
    an_accept_concludes_the_agreement,
    a_thousand_accepts_make_one,
    an_accept_and_a_cancel_at_once_agree,
    declining_is_free,
    a_ring_that_nobody_confirms_is_no_miss,
    a_ring_ends_when_the_curtain_goes_in,
    missed_rings_put_the_curtain_away,
    one_ring_a_provider_and_one_request_a_consumer,
    only_what_is_open_and_was_shown_is_rung,
    strangers_find_nothing,
    messages_are_numbered_and_come_once,
    proofs_become_segments,
    both_must_come_together,
    a_block_ends_it_and_refuses_the_next,
    a_block_stands_when_time_has_ended_it,
    a_crash_leaves_nobody_busy,
    any_course_is_the_domains_and_ends,
);

fn voice() -> Choice {
    Choice { medium: "voice".into(), cap: "30".into(), language: "en".into() }
}

/// What a page would send that shows the terms as they are now.
async fn asked(store: &Store, offer: OfferId) -> Asked {
    let shown = store.terms(None, offer, &voice()).await.map_or_else(|_| String::new(), |terms| terms.hash);
    let shown = Some(shown);
    let question = Question::parse("How do I say this?").unwrap();
    Asked { offer, choice: voice(), question, environment: Environment::default(), shown }
}

async fn ask(world: &World, me: &Me, offer: OfferId) -> Result<ConsultationId, PortError> {
    world.store.request(me, asked(&world.store, offer).await).await
}

/// A provider whose curtain is out, with the page that proves it, and a consumer.
async fn open_shop(world: &World) -> (Me, OfferId, AttachmentId, Me) {
    let (me, offer) = world.provider("Ana").await;
    world.go_online(&me, 480).await;
    let page = world.store.attach(me.id, world.node, "Firefox").await.unwrap();
    (me, offer, page, world.person("Ben").await)
}

fn device(n: u128) -> SignInId {
    SignInId(uuid::Uuid::from_u128(n))
}

async fn stage(world: &World, me: &Me, id: ConsultationId) -> Stage {
    world.store.consultation(me, id).await.unwrap().stage()
}

async fn events(world: &World, me: &Me, id: ConsultationId) -> Vec<Event> {
    let rows = world.store.room_after(me, id, 0, 1_000).await.unwrap();
    assert!(rows.iter().map(|row| row.n).eq(1..=u64::try_from(rows.len()).unwrap()), "rows are numbered without a gap");
    rows.into_iter().map(|row| row.is).collect()
}

/// Both prove that they are there, every five seconds for so long.
async fn talk(world: &World, (ana, ben): (&Me, &Me), id: ConsultationId, stretch: Millis) {
    let mut left = stretch;
    loop {
        world.store.act(ana, id, Op::Proof { by: Side::Provider }).await.unwrap();
        world.store.act(ben, id, Op::Proof { by: Side::Consumer }).await.unwrap();
        if left.0 <= 0 {
            return;
        }
        let step = Millis(left.0.min(5_000));
        world.pass(step).await;
        left = left.less(step);
    }
}

async fn an_accept_concludes_the_agreement(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    assert_eq!(world.shown(offer).await, Shown::Online, "a ring is no guest yet");
    assert_eq!(world.store.agreement(&ben, id).await.unwrap(), None);
    for op in [Op::Reached { device: device(1) }, Op::Reached { device: device(2) }, Op::Shown { device: device(2) }] {
        world.store.act(&ana, id, op).await.unwrap();
        world.store.act(&ana, id, op).await.unwrap();
    }
    let accept = Op::Accept { device: device(2) };
    world.store.act(&ana, id, accept).await.unwrap();
    world.store.act(&ana, id, accept).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(world.shown(offer).await, Shown::Busy);
    assert_eq!(world.store.desk(&ana).await.unwrap().presence, Presence::Busy { consultation: id });
    assert!(matches!(
        events(&world, &ben, id).await[..],
        [Event::Requested { .. }, Event::Reached { devices: 1 }, Event::Reached { devices: 2 }, Event::Shown, Event::Accepted { .. }]
    ));
    let (agreement, hash) = world.store.agreement(&ana, id).await.unwrap().unwrap();
    assert_eq!((agreement.parties.provider, agreement.parties.consumer, hash.len()), (ana.id, ben.id, 32));
    assert_eq!(agreement.conditions, world.store.terms(None, offer, &voice()).await.unwrap().conditions);

    talk(&world, (&ana, &ben), id, Millis::seconds(20)).await;
    world.store.act(&ben, id, Op::End { by: Side::Consumer }).await.unwrap();
    world.store.act(&ben, id, Op::End { by: Side::Consumer }).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!((world.shown(offer).await, world.log(&ana).await), (Shown::Online, vec![WentOnline, Began, Ended]));
    let Consultation::Ended(end) = world.store.consultation(&ana, id).await.unwrap() else { panic!("it has ended") };
    assert_eq!((end.reason, end.proved), (EndReason::Consumer, Millis::seconds(20)));
    assert_eq!(world.store.agreement(&ben, id).await.unwrap().unwrap(), (agreement, hash), "what was agreed stays");
}

async fn a_thousand_accepts_make_one(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    let tries: Vec<_> = (0..1_000)
        .map(|n| {
            let (store, ana) = (world.store.clone(), ana.clone());
            tokio::spawn(async move { store.act(&ana, id, Op::Accept { device: device(n) }).await })
        })
        .collect();
    let mut won = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(()) => won += 1,
            // A pool that is exhausted says so; nothing was done then.
            Err(error) => assert!([Code::Answered, Code::Overloaded].contains(&code(&error)), "{error:?}"),
        }
    }
    assert_eq!((won, world.log(&ana).await), (1, vec![WentOnline, Began]));
}

fn code(error: &PortError) -> Code {
    match error {
        PortError::Reject(reject) => reject.code(),
        PortError::Broken { .. } => Code::Internal,
    }
}

async fn an_accept_and_a_cancel_at_once_agree(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    for _ in 0..10 {
        let id = ask(&world, &ben, offer).await.unwrap();
        let (accepting, cancelling) = (world.store.clone(), world.store.clone());
        let (provider, consumer) = (ana.clone(), ben.clone());
        let accept = tokio::spawn(async move { accepting.act(&provider, id, Op::Accept { device: device(1) }).await });
        let cancel = tokio::spawn(async move { cancelling.act(&consumer, id, Op::Cancel).await });
        let (accepted, cancelled) = (accept.await.unwrap(), cancel.await.unwrap());
        assert_eq!(cancelled, Ok(()), "a cancel that crossed the accept is honoured");
        match accepted {
            Ok(()) => assert_eq!(stage(&world, &ana, id).await, Stage::Ended),
            refusal => {
                refused(refusal, Code::Over);
                assert_eq!(stage(&world, &ana, id).await, Stage::Cancelled);
            }
        }
        assert_eq!(world.shown(offer).await, Shown::Online);
    }
}

async fn declining_is_free(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    for reason in [Decline::NotMyField, Decline::InFiveMinutes] {
        let id = ask(&world, &ben, offer).await.unwrap();
        world.store.act(&ana, id, Op::Reached { device: device(1) }).await.unwrap();
        world.store.act(&ana, id, Op::Decline { reason }).await.unwrap();
        refused(world.store.act(&ana, id, Op::Accept { device: device(1) }).await, Code::Over);
        assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Declined);
    }
    assert_eq!((world.shown(offer).await, world.log(&ana).await), (Shown::Online, vec![WentOnline]));
}

async fn a_ring_that_nobody_confirms_is_no_miss(world: World) {
    let (_, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.pass(Millis::seconds(45)).await;
    world.store.sweep_consultations(world.clock.now()).await.unwrap();
    assert_eq!(stage(&world, &ben, id).await, Stage::Unreachable);
    assert_eq!(world.shown(offer).await, Shown::Online);
}

async fn a_ring_ends_when_the_curtain_goes_in(world: World) {
    let (ana, offer, page, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Reached { device: device(1) }).await.unwrap();
    // The last page goes: a reload in time changes nothing, a page that stays away ends the ring.
    world.store.detach(page, Leaving::Said).await.unwrap();
    assert_eq!(world.store.sweep_consultations(world.clock.now()).await, Ok(0));
    world.pass(Millis::seconds(4)).await;
    assert_eq!(world.store.sweep_consultations(world.clock.now()).await, Ok(1));
    assert_eq!(stage(&world, &ben, id).await, Stage::Unreachable, "no miss: nobody was there to answer");
    assert_eq!(world.store.ringing(&ana).await, Ok(None));
}

async fn missed_rings_put_the_curtain_away(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    for missed in 1..=2 {
        let id = ask(&world, &ben, offer).await.unwrap();
        world.store.act(&ana, id, Op::Reached { device: device(1) }).await.unwrap();
        world.pass(Millis(44_999)).await;
        assert_eq!(world.store.sweep_consultations(world.clock.now()).await, Ok(0));
        world.clock.advance(Millis(1));
        world.store.renew_node(world.node).await.unwrap();
        assert_eq!(world.store.sweep_consultations(world.clock.now()).await, Ok(1));
        assert_eq!(stage(&world, &ana, id).await, Stage::Missed);
        watcher.agrees(&world.store).await;
        assert_eq!(world.shown(offer).await, Shown::Offline);
        assert_eq!(world.store.desk(&ana).await.unwrap().presence, Presence::Away { missed });
        refused(ask(&world, &ben, offer).await, Code::NotOpen);
        if missed == 1 {
            world.go_online(&ana, 480).await;
            assert_eq!(world.shown(offer).await, Shown::Online, "one tap returns");
        }
    }
    refused(world.store.go_online(&ana, Millis::minutes(60), None).await, Code::CoolingDown);
    world.store.go_offline(&ana).await.unwrap();
    refused(world.store.go_online(&ana, Millis::minutes(60), None).await, Code::CoolingDown);
    world.pass(Millis::minutes(15)).await;
    world.go_online(&ana, 60).await;
    assert_eq!(world.shown(offer).await, Shown::Online);
}

async fn one_ring_a_provider_and_one_request_a_consumer(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let (cleo, other) = world.provider("Cleo").await;
    world.go_online(&cleo, 60).await;
    let dan = world.person("Dan").await;
    let id = ask(&world, &ben, offer).await.unwrap();
    refused(ask(&world, &dan, offer).await, Code::Ringing);
    refused(ask(&world, &ben, other).await, Code::RequestOpen);
    refused(ask(&world, &ana, offer).await, Code::OwnOffer);
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    refused(ask(&world, &dan, offer).await, Code::Busy);
    refused(ask(&world, &ben, other).await, Code::RequestOpen);

    // Many at once: one rings.
    let mut people = vec![dan];
    for n in 0..7 {
        people.push(world.person(&format!("Guest{n}")).await);
    }
    let asked = asked(&world.store, other).await;
    let tries: Vec<_> = people
        .into_iter()
        .map(|me| {
            let (store, asked) = (world.store.clone(), asked.clone());
            tokio::spawn(async move { store.request(&me, asked).await })
        })
        .collect();
    let mut rung = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(_) => rung += 1,
            refusal => refused(refusal, Code::Ringing),
        }
    }
    assert_eq!(rung, 1);
}

async fn only_what_is_open_and_was_shown_is_rung(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let shown = asked(&world.store, offer).await;
    let dearer = domain::offer::OfferForm { rate_minor: "240".into(), ..form("Ana helps") }.parse().unwrap();
    app::offers::port::Offers::revise(&world.store, &ana, offer, 1, dearer).await.unwrap();
    refused(world.store.request(&ben, shown.clone()).await, Code::ConditionsChanged);
    let wrong = Choice { medium: "video".into(), cap: "0".into(), ..voice() };
    let request = world.store.request(&ben, Asked { choice: wrong, ..shown.clone() }).await;
    assert!(
        matches!(&request, Err(PortError::Reject(domain::reject::Reject::Fields(fields)))
        if fields.iter().map(|e| (e.field, e.code)).eq([(Field::Medium, Code::BadMedia), (Field::Cap, Code::BadCap)])),
        "{request:?}"
    );
    world.store.go_offline(&ana).await.unwrap();
    refused(ask(&world, &ben, offer).await, Code::NotOpen);
    refused(world.store.request(&ben, Asked { offer: ids::new(), ..shown }).await, Code::NotFound);
}

async fn strangers_find_nothing(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let eve = world.person("Eve").await;
    let id = ask(&world, &ben, offer).await.unwrap();
    let key = MessageKey(uuid::Uuid::nil());
    let text = || MessageText::parse("Hello").unwrap();
    for (who, id) in [(&eve, id), (&ben, ids::new())] {
        refused(world.store.consultation(who, id).await, Code::NotFound);
        refused(world.store.agreement(who, id).await, Code::NotFound);
        refused(world.store.room_after(who, id, 0, 10).await, Code::NotFound);
        refused(world.store.say(who, id, key, text()).await, Code::NotFound);
        refused(world.store.block(who, id).await, Code::NotFound);
        refused(world.store.act(who, id, Op::Cancel).await, Code::NotFound);
    }
    // Nor does a side do what belongs to the other one, or to the server.
    for op in
        [Op::Accept { device: device(1) }, Op::Decline { reason: Decline::NoReason }, Op::End { by: Side::Provider }, Op::Time, Op::Stop]
    {
        refused(world.store.act(&ben, id, op).await, Code::NotFound);
    }
    for op in [Op::Cancel, Op::End { by: Side::Consumer }, Op::Settled, Op::Funds] {
        refused(world.store.act(&ana, id, op).await, Code::NotFound);
    }
    assert_eq!(stage(&world, &ben, id).await, Stage::Requested);
}

async fn messages_are_numbered_and_come_once(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    let key = |n| MessageKey(uuid::Uuid::from_u128(n));
    let text = |text: &str| MessageText::parse(text).unwrap();
    refused(world.store.say(&ben, id, key(1), text("Too early")).await, Code::TooEarly);
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    let first = world.store.say(&ben, id, key(1), text("Hello")).await.unwrap();
    assert_eq!(world.store.say(&ben, id, key(1), text("Hello")).await, Ok(first), "sent again after a drop");
    refused(world.store.say(&ana, id, key(1), text("Hello")).await, Code::KeyReused);
    assert_eq!(world.store.say(&ana, id, key(2), text("¡Hola!")).await, Ok(first + 1));
    // Many at once, each sent twice.
    let tries: Vec<_> = (0..40u128)
        .map(|n| {
            let (store, ben) = (world.store.clone(), ben.clone());
            tokio::spawn(async move {
                store.say(&ben, id, MessageKey(uuid::Uuid::from_u128(100 + n / 2)), MessageText::parse("And?").unwrap()).await.unwrap()
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for attempt in tries {
        numbers.push(attempt.await.unwrap());
    }
    numbers.sort_unstable();
    assert!(numbers.chunks(2).map(|pair| (pair[0], pair[1])).eq((first + 2..first + 22).map(|n| (n, n))), "{numbers:?}");
    world.store.act(&ana, id, Op::End { by: Side::Provider }).await.unwrap();
    refused(world.store.say(&ben, id, key(3), text("Still there?")).await, Code::Over);
    assert_eq!(world.store.say(&ana, id, key(2), text("¡Hola!")).await, Ok(first + 1), "an answer that was lost comes again");
    let said = events(&world, &ana, id).await.into_iter().filter(|event| matches!(event, Event::Message(_))).count();
    assert_eq!(said, 22);
}

async fn proofs_become_segments(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    let began = world.clock.now();
    talk(&world, (&ana, &ben), id, Millis::seconds(30)).await;
    let ended = world.clock.now();
    // One side is silent: interrupted after 15 s, and nothing of it counts.
    for _ in 0..4 {
        world.pass(Millis::seconds(5)).await;
        world.store.act(&ben, id, Op::Proof { by: Side::Consumer }).await.unwrap();
        world.store.sweep_consultations(world.clock.now()).await.unwrap();
    }
    assert_eq!(stage(&world, &ana, id).await, Stage::Interrupted);
    let again = world.clock.now();
    talk(&world, (&ana, &ben), id, Millis::seconds(10)).await;
    world.store.act(&ana, id, Op::End { by: Side::Provider }).await.unwrap();
    let Consultation::Ended(end) = world.store.consultation(&ana, id).await.unwrap() else { panic!("it has ended") };
    assert_eq!((end.reason, end.proved), (EndReason::Provider, Millis::seconds(40)));
    let segments = [Segment { from: began, to: ended }, Segment { from: again, to: again.after(Millis::seconds(10)) }];
    assert_eq!(world.store.segments(&ben, id).await.unwrap(), segments);
}

async fn both_must_come_together(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    world.store.act(&ana, id, Op::Proof { by: Side::Provider }).await.unwrap();
    world.pass(Millis::seconds(60)).await;
    assert_eq!(world.store.sweep_consultations(world.clock.now()).await, Ok(1));
    assert_eq!((stage(&world, &ben, id).await, world.shown(offer).await), (Stage::Failed, Shown::Online));
    assert_eq!(world.store.segments(&ben, id).await.unwrap(), []);
}

async fn a_block_ends_it_and_refuses_the_next(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    talk(&world, (&ana, &ben), id, Millis::seconds(5)).await;
    world.store.block(&ana, id).await.unwrap();
    world.store.block(&ana, id).await.unwrap();
    assert_eq!((stage(&world, &ben, id).await, world.shown(offer).await), (Stage::Ended, Shown::Online));
    refused(ask(&world, &ben, offer).await, Code::NotFound);
}

async fn a_block_stands_when_time_has_ended_it(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    // Nobody came together in time, and nobody has noted that yet.
    world.clock.advance(Millis::minutes(10));
    world.store.renew_node(world.node).await.unwrap();
    world.store.block(&ana, id).await.unwrap();
    assert_eq!(stage(&world, &ben, id).await, Stage::Failed);
    refused(ask(&world, &ben, offer).await, Code::NotFound);
}

async fn a_crash_leaves_nobody_busy(world: World) {
    let (ana, offer, page, ben) = open_shop(&world).await;
    let id = ask(&world, &ben, offer).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device(1) }).await.unwrap();
    talk(&world, (&ana, &ben), id, Millis::seconds(10)).await;
    let rows = events(&world, &ben, id).await;
    // The server is gone for an hour. A new one reads on: it asks first, and ends what nobody comes back to.
    let World { store, clock, db, node: dead } = world;
    store.close().await;
    drop(store);
    clock.advance(Millis::minutes(60));
    let store = Store::open(&db.config, clock.clone()).await.unwrap();
    let node = ids::new();
    assert_ne!(node, dead);
    store.register_node(node).await.unwrap();
    let world = World { store, clock, db, node };
    assert_eq!(events(&world, &ben, id).await, rows, "nothing is lost");
    for _ in 0..40 {
        world.store.sweep_consultations(world.clock.now()).await.unwrap();
        world.pass(Millis::seconds(5)).await;
    }
    let Consultation::Ended(end) = world.store.consultation(&ana, id).await.unwrap() else { panic!("it has ended") };
    assert_eq!((end.reason, end.proved), (EndReason::Lost, Millis::seconds(10)), "the hour is not billed");
    assert_ne!(world.shown(offer).await, Shown::Busy);
    world.store.detach(page, Leaving::Lost).await.unwrap();
}

/// What happens in a random course.
#[derive(Clone, Debug)]
enum Act {
    Ask { consumer: usize },
    Do { by_provider: bool, op: Op },
    Pass(i64),
}

fn any_act() -> impl Strategy<Value = Act> {
    let side = || prop_oneof![Just(Side::Consumer), Just(Side::Provider)];
    let op = prop_oneof![
        2 => (0u128..3).prop_map(|n| Op::Reached { device: device(n) }),
        4 => (0u128..3).prop_map(|n| Op::Accept { device: device(n) }),
        1 => Just(Op::Decline { reason: Decline::NotMyField }),
        1 => Just(Op::Cancel),
        12 => side().prop_map(|by| Op::Proof { by }),
        1 => side().prop_map(|by| Op::Wait { by }),
        1 => side().prop_map(|by| Op::End { by }),
    ];
    prop_oneof![
        2 => (0usize..2).prop_map(|consumer| Act::Ask { consumer }),
        10 => (any::<bool>(), op).prop_map(|(by_provider, op)| Act::Do { by_provider, op }),
        3 => (0i64..9_000).prop_map(Act::Pass),
        1 => (9_000i64..70_000).prop_map(Act::Pass),
    ]
}

/// The store and the domain's own states go the same way, nobody is in two consultations, and in the end nobody is busy.
async fn any_course_is_the_domains_and_ends(world: World) {
    let (ana, offer, _, ben) = open_shop(&world).await;
    let consumers = [ben, world.person("Cleo").await];
    let mut runner = TestRunner::deterministic();
    let acts = prop::collection::vec(any_act(), 400).new_tree(&mut runner).unwrap().current();
    let mut held: Vec<(ConsultationId, usize, Consultation)> = Vec::new();
    let knobs = *world.store.consultation_knobs();
    for act in acts {
        match act {
            Act::Ask { consumer } => {
                if let Ok(id) = ask(&world, &consumers[consumer], offer).await {
                    let state = world.store.consultation(&ana, id).await.unwrap();
                    assert_eq!(state.stage(), Stage::Requested);
                    held.push((id, consumer, state));
                }
            }
            Act::Do { by_provider, op } => {
                let Some((id, consumer, state)) = held.last_mut() else { continue };
                let (who, side) = if by_provider { (&ana, Side::Provider) } else { (&consumers[*consumer], Side::Consumer) };
                let expected = if op.whose() == Some(side) {
                    state.apply(op, world.clock.now(), &knobs).map(|(state, _)| state)
                } else {
                    Err(Code::NotFound.into())
                };
                match (world.store.act(who, *id, op).await, expected) {
                    (Ok(()), Ok(after)) => *state = after,
                    (Err(PortError::Reject(got)), Err(wanted)) => assert_eq!(got, wanted),
                    (got, wanted) => panic!("{op:?}: {got:?} instead of {wanted:?}"),
                }
            }
            Act::Pass(ms) => {
                world.clock.advance(Millis(ms));
                world.store.renew_node(world.node).await.unwrap();
                world.store.sweep_consultations(world.clock.now()).await.unwrap();
                for (_, _, state) in &mut held {
                    *state = state.apply(Op::Time, world.clock.now(), &knobs).unwrap().0;
                }
                // Back behind the counter, if a ring was missed.
                let _ = world.store.go_online(&ana, Millis::minutes(480), None).await;
            }
        }
        for (id, _, state) in &held {
            assert_eq!(&world.store.consultation(&ana, *id).await.unwrap(), state);
        }
        assert!(held.iter().filter(|(_, _, state)| state.is_open()).count() <= 1, "two guests at once");
        let busy = held.iter().any(|(_, _, state)| state.is_open());
        assert_eq!(world.shown(offer).await == Shown::Busy, busy);
    }
    for _ in 0..20 {
        world.clock.advance(Millis::seconds(60));
        world.store.renew_node(world.node).await.unwrap();
        world.store.sweep_consultations(world.clock.now()).await.unwrap();
    }
    for (id, consumer, _) in held {
        let state = world.store.consultation(&ana, id).await.unwrap();
        assert!(state.is_over(), "{state:?}");
        let segments = world.store.segments(&consumers[consumer], id).await.unwrap();
        if let Consultation::Ended(end) = state {
            assert_eq!(domain::proof::total(&segments), end.proved);
        }
    }
    assert_ne!(world.shown(offer).await, Shown::Busy);
}
