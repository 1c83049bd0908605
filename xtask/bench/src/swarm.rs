//! Ten thousand readers and whoever publishes, on one thread and one epoll: what a reader sees is stamped right after its `read`.

use crate::{
    Outcome,
    decoder::{Came, Decoder, number},
    http::{self, Answer},
    noren::{self, Provider},
    report::percentile,
};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How long anything may take before the run counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a line a reader keeps: enough for both numbers of a change.
const KEEP: usize = 96;
/// Staleness is counted in milliseconds up to here.
const LONGEST_MS: usize = 60_000;

/// Where changes come from.
pub enum Source {
    /// Messages that are numbered as they are published.
    Numbered {
        /// The server.
        at: SocketAddr,
        /// The last number.
        last: u64,
    },
    /// Providers of Noren who come and go; the server numbers the changes.
    Providers {
        /// The server.
        at: SocketAddr,
        /// Who, and whether the curtain is out.
        who: Vec<(Provider, bool)>,
    },
}

impl Source {
    fn connections(&self) -> usize {
        match self {
            Source::Numbered { .. } => 1,
            Source::Providers { who, .. } => who.len(),
        }
    }

    /// The request that makes the next change, over the connection `by`.
    fn next(&mut self, by: usize) -> (Vec<u8>, Made) {
        match self {
            Source::Numbered { at, last } => {
                *last += 1;
                let headers = [("content-type", "text/plain"), ("x-eventsource-event", "change")];
                (http::post(*at, "/publish", &headers, &message(*last)), Made::Number(*last))
            }
            Source::Providers { at, who } => match who.get_mut(by) {
                Some((provider, online)) => {
                    *online = !*online;
                    (noren::toggle(*at, provider, *online), Made::Toggle { by, online: *online })
                }
                None => (Vec::new(), Made::Number(0)),
            },
        }
    }
}

/// A message of 250 bytes that looks like a change of Noren's feed.
fn message(number: u64) -> String {
    let start = format!(
        "{{\"from\":{number},\"to\":{number},\"cards\":[{{\"id\":\"00000000-0000-0000-0000-000000000001\",\"name\":\"Marisol Leiva\",\
         \"title\":\"Spanish conversation, at your level\",\"cat\":\"languages\",\"lang\":\"en,es\",\"rate\":120,\"cur\":\"EUR\",\"is\":\"online\",\"pad\":\""
    );
    format!("{start}{:.<width$}\"}}]}}", "", width = 250_usize.saturating_sub(start.len() + 4))
}

/// How a change is recognised.
#[derive(Clone, Copy)]
enum Made {
    Number(u64),
    Toggle { by: usize, online: bool },
}

/// A change that was published.
struct Sent {
    made: Made,
    /// When it was due, in microseconds.
    at: u32,
    /// Its number in the feed, once known.
    number: Option<u64>,
}

struct Stream {
    socket: TcpStream,
    decoder: Decoder,
    asked: bool,
    ready: bool,
    /// The number of the last change that it has seen.
    last: u64,
    /// What it saw and when: number above the base, microseconds.
    seen: Vec<(u32, u32)>,
}

struct Publisher {
    socket: TcpStream,
    busy: bool,
    answer: Vec<u8>,
}

/// The readers and the publishers.
pub struct Swarm {
    poll: Poll,
    events: Events,
    crowd: Crowd,
}

struct Crowd {
    streams: Vec<Stream>,
    publishers: Vec<Publisher>,
    source: Source,
    buffer: Vec<u8>,
    request: Vec<u8>,
    /// A stream is ready with its first event, not with its head.
    greets: bool,
    ready: usize,
    /// What every microsecond is counted from.
    zero: Instant,
    /// The number that all had seen when the present change was made.
    base: u64,
    /// When the streams that have seen more did so.
    arrivals: Vec<u32>,
    /// Whether all that is seen is written down.
    logging: bool,
    sent: Vec<Sent>,
    lost: u64,
    trouble: Option<String>,
}

/// One change at a time.
pub struct Single {
    /// Publish to received in microseconds, for every reader and change.
    pub each: Vec<u32>,
    /// Publish to received by the last reader, for every change.
    pub all: Vec<u32>,
}

/// Changes at a steady rate.
pub struct Steady {
    /// The 99th percentile of publish to received, in milliseconds.
    pub p99: f64,
    /// Whether everything was published on time and reached everybody.
    pub whole: bool,
}

fn trouble<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

impl Swarm {
    /// Connects all readers at once and waits until each is served. Answers how long that took.
    pub fn connect(at: SocketAddr, path: &str, greets: bool, readers: usize, source: Source) -> Outcome<(Self, Duration)> {
        let poll = Poll::new().map_err(trouble("epoll"))?;
        let crowd = Crowd {
            streams: Vec::with_capacity(readers),
            publishers: Vec::new(),
            source,
            buffer: vec![0; 65_536],
            request: http::get(at, path, "text/event-stream"),
            greets,
            ready: 0,
            zero: Instant::now(),
            base: 0,
            arrivals: Vec::with_capacity(readers),
            logging: false,
            sent: Vec::new(),
            lost: 0,
            trouble: None,
        };
        let mut swarm = Swarm { poll, events: Events::with_capacity(1_024), crowd };
        let start = Instant::now();
        for i in 0..readers {
            let mut socket = TcpStream::connect(at).map_err(trouble("connecting"))?;
            swarm.poll.registry().register(&mut socket, Token(i), Interest::READABLE | Interest::WRITABLE).map_err(trouble("epoll"))?;
            // The first reader keeps whole lines: it tells which change became which number.
            let decoder = Decoder::new(if i == 0 { usize::MAX } else { KEEP });
            swarm.crowd.streams.push(Stream { socket, decoder, asked: false, ready: false, last: 0, seen: Vec::new() });
            if i % 256 == 255 {
                swarm.turn(Instant::now())?;
            }
        }
        swarm.wait("connecting all readers", |crowd| crowd.ready == readers)?;
        let took = start.elapsed();
        for i in 0..swarm.crowd.source.connections() {
            let mut socket = TcpStream::connect(at).map_err(trouble("connecting a publisher"))?;
            socket.set_nodelay(true).map_err(trouble("a publisher"))?;
            swarm.poll.registry().register(&mut socket, Token(readers + i), Interest::READABLE).map_err(trouble("epoll"))?;
            swarm.crowd.publishers.push(Publisher { socket, busy: false, answer: Vec::new() });
        }
        Ok((swarm, took))
    }

    /// Publishes `changes` one at a time, the next one a pause after all have the one before.
    pub fn single(&mut self, changes: usize, pause: Duration) -> Outcome<Single> {
        let (mut each, mut all) = (Vec::with_capacity(changes * self.crowd.streams.len()), Vec::with_capacity(changes));
        for _ in 0..changes {
            self.crowd.restart(false);
            self.crowd.publish(0, 0)?;
            self.wait("one change to reach everybody", |crowd| crowd.arrivals.len() == crowd.streams.len() && crowd.idle())?;
            all.push(self.crowd.arrivals.iter().copied().max().unwrap_or(0));
            each.append(&mut self.crowd.arrivals);
            // A server may need more than one number for a change; the next one starts when all agree.
            self.wait("all readers to agree", Crowd::agree)?;
            self.rest(pause)?;
        }
        match self.crowd.lost {
            0 => Ok(Single { each, all }),
            lost => Err(format!("{lost} changes were lost on the way")),
        }
    }

    /// Publishes `rate` changes a second.
    pub fn steady(&mut self, rate: f64, stretch: Duration) -> Outcome<Steady> {
        self.wait("all readers to agree", Crowd::agree)?;
        self.crowd.restart(true);
        let lost_before = self.crowd.lost;
        let total = (rate * stretch.as_secs_f64()) as usize;
        let due = |i: usize| Duration::from_secs_f64(i as f64 / rate);
        let (mut made, mut by) = (0, 0);
        while made < total {
            let now = self.crowd.zero.elapsed();
            if now > due(made) + Duration::from_secs(2) {
                // So far behind the clock that the figure is settled.
                break;
            }
            let next = (due(made) <= now).then(|| self.crowd.next_idle(by)).flatten();
            match next {
                Some(next) => {
                    self.crowd.publish(next, due(made).as_micros() as u32)?;
                    (made, by) = (made + 1, next + 1);
                }
                None => {
                    let wake = due(made).max(now + Duration::from_millis(1));
                    self.turn(self.crowd.zero + wake)?;
                }
            }
        }
        self.wait("everything to be received", |crowd| crowd.idle() && crowd.caught_up())?;
        let p99 = self.crowd.staleness();
        Ok(Steady { p99, whole: made == total && self.crowd.lost == lost_before })
    }

    /// Reads what comes for a while.
    pub fn rest(&mut self, stretch: Duration) -> Outcome {
        let until = Instant::now() + stretch;
        while Instant::now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    fn wait(&mut self, what: &str, done: impl Fn(&Crowd) -> bool) -> Outcome {
        let until = Instant::now() + PATIENCE;
        while !done(&self.crowd) {
            let now = Instant::now();
            if now >= until {
                let behind = self.crowd.streams.len() - self.crowd.arrivals.len().min(self.crowd.streams.len());
                return Err(format!("waited {} s in vain for {what}; {} ready, {behind} behind", PATIENCE.as_secs(), self.crowd.ready));
            }
            self.turn(now + Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn turn(&mut self, until: Instant) -> Outcome {
        match self.poll.poll(&mut self.events, Some(until.saturating_duration_since(Instant::now()))) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(format!("epoll: {e}")),
            _ => {}
        }
        for event in &self.events {
            let i = event.token().0;
            match i.checked_sub(self.crowd.streams.len()) {
                None => self.crowd.on_stream(i),
                // While readers still connect, there are no publishers.
                Some(by) => self.crowd.on_publisher(by),
            }
        }
        self.crowd.trouble.take().map_or(Ok(()), Err)
    }
}

impl Crowd {
    /// Starts counting anew.
    fn restart(&mut self, logging: bool) {
        self.zero = Instant::now();
        self.base = self.streams.iter().map(|s| s.last).max().unwrap_or(0);
        self.logging = logging;
        self.arrivals.clear();
        self.sent.clear();
        self.streams.iter_mut().for_each(|s| s.seen.clear());
    }

    fn agree(&self) -> bool {
        let first = self.streams.first().map_or(0, |s| s.last);
        self.streams.iter().all(|s| s.last == first)
    }

    fn idle(&self) -> bool {
        self.publishers.iter().all(|p| !p.busy)
    }

    fn next_idle(&self, from: usize) -> Option<usize> {
        let all = self.publishers.len();
        (from..from + all).map(|i| i % all.max(1)).find(|i| self.publishers.get(*i).is_some_and(|p| !p.busy))
    }

    /// Whether every reader has seen every change that was published.
    fn caught_up(&self) -> bool {
        let highest = self.sent.iter().try_fold(0, |highest: u64, s| s.number.map(|n| n.max(highest)));
        highest.is_some_and(|highest| self.streams.iter().all(|s| s.last >= highest))
    }

    fn publish(&mut self, by: usize, at: u32) -> Outcome {
        let (request, made) = self.source.next(by);
        let publisher = self.publishers.get_mut(by).ok_or("no such publisher")?;
        publisher.busy = true;
        publisher.answer.clear();
        publisher.socket.write_all(&request).map_err(trouble("publishing"))?;
        let number = if let Made::Number(n) = made { Some(n) } else { None };
        self.sent.push(Sent { made, at, number });
        Ok(())
    }

    fn on_publisher(&mut self, by: usize) {
        let Some(publisher) = self.publishers.get_mut(by) else { return };
        loop {
            match publisher.socket.read(&mut self.buffer) {
                Ok(0) => return self.trouble = Some("the server closed a publisher's connection".into()),
                Ok(n) => publisher.answer.extend_from_slice(self.buffer.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.trouble = Some(format!("a publisher: {e}")),
            }
        }
        match Answer::read(&publisher.answer) {
            Some(answer) if answer.status < 300 => publisher.busy = false,
            Some(answer) => {
                self.trouble = Some(format!("publishing was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
            None => {}
        }
    }

    fn on_stream(&mut self, i: usize) {
        if let Err(why) = self.serve_stream(i) {
            self.trouble.get_or_insert(why);
        }
    }

    fn serve_stream(&mut self, i: usize) -> Outcome {
        let (greets, base, logging, zero) = (self.greets, self.base, self.logging, self.zero);
        let Crowd { streams, buffer, request, ready, arrivals, sent, lost, source, .. } = self;
        let Some(stream) = streams.get_mut(i) else { return Ok(()) };
        if !stream.asked {
            if let Ok(Some(error)) | Err(error) = stream.socket.take_error() {
                return Err(format!("connecting a reader: {error}"));
            }
            match stream.socket.write_all(request) {
                Ok(()) => stream.asked = true,
                Err(e) if matches!(e.kind(), io::ErrorKind::NotConnected | io::ErrorKind::WouldBlock) => return Ok(()),
                Err(e) => return Err(format!("asking for a stream: {e}")),
            }
        }
        let Stream { socket, decoder, ready: is_ready, last, seen, .. } = stream;
        let mut greet = || {
            if !std::mem::replace(is_ready, true) {
                *ready += 1;
            }
        };
        loop {
            let n = match socket.read(buffer) {
                Ok(0) => return Err("the server closed a reader's connection".into()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(format!("a reader: {e}")),
            };
            let now = u32::try_from(zero.elapsed().as_micros()).unwrap_or(u32::MAX);
            decoder.take(buffer.get(..n).unwrap_or_default(), &mut |came| match came {
                Came::Open if greets => {}
                Came::Open => greet(),
                Came::Data(data) => {
                    let start = data.get(..KEEP).unwrap_or(data);
                    match (number(start, "\"from\":"), number(start, "\"to\":")) {
                        (Some(from), Some(to)) if to > *last => {
                            *lost += from.saturating_sub(*last + 1);
                            if *last <= base && to > base {
                                arrivals.push(now);
                            }
                            *last = to;
                            if logging {
                                seen.push((u32::try_from(to.saturating_sub(base)).unwrap_or(u32::MAX), now));
                            }
                            if i == 0 {
                                learn(source, sent, to, data);
                            }
                        }
                        (Some(_), Some(_)) => {}
                        _ => {
                            // The greeting tells where the feed stands.
                            *last = (*last).max(number(start, "\"seq\":").unwrap_or(0));
                            greet();
                        }
                    }
                }
            })?;
            // Edge-triggered: less than asked for means that nothing is left.
            if n < buffer.len() {
                return Ok(());
            }
        }
    }

    /// The 99th percentile of due to received over all readers and changes, in milliseconds.
    fn staleness(&mut self) -> f64 {
        let mut sent: Vec<(u32, u32)> = Vec::with_capacity(self.sent.len());
        for s in &self.sent {
            let above = s.number.unwrap_or(0).saturating_sub(self.base);
            sent.push((u32::try_from(above).unwrap_or(u32::MAX), s.at));
        }
        sent.sort_unstable();
        let mut counts = vec![0_u64; LONGEST_MS];
        for stream in &self.streams {
            let mut waiting = sent.iter().peekable();
            for (number, at) in &stream.seen {
                while let Some((_, due)) = waiting.next_if(|(n, _)| n <= number) {
                    let ms = at.saturating_sub(*due) as usize / 1_000;
                    if let Some(count) = counts.get_mut(ms.min(LONGEST_MS - 1)) {
                        *count += 1;
                    }
                }
            }
        }
        let (all, mut below) = (counts.iter().sum::<u64>(), 0);
        counts
            .iter()
            .position(|count| {
                below += count;
                below * 100 >= all * 99
            })
            .map_or(f64::NAN, |ms| ms as f64)
    }
}

/// Finds out which published toggles a frame of the feed shows.
fn learn(source: &Source, sent: &mut [Sent], to: u64, data: &[u8]) {
    let Source::Providers { who, .. } = source else { return };
    let Ok(frame) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let of = |key: &str| frame.get(key).and_then(|v| v.as_array()).map(Vec::as_slice).unwrap_or_default();
    let shown = |id: &serde_json::Value| who.iter().position(|(provider, _)| id == provider.offer.as_str());
    let open = of("cards").iter().filter_map(|card| Some((shown(card.get("id")?)?, card.get("is")? == "online")));
    let gone = of("gone").iter().filter_map(|id| Some((shown(id)?, false)));
    for (provider, online) in open.chain(gone).collect::<Vec<_>>() {
        let same = |s: &Sent, any: bool| matches!(s.made, Made::Toggle { by, online: o } if by == provider && (any || o == online));
        // The last of them that agrees is shown; those before it were overtaken within one frame.
        let Some(end) = sent.iter().rposition(|s| s.number.is_none() && same(s, false)) else { continue };
        for s in sent.iter_mut().take(end + 1).filter(|s| s.number.is_none()) {
            if same(s, true) {
                s.number = Some(to);
            }
        }
    }
}

/// The 50th and 99th percentile, in milliseconds.
pub fn p50_p99(micros: &mut [u32]) -> (f64, f64) {
    (percentile(micros, 0.5) / 1_000.0, percentile(micros, 0.99) / 1_000.0)
}
