//! `bench ledger`: entries a second through the store, beside pgbench with the same statements on the same PostgreSQL. Both commit durably.

use crate::{
    Outcome,
    postgres::Postgres,
    report::{figure, median, percentile, put, table},
    target::{Lab, Scratch},
};
use clap::Args;
use domain::{
    id::{AccountId, ConsultationId, OperationId},
    ledger::Entry,
    money::{Asset, Money},
};
use server::{clock::Clock, config::Config, store::Store};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// People whose money is reserved, at random.
const PEOPLE: u64 = 1_000;
/// What each of them has, in minor units; every entry takes one.
const FUNDS: i64 = 1_000_000_000;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Rounds, each of both in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Clients that book at once
    #[arg(long, default_value_t = 16)]
    clients: u64,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// What the store does for an entry: looks for its key, writes its lines, writes it. The triggers are the same. pgbench would take `:EUR` for a variable.
const SCRIPT: &str = "\\set n random(1, 9000000000000000)
\\set who random(1, 1000)
BEGIN;
SELECT id, key, kind, asset, about, at FROM entry WHERE key = 'bench:' || :client_id::text || ':' || :n::text LIMIT 1;
INSERT INTO line (entry, n, owner, book, asset, minor) VALUES
  (md5(:client_id::text || ':' || :n::text)::uuid, 1, lpad(to_hex(:who::int), 32, '0')::uuid, 'available', 'test' || chr(58) || 'EUR', -1),
  (md5(:client_id::text || ':' || :n::text)::uuid, 2, lpad(to_hex(:who::int), 32, '0')::uuid, 'held', 'test' || chr(58) || 'EUR', 1);
INSERT INTO entry (id, key, kind, asset, about, at)
  VALUES (md5(:client_id::text || ':' || :n::text)::uuid, 'bench:' || :client_id::text || ':' || :n::text, 'hold', 'test' || chr(58) || 'EUR', md5(:n::text)::uuid, 0);
COMMIT;
";

/// Runs the rounds and states how many entries were booked a second.
pub fn run(_: &Lab, options: &Options) -> Outcome {
    let scratch = Scratch::new("ledger")?;
    let postgres = Postgres::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| e.to_string())?;
    let on = |database: Option<String>, folder: &str| Config { database, data: scratch.path().join(folder), ..Config::default() };
    let open = |config: Config| runtime.block_on(opened(config));
    let store = open(on(Some(postgres.url()), "postgres"))?;
    let embedded = open(on(None, "sqlite"))?;
    let script = scratch.path().join("entry.sql");
    std::fs::write(&script, SCRIPT).map_err(|e| e.to_string())?;
    let (mut ours, mut theirs, mut small) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        theirs.push(pgbench(&postgres, &script, options)?);
        ours.push(runtime.block_on(book(&store, options))?);
        small.push(runtime.block_on(book(&embedded, options))?);
        println!("round {}: pgbench {}, the store {}, the store on SQLite {}", round + 1, theirs[round], ours[round], small[round]);
    }
    let ratio = median(ours.iter().zip(&theirs).map(|(own, other)| f64::from(*own) / f64::from(*other)));
    let row = |name: &str, figures: &mut Vec<u32>, beside: String| {
        vec![name.to_owned(), figure(percentile(figures, 0.5)), figure(percentile(figures, 0.0)), figure(percentile(figures, 1.0)), beside]
    };
    let rows = [
        row("pgbench, the same statements", &mut theirs, "1".into()),
        row("the store on PostgreSQL", &mut ours, figure(ratio)),
        row("the store on SQLite, one writer, `synchronous=FULL`", &mut small, "-".into()),
    ];
    let text = format!(
        "{} rounds of {} s in turn, {} clients, {PEOPLE} people at random; every commit durable; median of the rounds' ratios.\n\n{}",
        options.rounds,
        options.seconds,
        options.clients,
        table(&["", "entries/s", "least", "most", "times pgbench"], &rows)
    );
    println!("\n{text}");
    runtime.block_on(async {
        store.close().await;
        embedded.close().await;
    });
    if options.write { put(&options.page, "bench ledger", &text) } else { Ok(()) }
}

fn told(error: impl std::fmt::Debug) -> String {
    format!("the store: {error:?}")
}

/// A store whose people have money.
async fn opened(config: Config) -> Outcome<Store> {
    let store = Store::open(&config, Clock::system()).await.map_err(told)?;
    for who in 1..=PEOPLE {
        let id = Uuid::from_u128(who.into());
        let entry = Entry::top_up(OperationId(id), AccountId(id), euros(FUNDS)).map_err(told)?;
        store.post(&entry).await.map_err(told)?;
    }
    Ok(store)
}

fn euros(minor: i64) -> Money {
    let asset = Asset::parse("test:EUR").unwrap_or_else(|_| unreachable!("the euro is known"));
    Money::new(minor, asset)
}

/// Entries a second through the store.
async fn book(store: &Store, options: &Options) -> Outcome<u32> {
    let (begun, length) = (Instant::now(), Duration::from_secs(options.seconds));
    let booked = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..options.clients)
        .map(|client| {
            let (store, booked) = (store.clone(), Arc::clone(&booked));
            tokio::spawn(async move {
                let mut chance = client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                while begun.elapsed() < length {
                    chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let who = AccountId(Uuid::from_u128(u128::from((chance >> 33) % PEOPLE + 1)));
                    let entry = Entry::hold(ConsultationId(server::ids::uuid()), 1, who, euros(1)).map_err(told)?;
                    store.post(&entry).await.map_err(told)?;
                    booked.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for client in clients {
        client.await.map_err(|e| e.to_string())??;
    }
    let entries = booked.load(Ordering::Relaxed).saturating_mul(1_000) / u64::try_from(begun.elapsed().as_millis()).unwrap_or(1).max(1);
    Ok(u32::try_from(entries).unwrap_or(u32::MAX))
}

/// Transactions a second as pgbench counts them; each books an entry.
fn pgbench(postgres: &Postgres, script: &Path, options: &Options) -> Outcome<u32> {
    let output = Command::new(postgres.bin.join("pgbench"))
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &options.clients.to_string(), "-T", &options.seconds.to_string(), "-f"])
        .arg(script)
        .arg(postgres.url())
        .output()
        .map_err(|e| format!("pgbench: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|rest| rest.split(['.', ' ']).next()?.parse().ok());
    tps.ok_or_else(|| format!("pgbench said: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
