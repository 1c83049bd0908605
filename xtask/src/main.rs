//! `cargo xtask run | test | build | bench | setup`: everything that is done with this repository, in one place.
//!
//! A C compiler needs no check here: without one this program could not have been linked.

mod bench;
mod build;
mod postgres;
mod run;
mod setup;
mod shell;
mod steps;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::{Done, Steps};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and measures Noren.", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need: wasm target, Debian packages (as root), Node packages
    Setup,
    /// Build what the browser loads into target/site
    Build(build::Options),
    /// Build everything and start Noren with demo data on http://127.0.0.1:3000
    Run(run::Options),
    /// Check, test and build everything; ends with `N passed, N failed`
    Test(test::Options),
    /// Measure Noren beside other servers
    Bench {
        /// Which benchmark, and its own options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Setup => setup(),
        Task::Build(options) => build::run(&options),
        Task::Run(options) => run::run(&options),
        Task::Test(options) => return test::run(&options),
        Task::Bench { args } => bench::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn setup() -> Done {
    let mut steps = Steps::of(setup::STEPS);
    setup::machine(&mut steps, setup::For::Test)?;
    setup::node_packages(&mut steps).map(drop)
}
