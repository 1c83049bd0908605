//! `bench feed`: what a change costs and how long it takes to reach everybody.

use crate::{
    Outcome,
    noren::{House, Shared},
    postgres::Postgres,
    process,
    report::{beside, figure, median, put, table},
    swarm::{Source, Swarm, p50_p99},
    target::{Lab, Running, Scratch},
};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// A rate counts as sustained while the 99th percentile of staleness stays below this many milliseconds.
const STALE_MS: f64 = 1_000.0;
/// Providers of Noren that make changes at a rate.
const PROVIDERS: usize = 100;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Readers
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Alternating rounds; the medians are reported
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Single changes a round
    #[arg(long, default_value_t = 40)]
    changes: usize,
    /// Pause between single changes, in milliseconds
    #[arg(long, default_value_t = 400)]
    pause: u64,
    /// How long each steady rate is held, in seconds; 0 leaves the steady rates out
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How long it is looked at what streams cost to which nothing happens, in seconds; 0 leaves that out
    #[arg(long, default_value_t = 20)]
    idle: u64,
    /// Which servers
    #[arg(long, value_enum, value_delimiter = ',', default_value = "noren,postgres,nchan,axum,floor")]
    only: Vec<Kind>,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// With its embedded database
    Noren,
    /// Noren with PostgreSQL
    Postgres,
    Nchan,
    Axum,
    Floor,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Noren => "noren",
            Kind::Postgres => "noren, PostgreSQL",
            Kind::Nchan => "nchan",
            Kind::Axum => "plain axum",
            Kind::Floor => "floor",
        }
    }
}

/// The figures of one server in one round.
#[derive(Clone, Copy)]
struct Figures {
    /// Microseconds of processor time a delivery.
    cpu: f64,
    /// Publish to received, milliseconds.
    p50: f64,
    p99: f64,
    /// Publish to received by the last reader, milliseconds.
    all: f64,
    /// KiB a reader.
    memory: f64,
    /// Seconds until all readers were served.
    connect: f64,
    /// Microseconds of processor time a second and stream to which nothing happens, beyond what the server spends without any stream.
    idle: f64,
    /// Changes a second with fresh readers.
    rate: f64,
}

/// Measures all servers in turn.
pub fn run(lab: &Lab, options: &Options, files: u64) -> Outcome {
    if options.streams as u64 + PROVIDERS as u64 + 64 > files {
        return Err(format!("{} readers need more open files than the {files} that are allowed here", options.streams));
    }
    let scratch = Scratch::new("feed")?;
    let wants = |kind| options.only.contains(&kind);
    let postgres = if wants(Kind::Postgres) { Some(Postgres::start()?) } else { None };
    let mut houses = Vec::new();
    for (kind, database) in [(Kind::Noren, None), (Kind::Postgres, postgres.as_ref().map(Postgres::url))] {
        if wants(kind) {
            eprintln!("{}: {PROVIDERS} providers sign up and register offers ...", kind.name());
            let shared = Shared { database, bus: None };
            houses.push((kind, House::of(lab, scratch.path().join(format!("{kind:?}")), shared, PROVIDERS)?));
        }
    }
    lab.pin_readers()?;
    let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); options.only.len()];
    for round in 1..=options.rounds {
        for (kind, of_kind) in options.only.iter().zip(&mut rounds) {
            let house = houses.iter().find(|(of, _)| of == kind).map(|(_, house)| house);
            let f = measure(lab, *kind, house, scratch.path(), options).map_err(|e| format!("{}: {e}", kind.name()))?;
            eprintln!(
                "round {round}: {:<18} {} us a delivery, p50 {} ms, p99 {} ms, all {} ms, {} KiB a stream, connected in {} s, {} us/s idle, {} changes/s",
                kind.name(),
                figure(f.cpu),
                figure(f.p50),
                figure(f.p99),
                figure(f.all),
                figure(f.memory),
                figure(f.connect),
                figure(f.idle),
                figure(f.rate)
            );
            of_kind.push(f);
        }
    }
    let text = describe(options, &rounds);
    println!("\n{text}");
    if options.write { put(&options.page, "bench feed", &text) } else { Ok(()) }
}

fn describe(options: &Options, rounds: &[Vec<Figures>]) -> String {
    let of = |i: usize, pick: fn(&Figures) -> f64| median(rounds.get(i).into_iter().flatten().map(pick));
    let reference = options.only.iter().position(|k| *k == Kind::Nchan);
    let rows: Vec<Vec<String>> = options
        .only
        .iter()
        .enumerate()
        .map(|(i, kind)| {
            let cell = |pick: fn(&Figures) -> f64| beside(of(i, pick), reference.map_or(f64::NAN, |r| of(r, pick)));
            let mut row = vec![kind.name().to_owned()];
            row.extend([
                cell(|f| f.cpu),
                cell(|f| f.p50),
                cell(|f| f.p99),
                cell(|f| f.all),
                cell(|f| f.memory),
                cell(|f| f.connect),
                figure(of(i, |f| f.idle)),
                cell(|f| f.rate),
            ]);
            row
        })
        .collect();
    let head = [
        "",
        "CPU a delivery, µs",
        "p50, ms",
        "p99, ms",
        "all have it, p99, ms",
        "KiB a stream",
        "all connected, s",
        "idle, µs/s a stream",
        "changes/s",
    ];
    format!(
        "{} streams, {} rounds of {} single changes each, medians; in brackets: times nchan's figure.\n\n{}",
        options.streams,
        options.rounds,
        options.changes,
        table(&head, &rows)
    )
}

fn measure(lab: &Lab, kind: Kind, house: Option<&House>, folder: &std::path::Path, options: &Options) -> Outcome<Figures> {
    let running = match (kind, house) {
        (_, Some(house)) => house.start(lab)?,
        (Kind::Noren | Kind::Postgres, None) => return Err("no providers were made".into()),
        (Kind::Nchan, _) => lab.nchan(folder)?,
        (Kind::Axum, _) => lab.own("plain axum", "serve-plain")?,
        (Kind::Floor, _) => lab.own("floor", "serve-floor")?,
    };
    let at = running.at;
    let source = match house {
        Some(house) => Source::Providers { at, who: house.providers.iter().map(|p| (p.clone(), false)).collect() },
        None => Source::Numbered { at, last: 0 },
    };
    let path = if house.is_some() { "/live/choices" } else { "/feed" };
    let empty = process::memory(running.pid)?;
    let alone = if options.idle == 0 { f64::NAN } else { idle(&running, options, sleep)? };
    let (mut swarm, connect) = Swarm::connect(at, path, house.is_some(), options.streams, source)?;
    // What happens once - first writes, caches - is not what a change costs.
    let pause = Duration::from_millis(options.pause);
    swarm.single(3, pause)?;
    let before = process::cpu(running.pid)?;
    let mut single = swarm.single(options.changes, pause)?;
    let spent = process::cpu(running.pid)?.saturating_sub(before);
    let memory = (process::memory(running.pid)? - empty) / options.streams as f64;
    let (p50, p99) = p50_p99(&mut single.each);
    let (_, all) = p50_p99(&mut single.all);
    let idle = if options.idle == 0 { f64::NAN } else { idle(&running, options, |stretch| swarm.rest(stretch))? - alone };
    let rate = if options.seconds == 0 { f64::NAN } else { highest_rate(&running, &mut swarm, Duration::from_secs(options.seconds)) };
    let deliveries = (options.changes * options.streams).max(1) as f64;
    Ok(Figures { cpu: spent.as_secs_f64() * 1e6 / deliveries, p50, p99, all, memory, connect: connect.as_secs_f64(), idle, rate })
}

fn sleep(stretch: Duration) -> Outcome {
    std::thread::sleep(stretch);
    Ok(())
}

/// Microseconds a second that the server spends while nothing happens but what it does by itself, divided by the streams.
fn idle(running: &Running, options: &Options, rest: impl FnOnce(Duration) -> Outcome) -> Outcome<f64> {
    let before = process::cpu(running.pid)?;
    rest(Duration::from_secs(options.idle))?;
    let spent = process::cpu(running.pid)?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / (options.idle as f64 * options.streams as f64))
}

/// Doubles the rate until readers go stale, then halves the step twice. A server that loses readers or messages at a rate does not sustain it.
fn highest_rate(running: &Running, swarm: &mut Swarm, stretch: Duration) -> f64 {
    let mut holds = |rate: f64| {
        let held = swarm.steady(rate, stretch);
        let told = match &held {
            Ok(s) => format!("p99 staleness {} ms{}", figure(s.p99), if s.whole { "" } else { ", not all of it on time" }),
            Err(why) => why.clone(),
        };
        eprintln!("    {} changes/s to {}: {told}", figure(rate), running.at);
        held.map(|s| s.whole && s.p99 <= STALE_MS)
    };
    let (mut low, mut high, mut tried) = (0.0, 5.0, 0);
    while tried < 3 {
        let rate = if tried == 0 { high } else { f64::sqrt(f64::max(low, 1.0) * high) };
        match holds(rate) {
            Ok(true) if tried == 0 => (low, high) = (rate, rate * 2.0),
            Ok(true) => (low, tried) = (rate, tried + 1),
            Ok(false) => (high, tried) = (rate, tried + 1),
            // The readers are no longer what they were.
            Err(_) => return low,
        }
        if low > 5_000.0 {
            return low;
        }
    }
    low
}
