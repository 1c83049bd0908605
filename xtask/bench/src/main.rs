//! Measures Noren beside other servers on one machine: `cargo xtask bench feed`, `page`, `room`, `nodes`, `churn`,
//! `board` and `ledger`.
//!
//! Absolute figures belong to the machine they were taken on, and drift with it; so every server is measured in turn, several rounds long, the
//! server on one core and the readers on another, and the medians are stated as multiples of a known server's.

mod board;
mod churn;
mod crowd;
mod decoder;
mod feed;
mod floor;
mod http;
mod ledger;
mod nodes;
mod noren;
mod page;
mod plain;
mod postgres;
mod process;
mod report;
mod room;
mod swarm;
mod target;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// What went wrong, in words.
type Outcome<T = ()> = Result<T, String>;

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measures Noren beside other servers.", disable_help_subcommand = true)]
struct Cli {
    /// The server under test, a release build
    #[arg(long, global = true, hide = true, default_value = "target/release/noren")]
    noren: PathBuf,
    /// The core for the server
    #[arg(long, global = true, default_value_t = 0)]
    server_core: usize,
    /// The core for the readers
    #[arg(long, global = true, default_value_t = 1)]
    reader_core: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Many watchers, few changes: noren, nchan, plain axum and a program that only writes
    Feed(feed::Options),
    /// The page of choices with 100 providers, beside a static file from nginx
    Page(page::Options),
    /// From the accept of a consultation to its pictures, in Chromium, beside a bare call in the same browser
    Room(room::Options),
    /// Two nodes and many watchers: one node is killed, the other asked to end
    Nodes(nodes::Options),
    /// Watchers that come, leave and stop to read, for half an hour: what the server holds, and when it lets go
    Churn(churn::Options),
    /// Boards of 1,000 to 100,000 open offers: memory, a change, reading
    Board(board::Options),
    /// Entries a second in the book, beside pgbench with the same statements
    Ledger(ledger::Options),
    /// The plain axum server
    #[command(hide = true)]
    ServePlain {
        /// Where to listen
        port: u16,
    },
    /// The program that only writes
    #[command(hide = true)]
    ServeFloor {
        /// Where to listen
        port: u16,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let lab = target::Lab { noren: cli.noren, server_core: cli.server_core, reader_core: cli.reader_core };
    let done =
        rlimit::increase_nofile_limit(u64::MAX).map_err(|e| format!("the limit on open files: {e}")).and_then(|files| match cli.what {
            What::Feed(options) => feed::run(&lab, &options, files),
            What::Page(options) => page::run(&lab, &options),
            What::Room(options) => room::run(&lab, &options),
            What::Nodes(options) => nodes::run(&lab, &options, files),
            What::Churn(options) => churn::run(&lab, &options),
            What::Board(options) => board::run(&options),
            What::Ledger(options) => ledger::run(&lab, &options),
            What::ServePlain { port } => plain::serve(port),
            What::ServeFloor { port } => floor::serve(port),
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nFAILED: {why}");
            ExitCode::FAILURE
        }
    }
}
