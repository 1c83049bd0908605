//! Whoever writes to the streams: a thread with an epoll of its own and one small entry a stream.
//!
//! A stream begins as a request like any other. When its head is answered, hyper hands the socket on (see `serve::Wire`), and from there on nothing
//! but shared bytes is written to it: no task, no timer, no buffer of its own. What a socket does not take stays as a reference to the same bytes.

use super::{
    hub::{Batch, Hub},
    views::Follower,
};
use crate::{
    lifecycle::Lifecycle,
    serve::{Connection, UNSENT_MAX},
};
use bytes::Bytes;
use mio::{Events, Interest, Poll, Token, Waker, net::TcpStream};
use slab::Slab;
use socket2::SockRef;
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Most reactors of a node: beyond, memory and network are what is short, not cores.
const MOST: usize = 4;
/// Events taken at once.
const EVENTS: usize = 1_024;
/// How often ages and stalls are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How often a reader that speaks is listened to at a time.
const SAYS_MOST: usize = 8;
/// The reactor's own wake-up.
const WAKE: Token = Token(usize::MAX);

/// A reactor, seen from outside.
pub struct Reactor {
    waker: Waker,
    /// Sockets that it has yet to take up; `None` when it has ended.
    inbox: Mutex<Option<Vec<Arrival>>>,
}

/// A socket whose head is answered.
struct Arrival {
    socket: std::net::TcpStream,
    connection: Arc<Connection>,
    /// What comes before the frames; mostly nothing that was not sent with the head.
    first: Bytes,
    place: Follower,
    next: u64,
}

impl Reactor {
    /// How many a node has: one for each core, within bounds.
    pub fn count() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
    }

    /// Starts one. Its thread ends when the hub closes.
    pub fn start(hub: Arc<Hub>, life: Lifecycle) -> io::Result<(Arc<Self>, JoinHandle<()>)> {
        let poll = Poll::new()?;
        let reactor = Arc::new(Reactor { waker: Waker::new(poll.registry(), WAKE)?, inbox: Mutex::new(Some(Vec::new())) });
        let mut lane = Lane { hub, reactor: Arc::clone(&reactor), poll, streams: Slab::new(), round: 0, asked: Vec::new() };
        let thread = std::thread::Builder::new().name("feed".into()).spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| lane.run()));
            *lane.reactor.inbox() = None;
            // A node whose streams stand still must not go on as if nothing were.
            match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::error!(%error, "the streams cannot be served; the node ends"),
                Err(_) => tracing::error!("the streams' thread panicked; the node ends"),
            }
            life.stop.cancel();
        })?;
        Ok((reactor, thread))
    }

    /// Makes it look for frames, arrivals and the end.
    pub fn wake(&self) {
        // Fails only if the eventfd is gone, and with it whoever would be woken.
        let _ = self.waker.wake();
    }

    /// Takes over a socket whose stream goes on with `first` and then the frame `next` of its view. After the end of the reactor the socket is closed.
    pub fn take_over(&self, socket: std::net::TcpStream, connection: Arc<Connection>, first: Bytes, place: Follower, next: u64) {
        let mut inbox = self.inbox();
        let Some(arrivals) = inbox.as_mut() else { return };
        arrivals.push(Arrival { socket, connection, first, place, next });
        let alone = arrivals.len() == 1;
        drop(inbox);
        if alone {
            self.wake();
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Vec<Arrival>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream.
struct Stream {
    socket: TcpStream,
    /// What it follows.
    place: Follower,
    /// Index of the frame that it takes next.
    next: u64,
    /// What the socket has not taken yet.
    rest: Option<Box<Rest>>,
    /// When it is asked to come back, in milliseconds since the hub's start.
    bye_at: u64,
    /// Holds the seat.
    _connection: Arc<Connection>,
}

/// What is left to write.
struct Rest {
    bytes: Bytes,
    /// Since when less than [`UNSENT_MAX`] was taken of it.
    since: Instant,
    taken: usize,
}

impl Rest {
    fn new(bytes: Bytes) -> Box<Self> {
        Box::new(Rest { bytes, since: Instant::now(), taken: 0 })
    }

    /// So many bytes were taken: a reader stands still as long as it does not take a step.
    fn take(&mut self, n: usize) {
        self.bytes = self.bytes.slice(n..);
        self.taken = self.taken.saturating_add(n);
        if self.taken >= UNSENT_MAX {
            (self.since, self.taken) = (Instant::now(), 0);
        }
    }
}

/// How a write went.
enum Wrote {
    /// The socket took everything.
    All,
    /// The rest waits for the reader.
    Waits,
    /// The reader is gone.
    Gone,
}

/// What runs in the thread.
struct Lane {
    hub: Arc<Hub>,
    reactor: Arc<Reactor>,
    poll: Poll,
    streams: Slab<Stream>,
    /// Every stream that can be written to has all frames of this round.
    round: u64,
    /// Streams that something happened to in this turn.
    asked: Vec<(usize, bool)>,
}

impl Lane {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut swept = Instant::now();
        while !self.hub.closing() {
            // One frame a turn: frames that come faster than they can be written must not keep anybody else waiting.
            let wait = if self.round < self.hub.round() { Duration::ZERO } else { SWEEP.saturating_sub(swept.elapsed()) };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.asked.extend(events.iter().filter(|e| e.token() != WAKE).map(|e| (e.token().0, e.is_writable())));
            self.pass();
            let arrivals = self.reactor.inbox().as_mut().map(std::mem::take);
            self.take_up(arrivals);
            self.answer();
            if swept.elapsed() >= SWEEP {
                self.sweep();
                swept = Instant::now();
            }
        }
        self.end();
        Ok(())
    }

    /// Writes the next frames that have gone out to everybody.
    fn pass(&mut self) {
        let round = self.hub.round();
        if self.round == round {
            return;
        }
        // Streams that follow the same and stand at the same frame are given the same bytes.
        let mut batches = HashMap::new();
        let (mut last, mut gone, mut whole) = (None, Vec::new(), true);
        for (key, stream) in &mut self.streams {
            if stream.rest.is_some() {
                continue;
            }
            let at = (stream.place.view, stream.next);
            let batch: Option<Arc<Batch>> = match &last {
                Some((same, batch)) if *same == at => Option::clone(batch),
                _ => batches.entry(at).or_insert_with(|| self.hub.after(at.0, at.1).map(Arc::new)).clone(),
            };
            if let Some(batch) = &batch {
                whole &= !batch.more;
                if matches!(give(&self.hub, stream, key, batch, &self.poll), Wrote::Gone) {
                    gone.push(key);
                }
            }
            last = Some((at, batch));
        }
        if whole {
            self.round = round;
            self.hub.passed(round);
        }
        self.remove(gone);
    }

    /// Takes up the sockets that have come, and writes what they missed on the way.
    fn take_up(&mut self, arrivals: Option<Vec<Arrival>>) {
        let mut gone = Vec::new();
        for Arrival { socket, connection, first, place, next } in arrivals.into_iter().flatten() {
            let entry = self.streams.vacant_entry();
            let key = entry.key();
            let mut socket = TcpStream::from_std(socket);
            if let Err(error) = self.poll.registry().register(&mut socket, Token(key), Interest::READABLE) {
                tracing::warn!(%error, "a stream could not be taken up");
                continue;
            }
            let stream = entry.insert(Stream { socket, place, next, rest: None, bye_at: self.hub.bye_at(), _connection: connection });
            self.hub.came();
            let wrote = match write(stream, key, &first, &self.poll) {
                Wrote::All => catch_up(&self.hub, stream, key, &self.poll),
                other => other,
            };
            if matches!(wrote, Wrote::Gone) {
                gone.push(key);
            }
        }
        self.remove(gone);
    }

    /// Goes on with the streams whose sockets can take more, and lets go of those whose readers have left.
    fn answer(&mut self) {
        let mut gone = Vec::new();
        for (key, writable) in std::mem::take(&mut self.asked) {
            let Some(stream) = self.streams.get_mut(key) else { continue };
            let left = !listens(&mut stream.socket);
            if left || (writable && matches!(go_on(&self.hub, stream, key, &self.poll), Wrote::Gone)) {
                gone.push(key);
            }
        }
        self.remove(gone);
    }

    /// Ends what is over: streams at their maximum age are asked to come back, readers that stand still are cut.
    fn sweep(&mut self) {
        let (now, patience) = (self.hub.millis(), self.hub.patience());
        // Whoever takes just enough not to stand still is asked to come back too, or cut.
        let late = now.saturating_sub(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        let mut gone = Vec::new();
        for (key, stream) in &mut self.streams {
            match &stream.rest {
                Some(rest) if rest.since.elapsed() >= patience || late >= stream.bye_at => {
                    // At once: the kernel would go on offering what is unsent for as long as it tolerates a silent peer.
                    let _ = SockRef::from(&stream.socket).set_linger(Some(Duration::ZERO));
                    self.hub.cut();
                    gone.push(key);
                }
                None if now >= stream.bye_at => {
                    say_bye(stream, &self.hub);
                    gone.push(key);
                }
                _ => {}
            }
        }
        self.remove(gone);
    }

    /// Says goodbye to everybody.
    fn end(&mut self) {
        while self.round < self.hub.round() {
            self.pass();
        }
        let last = self.reactor.inbox().take();
        self.take_up(last);
        for (_, stream) in &mut self.streams {
            if stream.rest.is_none() {
                say_bye(stream, &self.hub);
            }
        }
        let all = self.streams.iter().map(|(key, _)| key).collect();
        self.remove(all);
    }

    fn remove(&mut self, keys: Vec<usize>) {
        for key in keys {
            // Closing the socket takes it out of the epoll.
            if self.streams.try_remove(key).is_some() {
                self.hub.left();
            }
        }
    }
}

fn say_bye(stream: &mut Stream, hub: &Hub) {
    // A reader that does not take it sees the end of the stream, and comes back all the same.
    let _ = stream.socket.write(&hub.bye());
}

/// Writes frames to a stream that takes them next.
fn give(hub: &Hub, stream: &mut Stream, key: usize, batch: &Batch, poll: &Poll) -> Wrote {
    stream.next = batch.next;
    let wrote = write(stream, key, &batch.bytes, poll);
    if !matches!(wrote, Wrote::Gone) {
        hub.delivered(batch.frames);
        if batch.whole {
            hub.reset();
        }
    }
    wrote
}

/// Writes what the stream has yet to get.
fn catch_up(hub: &Hub, stream: &mut Stream, key: usize, poll: &Poll) -> Wrote {
    while let Some(batch) = hub.after(stream.place.view, stream.next) {
        match give(hub, stream, key, &batch, poll) {
            Wrote::All => {}
            other => return other,
        }
    }
    Wrote::All
}

/// Goes on after the socket was full.
fn go_on(hub: &Hub, stream: &mut Stream, key: usize, poll: &Poll) -> Wrote {
    let Some(mut rest) = stream.rest.take() else { return Wrote::All };
    match put(&mut stream.socket, &rest.bytes) {
        Ok(n) if n == rest.bytes.len() => {
            if poll.registry().reregister(&mut stream.socket, Token(key), Interest::READABLE).is_err() {
                return Wrote::Gone;
            }
            catch_up(hub, stream, key, poll)
        }
        Ok(n) => {
            rest.take(n);
            stream.rest = Some(rest);
            Wrote::Waits
        }
        Err(_) => Wrote::Gone,
    }
}

/// Writes to a socket that is not known to be full; what it does not take is kept, and waits for it.
fn write(stream: &mut Stream, key: usize, bytes: &Bytes, poll: &Poll) -> Wrote {
    if bytes.is_empty() {
        return Wrote::All;
    }
    match put(&mut stream.socket, bytes) {
        Ok(n) if n == bytes.len() => Wrote::All,
        Ok(n) => {
            stream.rest = Some(Rest::new(bytes.slice(n..)));
            match poll.registry().reregister(&mut stream.socket, Token(key), Interest::READABLE | Interest::WRITABLE) {
                Ok(()) => Wrote::Waits,
                Err(_) => Wrote::Gone,
            }
        }
        Err(_) => Wrote::Gone,
    }
}

/// How many of the bytes the socket takes without waiting.
fn put(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match socket.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the reader is still there. A little that it says after its request is passed over; one that talks on is no reader.
fn listens(socket: &mut TcpStream) -> bool {
    let mut said = [0; 1_024];
    for _ in 0..SAYS_MOST {
        match socket.read(&mut said) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    false
}
