//! `bench page`: the page of choices with 100 providers, beside a static file of the same bytes and the same choices as SvelteKit renders them on Node.

use crate::{
    Outcome,
    http::{self, Client},
    noren::House,
    report::{beside, figure, median, put, table},
    target::{Lab, Running, Scratch},
};
use clap::Args;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The page in SvelteKit.
const SVELTEKIT: &str = "xtask/bench/sveltekit";
/// Providers whose offers are on the page.
const PROVIDERS: usize = 100;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Alternating rounds; the medians are reported
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a round takes, in seconds
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// Requests a second, and milliseconds at the 99th percentile.
type Figures = (f64, f64);

/// Measures both in turn.
pub fn run(lab: &Lab, options: &Options) -> Outcome {
    let scratch = Scratch::new("page")?;
    eprintln!("noren: {PROVIDERS} providers sign up, register offers and go online ...");
    let house = House::new(lab, scratch.path().join("data"), PROVIDERS)?;
    let noren = house.start(lab)?;
    house.all(noren.at, true)?;
    let answer = Client::connect(noren.at)?.call(&http::get(noren.at, "/", "text/html"))?;
    let offers = memchr::memmem::find_iter(&answer.body, "data-offer=").count();
    if answer.status != 200 || offers == 0 {
        return Err(format!("the page of choices was answered {} with {offers} offers on it", answer.status));
    }
    fs::write(scratch.path().join("page.html"), &answer.body).map_err(|e| e.to_string())?;
    let here = scratch.path().display();
    let server = format!(
        "root {here}; sendfile on; tcp_nopush on; open_file_cache max=10; default_type text/html; location = / {{ try_files /page.html =404; }}"
    );
    let nginx = lab.nginx(scratch.path(), "", &server)?;
    let choices = scratch.path().join("choices.json");
    fs::write(&choices, house.choices(noren.at)?).map_err(|e| e.to_string())?;
    let (svelte, svelte_bytes) = sveltekit(lab, &choices, offers)?;
    let kinds = [
        ("noren", noren.at, ""),
        ("rendered", noren.at, "cookie: sid=nobody"),
        ("sveltekit", svelte.at, ""),
        ("static file", nginx.at, ""),
    ];
    let mut rounds = kinds.map(|_| Vec::new());
    for round in 1..=options.rounds {
        for ((name, at, header), of_kind) in kinds.into_iter().zip(&mut rounds) {
            let (rate, p99) = load(lab, at, header, options)?;
            eprintln!("round {round}: {name:<12} {} requests/s, p99 {} ms", figure(rate), figure(p99));
            of_kind.push((rate, p99));
        }
    }
    let [noren, rendered, svelte, file] =
        rounds.map(|of_kind: Vec<Figures>| (median(of_kind.iter().map(|f| f.0)), median(of_kind.iter().map(|f| f.1))));
    let row = |name: &str, f: Figures| vec![name.to_owned(), beside(f.0, svelte.0), beside(f.1, svelte.1)];
    let text = format!(
        "`/` with {PROVIDERS} providers online: {} bytes of HTML before compression ({svelte_bytes} of SvelteKit), {offers} offers in its first window; {} \
         connections, {} rounds, medians; in brackets: times SvelteKit's figure.\n\n{}",
        answer.body.len(),
        options.connections,
        options.rounds,
        table(
            &["", "requests/s", "p99, ms"],
            &[
                row("noren", noren),
                row("noren, rendered for each request", rendered),
                row("SvelteKit on Node, rendered for each request", svelte),
                row("nginx, static file of the same bytes", file),
            ]
        )
    );
    println!("\n{text}");
    if options.write { put(&options.page, "bench page", &text) } else { Ok(()) }
}

/// The page of choices in SvelteKit, built if it is not yet, and how long its HTML is.
fn sveltekit(lab: &Lab, choices: &Path, offers: usize) -> Outcome<(Running, usize)> {
    let folder = Path::new(SVELTEKIT);
    if !folder.join("build").exists() {
        eprintln!("sveltekit: installing and building it ...");
        for args in [["ci", "--silent"], ["run", "build"]] {
            let done = Command::new("npm").args(args).current_dir(folder).stdout(Stdio::null()).status();
            if !done.map_err(|e| format!("npm: {e}; install Node.js"))?.success() {
                return Err(format!("`npm {}` failed in {SVELTEKIT}", args.join(" ")));
            }
        }
    }
    let at = Lab::free_address()?;
    let mut node = Command::new("node");
    node.arg(folder.join("build")).env("NODE_ENV", "production").env("CHOICES", choices);
    node.env("HOST", at.ip().to_string()).env("PORT", at.port().to_string()).env("ORIGIN", format!("http://{at}"));
    let running = lab.run("sveltekit", node, at)?;
    let page = Client::connect(at)?.call(&http::get(at, "/", "text/html"))?;
    match memchr::memmem::find_iter(&page.body, "data-offer=").count() {
        found if found == offers => Ok((running, page.body.len())),
        found => Err(format!("SvelteKit answered {} with {found} offers instead of {offers}", page.status)),
    }
}

/// One round of wrk.
fn load(lab: &Lab, at: SocketAddr, header: &str, options: &Options) -> Outcome<Figures> {
    let mut wrk = lab.on_readers_core("wrk");
    if !header.is_empty() {
        wrk.args(["-H", header]);
    }
    wrk.args(["-t1", "--latency", &format!("-c{}", options.connections), &format!("-d{}s", options.seconds), &format!("http://{at}/")]);
    let output = wrk.stdin(Stdio::null()).output().map_err(|e| format!("wrk: {e}"))?;
    read_wrk(&String::from_utf8_lossy(&output.stdout))
}

fn read_wrk(text: &str) -> Outcome<Figures> {
    let of = |key: &str| text.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim);
    if let Some(errors) = of("Non-2xx or 3xx responses:").or(of("Socket errors:")) {
        return Err(format!("wrk met errors: {errors}"));
    }
    let rate = of("Requests/sec:").and_then(|r| r.parse().ok()).ok_or("wrk (apt install wrk) told no rate")?;
    let p99 = of("99%").and_then(milliseconds).ok_or("wrk told no latency")?;
    Ok((rate, p99))
}

fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_understood() {
        let text = "Running 1s test\n  Latency Distribution\n     50%  212.00us\n     99%    1.94ms\n  100 requests in 1.00s\nRequests/sec:   1234.56\n";
        assert_eq!(read_wrk(text), Ok((1234.56, 1.94)));
        assert!(read_wrk(&format!("  Socket errors: connect 0, read 3, write 0, timeout 0\n{text}")).is_err());
        assert_eq!((milliseconds("1.5s"), milliseconds("250.00us"), milliseconds("x")), (Some(1500.0), Some(0.25), None));
    }
}
