//! `cargo xtask test`: every check there is; what fails is counted, and the rest still runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::postgres::Postgres;
use crate::shell::{call, cargo, cargo_artifact, node, root, watch};
use crate::steps::{Done, OrFail, Steps};
use crate::{build, setup};

/// The native half. The frontend is compiled for the browser only: both halves' features at once would make a third program that nobody runs.
const NATIVE: [&str; 3] = ["--workspace", "--exclude", "frontend"];

/// What `cargo xtask test` takes.
#[derive(Args)]
pub struct Options {
    /// Only a part
    #[arg(long)]
    only: Option<Part>,
    /// Handed on to the test runner of that part, after `--`
    #[arg(last = true, requires = "only")]
    args: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Formatting, clippy, TypeScript
    Lint,
    /// The Rust tests, on SQLite and PostgreSQL
    Rust,
    /// The stories in a real Chromium
    E2e,
}

/// What passed and what failed, tests and named checks alike.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Counts a check that is done or not.
    fn check<T>(&mut self, done: Done<T>) -> Option<T> {
        match done {
            Ok(value) => {
                self.passed += 1;
                Some(value)
            }
            Err(failure) => {
                eprintln!("{failure}\n");
                self.failed += 1;
                None
            }
        }
    }

    /// Counts what could not run as failed.
    fn skip(&mut self, names: &[&str]) {
        eprintln!("skipped, and counted as failed: {}\n", names.join(", "));
        self.failed += names.len() as u64;
    }

    /// Counts the tests of a runner; one that fails without saying which counts as one failure.
    fn tests(&mut self, done: Done<Counts>) {
        match done {
            Ok(Counts { passed, failed, well }) => {
                self.passed += passed;
                self.failed += failed.max(u64::from(!well || passed + failed == 0));
            }
            Err(failure) => {
                self.check::<()>(Err(failure));
            }
        }
    }
}

/// What a test runner said.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    well: bool,
}

impl Counts {
    /// Adds the sums of a line, if it has any. nextest: `Summary [   1.2s] 45 tests run: 44 passed (1 slow), 1 failed, 3 skipped`;
    /// cargo, once a test binary: `test result: ok. 45 passed; 0 failed; ...`.
    fn add(&mut self, line: &str) {
        // What nextest shows of a test that failed is indented, and may hold such a line too.
        let Some(sums) = line.trim_start().strip_prefix("Summary [").or_else(|| line.strip_prefix("test result: ")) else { return };
        let words: Vec<&str> = sums.trim_end().split([' ', ',', ';', '(', ')']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let &[number, what] = pair else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// The command; its last line is the sum.
pub fn run(options: &Options) -> ExitCode {
    let mut tally = Tally::default();
    all(options, &mut tally);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all(options: &Options, tally: &mut Tally) {
    let wants = |part| options.only.is_none_or(|only| only == part);
    let counted = [(Part::Lint, 5), (Part::Rust, 1), (Part::E2e, build::STEPS + 3)];
    let databases = usize::from(wants(Part::Rust) || wants(Part::E2e));
    let mut steps = Steps::of(setup::STEPS + databases + counted.iter().filter(|(part, _)| wants(*part)).map(|(_, n)| n).sum::<usize>());

    let ready = setup::machine(&mut steps, setup::For::Test).and_then(|()| setup::node_packages(&mut steps));
    if tally.check(ready).is_none() {
        return;
    }
    if wants(Part::Lint) {
        lint(&mut steps, tally);
    }
    if databases == 0 {
        return;
    }
    let Some(postgres) = tally.check(steps.run("postgresql", "starting one for the tests", Postgres::start)) else {
        return tally.skip(&["rust", "end2end"]);
    };
    if wants(Part::Rust) {
        let counts = steps.run("rust", "building and running the tests", || rust(&postgres, &options.args));
        tally.tests(counts);
    }
    if wants(Part::E2e) {
        e2e(&mut steps, tally, &postgres, &options.args);
    }
}

fn lint(steps: &mut Steps, tally: &mut Tally) {
    let clippy = |args: &[&str]| call(&mut cargo(&[&["clippy"], args, &["--", "-D", "warnings"]].concat()), "mend what clippy names above");
    let wasm = |features| ["--package", "frontend", "--package", "app", "--features", features, "--target", "wasm32-unknown-unknown"];
    tally.check(steps.run("format", "cargo fmt", || call(&mut cargo(&["fmt", "--all", "--check"]), "cargo fmt --all")));
    tally.check(steps.run("clippy", "the native half", || clippy(&[NATIVE.as_slice(), &["--all-targets"]].concat())));
    tally.check(steps.run("clippy", "the browser's half, as it is loaded first", || clippy(&wasm("app/hydrate"))));
    tally.check(steps.run("clippy", "the browser's half, whole", || clippy(&wasm("app/hydrate,frontend/whole"))));
    tally.check(
        steps.run("types", "TypeScript", || call(&mut node("node_modules/.bin/tsc", &["--noEmit"]), "mend what TypeScript names above")),
    );
}

/// nextest where it is, plain `cargo test` elsewhere: slower, and the same tests.
fn rust(postgres: &Postgres, args: &[String]) -> Done<Counts> {
    let nextest = setup::nextest();
    let mut command =
        if nextest { cargo(&["nextest", "run", "--no-fail-fast"]) } else { cargo(&["test", "--all-targets", "--no-fail-fast"]) };
    command.args(NATIVE).args(args).env("NOREN_TEST_POSTGRES", &postgres.url);
    let mut counts = Counts::default();
    counts.well = watch(&mut command, "read the first error above", |line| counts.add(line))?;
    Ok(counts)
}

fn e2e(steps: &mut Steps, tally: &mut Tally, postgres: &Postgres, args: &[String]) {
    let Some(site) = tally.check(build::site(steps, build::Mode::Full, true)) else { return tally.skip(&["size", "server", "end2end"]) };
    tally.check(steps.run("size", "WASM and JS within the budget", || site.check_size()));
    let server = tally.check(steps.run("server", "building the server that the stories use", server));
    let Some(server) = server else { return tally.skip(&["end2end"]) };
    let counts = steps.run("end2end", "the stories in Chromium", || {
        let report = root("end2end/test-results/report.json");
        // An old report must not stand for this run.
        let _ = std::fs::remove_file(&report);
        let mut playwright = node("node_modules/.bin/playwright", &["test"]);
        playwright.args(args).env("NOREN_BIN", server).env("NOREN_SITE", root("target/site")).env("NOREN_TEST_POSTGRES", &postgres.url);
        let well = playwright.status().or_fail("could not start Playwright", "delete end2end/node_modules and try again")?.success();
        let text = std::fs::read_to_string(&report).or_fail("Playwright left no report", "read its first error above")?;
        let report: serde_json::Value =
            serde_json::from_str(&text).or_fail("Playwright's report cannot be read", "read its first error above")?;
        let count = |name: &str| report["stats"][name].as_u64().unwrap_or(0);
        Ok(Counts { passed: count("expected"), failed: count("unexpected") + count("flaky"), well })
    });
    tally.tests(counts);
}

/// The binary that the Rust tests have just built: `--examples` (there are none) makes cargo choose dependency features as for tests, or it
/// would compile half the tree a second time.
fn server() -> Done<PathBuf> {
    let args = [&["build"], NATIVE.as_slice(), &["--bin", "noren", "--examples"]].concat();
    cargo_artifact(&args, "/noren", "read the compiler's first error above")
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn sums(lines: &[&str]) -> (u64, u64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add(line));
        (counts.passed, counts.failed)
    }

    #[test]
    fn reads_what_nextest_says() {
        assert_eq!(sums(&["     Summary [   0.011s] 45 tests run: 45 passed, 3 skipped\n"]), (45, 0));
        assert_eq!(
            sums(&["     Summary [  61.2s] 9/12 tests run: 4 passed (2 slow, 1 leaky), 2 failed, 1 timed out, 2 exec failed, 0 skipped\n"]),
            (4, 5)
        );
    }

    #[test]
    fn counts_a_test_that_failed_once() {
        let shown = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 24 filtered out; finished in 0.09s\n";
        let summary = "     Summary [ 208.526s] 519 tests run: 518 passed, 1 failed, 0 skipped\n";
        assert_eq!(sums(&[shown, summary]), (518, 1));
    }

    #[test]
    fn reads_what_cargo_says() {
        let one = "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let two = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(sums(&["running 7 tests\n", "test a::passed ... ok\n", one, two]), (8, 2));
    }
}
