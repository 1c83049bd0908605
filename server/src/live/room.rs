//! `/live/consultations/{id}`: the socket of a page that looks at a consultation. The caller's carries the ring, both sides' carry the room.
//!
//! The room is rows: this socket reads on where its page stands, whoever wrote them, here or on another node. What is typed just now and how lines are
//! is a whisper: it goes past the database, and may be lost.

use super::socket::{LOOK, Line, Pace, Sink, close, millis, send, signed_in};
use crate::{
    http::{AppState, api::error_response, visitor::Token},
    ids,
    serve::Connection,
    store::{Entry, Store},
};
use app::{
    consultation::{
        port::Consultations,
        wire::{FromPage, FromServer, Quality},
    },
    context::{Me, Visitor},
    error::{AppError, PortError},
};
use axum::{
    Extension,
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use domain::{
    consultation::Op,
    id::{ConsultationId, LifeId, MessageKey, TabId},
    presence::Knobs,
    reject::Code,
    side::Side,
    text::MessageText,
};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{MissedTickBehavior, interval},
};

/// Largest message that a page may send, in bytes: a description of a session and its quotes.
const MESSAGE_MAX: usize = 64 * 1_024;
/// Messages that a page may send within some seconds: many candidates come at once, and nobody types so fast.
const MESSAGES_MAX: u32 = 200;

/// What one page tells the other of a room without writing it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whisper {
    room: ConsultationId,
    from: Side,
    is: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Typing,
    Line(Quality),
}

/// The whispers that pages of this node hear, and those that they say.
pub struct Whispers {
    heard: broadcast::Sender<Whisper>,
    /// For the bus, which tells the other nodes.
    pub out: broadcast::Sender<Whisper>,
}

impl Default for Whispers {
    fn default() -> Self {
        Whispers { heard: broadcast::Sender::new(256), out: broadcast::Sender::new(256) }
    }
}

impl Whispers {
    /// A side without a page of its own types.
    pub fn types(&self, room: ConsultationId, from: Side) {
        self.say(Whisper { room, from, is: Said::Typing });
    }

    fn say(&self, whisper: Whisper) {
        self.hear(whisper);
        // Without a bus nobody listens.
        let _ = self.out.send(whisper);
    }

    /// What was said on another node.
    pub fn hear(&self, whisper: Whisper) {
        // Nobody may be there to hear it.
        let _ = self.heard.send(whisper);
    }
}

/// How a page connects.
#[derive(Debug, Deserialize)]
pub struct Asked {
    tab: TabId,
    life: LifeId,
    /// `1`: continue here.
    #[serde(default)]
    take: u8,
    /// The last row that the page has.
    #[serde(default)]
    rows: u64,
    /// The last signal of the other side that the page has.
    #[serde(default)]
    signals: u64,
}

/// Opens the socket of a page of either side.
pub async fn socket(
    State(state): State<AppState>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    Extension(visitor): Extension<Visitor>,
    Extension(connection): Extension<Arc<Connection>>,
    token: Option<Extension<Token>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let refuse = |code: Code| error_response(&AppError::from(code));
    let (Some(me), Some(Extension(Token(token)))) = (visitor.me, token) else { return refuse(Code::SignInRequired) };
    let Ok(id) = id.parse::<ConsultationId>() else { return refuse(Code::NotFound) };
    let side = match state.store.side_of(&me, id).await {
        Ok(side) => side,
        Err(error) => {
            tracing::info!(consultation = %id, "a room was refused");
            return error_response(&error.into());
        }
    };
    let (Ok(Query(asked)), Ok(upgrade)) = (asked, upgrade) else { return refuse(Code::BadRequest) };
    upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX).read_buffer_size(4_096).on_upgrade(move |socket| {
        let life = state.life.clone();
        let page = Page { me, token, id, side, asked, socket: ids::uuid(), seated: false, outside: false, stale: false, state };
        life.tasks.track_future(async move {
            page.run(socket).await;
            drop(connection);
        })
    })
}

struct Page {
    me: Me,
    token: String,
    id: ConsultationId,
    side: Side,
    asked: Asked,
    /// This line of the page.
    socket: uuid::Uuid,
    /// Whether this page sits in the room.
    seated: bool,
    /// Whether another page of its side does.
    outside: bool,
    /// Whether something could not be read or done, and is to be tried again.
    stale: bool,
    state: AppState,
}

/// Whether a socket goes on.
enum Then {
    On,
    End,
    Close(u16),
}

impl Page {
    fn store(&self) -> &Store {
        &self.state.store
    }

    async fn run(mut self, socket: WebSocket) {
        let stopping = self.state.life.stop.clone();
        self.talk(socket).await;
        // A restart is no leaving: the page comes back to the seat that it has.
        if self.seated
            && !stopping.is_cancelled()
            && let Err(error) = self.store().leave(self.id, self.socket).await
        {
            tracing::warn!(?error, "a page could not leave its room");
        }
    }

    async fn talk(&mut self, socket: WebSocket) {
        let (mut sink, mut messages) = socket.split();
        let knobs: Knobs = *self.store().knobs();
        let (mut rooms, mut sign_outs) = (self.store().hints().rooms.subscribe(), self.store().hints().sign_outs.subscribe());
        let mut whispers = self.state.whispers.heard.subscribe();
        let (mut beats, mut looks) = (interval(millis(knobs.beat.0)), interval(LOOK));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut line, mut pace) = (Line::new(), Pace::new(MESSAGES_MAX));
        if !self.tell(&mut sink).await {
            return;
        }
        loop {
            let then = tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if !pace.allows() {
                            tracing::info!(consultation = %self.id, "a page of a room said too much");
                            Then::Close(close_code::POLICY)
                        } else {
                            match serde_json::from_str(&text) {
                                Ok(FromPage::Beat { n }) => {
                                    line.answered(n);
                                    Then::On
                                }
                                Ok(FromPage::Leave {}) => Then::End,
                                Ok(said) => self.hear(said, &mut sink).await,
                                Err(_) => {
                                    tracing::info!(consultation = %self.id, "a page of a room said what is no message");
                                    Then::Close(close_code::INVALID)
                                }
                            }
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Then::On,
                    Some(Ok(Message::Binary(_))) => Then::Close(close_code::UNSUPPORTED),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Then::End,
                },
                _ = beats.tick() => {
                    if signed_in(self.store(), &self.token).await {
                        line.ask();
                        on(send(&mut sink, &FromServer::Beat { n: line.beat }).await)
                    } else {
                        send(&mut sink, &FromServer::SignedOut {}).await;
                        Then::Close(close_code::POLICY)
                    }
                }
                _ = looks.tick() => {
                    let told = if std::mem::take(&mut self.stale) { self.tell(&mut sink).await } else { true };
                    on(told && line.silent() <= millis(knobs.silence.0))
                }
                changed = rooms.recv() => match changed {
                    Ok(room) if room != self.id => Then::On,
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        // However often it was hinted at, it is read once.
                        while rooms.try_recv().is_ok() {}
                        on(self.tell(&mut sink).await)
                    }
                    Err(RecvError::Closed) => Then::End,
                },
                ended = sign_outs.recv() => match ended {
                    Ok(sign_in) if sign_in != self.me.sign_in => Then::On,
                    _ if signed_in(self.store(), &self.token).await => Then::On,
                    _ => {
                        send(&mut sink, &FromServer::SignedOut {}).await;
                        Then::Close(close_code::POLICY)
                    }
                },
                whisper = whispers.recv() => match whisper {
                    Ok(Whisper { room, from, is }) if room == self.id && from != self.side => on(match is {
                        Said::Typing => send(&mut sink, &FromServer::Typing {}).await,
                        Said::Line(quality) => send(&mut sink, &FromServer::Line(quality)).await,
                    }),
                    _ => Then::On,
                },
                () = self.state.life.stop.cancelled() => {
                    send(&mut sink, &FromServer::Bye { retry_ms: ids::jitter(200, 1_500) }).await;
                    Then::Close(close_code::RESTART)
                }
            };
            match then {
                Then::On => {}
                Then::End => return,
                Then::Close(code) => return close(sink, code).await,
            }
        }
    }

    /// Tells what is new, and takes the seat once there is a room; whether it went out.
    async fn tell(&mut self, sink: &mut Sink) -> bool {
        loop {
            let Ok(news) = self.store().news(&self.me, self.id, self.asked.rows, self.asked.signals).await else {
                self.stale = true;
                return true;
            };
            let sits = self.seated && *news.state.lives.of(self.side) == Some(self.asked.life);
            if news.state.stage.is_open() && !sits && !self.outside {
                // Whoever had the seat and has it no more gave it to another page.
                let lost = std::mem::take(&mut self.seated);
                match if lost { Ok(false) } else { self.sit().await } {
                    Ok(true) => {
                        self.seated = true;
                        continue;
                    }
                    Ok(false) => {
                        self.outside = true;
                        if !send(sink, &FromServer::Elsewhere {}).await {
                            return false;
                        }
                    }
                    Err(PortError::Broken { .. }) => self.stale = true,
                    Err(PortError::Reject(reject)) if matches!(reject.code(), Code::Unavailable | Code::Overloaded) => self.stale = true,
                    // It is over by now: the change that ended it is told next.
                    Err(PortError::Reject(_)) => {}
                }
            }
            if let Some(row) = news.rows.last() {
                self.asked.rows = row.n;
            }
            if let Some(FromServer::Signal { n, .. }) = news.signals.last() {
                self.asked.signals = *n;
            }
            let rows = (!news.rows.is_empty()).then_some(FromServer::Rows(news.rows));
            for message in rows.into_iter().chain([FromServer::Room(news.state)]).chain(news.signals) {
                if !send(sink, &message).await {
                    return false;
                }
            }
            if !news.more {
                return true;
            }
        }
    }

    async fn sit(&self) -> Result<bool, PortError> {
        let Asked { tab, life, take, .. } = self.asked;
        self.store().enter(&self.me, self.id, Entry { tab, life, socket: self.socket, take: take == 1 }).await
    }

    async fn hear(&mut self, said: FromPage, sink: &mut Sink) -> Then {
        let (id, life, by) = (self.id, self.asked.life, self.side);
        let done: Result<(), PortError> = match said {
            FromPage::Say { key, text } => return on(self.say(key, &text, sink).await),
            FromPage::Signal { k, body } => {
                let passed = self.store().signal(&self.me, id, life, k, body).await;
                if passed.is_ok() && !send(sink, &FromServer::Got { k }).await {
                    return Then::End;
                }
                passed
            }
            FromPage::Proof { media } => match self.store().prove(&self.me, id, life, media).await {
                Err(PortError::Reject(reject)) if reject.code() == Code::Unavailable => {
                    // Looked at again and again, so that the page is told when it is over.
                    self.stale = true;
                    return on(send(sink, &FromServer::Unkept {}).await);
                }
                proved => proved,
            },
            FromPage::Marks { delivered, read } => self.store().mark(&self.me, id, delivered, read).await,
            FromPage::Medium { medium } => self.store().act(&self.me, id, Op::Medium { by, medium }).await,
            FromPage::Wait {} => self.store().act(&self.me, id, Op::Wait { by }).await,
            FromPage::Raise { cap } => self.store().act(&self.me, id, Op::Raise { cap }).await,
            FromPage::Typing {} => {
                self.state.whispers.types(id, by);
                Ok(())
            }
            FromPage::Line(quality) => {
                self.state.whispers.say(Whisper { room: id, from: by, is: Said::Line(quality) });
                Ok(())
            }
            FromPage::Beat { .. } | FromPage::Leave {} => Ok(()),
        };
        match done {
            Ok(()) => Then::On,
            Err(error) => on(send(sink, &FromServer::Refused { key: None, code: AppError::from(error).code }).await),
        }
    }

    async fn say(&self, key: MessageKey, text: &str, sink: &mut Sink) -> bool {
        let posted = match MessageText::parse(text) {
            Ok(text) => self.store().say(&self.me, self.id, key, text).await,
            Err(code) => Err(code.into()),
        };
        match posted {
            Ok(n) => send(sink, &FromServer::Posted { key, n }).await,
            Err(error) => send(sink, &FromServer::Refused { key: Some(key), code: AppError::from(error).code }).await,
        }
    }
}

const fn on(sent: bool) -> Then {
    if sent { Then::On } else { Then::End }
}
