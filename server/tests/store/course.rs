//! Random courses of one provider and two consumers through the store's own functions: pages that sit down, leave, prove and fall silent, servers that
//! crash, clocks that jump. Whatever happens, nobody has two guests, nothing is lost or numbered twice, and everything ends.

use super::world::*;
use app::{
    consultation::port::{Asked, Consultations},
    context::Me,
    presence::port::Presences,
};
use domain::{
    conditions::Choice,
    consultation::{Consultation, Decline, Op},
    environment::Environment,
    id::{ConsultationId, LifeId, MessageKey, OfferId, SignInId, TabId},
    presence::Shown,
    proof::{all_segments, total},
    side::Side,
    text::{MessageText, Question},
    time::Millis,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use server::{
    ids,
    store::{Entry, Store},
};
use uuid::Uuid;

on_both!(drops_crashes_and_jumps_leave_nothing_stuck);

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask(usize),
    Reach,
    Answer(bool),
    Cancel,
    Sit(Side, u128),
    Drop(Side, u128),
    Prove(Side, u128),
    Say(Side, u128),
    End(Side),
    Pass(i64),
    /// The server dies, and a new one comes up so much later.
    Crash(i64),
}

fn any_act() -> impl Strategy<Value = Act> {
    let side = || prop_oneof![Just(Side::Consumer), Just(Side::Provider)];
    prop_oneof![
        3 => (0usize..2).prop_map(Act::Ask),
        3 => Just(Act::Reach),
        4 => Just(Act::Answer(true)),
        1 => Just(Act::Cancel),
        1 => Just(Act::Answer(false)),
        8 => (side(), 0u128..2).prop_map(|(by, page)| Act::Sit(by, page)),
        3 => (side(), 0u128..2).prop_map(|(by, page)| Act::Drop(by, page)),
        20 => (side(), 0u128..2).prop_map(|(by, page)| Act::Prove(by, page)),
        6 => (side(), 0u128..40).prop_map(|(by, key)| Act::Say(by, key)),
        1 => side().prop_map(Act::End),
        8 => (0i64..6_000).prop_map(Act::Pass),
        1 => (6_000i64..20_000_000).prop_map(Act::Pass),
        1 => (0i64..120_000).prop_map(Act::Crash),
    ]
}

async fn sweep(world: &World) {
    let now = world.clock.now();
    world.store.renew_node(world.node).await.unwrap();
    world.store.sweep(now).await.unwrap();
    world.store.sweep_consultations(now).await.unwrap();
    world.store.sweep_seats(now).await.unwrap();
}

async fn crash(world: World, later: i64) -> World {
    let World { store, clock, db, .. } = world;
    store.close().await;
    drop(store);
    clock.advance(Millis(later));
    let store = Store::open(&db.config, clock.clone()).await.unwrap();
    let node = ids::new();
    store.register_node(node).await.unwrap();
    store.bury_others(node).await.unwrap();
    World { store, clock, db, node }
}

fn page_of(by: Side, page: u128) -> Entry {
    let id = Uuid::from_u128(page + if by == Side::Consumer { 10 } else { 20 });
    Entry { tab: TabId(id), life: LifeId(id), socket: id, take: false }
}

/// What must be so at any moment.
async fn holds(world: &World, (ana, offer): (&Me, OfferId), asked: &[(ConsultationId, usize)]) {
    let mut open = 0;
    for (id, _) in asked {
        let state = world.store.consultation(ana, *id).await.unwrap();
        open += usize::from(state.is_open());
        let rows = world.store.room_after(ana, *id, 0, 10_000).await.unwrap();
        assert!(rows.iter().map(|row| row.n).eq(1..=rows.len() as u64), "rows are numbered without a gap");
        assert!(rows.is_sorted_by_key(|row| row.at), "time does not go back in a room");
        if state.is_over() {
            let proofs = world.store.proofs(ana, *id).await.unwrap();
            let found = all_segments(&proofs, world.store.consultation_knobs().join);
            if let Consultation::Ended(end) = state {
                assert!(end.proved <= total(&found), "nothing is billed that was not proved");
            }
        }
    }
    assert!(open <= 1, "two guests at once");
    assert_eq!(world.shown(offer).await == Shown::Busy, open == 1, "busy means that a guest is inside");
}

async fn drops_crashes_and_jumps_leave_nothing_stuck(mut world: World) {
    let (ana, offer) = world.provider("Ana").await;
    let consumers = [world.person("Ben").await, world.person("Cleo").await];
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    world.go_online(&ana, 480).await;
    let mut runner = TestRunner::deterministic();
    let acts = prop::collection::vec(any_act(), 500).new_tree(&mut runner).unwrap().current();
    let mut asked: Vec<(ConsultationId, usize)> = Vec::new();
    let (mut crashed, mut lived) = (0, 0);
    for act in acts {
        let last = asked.last().copied();
        let who = |by: Side| match (by, last) {
            (Side::Consumer, Some((_, consumer))) => &consumers[consumer],
            _ => &ana,
        };
        // Whatever is refused is refused: what must hold is looked at after each step.
        match (act, last.map(|(id, _)| id)) {
            (Act::Ask(consumer), _) => {
                let choice = Choice { medium: "chat".into(), ..Choice::default() };
                let question = Question::parse("Why?").unwrap();
                let wish = Asked { offer, choice, question, environment: Environment::default(), shown: None };
                if let Ok(id) = world.store.request(&consumers[consumer], wish).await {
                    asked.push((id, consumer));
                }
            }
            (Act::Pass(ms), _) => {
                world.clock.advance(Millis(ms));
                sweep(&world).await;
                let _ = world.store.go_online(&ana, Millis::minutes(480), None).await;
            }
            (Act::Crash(later), _) => {
                world = crash(world, later).await;
                sweep(&world).await;
                world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
                crashed += 1;
            }
            (_, None) => {}
            (Act::Reach, Some(id)) => drop(world.store.act(&ana, id, Op::Reached { device: SignInId(Uuid::nil()) }).await),
            (Act::Answer(true), Some(id)) => drop(world.store.act(&ana, id, Op::Accept { device: SignInId(Uuid::nil()) }).await),
            (Act::Answer(false), Some(id)) => drop(world.store.act(&ana, id, Op::Decline { reason: Decline::InFiveMinutes }).await),
            (Act::Cancel, Some(id)) => drop(world.store.act(who(Side::Consumer), id, Op::Cancel).await),
            (Act::Sit(by, page), Some(id)) => drop(world.store.enter(who(by), id, page_of(by, page)).await),
            (Act::Drop(by, page), Some(id)) => drop(world.store.leave(id, page_of(by, page).socket).await),
            (Act::Prove(by, page), Some(id)) => drop(world.store.prove(who(by), id, page_of(by, page).life, false).await),
            (Act::Say(by, key), Some(id)) => {
                let text = MessageText::parse(&format!("message {key}")).unwrap();
                let key = MessageKey(Uuid::from_u128(key + if by == Side::Consumer { 100 } else { 200 }));
                if let Ok(n) = world.store.say(who(by), id, key, text.clone()).await {
                    assert_eq!(world.store.say(who(by), id, key, text).await, Ok(n), "said twice, written once");
                }
            }
            (Act::End(by), Some(id)) => drop(world.store.end(who(by), id).await),
        }
        holds(&world, (&ana, offer), &asked).await;
        lived += usize::from(matches!(last, Some((id, _)) if world.store.consultation(&ana, id).await.unwrap().is_open()));
    }
    assert!(asked.len() > 5 && crashed > 2 && lived > 20, "{} asked, {crashed} crashes, {lived} steps in a room", asked.len());
    for _ in 0..30 {
        world.clock.advance(Millis::seconds(60));
        sweep(&world).await;
    }
    for (id, _) in &asked {
        assert!(world.store.consultation(&ana, *id).await.unwrap().is_over(), "every course ends");
    }
    holds(&world, (&ana, offer), &asked).await;
}
