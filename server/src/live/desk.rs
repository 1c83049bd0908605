//! `/live/desk`: the socket by which a page proves that its provider is there. Everything it says is a hint; what it proves is a row.

use super::socket::{LOOK, Line, Pace, Sink, close, millis, send, signed_in};
use crate::{
    config::Config,
    http::{AppState, api::error_response, visitor::Token},
    ids,
    lifecycle::Lifecycle,
    serve::Connection,
    store::Store,
};
use app::{
    consultation::port::Consultations,
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
        ws::{Message, WebSocket, close_code},
    },
    response::Response,
};
use domain::{
    consultation::Op,
    id::{AccountId, AttachmentId, ConsultationId, NodeId},
    presence::{Knobs, Leaving},
    reject::Code,
};
use futures::StreamExt;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::{MissedTickBehavior, interval},
};

/// Largest message that a page may send, in bytes.
const MESSAGE_MAX: usize = 4_096;

/// Messages that a page may send within some seconds: beats, rings that it confirms, what it is.
const MESSAGES_MAX: u32 = 60;

/// What a page was told of rings.
#[derive(Default)]
struct Told {
    /// The last one, or that there is none; nothing before the first time: the page may still show one that ended while its line was down.
    ring: Option<Option<ConsultationId>>,
    /// Whether it could not be read, and is to be read again.
    stale: bool,
}

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
        let (mut line, mut ring, mut pace) = (Line::new(), Told::default(), Pace::new(MESSAGES_MAX));
        let mut said = Leaving::Lost;
        if !self.show(&mut sink, &mut ring).await || !send(&mut sink, &FromServer::Measure(self.store.paths(&self.me))).await {
            return Leaving::Lost;
        }
        loop {
            let sent = tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(Message::Text(_))) if !pace.allows() => {
                        close(sink, close_code::POLICY).await;
                        return Leaving::Said;
                    }
                    Some(Ok(Message::Text(text))) => {
                        match serde_json::from_str(&text) {
                            Ok(FromPage::Beat { n }) => line.answered(n),
                            Ok(FromPage::Leave {}) => said = Leaving::Said,
                            // Only what rings here can be confirmed here.
                            Ok(FromPage::Reached { ring: id } | FromPage::Shown { ring: id }) if ring.ring != Some(Some(id)) => {}
                            Ok(FromPage::Reached { ring }) => self.confirm(ring, Op::Reached { device: self.me.sign_in }).await,
                            Ok(FromPage::Shown { ring }) => self.confirm(ring, Op::Shown { device: self.me.sign_in }).await,
                            Ok(FromPage::Environment(environment)) => {
                                if let Err(error) = self.store.set_environment(&self.me, &environment).await {
                                    tracing::warn!(?error, "an environment could not be kept");
                                }
                            }
                            Err(_) => {
                                close(sink, close_code::INVALID).await;
                                return Leaving::Said;
                            }
                        }
                        true
                    }
                    // Control frames are answered by the browser, not by the page: they prove nothing.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                    Some(Ok(Message::Binary(_))) => {
                        close(sink, close_code::UNSUPPORTED).await;
                        return Leaving::Said;
                    }
                    Some(Ok(Message::Close(_))) => return Leaving::Said,
                    Some(Err(_)) | None => return said,
                },
                _ = beats.tick() => {
                    if !signed_in(&self.store, &self.token).await {
                        return self.signed_out(sink).await;
                    }
                    line.ask();
                    send(&mut sink, &FromServer::Beat { n: line.beat, rtt_ms: line.rtt_ms, page }).await
                }
                _ = looks.tick() => {
                    if line.silent() > silence {
                        return said;
                    }
                    // What could not be read when it was hinted at is read now.
                    if std::mem::take(&mut ring.stale) { self.show(&mut sink, &mut ring).await } else { true }
                }
                changed = desks.recv() => match changed {
                    Ok(account) if account != self.me.id => true,
                    Ok(_) | Err(RecvError::Lagged(_)) => self.show(&mut sink, &mut ring).await,
                    Err(RecvError::Closed) => return Leaving::Lost,
                },
                ended = sign_outs.recv() => match ended {
                    Ok(sign_in) if sign_in != self.me.sign_in => true,
                    _ if signed_in(&self.store, &self.token).await => true,
                    _ => return self.signed_out(sink).await,
                },
                _ = burials.changed() => return Leaving::Lost,
                () = self.life.stop.cancelled() => {
                    // A restart is a line that breaks: the curtain stays out while the page comes back.
                    send(&mut sink, &FromServer::Bye { retry_ms: ids::jitter(200, 1_500) }).await;
                    close(sink, close_code::RESTART).await;
                    return Leaving::Lost;
                }
            };
            if !sent {
                return said;
            }
        }
    }

    /// Shows the desk, and the request that rings when it is another one than was told; whether it went out.
    async fn show(&self, sink: &mut Sink, told: &mut Told) -> bool {
        // The next look shows what cannot be read now.
        let Ok(desk) = self.store.desk(&self.me).await else {
            told.stale = true;
            return true;
        };
        if !send(sink, &FromServer::Desk(desk)).await {
            return false;
        }
        let Ok(ring) = self.store.ringing(&self.me).await else {
            told.stale = true;
            return true;
        };
        let id = ring.as_ref().map(|ring| ring.id);
        if told.ring.replace(id) == Some(id) { true } else { send(sink, &FromServer::Ring(ring.map(Box::new))).await }
    }

    /// Notes what a page says of a ring. One that is over by now needs no confirming.
    async fn confirm(&self, ring: ConsultationId, op: Op) {
        let _ = self.store.act(&self.me, ring, op).await;
    }

    async fn signed_out(&self, mut sink: Sink) -> Leaving {
        send(&mut sink, &FromServer::SignedOut {}).await;
        close(sink, close_code::POLICY).await;
        Leaving::Said
    }
}
