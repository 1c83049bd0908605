//! A store with a clock that is moved by hand, and people in it.

use crate::db::{Db, Engine};
use app::{
    account::port::{Accounts, SignedIn},
    context::{Me, Visitor},
    error::PortError,
    offers::port::Offers,
    presence::port::Presences,
    wallet::port::{Movement, Wallets},
};
use domain::{
    account::SignUp,
    card::Card,
    id::{NodeId, OfferId},
    money::{Asset, Money},
    offer::{OfferContent, OfferForm},
    presence::{DeskEventKind, Shown},
    reject::{Code, Field, Reject},
    time::{Millis, Timestamp},
};
use server::{
    clock::Clock,
    config::Config,
    ids,
    store::{FeedBody, Store},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// Where the clocks of all tests start.
pub const START: Timestamp = Timestamp(1_763_848_000_000);
pub const PASSWORD: &str = "three random words";

/// Runs each test on both engines.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::World::new(crate::db::Engine::Sqlite).await).await })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::$name(super::World::new(crate::db::Engine::Postgres).await).await })+
        }
    };
}
pub(crate) use on_both;

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub db: Db,
    /// A registered node that `tick` keeps alive.
    pub node: NodeId,
}

/// Cheap hashes, and no limits but those that a test sets.
pub fn quick(config: &mut Config) {
    let accounts = &mut config.accounts;
    (accounts.argon2_memory, accounts.argon2_passes) = (64, 1);
    (accounts.sign_in_per_minute, accounts.sign_in_per_hour, accounts.sign_up_per_hour) = (10_000, 10_000, 10_000);
    config.money.wallet = 1_000_000;
}

impl World {
    pub async fn new(engine: Engine) -> Self {
        World::with(engine, |_| {}).await
    }

    pub async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let mut db = Db::new(engine).await;
        quick(&mut db.config);
        change(&mut db.config);
        let clock = Clock::manual(START);
        let store = Store::open(&db.config, clock.clone()).await.expect("a new database opens");
        let node: NodeId = ids::new();
        store.register_node(node).await.unwrap();
        World { store, clock, db, node }
    }

    /// The engine that it runs on.
    pub fn engine(&self) -> Engine {
        if self.db.config.database.is_some() { Engine::Postgres } else { Engine::Sqlite }
    }

    /// Signs somebody up who has money for anything.
    pub async fn person(&self, name: &str) -> Me {
        let me = self.pauper(name).await;
        self.top_up(&me, 100_000).await;
        me
    }

    /// Brings so many euro cents into a wallet.
    pub async fn top_up(&self, me: &Me, minor: i64) {
        let movement = Movement { key: None, amount: euros(minor) };
        self.store.top_up(me, movement, "/wallet").await.unwrap();
    }

    /// Signs somebody up who has nothing.
    pub async fn pauper(&self, name: &str) -> Me {
        let form = SignUp::parse(name, &format!("{}@example.org", name.to_lowercase()), PASSWORD).expect("names of tests are sound");
        let signed_in = self.store.sign_up(form, &visitor()).await.unwrap();
        self.store.who(&token(&signed_in)).await.unwrap().expect("who signs up is signed in")
    }

    /// Signs a provider up who has one listed offer.
    pub async fn provider(&self, name: &str) -> (Me, OfferId) {
        let me = self.person(name).await;
        let offer = self.store.register(&me, offer(&format!("{name} helps"))).await.unwrap();
        (me, offer)
    }

    pub async fn go_online(&self, me: &Me, minutes: i64) {
        self.store.go_online(me, Millis::minutes(minutes), None).await.unwrap();
    }

    /// Lets time pass while this world's node lives, in steps as the worker does; answers how many providers changed.
    pub async fn pass(&self, stretch: Millis) -> u64 {
        let (mut left, mut changed) = (stretch, 0);
        while left.0 > 0 {
            let step = Millis(left.0.min(10_000));
            self.clock.advance(step);
            left = Millis(left.0 - step.0);
            self.store.renew_node(self.node).await.unwrap();
            changed += self.store.sweep(self.clock.now()).await.unwrap();
        }
        changed
    }

    /// How consumers see an offer, on the board.
    pub async fn shown(&self, offer: OfferId) -> Shown {
        self.card(offer).await.expect("the offer is listed").is
    }

    pub async fn card(&self, offer: OfferId) -> Option<Card> {
        self.store.board().await.unwrap().cards.into_iter().find(|card| card.id == offer)
    }

    /// The number of the last change.
    pub async fn seq(&self) -> u64 {
        self.store.board().await.unwrap().cursor.seq
    }

    /// What the desk logged, oldest first.
    pub async fn log(&self, me: &Me) -> Vec<DeskEventKind> {
        let mut kinds: Vec<_> = self.store.desk(me).await.unwrap().events.into_iter().map(|event| event.kind).collect();
        kinds.reverse();
        kinds
    }
}

/// Somebody who knows the board at one position and reads on from there.
pub struct Watcher {
    pub seq: u64,
    pub cards: BTreeMap<OfferId, Card>,
}

impl Watcher {
    pub async fn start(store: &Store) -> Self {
        let board = store.board().await.unwrap();
        Watcher { seq: board.cursor.seq, cards: board.cards.into_iter().map(|card| (card.id, card)).collect() }
    }

    /// Reads what is new; numbers must follow each other without a gap.
    pub async fn catch_up(&mut self, store: &Store) {
        for row in store.feed_after(self.seq, 10_000).await.unwrap() {
            assert_eq!(row.seq, self.seq + 1, "the feed has a gap");
            self.seq = row.seq;
            let body: FeedBody = serde_json::from_str(&row.body).unwrap();
            assert!(!body.cards.is_empty() || !body.gone.is_empty(), "an empty change was told");
            for id in body.gone {
                assert!(self.cards.remove(&id).is_some(), "an offer left that was not there");
            }
            for card in body.cards {
                assert_ne!(self.cards.insert(card.id, card.clone()), Some(card), "a card was told that says nothing new");
            }
        }
    }

    /// What was read must be what the board says.
    pub async fn agrees(&mut self, store: &Store) {
        self.catch_up(store).await;
        let now = Watcher::start(store).await;
        assert_eq!((self.seq, &self.cards), (now.seq, &now.cards));
    }
}

/// So many cents of the euros for trying.
pub fn euros(minor: i64) -> Money {
    Money::new(minor, Asset::parse("test:EUR").unwrap())
}

pub fn visitor() -> Visitor {
    Visitor { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), device: "Firefox on Linux".into(), me: None }
}

/// The token in a cookie.
pub fn token(signed_in: &SignedIn) -> String {
    let (_, rest) = signed_in.cookie.split_once('=').expect("a cookie has a value");
    rest.split(';').next().unwrap_or_default().to_owned()
}

pub fn form(title: &str) -> OfferForm {
    OfferForm {
        title: title.into(),
        description: "Ask me anything.".into(),
        category: "languages".into(),
        languages: vec!["en".into(), "es".into()],
        media: vec!["chat".into(), "voice".into()],
        rate_minor: "120".into(),
        currency: "EUR".into(),
        free_seconds: "60".into(),
        draft: false,
    }
}

pub fn offer(title: &str) -> OfferContent {
    form(title).parse().expect("the form is sound")
}

pub fn draft(title: &str) -> OfferContent {
    OfferForm { draft: true, ..form(title) }.parse().expect("the form is sound")
}

/// A refusal of the whole request.
pub fn refused<T: PartialEq + std::fmt::Debug>(result: Result<T, PortError>, code: Code) {
    assert_eq!(result, Err(PortError::Reject(Reject::Whole(code))));
}

/// A refusal of one field.
pub fn refused_field<T: PartialEq + std::fmt::Debug>(result: Result<T, PortError>, field: Field, code: Code) {
    assert_eq!(result, Err(PortError::Reject(Reject::field(field, code))));
}
