//! Watchers as pages are: they check the numbers of what they are sent, come back with their cursors when a line breaks, and may stop to read.

use crate::{
    Outcome,
    decoder::{Came, Decoder, number},
    http, process,
};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// The kernel's word for a connection that is under way.
const EINPROGRESS: i32 = 115;
/// Over how long watchers come back after a line broke: pages do so, so that they do not all come at once.
const SPREAD: u64 = 1_000;
/// How much of a line is kept: enough for both numbers of a change.
const KEEP: usize = 128;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watcher, as a page is one.
pub struct Watcher {
    socket: Option<TcpStream>,
    /// The node that it is connected to, or was last.
    pub at: SocketAddr,
    decoder: Decoder,
    asked: bool,
    /// Whether it was greeted since it connected last.
    greeted: bool,
    /// The number of the last change that it has.
    pub last: u64,
    /// When it comes back.
    again: Option<Instant>,
    /// Since when it does not read.
    stalled: Option<Instant>,
}

impl Watcher {
    fn new(socket: Option<TcpStream>, at: SocketAddr, last: u64) -> Self {
        Watcher { socket, at, decoder: Decoder::new(KEEP), asked: false, greeted: false, last, again: None, stalled: None }
    }
}

/// Begins to connect.
fn begin(to: SocketAddr, receive: usize) -> io::Result<TcpStream> {
    if receive == 0 {
        return TcpStream::connect(to);
    }
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(receive)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&to.into()) {
        Err(e) if e.raw_os_error() != Some(EINPROGRESS) => return Err(e),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// What went wrong, counted over all watchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Changes that never came.
    pub lost: u64,
    /// Changes that came again, or before those before them.
    pub doubled: u64,
    /// Streams that were sent the whole board.
    pub resets: u64,
}

/// Watchers on one epoll.
pub struct Crowd {
    poll: Poll,
    events: Events,
    /// All of them.
    pub watchers: Vec<Watcher>,
    epoch: String,
    /// What went wrong so far.
    pub faults: Faults,
    buffer: Vec<u8>,
    chance: u64,
    /// Where whoever comes back goes; `None` lets nobody come back.
    pub home: Option<SocketAddr>,
    /// Bytes that the kernel keeps for a watcher that does not read; 0 leaves that to it.
    pub receive: usize,
    /// After how long those who did not read were cut.
    pub cut: Vec<Duration>,
}

impl Crowd {
    /// Watchers that are not connected yet.
    pub fn new(watchers: usize, home: SocketAddr) -> Outcome<Self> {
        Ok(Crowd {
            poll: Poll::new().map_err(|e| format!("epoll: {e}"))?,
            events: Events::with_capacity(1_024),
            watchers: (0..watchers).map(|_| Watcher::new(None, home, 0)).collect(),
            epoch: String::new(),
            faults: Faults::default(),
            buffer: vec![0; 65_536],
            chance: 1,
            home: Some(home),
            receive: 0,
            cut: Vec::new(),
        })
    }

    /// Connects one, with the cursor that it has.
    pub fn connect(&mut self, i: usize, to: SocketAddr) -> Outcome {
        let Some(watcher) = self.watchers.get_mut(i) else { return Ok(()) };
        let mut socket = begin(to, self.receive).map_err(|e| format!("connecting: {e}"))?;
        self.poll.registry().register(&mut socket, Token(i), Interest::READABLE | Interest::WRITABLE).map_err(|e| format!("epoll: {e}"))?;
        *watcher = Watcher::new(Some(socket), to, watcher.last);
        Ok(())
    }

    /// The line of a watcher broke: it comes back in a moment.
    fn lost(&mut self, i: usize) {
        let pause = Duration::from_millis(self.below(SPREAD));
        if let Some(watcher) = self.watchers.get_mut(i) {
            *watcher = Watcher { again: Some(Instant::now() + pause), ..Watcher::new(None, watcher.at, watcher.last) };
        }
    }

    /// A number below `end`, by chance.
    pub fn below(&mut self, end: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % end.max(1)
    }

    /// Whether one is connected, and reads.
    pub fn reads(&self, i: usize) -> bool {
        self.watchers.get(i).is_some_and(|w| w.greeted && w.stalled.is_none())
    }

    /// Has one leave without a word; it comes back.
    pub fn leave(&mut self, i: usize) {
        self.lost(i);
    }

    /// Has one read no more, until it is cut.
    pub fn stall(&mut self, i: usize) {
        if let Some(watcher) = self.watchers.get_mut(i) {
            watcher.stalled = Some(Instant::now());
        }
    }

    /// Lets go of those who stand still and whose server has no connection to them any more, though nothing told them: a reset that lies beyond what
    /// a reader would take is dropped by its kernel.
    pub fn forget_cut(&mut self, patience: Duration) -> Outcome {
        let late = |w: &Watcher| w.stalled.is_some_and(|since| since.elapsed() >= patience);
        if !self.watchers.iter().any(late) {
            return Ok(());
        }
        let held = process::connections()?;
        for i in 0..self.watchers.len() {
            let Some(Watcher { socket: Some(socket), at, stalled: Some(since), .. }) = self.watchers.get(i) else { continue };
            let own = socket.local_addr().map_err(|e| e.to_string())?;
            if since.elapsed() >= patience && !held.contains(&(at.port(), own.port())) {
                self.cut.push(since.elapsed());
                self.lost(i);
            }
        }
        Ok(())
    }

    /// How long the one has stood still that stands still longest.
    pub fn longest_stall(&self) -> Duration {
        self.watchers.iter().filter_map(|w| w.stalled).map(|since| since.elapsed()).max().unwrap_or_default()
    }

    /// Takes what came, and lets those come back whose time it is.
    pub fn turn(&mut self) -> Outcome {
        match self.poll.poll(&mut self.events, Some(Duration::from_millis(5))) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(format!("epoll: {e}")),
            _ => {}
        }
        let came: Vec<(usize, bool)> =
            self.events.iter().map(|e| (e.token().0, e.is_error() || e.is_read_closed() || e.is_write_closed())).collect();
        for (i, over) in came {
            let over = match self.watchers.get(i).and_then(|w| w.stalled) {
                // Cut, as it should be; what lies in its socket is read by nobody.
                Some(since) if over => {
                    self.cut.push(since.elapsed());
                    true
                }
                Some(_) => false,
                None => self.serve(i).is_err(),
            };
            if over {
                self.lost(i);
            }
        }
        if let Some(home) = self.home {
            let now = Instant::now();
            let due: Vec<usize> =
                self.watchers.iter().enumerate().filter(|(_, w)| w.again.is_some_and(|at| at <= now)).map(|(i, _)| i).collect();
            for i in due {
                self.connect(i, home)?;
            }
        }
        Ok(())
    }

    /// Reads what came for a watcher. Errors: its line broke.
    fn serve(&mut self, i: usize) -> Outcome {
        let Crowd { watchers, epoch, faults, buffer, .. } = self;
        let Some(Watcher { socket: Some(socket), at, decoder, asked, greeted, last, .. }) = watchers.get_mut(i) else { return Ok(()) };
        if !*asked {
            if let Ok(Some(error)) | Err(error) = socket.take_error() {
                return Err(error.to_string());
            }
            let since = if epoch.is_empty() || *last == 0 { String::new() } else { format!("?since={epoch}:{last}") };
            match socket.write_all(&http::get(*at, &format!("/live/choices{since}"), "text/event-stream")) {
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
    pub fn until(&mut self, what: &str, so: impl Fn(&Crowd) -> bool) -> Outcome {
        let begun = Instant::now();
        while !so(self) {
            if begun.elapsed() > PATIENCE {
                let greeted = self.watchers.iter().filter(|w| w.greeted).count();
                return Err(format!("waited in vain for {what}; {greeted} of {} are connected", self.watchers.len()));
            }
            self.turn()?;
        }
        Ok(())
    }

    /// Whether all are connected.
    pub fn connected(&self) -> bool {
        self.watchers.iter().all(|w| w.greeted)
    }

    /// Whether all have the newest change.
    pub fn agree(&self) -> bool {
        let newest = self.watchers.iter().map(|w| w.last).max().unwrap_or(0);
        self.watchers.iter().all(|w| w.last == newest)
    }

    /// Goes on for a while.
    pub fn stay(&mut self, stretch: Duration) -> Outcome {
        let until = Instant::now() + stretch;
        while Instant::now() < until {
            self.turn()?;
        }
        Ok(())
    }
}
