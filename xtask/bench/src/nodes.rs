//! `bench nodes`: two nodes on one PostgreSQL and one NATS, thousands of watchers on each. One is killed, and its watchers come back to the other with
//! their cursors, as pages do; then the other one is asked to end with all of them. Every watcher checks the numbers of what it is sent.

use crate::{
    Outcome,
    crowd::{Crowd, Faults},
    noren::{House, Movers, Shared},
    postgres::Postgres,
    report::{figure, median, put, table},
    target::{Lab, Running, Scratch},
};
use clap::Args;
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Providers who come and go meanwhile.
const PROVIDERS: usize = 20;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Watchers on both nodes together
    #[arg(long, default_value_t = 15_000)]
    streams: usize,
    /// Changes a second meanwhile
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// Rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// A NATS server of this run.
struct Nats(Child, u16);

impl Nats {
    fn start() -> Outcome<Self> {
        let port = Lab::free_address()?.port();
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Nats(command.spawn().map_err(|e| format!("nats-server: {e}; install the package of that name"))?, port))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a round found.
struct Round {
    resumed: Duration,
    ended: Duration,
    changes: u64,
    faults: Faults,
}

/// Runs the rounds.
pub fn run(lab: &Lab, options: &Options, files: u64) -> Outcome {
    if options.streams as u64 + 256 > files {
        return Err(format!("{} watchers need more open files than the {files} there can be", options.streams));
    }
    let scratch = Scratch::new("nodes")?;
    let postgres = Postgres::start()?;
    let nats = Nats::start()?;
    let shared = Shared { database: Some(postgres.url()), bus: Some(format!("nats://127.0.0.1:{}", nats.1)) };
    let house = House::of(lab, scratch.path().join("data"), shared, PROVIDERS)?;
    lab.pin_readers()?;
    let mut rounds = Vec::new();
    for n in 0..options.rounds {
        let round = one(lab, options, &house)?;
        println!(
            "round {}: all resumed {:.2} s after the kill, {} changes, {:?}; ended {:.2} s after SIGTERM",
            n + 1,
            round.resumed.as_secs_f64(),
            round.changes,
            round.faults,
            round.ended.as_secs_f64()
        );
        rounds.push(round);
    }
    let spread = |of: fn(&Round) -> Duration| {
        let all: Vec<f64> = rounds.iter().map(|round| of(round).as_secs_f64()).collect();
        let worst = all.iter().copied().fold(0.0, f64::max);
        [figure(median(all)), figure(worst)]
    };
    let sum = |of: fn(&Faults) -> u64| rounds.iter().map(|round| of(&round.faults)).sum::<u64>().to_string();
    let row = |name: &str, [middle, worst]: [String; 2]| vec![name.to_owned(), middle, worst];
    let text = format!(
        "{} rounds, {} streams on two nodes, {} changes a second all the while; all {} changes were checked at every stream: {} lost, {} doubled or out of \
         order, {} streams that were sent the whole board.\n\n{}",
        options.rounds,
        options.streams,
        figure(options.rate),
        rounds.iter().map(|round| round.changes).sum::<u64>(),
        sum(|faults| faults.lost),
        sum(|faults| faults.doubled),
        sum(|faults| faults.resets),
        table(
            &["", "median, s", "worst, s"],
            &[
                row("`kill -9` of one: until all of its streams go on at the other", spread(|round| round.resumed)),
                row("SIGTERM of the other, with all streams: until it has ended", spread(|round| round.ended)),
            ]
        )
    );
    println!("\n{text}");
    if options.write { put(&options.page, "bench nodes", &text) } else { Ok(()) }
}

fn one(lab: &Lab, options: &Options, house: &House) -> Outcome<Round> {
    let (mut first, mut second): (Running, Running) = (house.start(lab)?, house.start(lab)?);
    let mut crowd = Crowd::new(options.streams, second.at)?;
    for i in 0..options.streams {
        crowd.connect(i, if i % 2 == 0 { first.at } else { second.at })?;
        if i % 256 == 255 {
            crowd.turn()?;
        }
    }
    crowd.until("all watchers to connect", Crowd::connected)?;
    let mut movers = Movers::start(house, second.at, options.rate);
    crowd.stay(Duration::from_secs(3))?;
    first.kill();
    let killed = Instant::now();
    let newest = crowd.watchers.iter().map(|w| w.last).max().unwrap_or(0);
    crowd.until("all watchers to go on at the other node", |crowd| {
        crowd.connected() && crowd.watchers.iter().all(|w| w.at != first.at && w.last >= newest)
    })?;
    let resumed = killed.elapsed();
    crowd.stay(Duration::from_secs(3))?;
    let changes = movers.end()?;
    crowd.until("all watchers to agree", Crowd::agree)?;
    crowd.home = None;
    let ended = second.terminate(|| crowd.turn())?;
    Ok(Round { resumed, ended, changes, faults: crowd.faults })
}
