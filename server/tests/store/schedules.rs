//! A thousand paid consultations under a seeded simulator: processes that die before and after each commit that moves money, requests that come twice,
//! pauses, raises, refunds, cases. After each of them the books are counted, and the bill is recomputed from the proofs that were acknowledged.
//!
//! A failure names its seed; `NOREN_SEED=... cargo nextest run -p server schedules` runs that one alone.

use super::world::*;
use app::{
    cases::port::Cases,
    consultation::port::{Asked, Consultations},
    context::Me,
    presence::port::Presences,
    receipts::port::Receipts,
    wallet::port::{Movement, Wallets},
};
use domain::{
    conditions::{Cap, Choice},
    consultation::{Consultation, Op},
    environment::Environment,
    id::{ConsultationId, LifeId, OfferId, SignInId, TabId},
    ledger::{Book, Place},
    proof::{all_segments, total},
    side::{Both, Side},
    text::{CaseText, Question},
    time::{Millis, Timestamp},
};
use server::{
    crash::{Point, When},
    store::Entry,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

/// A plain generator of numbers (splitmix64), so that a seed is a schedule for good.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Lets work die at the points that a schedule names.
#[derive(Default)]
struct Deaths {
    /// After so many points the next one is deadly.
    fuse: Option<u64>,
    met: BTreeSet<(Point, When)>,
}

struct Town {
    world: World,
    deaths: Arc<Mutex<Deaths>>,
    providers: Vec<(Me, OfferId)>,
    consumers: Vec<Me>,
}

impl Town {
    async fn new(engine: crate::db::Engine) -> Self {
        let world = World::with(engine, |config| {
            config.money.commission = domain::money::Commission::new(1_250).unwrap();
        })
        .await;
        let mut providers = Vec::new();
        for name in ["Ana", "Aki"] {
            let (me, offer) = world.provider(name).await;
            world.store.attach(me.id, world.node, "Firefox").await.unwrap();
            providers.push((me, offer));
        }
        let consumers = vec![world.pauper("Ben").await, world.pauper("Cleo").await, world.pauper("Dan").await];
        let deaths = Arc::<Mutex<Deaths>>::default();
        let hook = Arc::clone(&deaths);
        world.store.crash().on(Box::new(move |point, when| {
            let mut deaths = hook.lock().unwrap();
            match &mut deaths.fuse {
                Some(0) => {
                    deaths.fuse = None;
                    deaths.met.insert((point, when));
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        }));
        Town { world, deaths, providers, consumers }
    }

    /// What the workers do, also right after a death.
    async fn work(&self) {
        let now = self.world.clock.now();
        let store = &self.world.store;
        let _ = store.renew_node(self.world.node).await;
        let _ = store.sweep(now).await;
        let _ = store.sweep_consultations(now).await;
        let _ = store.settle_all().await;
        let _ = store.drive_all(now).await;
        let _ = store.clear_all().await;
        let _ = store.seal().await;
    }

    /// One paid consultation, as its seed has it.
    async fn run(&self, seed: u64) {
        let mut chance = Chance(seed);
        let store = &self.world.store;
        let (ana, offer) = &self.providers[usize::try_from(chance.below(2)).unwrap()];
        let ben = &self.consumers[usize::try_from(chance.below(3)).unwrap()];
        let _ = store.go_online(ana, Millis::minutes(480), None).await;
        let mut topped = 0;
        let before = self.own(ben).await;
        let mut asked: Option<ConsultationId> = None;
        let mut acknowledged = vec![Both::<Vec<Timestamp>>::default()];
        let mut told_total = None;
        for step in 0..20 + chance.below(20) {
            if chance.one_in(6) {
                self.deaths.lock().unwrap().fuse = Some(chance.below(6));
            }
            match (chance.below(16), asked) {
                (0..=1, _) => {
                    let key = Uuid::from_u128(u128::from(seed) << 64 | u128::from(step));
                    let amount = euros(i64::try_from(chance.below(900) + 100).unwrap());
                    let top_up = || store.top_up(ben, Movement { key: Some(key), amount }, "/wallet");
                    let mut done = top_up().await.is_ok();
                    // Whoever got no answer asks again, and whoever got one may too.
                    for _ in 0..chance.below(3) {
                        done |= top_up().await.is_ok();
                    }
                    if !done {
                        self.work().await;
                        assert!(top_up().await.is_ok(), "a top-up never went through");
                    }
                    topped += amount.minor;
                }
                (2..=4, None) => {
                    let cap = (chance.below(6) + 1).to_string();
                    let choice = Choice { medium: "chat".into(), cap, language: String::new() };
                    let question = Question::parse("").unwrap();
                    let wish = Asked { offer: *offer, choice, question, environment: Environment::default(), shown: None };
                    asked = store.request(ben, wish).await.ok();
                }
                (5..=6, Some(id)) => {
                    let _ = store.act(ana, id, Op::Accept { device: SignInId(Uuid::nil()) }).await;
                    for me in [ana, ben] {
                        let entry = Entry { tab: TabId(me.id.0), life: LifeId(me.id.0), socket: me.id.0, take: true };
                        let _ = store.enter(me, id, entry).await;
                    }
                }
                (7..=11, Some(id)) => {
                    for _ in 0..=chance.below(9) {
                        for (me, side) in [(ana, Side::Provider), (ben, Side::Consumer)] {
                            if chance.one_in(12) {
                                continue;
                            }
                            let part = self.part(ana, id).await;
                            if store.prove(me, id, LifeId(me.id.0), false).await.is_ok() && self.part(ana, id).await.is_some() {
                                let part = part.unwrap_or(0);
                                acknowledged.resize_with(acknowledged.len().max(part + 1), Default::default);
                                if self.counts(ana, id).await {
                                    acknowledged[part].of_mut(side).push(self.world.clock.now());
                                }
                            }
                        }
                        self.world.clock.advance(Millis(i64::try_from(chance.below(6_000)).unwrap()));
                    }
                    if chance.one_in(5) {
                        // A line that is away, or a server.
                        self.world.clock.advance(Millis(i64::try_from(chance.below(40_000)).unwrap()));
                    }
                }
                (12, Some(id)) => {
                    let cap = Cap::minutes(i64::try_from(chance.below(9) + 1).unwrap()).unwrap();
                    for _ in 0..=chance.below(2) {
                        let _ = store.act(ben, id, Op::Raise { cap }).await;
                    }
                }
                (13, Some(id)) if chance.one_in(3) => {
                    let by = if chance.one_in(2) { ana } else { ben };
                    for _ in 0..=chance.below(2) {
                        let _ = store.end(by, id).await;
                    }
                }
                (14, Some(id)) => {
                    let key = Some(Uuid::from_u128(u128::from(seed) << 64 | u128::from(step)));
                    let minor = chance.below(40).to_string();
                    let given = store.give_back(ana, id, key, &minor, "").await;
                    if let (Ok(given), Ok(again)) = (&given, store.give_back(ana, id, key, &minor, "").await) {
                        assert_eq!(*given, again, "the same key gave back twice");
                    }
                    if chance.one_in(4) {
                        let _ = store.open(ben, id, CaseText::parse("It was too dear.").unwrap()).await;
                    }
                }
                _ => self.work().await,
            }
            if let Some(id) = asked
                && let Ok(found) = store.receipt(ben, id).await
            {
                // What both were once shown stays.
                assert_eq!(*told_total.get_or_insert(found.receipt.clone()), found.receipt);
            }
        }
        self.deaths.lock().unwrap().fuse = None;
        // Everything ends, by itself.
        for _ in 0..12 {
            self.world.clock.advance(Millis::seconds(70));
            self.work().await;
        }
        let spent = self.judge(seed, ana, ben, asked, &acknowledged).await;
        assert_eq!(self.own(ben).await, before + topped - spent, "money was made or lost");
    }

    /// What a consumer has, to the last cent.
    async fn own(&self, who: &Me) -> i64 {
        let of = async |book| self.world.store.balance(Place::of(who.id, book), euros(0).asset).await.unwrap().minor;
        of(Book::Available).await + of(Book::Held).await
    }

    /// The part that proofs are of now; nothing when it is not open.
    async fn part(&self, ana: &Me, id: ConsultationId) -> Option<usize> {
        match self.world.store.consultation(ana, id).await {
            Ok(Consultation::Open(room)) => usize::try_from(room.part).ok(),
            _ => None,
        }
    }

    /// Whether proofs count now.
    async fn counts(&self, ana: &Me, id: ConsultationId) -> bool {
        matches!(self.world.store.consultation(ana, id).await, Ok(Consultation::Open(room)) if !matches!(room.phase, domain::consultation::Phase::Full { .. }))
    }

    /// Everything has an end, nothing is held, the books are right, and the bill is that of the proofs. Answers what it cost in the end.
    async fn judge(&self, seed: u64, ana: &Me, ben: &Me, asked: Option<ConsultationId>, acknowledged: &[Both<Vec<Timestamp>>]) -> i64 {
        let store = &self.world.store;
        assert_eq!(store.balance(Place::of(ben.id, Book::Held), euros(0).asset).await.unwrap().minor, 0, "a hold was left");
        if seed.is_multiple_of(16) {
            assert_eq!(store.audit().await.unwrap(), [] as [String; 0]);
        }
        let Some(id) = asked else { return 0 };
        let state = store.consultation(ben, id).await.unwrap();
        assert!(state.is_over(), "{state:?}");
        let Ok(found) = store.receipt(ben, id).await else {
            assert!(!matches!(state, Consultation::Ended(_) | Consultation::Settled(_)), "no receipt: {state:?}");
            return 0;
        };
        // Acknowledged means present; and what was there and not acknowledged was not billed for more than it proved.
        let kept = store.proofs(ben, id).await.unwrap();
        for (part, of) in acknowledged.iter().enumerate() {
            for (at, side) in of.consumer.iter().map(|at| (at, Side::Consumer)).chain(of.provider.iter().map(|at| (at, Side::Provider))) {
                assert!(kept.get(part).is_some_and(|kept| kept.of(side).contains(at)), "a proof that was acknowledged is gone");
            }
        }
        let join = store.consultation_knobs().join;
        let proved = total(&all_segments(&kept, join));
        let acked = total(&all_segments(&acknowledged.to_vec(), join));
        let receipt = &found.receipt;
        assert!(receipt.proved <= proved, "over-billed by {}", proved.less(receipt.proved).0);
        assert!(acked.less(receipt.proved) <= Millis::seconds(5), "under-billed: {} of {}", receipt.proved.0, acked.0);
        let billed = (receipt.proved.0 - 60_000).max(0);
        assert_eq!(receipt.total.minor, 120 * billed / 60_000, "the bill is the rate times the proofs");
        assert_eq!(receipt.fee.minor, receipt.total.minor * 1_250 / 10_000);
        let back: i64 = found.refunds.iter().map(|refund| refund.amount.minor).sum();
        assert!(back <= receipt.total.minor);
        assert!(store.receipt(ana, id).await.unwrap().receipt == *receipt, "both have the same receipt");
        receipt.total.minor - back
    }
}

/// Runs so many schedules from `first` on; which points were deadly in them.
async fn schedules(engine: crate::db::Engine, first: u64, count: u64) {
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the server")]
    let wish = std::env::var("NOREN_SEED").ok().and_then(|seed| seed.parse().ok());
    let town = Town::new(engine).await;
    for seed in wish.map_or(first..first + count, |seed| seed..seed + 1) {
        println!("seed {seed}");
        town.run(seed).await;
    }
    let store = &town.world.store;
    while store.seal().await.unwrap() > 0 {}
    assert_eq!(store.audit().await.unwrap(), [] as [String; 0]);
    assert_eq!(store.verify_chain().await.unwrap().1, [] as [String; 0]);
    // A hundred are too few to die everywhere.
    if wish.is_none() && count > 400 {
        let met = &town.deaths.lock().unwrap().met;
        let all =
            Point::ALL.iter().filter(|point| **point != Point::Webhook).flat_map(|point| [(*point, When::Before), (*point, When::After)]);
        let missed: Vec<_> = all.filter(|point| !met.contains(point)).collect();
        assert!(missed.is_empty(), "points at which nothing died: {missed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_half_of_a_thousand() {
    schedules(crate::db::Engine::Sqlite, 1, 450).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_half_of_a_thousand() {
    schedules(crate::db::Engine::Sqlite, 100_001, 450).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_more_on_postgres() {
    schedules(crate::db::Engine::Postgres, 200_001, 100).await;
}
