//! Progress on the terminal, and failures that say how to mend them.

use std::fmt::{self, Display};
use std::time::Instant;

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    what: String,
    mend: String,
}

/// The outcome of a step.
pub type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure, in words for whoever sits before the terminal.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\nFAILED: {}\n  To mend it: {}", self.what, self.mend)
    }
}

/// Turns any error into a [`Failure`].
pub trait OrFail<T> {
    /// Names what was being done and what to do when it fails.
    fn or_fail(self, what: impl Display, mend: impl Into<String>) -> Done<T>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl Display, mend: impl Into<String>) -> Done<T> {
        self.map_err(|error| Failure::new(format!("{what}: {error:#}"), mend))
    }
}

/// Numbers the steps of one command and times each.
pub struct Steps {
    at: usize,
    of: usize,
}

impl Steps {
    /// A command of `of` steps.
    pub fn of(of: usize) -> Self {
        Self { at: 0, of }
    }

    /// One step: `[3/7] wasm: building frontend ...`, then the time it took.
    pub fn run<T>(&mut self, name: &str, doing: &str, work: impl FnOnce() -> Done<T>) -> Done<T> {
        self.at += 1;
        let number = format!("[{}/{}]", self.at, self.of);
        eprintln!("{number} {name}: {doing} ...");
        let start = Instant::now();
        let done = work();
        let outcome = if done.is_ok() { "done" } else { "failed" };
        eprintln!("{number} {name}: {outcome} in {:.1} s", start.elapsed().as_secs_f64());
        done
    }
}
