//! The serve loop: axum's own has no settings, so this one is ours, on hyper-util.
//!
//! Accepting runs on a thread of its own, so that a storm of work cannot starve it. A connection can be handed on: when its answer is out, the
//! socket goes over to somebody else instead of being closed.

use crate::{http::Service, lifecycle::Lifecycle};
use hyper::{server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SocketFlags, acceptfrom_with},
};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::{
    io::{self, IoSlice, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    sync::mpsc,
};

/// Waiting connections that the kernel holds for us; 10,000 watchers that come at once need more than the usual 1,024.
const BACKLOG: i32 = 4_096;
/// Connections that are accepted before those before them are begun.
const BATCH: usize = 128;
/// Open files that are not connections: database, log, listener, assets.
const RESERVED_FILES: u64 = 256;
/// Bytes that are kept for a reader who is behind: by the kernel beyond what is on its way, and in one piece here.
pub const UNSENT_MAX: usize = 16 * 1_024;
/// What a connection is told when there are too many.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Takes a socket over, with its connection.
type Onward = Box<dyn FnOnce(TcpStream, Arc<Connection>) + Send>;

/// An open connection; handlers find it in the extensions of its requests.
pub struct Connection {
    /// The other end of the socket.
    pub peer: SocketAddr,
    onward: Mutex<Option<Onward>>,
    /// Held as long as anybody holds the connection: a socket that was upgraded or handed on outlives the serving of its request.
    _seat: Seat,
}

impl Connection {
    /// Has the socket go to `onward` at the end of the answer, which has to be one that ends with its connection.
    pub fn hand_on(&self, onward: Onward) {
        *self.onward() = Some(onward);
    }

    fn onward(&self) -> std::sync::MutexGuard<'_, Option<Onward>> {
        self.onward.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket of a connection, as hyper has it.
struct Wire {
    /// `None` when it was handed on.
    socket: Option<tokio::net::TcpStream>,
    connection: Arc<Connection>,
}

impl Wire {
    fn poll<T>(&mut self, poll: impl FnOnce(Pin<&mut tokio::net::TcpStream>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &mut self.socket {
            Some(socket) => poll(Pin::new(socket)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(|socket| socket.poll_read(context, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(|socket| socket.poll_write(context, bytes))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll(|socket| socket.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|socket| socket.poll_flush(context))
    }

    /// hyper comes here when everything was written.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(onward) = self.connection.onward().take() else { return self.poll(|socket| socket.poll_shutdown(context)) };
        if let Some(socket) = self.socket.take() {
            onward(socket.into_std()?, Arc::clone(&self.connection));
        }
        Poll::Ready(Ok(()))
    }
}

/// The settings of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most open connections; 0 takes what the limit on open files leaves.
    pub connections: usize,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
}

/// Opens the listening socket.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // Accepted sockets inherit what follows, so that a storm of them costs no calls for it.
    socket.set_tcp_nodelay(true)?;
    // A peer that vanished shows up within about 30 s, also when nothing is being sent.
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5)).with_retries(3))?;
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    // A reader that stands still shows after so many bytes, instead of after the megabytes that the kernel would take for it.
    socket.set_tcp_notsent_lowat(u32::try_from(UNSENT_MAX).unwrap_or(u32::MAX))?;
    // Connections are taken until there are none left, see `serve`.
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// How many connections the limit on open files allows, after raising it as far as it goes.
fn affordable() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    usize::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(usize::MAX).max(16)
}

/// Serves until the node ends. Returns when accepting has stopped; open connections are in `life.tasks`.
///
/// Connections are accepted in batches and begun by one task, so that a storm costs one change of threads a batch and not two a connection.
pub fn serve(listener: TcpListener, service: Service, settings: Settings, life: Lifecycle) -> io::Result<std::thread::JoinHandle<()>> {
    let most = if settings.connections == 0 { affordable() } else { settings.connections.min(affordable()) };
    let open = Arc::new(AtomicUsize::new(0));
    let (batches, begun) = mpsc::unbounded_channel();
    tokio::spawn(begin(begun, service, settings, life.clone()));
    std::thread::Builder::new().name("accept".into()).spawn(move || {
        while !life.stopping() {
            match accept(&listener, most, &open) {
                Ok(batch) if batch.is_empty() => wait(&listener),
                Ok(batch) => {
                    // The task ends after this thread only.
                    let _ = batches.send(batch);
                }
                Err(error) => {
                    // Out of files or memory: wait for some to come back instead of spinning.
                    tracing::warn!(%error, "accept");
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
    })
}

/// Connections that were accepted and are not served yet.
type Batch = Vec<(TcpStream, Arc<Connection>)>;

/// Waits until somebody connects; comes back now and then, so that the thread sees the end of the node.
fn wait(listener: &TcpListener) {
    let soon = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    // An interrupted wait is one that was short.
    let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&soon));
}

/// Takes those who wait, at most a batch of them.
fn accept(listener: &TcpListener, most: usize, open: &Arc<AtomicUsize>) -> io::Result<Batch> {
    let mut batch = Batch::new();
    while batch.len() < BATCH {
        match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((socket, peer)) => {
                let stream = TcpStream::from(socket);
                let Some(peer) = peer.and_then(|peer| SocketAddr::try_from(peer).ok()) else { continue };
                if open.load(Ordering::Relaxed) >= most {
                    refuse(stream);
                    continue;
                }
                batch.push((stream, Arc::new(Connection { peer, onward: Mutex::default(), _seat: Seat::take(open) })));
            }
            Err(Errno::AGAIN) => break,
            // The other side has given up already.
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(_) if !batch.is_empty() => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(batch)
}

/// Begins to serve what was accepted.
async fn begin(mut batches: mpsc::UnboundedReceiver<Batch>, service: Service, settings: Settings, life: Lifecycle) {
    while let Some(batch) = batches.recv().await {
        for (stream, connection) in batch {
            life.tasks.spawn(run(stream, connection, service.clone(), settings, life.clone()));
        }
    }
}

/// One of the connections that may be open.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Seat(Arc::clone(open))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn refuse(mut stream: TcpStream) {
    // The answer fits the socket's buffer; whoever does not read it loses it.
    let _ = stream.write_all(FULL);
    let _ = stream.shutdown(Shutdown::Write);
}

/// Ends a connection whose request offered an upgrade that nobody took: hyper keeps the socket for the upgrade then, instead of ending it.
pub async fn end_upgrade(upgrade: OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        // Its error is the connection's end as well.
        let _ = TokioIo::new(upgraded).shutdown().await;
    }
}

async fn run(stream: TcpStream, connection: Arc<Connection>, service: Service, settings: Settings, life: Lifecycle) {
    let Ok(socket) = tokio::net::TcpStream::from_std(stream) else { return };
    let wire = Wire { socket: Some(socket), connection: Arc::clone(&connection) };
    let service = service_fn(move |request| service.call(request, Arc::clone(&connection)));
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.head_timeout)
            .max_headers(64)
            .max_buf_size(16 * 1_024)
            .serve_connection(TokioIo::new(wire), service)
            .with_upgrades()
    );
    tokio::select! {
        result = serving.as_mut() => return trace(result),
        () = life.stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    trace(serving.await);
}

fn trace(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection");
    }
}
