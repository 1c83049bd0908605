//! `bench nodes`: two nodes on one PostgreSQL and one NATS, thousands of watchers on each. One is killed, and its watchers come back to the other with
//! their cursors, as pages do; then the other one is asked to end with all of them. Every watcher checks the numbers of what it is sent.

use crate::{
    Outcome,
    decoder::{Came, Decoder, number},
    http::{self, Client},
    noren::{self, House},
    postgres::Postgres,
    report::{figure, median, put, table},
    target::{Lab, Running, Scratch},
};
use clap::Args;
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Providers who come and go meanwhile.
const PROVIDERS: usize = 20;
/// Over how long watchers come back after a line broke: pages do so, so that they do not all come at once.
const SPREAD: u64 = 1_000;
/// How much of a line is kept: enough for both numbers of a change.
const KEEP: usize = 128;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A watcher, as a page is one.
struct Watcher {
    socket: Option<TcpStream>,
    /// The node that it is connected to, or was last.
    at: SocketAddr,
    decoder: Decoder,
    asked: bool,
    /// Whether it was greeted since it connected last.
    greeted: bool,
    /// The number of the last change that it has.
    last: u64,
    /// When it comes back.
    again: Option<Instant>,
}

/// What went wrong, counted over all watchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    lost: u64,
    doubled: u64,
    resets: u64,
}

struct Crowd {
    poll: Poll,
    watchers: Vec<Watcher>,
    epoch: String,
    faults: Faults,
    buffer: Vec<u8>,
    chance: u64,
    /// Where whoever comes back goes.
    home: SocketAddr,
}

impl Crowd {
    fn new(watchers: usize, home: SocketAddr) -> Outcome<Self> {
        let empty = || Watcher { socket: None, at: home, decoder: Decoder::new(KEEP), asked: false, greeted: false, last: 0, again: None };
        Ok(Crowd {
            poll: Poll::new().map_err(|e| format!("epoll: {e}"))?,
            watchers: (0..watchers).map(|_| empty()).collect(),
            epoch: String::new(),
            faults: Faults::default(),
            buffer: vec![0; 65_536],
            chance: 1,
            home,
        })
    }

    fn connect(&mut self, i: usize, to: SocketAddr) -> Outcome {
        let Some(watcher) = self.watchers.get_mut(i) else { return Ok(()) };
        let mut socket = TcpStream::connect(to).map_err(|e| format!("connecting: {e}"))?;
        self.poll.registry().register(&mut socket, Token(i), Interest::READABLE | Interest::WRITABLE).map_err(|e| format!("epoll: {e}"))?;
        *watcher = Watcher {
            socket: Some(socket),
            at: to,
            decoder: Decoder::new(KEEP),
            asked: false,
            greeted: false,
            last: watcher.last,
            again: None,
        };
        Ok(())
    }

    /// The line of a watcher broke: it comes back in a moment.
    fn lost(&mut self, i: usize) {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = Duration::from_millis((self.chance >> 33) % SPREAD);
        if let Some(watcher) = self.watchers.get_mut(i) {
            watcher.socket = None;
            watcher.greeted = false;
            watcher.again = Some(Instant::now() + pause);
        }
    }

    fn turn(&mut self, events: &mut Events, returns: bool) -> Outcome {
        match self.poll.poll(events, Some(Duration::from_millis(5))) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(format!("epoll: {e}")),
            _ => {}
        }
        for event in events.iter() {
            let i = event.token().0;
            if self.serve(i).is_err() {
                self.lost(i);
            }
        }
        if returns {
            let now = Instant::now();
            let due: Vec<usize> =
                self.watchers.iter().enumerate().filter(|(_, w)| w.again.is_some_and(|at| at <= now)).map(|(i, _)| i).collect();
            for i in due {
                self.connect(i, self.home)?;
            }
        }
        Ok(())
    }

    /// Reads what came for a watcher. Errors: its line broke.
    fn serve(&mut self, i: usize) -> Outcome {
        let Crowd { watchers, epoch, faults, buffer, home, .. } = self;
        let Some(Watcher { socket: Some(socket), decoder, asked, greeted, last, .. }) = watchers.get_mut(i) else { return Ok(()) };
        if !*asked {
            if let Ok(Some(error)) | Err(error) = socket.take_error() {
                return Err(error.to_string());
            }
            let since = if epoch.is_empty() || *last == 0 { String::new() } else { format!("?since={epoch}:{last}") };
            match socket.write_all(&http::get(*home, &format!("/live/choices{since}"), "text/event-stream")) {
                Ok(()) => *asked = true,
                Err(e) if matches!(e.kind(), io::ErrorKind::NotConnected | io::ErrorKind::WouldBlock) => return Ok(()),
                Err(e) => return Err(e.to_string()),
            }
        }
        loop {
            let n = match socket.read(buffer) {
                Ok(0) => return Err("ended".into()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e.to_string()),
            };
            decoder.take(buffer.get(..n).unwrap_or_default(), &mut |came| {
                let Came::Data(data) = came else { return };
                let has = |what: &str| memchr::memmem::find(data, what.as_bytes()).is_some();
                match (number(data, "\"from\":"), number(data, "\"to\":")) {
                    (Some(from), Some(to)) if to > *last => {
                        faults.lost += from.saturating_sub(*last + 1);
                        *last = to;
                    }
                    // A beat says again where the feed stands.
                    (Some(_), Some(_)) => faults.doubled += u64::from(has("\"cards\"") || has("\"gone\"")),
                    _ if has("\"epoch\"") => {
                        *greeted = true;
                        faults.resets += u64::from(has("\"reset\""));
                        if *last == 0 {
                            *last = number(data, "\"seq\":").unwrap_or(0);
                        }
                        if epoch.is_empty() {
                            let text = String::from_utf8_lossy(data);
                            *epoch = text.split('"').nth(3).unwrap_or_default().to_owned();
                        }
                    }
                    _ => {}
                }
            })?;
            // Read until there is nothing: the end of a line that came with its last bytes is told only once.
        }
    }

    /// Goes on until something is so.
    fn until(&mut self, events: &mut Events, what: &str, so: impl Fn(&Crowd) -> bool) -> Outcome {
        let begun = Instant::now();
        while !so(self) {
            if begun.elapsed() > PATIENCE {
                let greeted = self.watchers.iter().filter(|w| w.greeted).count();
                return Err(format!("waited in vain for {what}; {greeted} of {} are connected", self.watchers.len()));
            }
            self.turn(events, true)?;
        }
        Ok(())
    }

    fn connected(&self) -> bool {
        self.watchers.iter().all(|w| w.greeted)
    }

    fn agree(&self) -> bool {
        let newest = self.watchers.iter().map(|w| w.last).max().unwrap_or(0);
        self.watchers.iter().all(|w| w.last == newest)
    }

    fn stay(&mut self, events: &mut Events, stretch: Duration) -> Outcome {
        let until = Instant::now() + stretch;
        while Instant::now() < until {
            self.turn(events, true)?;
        }
        Ok(())
    }
}

/// Providers who come and go at a node, until they are told to stop.
struct Movers {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<Outcome>>,
}

impl Movers {
    fn start(house: &House, at: SocketAddr, rate: f64) -> Self {
        let (stop, made) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ended, count, providers) = (Arc::clone(&stop), Arc::clone(&made), house.providers.clone());
        let thread = std::thread::spawn(move || {
            let (mut client, begun) = (Client::connect(at)?, Instant::now());
            for (n, (round, provider)) in (0_u32..).flat_map(|round| providers.iter().map(move |p| (round, p))).enumerate() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let answer = client.call(&noren::toggle(at, provider, round % 2 == 0))?;
                if answer.status >= 300 {
                    return Err(format!("a toggle was answered {}", answer.status));
                }
                count.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64((n + 1) as f64 / rate);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
            Ok(())
        });
        Movers { stop, made, thread: Some(thread) }
    }

    fn end(&mut self) -> Outcome<u64> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| "the providers panicked")??;
        }
        Ok(self.made.load(Ordering::Relaxed))
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
    let shared = Some([postgres.url(), format!("nats://127.0.0.1:{}", nats.1)]);
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
    let mut events = Events::with_capacity(1_024);
    let mut crowd = Crowd::new(options.streams, second.at)?;
    for i in 0..options.streams {
        crowd.connect(i, if i % 2 == 0 { first.at } else { second.at })?;
        if i % 256 == 255 {
            crowd.turn(&mut events, true)?;
        }
    }
    crowd.until(&mut events, "all watchers to connect", Crowd::connected)?;
    let mut movers = Movers::start(house, second.at, options.rate);
    crowd.stay(&mut events, Duration::from_secs(3))?;
    first.kill();
    let killed = Instant::now();
    let newest = crowd.watchers.iter().map(|w| w.last).max().unwrap_or(0);
    crowd.until(&mut events, "all watchers to go on at the other node", |crowd| {
        crowd.connected() && crowd.watchers.iter().all(|w| w.at != first.at && w.last >= newest)
    })?;
    let resumed = killed.elapsed();
    crowd.stay(&mut events, Duration::from_secs(3))?;
    let changes = movers.end()?;
    crowd.until(&mut events, "all watchers to agree", Crowd::agree)?;
    let ended = second.terminate(|| crowd.turn(&mut events, false))?;
    Ok(Round { resumed, ended, changes, faults: crowd.faults })
}
