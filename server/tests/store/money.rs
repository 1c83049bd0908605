//! A consultation that is paid: holds, the bill, what goes back, cases, earnings.

use super::world::*;
use app::{
    cases::port::{Cases, Decision},
    consultation::port::{Asked, Consultations},
    context::Me,
    error::PortError,
    receipts::port::Receipts,
    wallet::port::{Movement, Wallets},
};
use domain::{
    account::Role,
    conditions::{Cap, Choice},
    consultation::{EndReason, Op, Stage},
    environment::Environment,
    id::{ConsultationId, LifeId, OfferId, SignInId, TabId},
    ledger::{Book, Place},
    operation::{Borne, CaseState},
    receipt::Why,
    reject::{Code, Field},
    text::{CaseText, Question},
    time::Millis,
    timeline::Event,
};
use server::store::Entry;
use uuid::Uuid;

on_both!(
    the_bill_is_what_was_proved,
    what_does_not_come_about_is_free,
    a_clock_that_jumps_changes_nothing,
    a_raise_is_a_second_hold,
    too_little_money_is_told_before_it_rings,
    money_that_goes_while_it_rings_cancels_it,
    two_for_the_last_money_are_one,
    a_hold_against_a_refund,
    what_goes_back_is_at_most_the_bill,
    a_case_is_decided_once,
    earnings_become_payable,
    strangers_find_no_money,
);

fn device() -> SignInId {
    SignInId(Uuid::nil())
}

fn asked(offer: OfferId, cap: &str) -> Asked {
    Asked {
        offer,
        choice: Choice { medium: "chat".into(), cap: cap.into(), language: String::new() },
        question: Question::parse("").unwrap(),
        environment: Environment::default(),
        shown: None,
    }
}

async fn shop(world: &World) -> (Me, OfferId) {
    let (ana, offer) = world.provider("Ana").await;
    world.go_online(&ana, 480).await;
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    (ana, offer)
}

async fn sit(world: &World, me: &Me, id: ConsultationId) -> LifeId {
    let life = LifeId(me.id.0);
    let entry = Entry { tab: TabId(me.id.0), life, socket: me.id.0, take: true };
    assert!(world.store.enter(me, id, entry).await.unwrap());
    life
}

/// Both prove every five seconds for so long.
async fn talk(world: &World, people: [(&Me, LifeId); 2], id: ConsultationId, seconds: i64) {
    for step in 0..=seconds / 5 {
        if step > 0 {
            world.pass(Millis::seconds(5)).await;
        }
        for (me, life) in people {
            world.store.prove(me, id, life, false).await.unwrap();
        }
    }
}

/// Ben asks Ana, she accepts, they talk for so long, he ends it, it is settled.
async fn paid(world: &World, (ana, offer): (&Me, OfferId), ben: &Me, cap: &str, seconds: i64) -> ConsultationId {
    let id = world.store.request(ben, asked(offer, cap)).await.unwrap();
    world.store.act(ana, id, Op::Accept { device: device() }).await.unwrap();
    let (a, b) = (sit(world, ana, id).await, sit(world, ben, id).await);
    talk(world, [(ana, a), (ben, b)], id, seconds).await;
    world.store.end(ben, id).await.unwrap();
    world.store.settle_all().await.unwrap();
    id
}

async fn holds(world: &World, me: &Me, book: Book) -> i64 {
    world.store.balance(Place::of(me.id, book), euros(0).asset).await.unwrap().minor
}

async fn sound(world: &World) {
    assert_eq!(world.store.audit().await.unwrap(), [] as [String; 0]);
}

async fn the_bill_is_what_was_proved(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let id = world.store.request(&ben, asked(offer, "30")).await.unwrap();
    assert_eq!(holds(&world, &ben, Book::Held).await, 0, "a ring holds nothing");
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    // 30 minutes at 1.20, the first of them free.
    assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (3_480, 96_520));
    sound(&world).await;
    let (a, b) = (sit(&world, &ana, id).await, sit(&world, &ben, id).await);
    talk(&world, [(&ana, a), (&ben, b)], id, 100).await;
    world.store.end(&ben, id).await.unwrap();
    assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Ended);
    for _ in 0..2 {
        world.store.settle_all().await.unwrap();
        assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Settled);
        // 100 s, 60 of them free: 40 s at 1.20 a minute.
        assert_eq!(holds(&world, &ana, Book::Pending).await, 80);
        assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (0, 99_920));
    }
    let found = world.store.receipt(&ben, id).await.unwrap();
    assert_eq!(found.receipt, world.store.receipt(&ana, id).await.unwrap().receipt);
    let receipt = found.receipt;
    assert_eq!((receipt.number, receipt.total, receipt.fee, receipt.proved), (1, euros(80), euros(0), Millis::seconds(100)));
    let sum = |why: Why| receipt.stretches.iter().filter(|s| s.why == why).map(|s| s.time.to.0 - s.time.from.0).sum::<i64>();
    assert_eq!((sum(Why::Free), sum(Why::Billed)), (60_000, 40_000));
    // A proof that comes after the bill changes nothing.
    refused(world.store.prove(&ana, id, a, false).await, Code::Over);
    sound(&world).await;
    let second = paid(&world, (&ana, offer), &ben, "10", 70).await;
    assert_eq!(world.store.receipt(&ben, second).await.unwrap().receipt.number, 2, "numbers follow each other");
}

async fn what_does_not_come_about_is_free(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let id = world.store.request(&ben, asked(offer, "10")).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    assert_eq!(holds(&world, &ben, Book::Held).await, 1_080);
    world.pass(Millis::seconds(61)).await;
    world.store.sweep_consultations(world.clock.now()).await.unwrap();
    assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Failed);
    world.store.settle_all().await.unwrap();
    assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (0, 100_000));
    refused(world.store.receipt(&ben, id).await, Code::NotFound);
    // Within the free minute it costs nothing, and there is a receipt that says so.
    let id = paid(&world, (&ana, offer), &ben, "10", 50).await;
    assert_eq!(world.store.receipt(&ben, id).await.unwrap().receipt.total, euros(0));
    assert_eq!(holds(&world, &ben, Book::Available).await, 100_000);
    sound(&world).await;
}

async fn a_clock_that_jumps_changes_nothing(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let id = world.store.request(&ben, asked(offer, "30")).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    let (a, b) = (sit(&world, &ana, id).await, sit(&world, &ben, id).await);
    talk(&world, [(&ana, a), (&ben, b)], id, 90).await;
    world.clock.advance(Millis::minutes(60));
    talk(&world, [(&ana, a), (&ben, b)], id, 30).await;
    world.store.end(&ben, id).await.unwrap();
    world.store.settle_all().await.unwrap();
    let receipt = world.store.receipt(&ben, id).await.unwrap().receipt;
    assert_eq!((receipt.proved, receipt.total), (Millis::seconds(120), euros(120)), "the hour in which nobody proved is free");
    sound(&world).await;
    backwards(world).await;
}

/// The server comes back with a clock that is an hour late: it goes on from the newest stamp, and nothing is billed twice or less.
async fn backwards(world: World) {
    let (ana, offer) = world.provider("Aki").await;
    world.go_online(&ana, 480).await;
    world.store.attach(ana.id, world.node, "Firefox").await.unwrap();
    let ben = world.person("Dan").await;
    let id = world.store.request(&ben, asked(offer, "30")).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    let (a, b) = (sit(&world, &ana, id).await, sit(&world, &ben, id).await);
    talk(&world, [(&ana, a), (&ben, b)], id, 90).await;
    let World { store, clock, db, node } = world;
    store.close().await;
    drop(store);
    let late = server::clock::Clock::manual(clock.now().before(Millis::minutes(60)));
    let store = server::store::Store::open(&db.config, late.clone()).await.unwrap();
    let world = World { store, clock: late, db, node };
    assert!(world.store.clock().now() >= clock.now(), "time does not go back");
    talk(&world, [(&ana, a), (&ben, b)], id, 30).await;
    world.store.end(&ben, id).await.unwrap();
    world.store.settle_all().await.unwrap();
    let receipt = world.store.receipt(&ben, id).await.unwrap().receipt;
    assert_eq!((receipt.proved, receipt.total), (Millis::seconds(120), euros(120)));
    sound(&world).await;
}

async fn a_raise_is_a_second_hold(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.pauper("Ben").await;
    world.top_up(&ben, 200).await;
    let id = world.store.request(&ben, asked(offer, "2")).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    let (a, b) = (sit(&world, &ana, id).await, sit(&world, &ben, id).await);
    talk(&world, [(&ana, a), (&ben, b)], id, 115).await;
    let raise = |minutes| Op::Raise { cap: Cap::minutes(minutes).unwrap() };
    refused(world.store.act(&ben, id, raise(3)).await, Code::NoFunds);
    world.top_up(&ben, 60).await;
    for _ in 0..2 {
        world.store.act(&ben, id, raise(3)).await.unwrap();
        assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (240, 20));
    }
    world.pass(Millis::seconds(5)).await;
    talk(&world, [(&ana, a), (&ben, b)], id, 45).await;
    // Used up at 180 s: it pauses, and the pause is not billed.
    world.pass(Millis::seconds(15)).await;
    world.store.sweep_consultations(world.clock.now()).await.unwrap();
    assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Interrupted);
    for (me, life) in [(&ana, a), (&ben, b)] {
        world.store.prove(me, id, life, false).await.unwrap();
    }
    world.pass(Millis::seconds(31)).await;
    world.store.sweep_consultations(world.clock.now()).await.unwrap();
    world.store.settle_all().await.unwrap();
    let receipt = world.store.receipt(&ben, id).await.unwrap().receipt;
    assert_eq!((receipt.cap, receipt.proved), (Cap::minutes(3).unwrap(), Millis::seconds(165)));
    assert_eq!((receipt.total, receipt.stretches.last().unwrap().why), (euros(210), Why::Paused));
    assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (0, 50));
    sound(&world).await;
}

async fn too_little_money_is_told_before_it_rings(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.pauper("Ben").await;
    refused_field(world.store.request(&ben, asked(offer, "10")).await, Field::Cap, Code::NoFunds);
    assert_eq!(world.store.ringing(&ana).await.unwrap(), None);
    let terms = world.store.terms(Some(&ben), offer, &asked(offer, "10").choice).await.unwrap();
    assert_eq!((terms.funds, terms.conditions.at_most()), (Some(euros(0)), 1_080));
    let most = terms.fits.unwrap();
    let too_much = Movement { key: None, amount: most.plus(euros(1)).unwrap() };
    refused_field(world.store.top_up(&ben, too_much, "/wallet").await.map(drop), Field::AmountMinor, Code::WalletFull);
    world.top_up(&ben, 1_079).await;
    refused_field(world.store.request(&ben, asked(offer, "10")).await, Field::Cap, Code::NoFunds);
    world.top_up(&ben, 1).await;
    let fits = world.store.wallet(&ben).await.unwrap().balances[0].fits;
    assert_eq!(fits, most.less(euros(1_080)).unwrap(), "what is told is what is taken");
    world.store.request(&ben, asked(offer, "10")).await.unwrap();
}

async fn money_that_goes_while_it_rings_cancels_it(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.pauper("Ben").await;
    world.top_up(&ben, 1_080).await;
    let id = world.store.request(&ben, asked(offer, "10")).await.unwrap();
    world.store.refund_unused(&ben, Movement { key: None, amount: euros(1) }).await.unwrap();
    refused(world.store.act(&ana, id, Op::Accept { device: device() }).await, Code::FundsGone);
    assert_eq!(world.store.consultation(&ben, id).await.unwrap().stage(), Stage::Cancelled);
    let seen = world.store.show(&ben, id).await.unwrap();
    assert_eq!((seen.state.reason, &seen.rows.last().unwrap().is), (Some(EndReason::Funds), &Event::Unfunded), "and that is why");
    world.store.act(&ben, id, Op::Cancel).await.unwrap();
    assert_eq!(world.store.show(&ben, id).await.unwrap().rows, seen.rows, "to take it back as well changes nothing");
    assert_eq!((holds(&world, &ben, Book::Held).await, holds(&world, &ben, Book::Available).await), (0, 1_079));
    assert_eq!(world.shown(offer).await, domain::presence::Shown::Online, "and the provider is free for others");
    sound(&world).await;
}

async fn two_for_the_last_money_are_one(world: World) {
    // One consumer cannot ask twice, so the second hold is a raise that meets a withdrawal; many of both at once.
    let (ana, offer) = shop(&world).await;
    let ben = world.pauper("Ben").await;
    world.top_up(&ben, 1_080 + 1_800).await;
    let id = world.store.request(&ben, asked(offer, "10")).await.unwrap();
    world.store.act(&ana, id, Op::Accept { device: device() }).await.unwrap();
    let raise = Op::Raise { cap: Cap::minutes(25).unwrap() };
    let tries: Vec<_> = (0..40u128)
        .map(|n| {
            let (store, ben) = (world.store.clone(), ben.clone());
            tokio::spawn(async move {
                if n % 2 == 0 {
                    store.act(&ben, id, raise).await
                } else {
                    store.refund_unused(&ben, Movement { key: None, amount: euros(1_800) }).await.map(drop)
                }
            })
        })
        .collect();
    let mut worked = Vec::new();
    for (n, one) in tries.into_iter().enumerate() {
        match one.await.unwrap() {
            Ok(()) => worked.push(n % 2),
            Err(PortError::Reject(reject)) => assert_eq!(reject.code(), Code::NoFunds),
            Err(broken) => panic!("{broken:?}"),
        }
    }
    worked.dedup();
    assert_eq!(worked.len(), 1, "either the raise or the withdrawal, never both");
    assert_eq!(holds(&world, &ben, Book::Available).await, 0);
    sound(&world).await;
}

async fn a_hold_against_a_refund(world: World) {
    let (ana, offer) = shop(&world).await;
    for round in 0..5 {
        let ben = world.pauper(&format!("Ben{round}")).await;
        world.top_up(&ben, 1_080).await;
        let id = world.store.request(&ben, asked(offer, "10")).await.unwrap();
        let accept = {
            let (store, ana) = (world.store.clone(), ana.clone());
            tokio::spawn(async move { store.act(&ana, id, Op::Accept { device: device() }).await })
        };
        let refund = {
            let (store, ben) = (world.store.clone(), ben.clone());
            tokio::spawn(async move { store.refund_unused(&ben, Movement { key: None, amount: euros(1_080) }).await })
        };
        let (accept, refund) = (accept.await.unwrap(), refund.await.unwrap());
        assert_ne!(accept.is_ok(), refund.is_ok(), "{accept:?} {refund:?}");
        if accept.is_ok() {
            world.store.end(&ben, id).await.unwrap();
        }
        world.store.settle_all().await.unwrap();
        assert_eq!(holds(&world, &ben, Book::Held).await, 0);
    }
    sound(&world).await;
}

async fn what_goes_back_is_at_most_the_bill(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let id = paid(&world, (&ana, offer), &ben, "10", 120).await;
    assert_eq!(holds(&world, &ana, Book::Pending).await, 120);
    let key = |n| Some(Uuid::from_u128(n));
    for (minor, typed, code) in [
        ("0", "", Code::BadAmount),
        ("-5", "", Code::BadAmount),
        ("", "1.234", Code::BadAmount),
        ("121", "", Code::TooMuch),
        ("", "", Code::Required),
    ] {
        refused_field(world.store.give_back(&ana, id, key(9), minor, typed).await, Field::AmountMinor, code);
    }
    for _ in 0..2 {
        assert_eq!(world.store.give_back(&ana, id, key(1), "", "0.50").await.unwrap(), euros(50));
    }
    refused(world.store.give_back(&ana, id, key(1), "", "0.60").await, Code::OtherPayload);
    refused(world.store.give_back(&ben, id, key(2), "10", "").await, Code::NotFound);
    refused_field(world.store.give_back(&ana, id, key(3), "71", "").await, Field::AmountMinor, Code::TooMuch);
    assert_eq!(world.store.give_back(&ana, id, key(4), "70", "").await.unwrap(), euros(120));
    assert_eq!((holds(&world, &ana, Book::Pending).await, holds(&world, &ben, Book::Available).await), (0, 100_000));
    let found = world.store.receipt(&ben, id).await.unwrap();
    assert_eq!((found.refunds.len(), found.left, found.receipt.total), (2, euros(0), euros(120)), "the receipt itself stays");
    sound(&world).await;
}

async fn a_case_is_decided_once(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let text = |raw: &str| CaseText::parse(raw).unwrap();
    let little = paid(&world, (&ana, offer), &ben, "10", 120).await;
    refused(world.store.open(&ana, little, text("Too short.")).await, Code::NotFound);
    let case = world.store.open(&ben, little, text("Too short.")).await.unwrap();
    assert_eq!((case.state, case.refunded), (CaseState::Automatic, euros(120)), "little goes back by itself");
    assert_eq!(holds(&world, &ana, Book::Pending).await, 0, "by the provider");
    assert_eq!(world.store.open(&ben, little, text("Too short.")).await.unwrap(), case);
    refused(world.store.open(&ben, little, text("Too loud.")).await, Code::OtherPayload);
    let again = paid(&world, (&ana, offer), &ben, "10", 120).await;
    assert_eq!(world.store.open(&ben, again, text("Again.")).await.unwrap().state, CaseState::Open, "but not twice a month");
    let operator = Me { role: Role::Operator, ..world.person("Olga").await };
    let decision = |minor: &str, key: u128| Decision {
        minor: minor.into(),
        typed: String::new(),
        borne: Borne::Provider,
        reason: text("Half of it."),
        key: Some(Uuid::from_u128(key)),
    };
    refused(world.store.decide(&ben, again, decision("60", 1)).await, Code::NotFound);
    refused(world.store.list(&ana).await.map(drop), Code::NotFound);
    refused_field(world.store.decide(&operator, again, decision("121", 1)).await, Field::AmountMinor, Code::TooMuch);
    let decided = world.store.decide(&operator, again, decision("60", 2)).await.unwrap();
    assert_eq!((decided.state, decided.refunded, &*decided.answer), (CaseState::Refunded, euros(60), "Half of it."));
    assert_eq!(world.store.decide(&operator, again, decision("60", 2)).await.unwrap(), decided);
    refused(world.store.decide(&operator, again, decision("50", 2)).await, Code::OtherPayload);
    refused(world.store.decide(&operator, again, decision("50", 3)).await, Code::Over);
    let list = world.store.list(&operator).await.unwrap();
    assert_eq!(list.iter().map(|line| line.case.state).collect::<Vec<_>>(), [CaseState::Refunded, CaseState::Automatic]);
    let evidence = &list[0].evidence;
    assert!(evidence.iter().any(|line| line == "60 s · Billed: both were here"), "{evidence:?}");
    assert!(evidence.iter().any(|line| line.ends_with(" · The provider accepted")) && !evidence.iter().any(|line| line.contains('{')));
    // Both sides read who gave it back, and the provider finds the case with what was earned.
    let back = async |id| {
        let refunds = world.store.receipt(&ana, id).await.unwrap().refunds;
        refunds.iter().map(|refund| (refund.amount.minor, refund.borne, refund.case)).collect::<Vec<_>>()
    };
    assert_eq!(back(little).await, [(120, Borne::Provider, Some(CaseState::Automatic))]);
    assert_eq!(back(again).await, [(60, Borne::Provider, Some(CaseState::Refunded))]);
    world.clock.advance(Millis(1));
    world.store.give_back(&ana, again, None, "5", "").await.unwrap();
    assert_eq!(back(again).await, [(60, Borne::Provider, Some(CaseState::Refunded)), (5, Borne::Provider, None)]);
    let lines = world.store.earnings(&ana).await.unwrap().lines;
    let lines: Vec<_> = lines.iter().map(|line| (line.gross.minor, line.refunded.minor, line.net.minor, line.case)).collect();
    assert_eq!(lines, [(120, 65, 55, Some(CaseState::Refunded)), (120, 120, 0, Some(CaseState::Automatic))]);
    let cost = world.store.show(&ben, again).await.unwrap().cost.unwrap();
    assert_eq!((cost.total, cost.refunded), (euros(120), euros(65)));
    assert_eq!(holds(&world, &ana, Book::Pending).await, 55);
    sound(&world).await;
}

async fn earnings_become_payable(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let first = paid(&world, (&ana, offer), &ben, "10", 120).await;
    paid(&world, (&ana, offer), &ben, "10", 90).await;
    world.store.give_back(&ana, first, None, "20", "").await.unwrap();
    let earnings = world.store.earnings(&ana).await.unwrap();
    assert_eq!((earnings.earned[0].pending, earnings.earned[0].payable), (euros(160), euros(0)));
    assert_eq!(
        earnings.lines.iter().map(|line| (line.gross.minor, line.refunded.minor, line.net.minor)).collect::<Vec<_>>(),
        [(60, 0, 60), (120, 20, 100)]
    );
    assert_eq!(world.store.clear_all().await.unwrap(), 0);
    world.clock.advance(Millis::minutes(7 * 24 * 60));
    assert_eq!((world.store.clear_all().await.unwrap(), world.store.clear_all().await.unwrap()), (2, 0));
    assert_eq!((holds(&world, &ana, Book::Pending).await, holds(&world, &ana, Book::Payable).await), (0, 160));
    world.store.give_back(&ana, first, None, "10", "").await.unwrap();
    assert_eq!(holds(&world, &ana, Book::Payable).await, 150, "it can go back later too");
    let table = world.store.earnings_table(&ana).await.unwrap();
    assert_eq!(table.lines().count(), 3);
    assert!(table.lines().nth(1).unwrap().ends_with(",1.20,0.00,0.30,0.90,EUR,test:EUR,now"), "{table}");
    sound(&world).await;
}

async fn strangers_find_no_money(world: World) {
    let (ana, offer) = shop(&world).await;
    let ben = world.person("Ben").await;
    let cleo = world.pauper("Cleo").await;
    let id = paid(&world, (&ana, offer), &ben, "10", 120).await;
    refused(world.store.receipt(&cleo, id).await, Code::NotFound);
    refused(world.store.give_back(&cleo, id, None, "1", "").await, Code::NotFound);
    refused(world.store.open(&cleo, id, CaseText::parse("Mine!").unwrap()).await, Code::NotFound);
    assert_eq!(world.store.wallet(&cleo).await.unwrap().moved, []);
    assert_eq!(world.store.earnings(&cleo).await.unwrap().lines, []);
    assert_eq!(world.store.statement(&cleo).await.unwrap().lines().count(), 1);
    let mine = world.store.wallet(&ben).await.unwrap();
    assert_eq!(mine.moved.iter().map(|moved| &*moved.with).collect::<Vec<_>>(), ["Ana", "Ana", ""]);
}
