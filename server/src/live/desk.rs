//! `/live/desk`: the socket by which a page proves that its provider is there. Everything it says is a hint; what it proves is a row.

use crate::{
    config::Config,
    http::{AppState, api::error_response, visitor::Token},
    ids,
    lifecycle::Lifecycle,
    serve::Connection,
    store::Store,
};
use app::{
    context::{Me, Visitor},
    error::{AppError, PortError},
    presence::{
        port::Presences,
        wire::{FromPage, FromServer},
    },
};
use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    response::Response,
};
use domain::{
    id::{AccountId, AttachmentId, NodeId},
    presence::{Knobs, Leaving},
    reject::Code,
};
use futures::{SinkExt, StreamExt, stream::SplitSink};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::{MissedTickBehavior, interval},
};

/// Largest message that a page may send, in bytes.
const MESSAGE_MAX: usize = 4_096;
/// How often a socket looks whether its page has fallen silent.
const LOOK: Duration = Duration::from_millis(250);
/// How long a page that cannot be written to may block its socket.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// The desk sockets of this node.
pub struct Desks {
    node: NodeId,
    knobs: Knobs,
    pages_max: usize,
    pages: Mutex<HashMap<AccountId, usize>>,
    /// The attachments whose sockets are open, or about to be.
    held: Mutex<HashSet<AttachmentId>>,
    /// Counts how often this node was buried by others: what was attached before counts no more.
    burials: watch::Sender<u64>,
}

impl Desks {
    /// No sockets yet.
    pub fn new(node: NodeId, config: &Config) -> Self {
        Desks {
            node,
            knobs: config.presence,
            pages_max: config.http.desk_pages,
            pages: Mutex::default(),
            held: Mutex::default(),
            burials: watch::Sender::new(0),
        }
    }

    /// Drops every line, so that the pages attach anew: the node was believed dead and their rows are gone.
    pub fn attach_anew(&self) {
        self.burials.send_modify(|n| *n = n.saturating_add(1));
    }

    fn held(&self) -> MutexGuard<'_, HashSet<AttachmentId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Detaches what the store has for this node and no socket holds: a page whose end could not be written, or whose beginning was not answered.
    pub async fn tidy(&self, store: &Store) -> Result<(), PortError> {
        for id in store.attachments_of(self.node).await? {
            if !self.held().contains(&id) {
                store.detach(id, Leaving::Lost).await?;
            }
        }
        Ok(())
    }

    fn count(&self, account: AccountId, change: impl FnOnce(&mut usize) -> bool) -> bool {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = pages.entry(account).or_default();
        let done = change(entry);
        if *entry == 0 {
            pages.remove(&account);
        }
        done
    }
}

/// One of the pages that an account may have open.
struct Place(Arc<Desks>, AccountId);

impl Place {
    fn take(desks: &Arc<Desks>, account: AccountId) -> Option<Self> {
        let most = desks.pages_max;
        let free = desks.count(account, |pages| {
            let free = *pages < most;
            *pages += usize::from(free);
            free
        });
        free.then(|| Place(Arc::clone(desks), account))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count(self.1, |pages| {
            *pages = pages.saturating_sub(1);
            true
        });
    }
}

/// Opens the socket of a signed-in page.
pub async fn socket(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    Extension(connection): Extension<Arc<Connection>>,
    token: Option<Extension<Token>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let (Some(me), Some(Extension(Token(token)))) = (visitor.me.clone(), token) else {
        return error_response(&AppError::from(Code::SignInRequired));
    };
    let Ok(upgrade) = upgrade else { return error_response(&AppError::from(Code::BadRequest)) };
    let Some(place) = Place::take(&state.desks, me.id) else {
        return error_response(&AppError::from(Code::TooManyTries));
    };
    upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX).read_buffer_size(4_096).on_upgrade(move |socket| {
        let life = state.life.clone();
        let page = Page {
            me,
            token,
            device: visitor.device,
            store: state.store.clone(),
            desks: Arc::clone(&state.desks),
            life: state.life.clone(),
        };
        // Tracked, so that the end of the node waits until the row of this page is told what became of it.
        life.tasks.track_future(async move {
            page.run(socket).await;
            // Until here the socket takes a place at the desk, and its connection a seat.
            drop((place, connection));
        })
    })
}

struct Page {
    me: Me,
    token: String,
    device: String,
    store: Store,
    desks: Arc<Desks>,
    life: Lifecycle,
}

type Sink = SplitSink<WebSocket, Message>;

impl Page {
    async fn run(self, socket: WebSocket) {
        let burials = self.desks.burials.subscribe();
        let attachment: AttachmentId = ids::new();
        self.desks.held().insert(attachment);
        let leaving = match self.store.attach_as(attachment, self.me.id, self.desks.node, &self.device).await {
            Ok(_) => self.talk(socket, attachment, burials).await,
            Err(error) => {
                tracing::warn!(?error, "a page could not be attached");
                Leaving::Lost
            }
        };
        self.desks.held().remove(&attachment);
        if let Err(error) = self.store.detach(attachment, leaving).await {
            // The worker finds the row that nobody holds.
            tracing::warn!(?error, "a page could not be detached yet");
        }
    }

    /// Talks until the page leaves or is lost.
    async fn talk(&self, socket: WebSocket, page: AttachmentId, mut burials: watch::Receiver<u64>) -> Leaving {
        let (mut sink, mut messages) = socket.split();
        let hints = self.store.hints();
        let (mut desks, mut sign_outs) = (hints.desks.subscribe(), hints.sign_outs.subscribe());
        let (mut beats, mut looks) = (interval(millis(self.desks.knobs.beat.0)), interval(LOOK));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = millis(self.desks.knobs.silence.0);
        let mut line = Line { heard: Instant::now(), beat: 0, asked: Instant::now(), rtt_ms: None };
        let mut said = Leaving::Lost;
        if !self.show(&mut sink).await {
            return Leaving::Lost;
        }
        loop {
            let sent = tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        match serde_json::from_str(&text) {
                            Ok(FromPage::Beat { n }) => line.answered(n),
                            Ok(FromPage::Leave {}) => said = Leaving::Said,
                            Err(_) => return self.close(sink, close_code::INVALID, Leaving::Said).await,
                        }
                        true
                    }
                    // Control frames are answered by the browser, not by the page: they prove nothing.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                    Some(Ok(Message::Binary(_))) => return self.close(sink, close_code::UNSUPPORTED, Leaving::Said).await,
                    Some(Ok(Message::Close(_))) => return Leaving::Said,
                    Some(Err(_)) | None => return said,
                },
                _ = beats.tick() => {
                    if !self.signed_in().await {
                        return self.signed_out(sink).await;
                    }
                    line.ask();
                    send(&mut sink, &FromServer::Beat { n: line.beat, rtt_ms: line.rtt_ms, page }).await
                }
                _ = looks.tick() => {
                    if line.heard.elapsed() > silence {
                        return said;
                    }
                    true
                }
                changed = desks.recv() => match changed {
                    Ok(account) if account != self.me.id => true,
                    Ok(_) | Err(RecvError::Lagged(_)) => self.show(&mut sink).await,
                    Err(RecvError::Closed) => return Leaving::Lost,
                },
                ended = sign_outs.recv() => match ended {
                    Ok(sign_in) if sign_in != self.me.sign_in => true,
                    _ if self.signed_in().await => true,
                    _ => return self.signed_out(sink).await,
                },
                _ = burials.changed() => return Leaving::Lost,
                () = self.life.stop.cancelled() => {
                    // A restart is a line that breaks: the curtain stays out while the page comes back.
                    send(&mut sink, &FromServer::Bye { retry_ms: ids::jitter(200, 1_500) }).await;
                    return self.close(sink, close_code::RESTART, Leaving::Lost).await;
                }
            };
            if !sent {
                return said;
            }
        }
    }

    async fn show(&self, sink: &mut Sink) -> bool {
        match self.store.desk(&self.me).await {
            Ok(desk) => send(sink, &FromServer::Desk(desk)).await,
            // The next change or beat shows it again.
            Err(_) => true,
        }
    }

    /// Whether the sign-in still holds; a database that does not answer ends nobody's line.
    async fn signed_in(&self) -> bool {
        self.store.who(&self.token).await.map_or(true, |me| me.is_some())
    }

    async fn signed_out(&self, mut sink: Sink) -> Leaving {
        send(&mut sink, &FromServer::SignedOut {}).await;
        self.close(sink, close_code::POLICY, Leaving::Said).await
    }

    async fn close(&self, mut sink: Sink, code: u16, leaving: Leaving) -> Leaving {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = tokio::time::timeout(WRITE_MAX, sink.send(Message::Close(Some(frame)))).await;
        leaving
    }
}

/// What is known of a page's line.
struct Line {
    heard: Instant,
    beat: u64,
    asked: Instant,
    rtt_ms: Option<u32>,
}

impl Line {
    fn ask(&mut self) {
        self.beat = self.beat.saturating_add(1);
        self.asked = Instant::now();
    }

    /// Only the answer to the present beat proves that the page's own code runs now.
    fn answered(&mut self, n: u64) {
        if n == self.beat {
            self.heard = Instant::now();
            self.rtt_ms = u32::try_from(self.asked.elapsed().as_millis()).ok();
        }
    }
}

async fn send(sink: &mut Sink, message: &FromServer) -> bool {
    let text = serde_json::to_string(message).unwrap_or_default();
    matches!(tokio::time::timeout(WRITE_MAX, sink.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(1).max(1))
}
