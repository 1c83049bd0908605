//! Who of the robots does what next: pure, and the same for the same seed.

use std::time::Duration;

/// Fewest and most offers that should be open.
const OPEN: std::ops::RangeInclusive<usize> = 20..=30;
/// So many open offers that some of their providers can take guests in.
const PLENTY: usize = 24;
/// Fewest and most robots that should have a guest.
const TALKS: std::ops::RangeInclusive<usize> = 2..=4;
/// Turns in which the board is filled without a pause, if that is possible at all.
const FILLING: u64 = 100;
/// Among how many of those that have waited longest the dice choose: so everybody gets a turn, and nobody can tell when.
const WAITING: usize = 6;
/// Turns before the first one, at which the robots are said to have changed last: they shuffle who comes first.
const BEFORE: u64 = 1_000;

/// What a robot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Its curtain is in.
    Away,
    /// Its curtain is out.
    Open,
    /// A person is inside: it is let alone.
    Serving,
    /// It has a guest: another robot.
    Talking {
        /// Which one.
        with: usize,
    },
}

/// A change of one robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes online.
    Open(usize),
    /// It goes offline.
    Close(usize),
    /// It takes in a guest.
    Begin {
        /// The provider.
        provider: usize,
        /// Which of its offers.
        offer: usize,
        /// The guest.
        with: usize,
    },
    /// Its guest leaves.
    End(usize),
}

impl Step {
    /// The robot that changes.
    pub const fn who(self) -> usize {
        match self {
            Step::Open(who) | Step::Close(who) | Step::End(who) | Step::Begin { provider: who, .. } => who,
        }
    }
}

struct Robot {
    offers: usize,
    doing: Doing,
    /// The turn of its last change.
    since: u64,
}

/// What the robots are doing, and the dice that decide how they go on.
pub struct Plan {
    robots: Vec<Robot>,
    turn: u64,
    dice: Dice,
    /// Whether enough have opened and taken guests in since the start.
    filled: bool,
}

impl Plan {
    /// A plan for robots with that many offers each, all of them away.
    pub fn new(offers: impl IntoIterator<Item = usize>, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let robots = offers.into_iter().map(|offers| Robot { offers, doing: Doing::Away, since: dice.below(BEFORE) }).collect();
        Plan { robots, turn: BEFORE, dice, filled: false }
    }

    /// How long to wait before the next step: not at all until the board is filled, then 2 to 6 seconds.
    pub fn pause(&mut self) -> Duration {
        self.filled |= (self.open() >= *OPEN.start() && self.talks() >= *TALKS.start()) || self.turn >= BEFORE.saturating_add(FILLING);
        if self.filled { Duration::from_millis(2_000_u64.saturating_add(self.dice.below(4_001))) } else { Duration::ZERO }
    }

    /// What to do next; `None` if nobody can do anything.
    pub fn next(&mut self) -> Option<Step> {
        self.turn = self.turn.saturating_add(1);
        let (open, talks) = (self.open(), self.talks());
        let roll = self.dice.below(100);
        if open < *OPEN.start() {
            return self.one_of(Doing::Away).map(Step::Open).or_else(|| self.end());
        }
        if open > *OPEN.end() {
            return self.one_of(Doing::Open).map(Step::Close);
        }
        match roll {
            _ if talks < *TALKS.start() && open >= PLENTY => self.begin(),
            0..20 if talks < *TALKS.end() => self.begin(),
            20..30 if talks > *TALKS.start() => self.end(),
            // Nearer to the middle from either side.
            _ if self.dice.below(11) < u64::try_from(open.saturating_sub(*OPEN.start())).unwrap_or(0) => {
                self.one_of(Doing::Open).map(Step::Close)
            }
            _ => self.one_of(Doing::Away).map(Step::Open).or_else(|| self.one_of(Doing::Open).map(Step::Close)),
        }
    }

    /// Notes what a robot is doing now.
    pub fn set(&mut self, who: usize, doing: Doing) {
        let turn = self.turn;
        if let Some(robot) = self.robots.get_mut(who) {
            (robot.doing, robot.since) = (doing, turn);
        }
    }

    /// What a robot is doing.
    pub fn doing(&self, who: usize) -> Doing {
        self.robots.get(who).map_or(Doing::Away, |r| r.doing)
    }

    /// How many offers are open.
    pub fn open(&self) -> usize {
        self.robots.iter().filter(|r| r.doing == Doing::Open).map(|r| r.offers).sum()
    }

    /// How many robots have a guest.
    fn talks(&self) -> usize {
        self.robots.iter().filter(|r| matches!(r.doing, Doing::Talking { .. })).count()
    }

    fn begin(&mut self) -> Option<Step> {
        let provider = self.one_of(Doing::Open)?;
        let offers = self.robots.get(provider)?.offers;
        let offer = usize::try_from(self.dice.below(u64::try_from(offers).ok()?)).ok()?;
        // Guests come from among those whose own curtain is in, and are with one provider at a time.
        let busy: Vec<usize> =
            self.robots.iter().filter_map(|r| if let Doing::Talking { with } = r.doing { Some(with) } else { None }).collect();
        let guests: Vec<usize> = (0..self.robots.len()).filter(|i| self.doing(*i) == Doing::Away && !busy.contains(i)).collect();
        let with = self.dice.pick(&guests)?;
        Some(Step::Begin { provider, offer, with })
    }

    /// The longest conversation ends.
    fn end(&self) -> Option<Step> {
        let talking = self.robots.iter().enumerate().filter(|(_, r)| matches!(r.doing, Doing::Talking { .. }));
        talking.min_by_key(|(_, r)| r.since).map(|(who, _)| Step::End(who))
    }

    /// One of the robots that have done this longest.
    fn one_of(&mut self, doing: Doing) -> Option<usize> {
        let mut who: Vec<(u64, usize)> =
            self.robots.iter().enumerate().filter(|(_, r)| r.doing == doing).map(|(i, r)| (r.since, i)).collect();
        who.sort_unstable();
        who.truncate(WAITING);
        let who: Vec<usize> = who.into_iter().map(|(_, i)| i).collect();
        self.dice.pick(&who)
    }
}

/// Sebastiano Vigna's splitmix64: small, and good enough for robots.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(end).unwrap_or(0)
    }

    fn pick(&mut self, from: &[usize]) -> Option<usize> {
        let at = self.below(u64::try_from(from.len()).ok()?);
        from.get(usize::try_from(at).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::people::PEOPLE;
    use proptest::prelude::*;

    fn plan(seed: u64) -> Plan {
        Plan::new(PEOPLE.iter().map(|p| p.offers.len()), seed)
    }

    /// Takes a step as if it had succeeded.
    fn take(plan: &mut Plan) -> Step {
        let step = plan.next().expect("there is always something to do");
        let who = step.who();
        let (from, to) = match step {
            Step::Open(_) => (Doing::Away, Doing::Open),
            Step::Close(_) => (Doing::Open, Doing::Away),
            Step::Begin { with, offer, .. } => {
                assert_ne!(who, with, "nobody talks to oneself");
                assert!(offer < PEOPLE[who].offers.len());
                assert_eq!(plan.doing(with), Doing::Away);
                (Doing::Open, Doing::Talking { with })
            }
            Step::End(_) => (plan.doing(who), Doing::Open),
        };
        assert_eq!(plan.doing(who), from, "{step:?}");
        assert_eq!(matches!(step, Step::End(_)), matches!(from, Doing::Talking { .. }));
        plan.set(who, to);
        step
    }

    proptest! {
        #[test]
        fn the_board_stays_filled_and_everybody_gets_a_turn(seed in any::<u64>()) {
            let mut plan = plan(seed);
            while plan.pause() == Duration::ZERO {
                take(&mut plan);
            }
            let (mut moved, mut talks) = (vec![false; PEOPLE.len()], 0);
            for _ in 0..600 {
                moved[take(&mut plan).who()] = true;
                talks += usize::from(plan.talks() > 0);
                // One change, of three offers at most, beyond either end.
                prop_assert!((17..=33).contains(&plan.open()), "{} open", plan.open());
                prop_assert!(plan.talks() <= *TALKS.end());
                let pause = plan.pause();
                prop_assert!((Duration::from_secs(2)..=Duration::from_secs(6)).contains(&pause));
            }
            prop_assert!(moved.iter().all(|m| *m), "{} of {} were never moved", moved.iter().filter(|m| !**m).count(), moved.len());
            prop_assert_eq!(talks, 600, "there is always somebody with a guest");
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let story = |seed| {
            let mut plan = plan(seed);
            (0..200).map(|_| (take(&mut plan), plan.pause())).collect::<Vec<_>>()
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
    }

    #[test]
    fn a_board_that_cannot_be_filled_is_not_tried_for_ever() {
        for robots in [vec![], vec![1, 1]] {
            let mut plan = Plan::new(robots, 1);
            let mut turns = 0;
            while plan.pause() == Duration::ZERO {
                match plan.next() {
                    Some(step) => plan.set(step.who(), Doing::Open),
                    None => turns += 1,
                }
            }
            assert!(turns > 0 && turns <= FILLING);
        }
    }
}
