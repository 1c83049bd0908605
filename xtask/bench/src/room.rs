//! `bench room`: from the tap on "Accept" until both sides see each other, in a real Chromium, beside the least that WebRTC takes in the same browser.

use crate::{
    Outcome,
    noren::House,
    report::{beside, figure, percentile, put, table},
    target::{Lab, Scratch},
};
use clap::Args;
use serde_json::Value;
use std::{path::PathBuf, process::Command};

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Consultations, each beside one bare call
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// What a run tells, and what it is called in the table.
const MEASURED: [(&str, &str); 3] = [
    ("frame", "accept to a frame of the other on both pages"),
    ("live", "accept to both pages saying that it is live"),
    ("floor", "two connections in one page, devices and frames"),
];

/// Runs the consultations and states how long they took.
pub fn run(lab: &Lab, options: &Options) -> Outcome {
    let scratch = Scratch::new("room")?;
    let noren = House::new(lab, scratch.path().join("data"), 0)?.start(lab)?;
    // The browser takes all cores, as on anybody's machine: nothing is pinned but the server.
    let mut browser = Command::new("node");
    browser.args(["scripts/room.mjs", &format!("http://{}", noren.at), &options.runs.to_string()]).current_dir("end2end");
    let output = browser.output().map_err(|e| format!("node: {e}"))?;
    if !output.status.success() {
        return Err(format!("the browser's part failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let runs = read(&String::from_utf8_lossy(&output.stdout))?;
    let mut rows = Vec::new();
    let mut floors = MEASURED.map(|(key, _)| times(&runs, key));
    let [.., floor] = &mut floors;
    let (floor_median, floor_tail) = (percentile(floor, 0.5), percentile(floor, 0.95));
    for ((_, words), mut times) in MEASURED.into_iter().zip(floors) {
        let (median, tail, most) = (percentile(&mut times, 0.5), percentile(&mut times, 0.95), percentile(&mut times, 1.0));
        rows.push(vec![words.to_owned(), beside(median, floor_median), beside(tail, floor_tail), figure(most)]);
    }
    let text = format!(
        "{} consultations by video on loopback, alternating with as many bare calls; in brackets: times the bare call's figure.\n\n{}",
        runs.len(),
        table(&["", "median, ms", "p95, ms", "longest, ms"], &rows)
    );
    println!("\n{text}");
    if options.write { put(&options.page, "bench room", &text) } else { Ok(()) }
}

fn read(text: &str) -> Outcome<Vec<Value>> {
    let runs: Result<Vec<Value>, _> = text.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str).collect();
    match runs {
        Ok(runs) if !runs.is_empty() => Ok(runs),
        Ok(_) => Err("the browser's part told nothing".into()),
        Err(error) => Err(format!("what the browser's part told: {error}")),
    }
}

fn times(runs: &[Value], key: &str) -> Vec<u32> {
    runs.iter().filter_map(|run| run.get(key)?.as_u64()).filter_map(|ms| u32::try_from(ms).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read() {
        let runs = read("{\"frame\":400,\"live\":410,\"floor\":200}\n{\"frame\":300,\"live\":310,\"floor\":100}\n").unwrap();
        assert_eq!(times(&runs, "live"), [410, 310]);
        assert!(read("").is_err() && read("{").is_err());
    }
}
