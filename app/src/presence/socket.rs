//! The line that proves that a provider is there. It belongs to the frame, so any open page of the provider proves it.

use super::wire::{FromPage, FromServer};
use crate::ui::{
    bell::{Bell, pause_before},
    json::read,
    time::browser_now,
};
use domain::{
    presence::{Desk, Presence},
    time::{Millis, Timestamp},
};
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{MessageEvent, WebSocket};

/// How the line to the server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// None is wanted: not a provider's page, or not taken over yet.
    #[default]
    Off,
    /// It is being opened for the first time.
    Opening,
    /// It is open.
    Open,
    /// It is down since then, by the browser's clock.
    Lost(i64),
}

/// The provider's desk as this page knows it.
#[derive(Clone, Copy)]
pub struct DeskState {
    /// What is known.
    pub known: RwSignal<Known>,
    /// The server's clock, moving every second while the page is taken over; 0 before.
    pub now: RwSignal<i64>,
}

/// What a page knows of the desk.
#[derive(Clone, Default)]
pub struct Known {
    /// The desk, once it is known.
    pub desk: Option<Desk>,
    /// The line.
    pub line: Line,
    /// The last round trip, in milliseconds.
    pub rtt: Option<u32>,
    /// Whether this browser's sign-in has ended.
    pub signed_out: bool,
    /// The browser's clock subtracted from the server's.
    offset: i64,
    started: bool,
}

impl Default for DeskState {
    fn default() -> Self {
        DeskState::new()
    }
}

impl DeskState {
    /// A state that knows nothing yet.
    pub fn new() -> Self {
        DeskState { known: RwSignal::new(Known::default()), now: RwSignal::new(0) }
    }

    /// Takes in the desk as the server told it; what is older than what is known says nothing.
    pub fn learn(self, desk: Desk) {
        // The server renders from what it read; only a running page learns.
        if cfg!(not(feature = "ssr")) && self.known.read_untracked().desk.as_ref().is_none_or(|known| known.now <= desk.now) {
            self.now.set(desk.now.0);
            self.known.update(|known| {
                known.offset = desk.now.0.saturating_sub(browser_now());
                known.desk = Some(desk);
            });
        }
    }

    /// Takes in the desk that a form was answered with.
    pub fn learn_answer(self, json: &str) {
        if let Some(desk) = read(json) {
            self.learn(desk);
        }
    }

    /// The end of the wish, while the curtain is out.
    pub fn until(self) -> Option<Timestamp> {
        match self.known.read().desk.as_ref()?.presence {
            Presence::Online { until } => Some(until),
            _ => None,
        }
    }

    /// What is left of the wish, moving every second.
    pub fn left(self) -> Option<Millis> {
        self.until().map(|until| until.since(Timestamp(self.now.get())))
    }

    /// Opens the line and keeps it. Browser only; a second call changes nothing.
    pub fn start(self) {
        if self.known.read_untracked().started {
            return;
        }
        self.known.update(|known| {
            known.started = true;
            known.line = Line::Opening;
        });
        let tick = move || self.now.set(browser_now().saturating_add(self.known.read_untracked().offset));
        set_interval(tick, Duration::from_secs(1));
        let keeper = Rc::new(Keeper {
            state: self,
            bell: Bell::default(),
            socket: RefCell::default(),
            gone: Cell::default(),
            ended: Cell::default(),
        });
        // The handles are let go: these listeners live as long as the page.
        let leaving = Rc::clone(&keeper);
        let _ = window_event_listener_untyped("pagehide", move |_| {
            leaving.gone.set(true);
            leaving.say(FromPage::Leave {});
            leaving.hang_up();
        });
        for event in ["pageshow", "online", "visibilitychange"] {
            let back = Rc::clone(&keeper);
            let _ = window_event_listener_untyped(event, move |_| {
                if !document().hidden() {
                    back.gone.set(false);
                    back.bell.ring();
                }
            });
        }
        spawn_local(keeper.keep());
    }
}

/// Keeps one socket open.
struct Keeper {
    state: DeskState,
    /// Rung when the socket closes, and when there is a reason to try again at once.
    bell: Bell,
    socket: RefCell<Option<WebSocket>>,
    gone: Cell<bool>,
    /// Why not to come back: how long the server asked to wait, or nothing at all.
    ended: Cell<Option<Ended>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    SignedOut,
    Bye(u32),
}

impl Keeper {
    /// Opens, listens, and opens again, until the sign-in has ended.
    async fn keep(self: Rc<Self>) {
        let mut failures = 0;
        loop {
            let opened = self.connect_once().await;
            if opened {
                failures = 0;
            }
            self.state.known.update(|known| {
                known.rtt = None;
                if !matches!(known.line, Line::Lost(_)) {
                    known.line = Line::Lost(browser_now());
                }
            });
            let pause = match self.ended.take() {
                // A changed password ends the old sign-in and starts a new one: one more try tells which it was.
                Some(Ended::SignedOut) if opened => 500,
                Some(Ended::SignedOut) => {
                    self.state.known.set(Known { signed_out: true, started: true, ..Known::default() });
                    return;
                }
                Some(Ended::Bye(ms)) => ms,
                None => {
                    failures += 1;
                    pause_before(failures - 1)
                }
            };
            self.bell.wait_at_most(pause).await;
            while self.gone.get() {
                self.bell.wait().await;
            }
        }
    }

    /// One connection, from opening to closing; tells whether the server took it and said anything but good-bye.
    async fn connect_once(self: &Rc<Self>) -> bool {
        let place = location();
        let scheme = if place.protocol().as_deref() == Ok("https:") { "wss" } else { "ws" };
        let Ok(socket) = WebSocket::new(&format!("{scheme}://{}/live/desk", place.host().unwrap_or_default())) else { return false };
        let closed = Rc::new(Cell::new(false));
        let greeted = Rc::new(Cell::new(false));
        let on_message = {
            let (keeper, greeted) = (Rc::clone(self), Rc::clone(&greeted));
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(message) = event.data().as_string().and_then(|text| read(&text)) {
                    greeted.set(greeted.get() || !matches!(message, FromServer::SignedOut {} | FromServer::Bye { .. }));
                    keeper.hear(message);
                }
            })
        };
        let on_close = {
            let (keeper, closed) = (Rc::clone(self), Rc::clone(&closed));
            Closure::<dyn FnMut(web_sys::Event)>::new(move |_| {
                closed.set(true);
                keeper.bell.ring();
            })
        };
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        self.socket.replace(Some(socket));
        while !closed.get() {
            self.bell.wait().await;
        }
        if let Some(socket) = self.socket.take() {
            socket.set_onmessage(None);
            socket.set_onclose(None);
        }
        greeted.get()
    }

    fn hear(&self, message: FromServer) {
        match message {
            FromServer::Desk(desk) => {
                self.state.known.update(|known| known.line = Line::Open);
                self.state.learn(desk);
            }
            FromServer::Beat { n, rtt_ms, .. } => {
                self.say(FromPage::Beat { n });
                self.state.known.update(|known| {
                    known.line = Line::Open;
                    known.rtt = rtt_ms;
                });
            }
            FromServer::SignedOut {} => {
                self.ended.set(Some(Ended::SignedOut));
                self.hang_up();
            }
            FromServer::Bye { retry_ms } => {
                self.ended.set(Some(Ended::Bye(u32::try_from(retry_ms).unwrap_or(u32::MAX))));
                self.hang_up();
            }
        }
    }

    fn say(&self, message: FromPage) {
        if let Some(socket) = &*self.socket.borrow() {
            // On a socket that is just closing nothing can be said any more.
            let _ = socket.send_with_str(&message.json());
        }
    }

    fn hang_up(&self) {
        if let Some(socket) = &*self.socket.borrow() {
            // Closing what is closed already does no harm.
            let _ = socket.close();
        }
    }
}
