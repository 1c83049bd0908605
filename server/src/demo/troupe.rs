//! Robots: they come and go by the same store functions and the same connection rows as people.

use super::{
    ROBOTS,
    plan::{Doing, Plan, Step},
};
use crate::store::{Robot, Store, robot_environment};
use app::{consultation::port::Consultations, error::PortError, presence::port::Presences};
use domain::{
    id::{AttachmentId, ConsultationId, NodeId},
    presence::{Leaving, Presence},
    time::Millis,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The beginning of every story.
const SEED: u64 = 0x006e_6f72_656e;
/// For how long a robot goes online; it is called back long before.
const STRETCH: Millis = Millis::minutes(480);
/// What the robots' pages are called in the list of connections.
const DEVICE: &str = "Robot";

/// How often a node that does not move the robots looks whether it is to.
const LOOK: Duration = Duration::from_secs(5);

/// Moves the robots until the node ends, if it is the eldest of those that share a database.
pub async fn run(store: Store, node: NodeId, stop: CancellationToken) {
    let mut moves: Option<Troupe> = None;
    loop {
        let pause = moves.as_mut().map_or(LOOK, |troupe| troupe.plan.pause());
        match (store.is_eldest(node).await, &mut moves) {
            (Ok(false), _) => moves = None,
            (Ok(true), Some(troupe)) => {
                if let Err(error) = troupe.turn().await {
                    tracing::warn!(?error, "a robot could not move");
                }
            }
            (Ok(true), None) => match Troupe::gather(store.clone(), node).await {
                Ok(troupe) => {
                    moves = Some(troupe);
                    continue;
                }
                Err(error) => tracing::warn!(?error, "the robots stay at home"),
            },
            (Err(error), _) => tracing::warn!(?error, "nobody knows which node moves the robots"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// All robots, and the node that holds their lines.
struct Troupe {
    store: Store,
    node: NodeId,
    robots: Vec<Robot>,
    /// The page by which each proves that it is there.
    pages: Vec<Option<AttachmentId>>,
    /// The consultation in which each is the provider.
    talks: Vec<Option<ConsultationId>>,
    plan: Plan,
    /// Whom to look after next.
    tended: usize,
}

impl Troupe {
    /// Finds the robots and goes on where an earlier life of the server left them.
    async fn gather(store: Store, node: NodeId) -> Result<Self, PortError> {
        let robots = store.robots(ROBOTS).await?;
        let plan = Plan::new(robots.iter().map(|robot| robot.offers.len()), SEED);
        let nothing = robots.len();
        let mut troupe = Troupe { store, node, robots, pages: vec![None; nothing], talks: vec![None; nothing], plan, tended: 0 };
        for who in 0..troupe.robots.len() {
            troupe.look_after(who).await?;
        }
        Ok(troupe)
    }

    /// One change, and a look at one robot whether it is where the plan has it.
    async fn turn(&mut self) -> Result<(), PortError> {
        if let Some(step) = self.plan.next() {
            match self.act(step).await {
                Ok(Some(doing)) => self.plan.set(step.who(), doing),
                // It was not as the plan had it, or the store refused: see what is true.
                Ok(None) => self.look_after(step.who()).await?,
                Err(error) => {
                    self.look_after(step.who()).await?;
                    return Err(error);
                }
            }
        }
        self.tended = self.tended.saturating_add(1).checked_rem(self.robots.len()).unwrap_or(0);
        if self.plan.doing(self.tended) == Doing::Away { Ok(()) } else { self.look_after(self.tended).await }
    }

    /// Does a step; `None` if it was not possible.
    async fn act(&mut self, step: Step) -> Result<Option<Doing>, PortError> {
        let who = step.who();
        let (Some(robot), Some(page), Some(talk)) = (self.robots.get(who), self.pages.get_mut(who), self.talks.get_mut(who)) else {
            return Ok(None);
        };
        match step {
            Step::Open(_) => {
                if page.is_none() {
                    *page = Some(self.store.attach(robot.me.id, self.node, DEVICE).await?);
                }
                self.store.set_environment(&robot.me, &robot_environment()).await?;
                self.store.go_online(&robot.me, STRETCH, None).await?;
                Ok(Some(Doing::Open))
            }
            // A person rings, or is inside.
            Step::Close(_) if self.store.ringing(&robot.me).await?.is_some() => Ok(None),
            Step::Close(_) if matches!(self.store.desk(&robot.me).await?.presence, Presence::Busy { .. }) => Ok(None),
            Step::Close(_) => {
                self.store.go_offline(&robot.me).await?;
                if let Some(page) = page.take() {
                    self.store.detach(page, Leaving::Said).await?;
                }
                Ok(Some(Doing::Away))
            }
            Step::Begin { offer, with, .. } => {
                let (Some(offer), Some(guest)) = (robot.offers.get(offer), self.robots.get(with)) else { return Ok(None) };
                *talk = self.store.begin_scene(*offer, guest.me.id).await?;
                Ok(talk.map(|_| Doing::Talking { with }))
            }
            Step::End(_) => match talk.take() {
                Some(consultation) => Ok(self.store.end_scene(consultation).await?.then_some(Doing::Open)),
                None => Ok(None),
            },
        }
    }

    /// Sees what is true of a robot: ends a conversation that nobody holds any more, and attaches the page that its wish needs.
    async fn look_after(&mut self, who: usize) -> Result<(), PortError> {
        let (Some(robot), Some(page), Some(talk)) = (self.robots.get(who), self.pages.get_mut(who), self.talks.get_mut(who)) else {
            return Ok(());
        };
        let desk = self.store.desk(&robot.me).await?;
        let held = match desk.presence {
            Presence::Busy { consultation } if *talk == Some(consultation) => true,
            Presence::Busy { consultation } if !self.store.is_scene(consultation).await? => {
                *talk = None;
                self.plan.set(who, Doing::Serving);
                return Ok(());
            }
            Presence::Busy { consultation } => {
                self.store.end_scene(consultation).await?;
                false
            }
            _ => false,
        };
        if !held {
            *talk = None;
        }
        match desk.until {
            // Its page was buried with an earlier life of the node.
            Some(_) if desk.pages == 0 => *page = Some(self.store.attach(robot.me.id, self.node, DEVICE).await?),
            None if !held => {
                if let Some(page) = page.take() {
                    self.store.detach(page, Leaving::Said).await?;
                }
            }
            _ => {}
        }
        let doing = match (self.plan.doing(who), desk.until) {
            (talking @ Doing::Talking { .. }, _) if held => talking,
            (_, Some(_)) => Doing::Open,
            (_, None) => Doing::Away,
        };
        if doing != self.plan.doing(who) {
            self.plan.set(who, doing);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::StartError,
        clock::Clock,
        config::Config,
        demo::{
            people::{CONSUMER, PASSWORD, PEOPLE, PROVIDER},
            prepare,
        },
        ids,
    };
    use app::{account::port::Accounts, context::Visitor, offers::port::Offers};
    use domain::{
        account::{Role, SignUp},
        presence::Shown,
    };
    use std::{net::Ipv4Addr, path::PathBuf};

    /// A data folder that is gone after the test.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn folder() -> (Folder, Config) {
        let data = std::env::temp_dir().join(format!("noren-demo-{}", ids::token()));
        let mut config = Config { data: data.clone(), ..Config::default() };
        config.accounts.argon2_memory = 64;
        config.accounts.argon2_passes = 1;
        (Folder(data), config)
    }

    async fn node(store: &Store) -> NodeId {
        let node = ids::new();
        store.register_node(node).await.unwrap();
        store.bury_others(node).await.unwrap();
        node
    }

    async fn shown(store: &Store, is: Shown) -> usize {
        store.board().await.unwrap().cards.iter().filter(|card| card.is == is).count()
    }

    #[tokio::test]
    async fn a_new_folder_becomes_a_demo_and_stays_one() {
        let (_folder, config) = folder();
        let store = Store::open(&config, Clock::system()).await.unwrap();
        assert!(!prepare(&store, false).await.unwrap());
        assert!(prepare(&store, true).await.unwrap());
        let listed = store.board().await.unwrap().cards.len();
        assert_eq!(listed, PEOPLE.iter().map(|p| p.offers.len()).sum::<usize>() + PROVIDER.offers.len());
        assert_eq!(shown(&store, Shown::Offline).await, listed);
        let visitor = Visitor { ip: Ipv4Addr::LOCALHOST.into(), device: String::new(), me: None };
        for account in [PROVIDER, CONSUMER] {
            assert!(store.sign_in(account.email, PASSWORD, &visitor).await.is_ok(), "{}", account.name);
        }
        let robot = format!("0@{ROBOTS}");
        assert!(store.sign_in(&robot, PASSWORD, &visitor).await.is_err(), "what is said to a robot is not for others");
        // The second start finds the mark, whatever it is asked for.
        assert!(prepare(&store, true).await.unwrap());
        assert!(prepare(&store, false).await.unwrap());
        assert_eq!(store.board().await.unwrap().cards.len(), listed);
    }

    #[tokio::test]
    async fn people_and_robots_do_not_mix() {
        let (_folder, config) = folder();
        let store = Store::open(&config, Clock::system()).await.unwrap();
        store.create_account(SignUp::parse("Ana", "ana@example.org", "correct horse battery").unwrap(), Role::Member).await.unwrap();
        assert!(matches!(prepare(&store, true).await, Err(StartError::Demo(_))));
        assert!(!prepare(&store, false).await.unwrap());
        assert!(store.board().await.unwrap().cards.is_empty());
    }

    #[tokio::test]
    async fn the_board_shows_what_the_plan_says_after_a_crash_too() {
        let (_folder, config) = folder();
        let store = Store::open(&config, Clock::system()).await.unwrap();
        prepare(&store, true).await.unwrap();
        for _life in 0..2 {
            // The troupe before is gone without a word, as after a kill: its pages and conversations are still rows.
            let mut troupe = Troupe::gather(store.clone(), node(&store).await).await.unwrap();
            assert_eq!(shown(&store, Shown::Busy).await, 0);
            let mut talked = 0;
            for _ in 0..120 {
                troupe.turn().await.unwrap();
                assert_eq!(shown(&store, Shown::Online).await, troupe.plan.open());
                talked = talked.max(shown(&store, Shown::Busy).await);
            }
            assert!((17..=33).contains(&troupe.plan.open()));
            assert!(talked > 0);
        }
        let mina = store.board().await.unwrap().cards.into_iter().filter(|card| card.name == PROVIDER.name);
        assert!(mina.into_iter().all(|card| card.is == Shown::Offline), "no robot moves a guest's curtain");
    }

    #[tokio::test]
    async fn a_robot_comes_back_when_its_page_is_lost() {
        let (_folder, config) = folder();
        let store = Store::open(&config, Clock::system()).await.unwrap();
        prepare(&store, true).await.unwrap();
        let mut troupe = Troupe::gather(store.clone(), node(&store).await).await.unwrap();
        troupe.act(Step::Open(3)).await.unwrap();
        troupe.plan.set(3, Doing::Open);
        // Another node takes over, so all pages of this one are buried.
        troupe.node = node(&store).await;
        assert_eq!(store.desk(&troupe.robots[3].me).await.unwrap().pages, 0);
        troupe.look_after(3).await.unwrap();
        assert_eq!(store.desk(&troupe.robots[3].me).await.unwrap().pages, 1);
        // Somebody signs in as the robot and takes the curtain in: the plan gives way.
        store.go_offline(&troupe.robots[3].me).await.unwrap();
        troupe.look_after(3).await.unwrap();
        assert_eq!((troupe.plan.doing(3), store.desk(&troupe.robots[3].me).await.unwrap().pages), (Doing::Away, 0));
        // A robot without offers cannot open, and is left alone.
        for own in store.mine(&troupe.robots[4].me).await.unwrap() {
            store.retire(&troupe.robots[4].me, own.card.id).await.unwrap();
        }
        assert!(troupe.act(Step::Open(4)).await.is_err());
        troupe.look_after(4).await.unwrap();
        assert_eq!(troupe.plan.doing(4), Doing::Away);
    }

    #[tokio::test]
    async fn robots_fill_the_board_at_once_and_end_with_the_node() {
        let (_folder, config) = folder();
        let store = Store::open(&config, Clock::system()).await.unwrap();
        prepare(&store, true).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(store.clone(), node(&store).await, stop.clone()));
        while shown(&store, Shown::Online).await < 20 {
            store.hints().feed.notified().await;
        }
        stop.cancel();
        running.await.unwrap();
    }
}
