//! `bench churn`: for half an hour watchers come, leave without a word and stop to read, while providers come and go. What the server holds must not
//! grow, and whoever stops to read must be cut.

use crate::{
    Outcome,
    crowd::Crowd,
    noren::{House, Movers},
    process,
    report::{figure, median, put, table},
    target::{Lab, Scratch},
};
use clap::Args;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Providers who come and go meanwhile.
const PROVIDERS: usize = 50;
/// When it is looked whether the server still holds the connection of somebody who stands still.
const NOTICED: Duration = Duration::from_secs(12);
/// Bytes that the kernel keeps for a watcher, so that one that stops to read is soon known to.
const RECEIVE: usize = 4_096;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// How long
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Watchers
    #[arg(long, default_value_t = 1_000)]
    streams: usize,
    /// Changes a second
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Watchers that leave, a second
    #[arg(long, default_value_t = 50.0)]
    leave: f64,
    /// Watchers that stop to read, a second
    #[arg(long, default_value_t = 5.0)]
    stall: f64,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// Runs it.
pub fn run(lab: &Lab, options: &Options) -> Outcome {
    let scratch = Scratch::new("churn")?;
    let house = House::new(lab, scratch.path().join("data"), PROVIDERS)?;
    let running = house.start(lab)?;
    lab.pin_readers()?;
    let mut crowd = Crowd::new(options.streams, running.at)?;
    crowd.receive = RECEIVE;
    for i in 0..options.streams {
        crowd.connect(i, running.at)?;
    }
    crowd.until("all watchers to connect", Crowd::connected)?;
    let mut movers = Movers::start(&house, running.at, options.rate);

    let (begun, end) = (Instant::now(), Duration::from_secs(options.minutes * 60));
    let (mut left, mut stalled, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    let mut looked = 0.0;
    // Minutes since the beginning, and KiB.
    let mut samples: Vec<(f64, f64)> = Vec::new();
    while begun.elapsed() < end {
        crowd.turn()?;
        let passed = begun.elapsed().as_secs_f64();
        while (left as f64) < passed * options.leave {
            let i = reader(&mut crowd);
            crowd.leave(i);
            left += 1;
        }
        while (stalled as f64) < passed * options.stall {
            let i = reader(&mut crowd);
            crowd.stall(i);
            stalled += 1;
        }
        if passed >= looked + 0.5 {
            crowd.forget_cut(NOTICED)?;
            looked = passed;
        }
        longest = longest.max(crowd.longest_stall());
        if passed >= samples.len() as f64 * 10.0 {
            samples.push((passed / 60.0, process::memory(running.pid)?));
            if samples.len() % 6 == 1 {
                eprintln!(
                    "minute {:.0}: {} KiB, {} cut, {:?}",
                    passed / 60.0,
                    figure(samples.last().map_or(0.0, |s| s.1)),
                    crowd.cut.len(),
                    crowd.faults
                );
            }
        }
    }
    let changes = movers.end()?;
    let cut: Vec<f64> = crowd.cut.iter().map(Duration::as_secs_f64).collect();
    // The heap takes its shape in the first third.
    let settled = samples.get(samples.len() / 3..).unwrap_or_default();
    let held = |sample: Option<&(f64, f64)>| figure(sample.map_or(f64::NAN, |(_, kib)| *kib));
    let by_memory = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let text = format!(
        "{} minutes, {} watchers, {} changes: {} watchers left without a word and came back, {} stopped to read. {} changes were lost, {} doubled or out \
         of order.\n\n{}",
        options.minutes,
        options.streams,
        changes,
        left,
        stalled,
        crowd.faults.lost,
        crowd.faults.doubled,
        table(
            &["", ""],
            &[
                vec!["memory after a third of the time, KiB".into(), held(settled.first())],
                vec!["memory at the end, KiB".into(), held(settled.last())],
                vec![
                    "least and most between, KiB".into(),
                    format!("{} - {}", held(settled.iter().min_by(by_memory)), held(settled.iter().max_by(by_memory)))
                ],
                vec!["slope between, KiB a minute".into(), figure(slope(settled))],
                vec!["from the last read until it is cut, median, s".into(), figure(median(cut.iter().copied()))],
                vec!["longest, s".into(), figure(longest.as_secs_f64())],
            ]
        )
    );
    println!("\n{text}");
    if options.write { put(&options.page, "bench churn", &text) } else { Ok(()) }
}

/// One that reads, by chance.
fn reader(crowd: &mut Crowd) -> usize {
    let all = crowd.watchers.len();
    let from = crowd.below(all as u64) as usize;
    (from..from + all).map(|i| i % all.max(1)).find(|i| crowd.reads(*i)).unwrap_or(from)
}

/// The slope of the line that fits best.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let (above, below) = points.iter().fold((0.0, 0.0), |(a, b), p| (a + (p.0 - x) * (p.1 - y), b + (p.0 - x) * (p.0 - x)));
    above / below
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_has_its_slope() {
        let fits = |points: &[(f64, f64)], expected: f64| assert!((slope(points) - expected).abs() < 1e-9);
        fits(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], 2.0);
        fits(&[(0.0, 4.0), (1.0, 4.0), (5.0, 4.0)], 0.0);
        fits(&[(0.0, 1.0), (1.0, 0.0), (2.0, 1.0), (3.0, 0.0)], -0.2);
    }
}
