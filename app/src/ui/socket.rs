//! A WebSocket that is kept open: it comes back by itself, soon at first, at once when the browser finds the line again, and not at all when the server
//! says so.

use super::{
    bell::{Bell, pause_before},
    post::fetched,
};
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{MessageEvent, WebSocket};

/// Where the server answers everybody.
const ALIVE: &str = "/healthz";

/// What a message means for the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The server took this page.
    Well,
    /// Nothing that could be understood.
    Nothing,
    /// Come back after so many milliseconds.
    Bye(u32),
    /// The sign-in ended: one more try tells whether there is another.
    SignedOut,
}

/// What a line is for.
pub trait Talk {
    /// Where it connects to, on this site: `/live/desk`.
    fn path(&self) -> String;
    /// Hears a message.
    fn hear(&self, socket: &Socket, text: &str) -> Heard;
    /// The line is down.
    fn lost(&self);
    /// The line will not come back: the sign-in has ended.
    fn ended(&self);
    /// What is said when the page goes.
    fn farewell(&self) -> String;
}

/// A line that is kept.
pub struct Socket {
    talk: Box<dyn Talk>,
    /// Rung when the socket closes, and when there is a reason to try again at once.
    bell: Bell,
    socket: RefCell<Option<WebSocket>>,
    /// Whether the page is hidden for good, or until it is shown again.
    gone: Cell<bool>,
    stopped: Cell<bool>,
    /// Why not to come back at once.
    parting: Cell<Option<Heard>>,
    /// Whether the line in use is given up: it may be too dead to close.
    abandoned: Cell<bool>,
}

impl Socket {
    /// Opens a line and keeps it. Browser only.
    pub fn open(talk: impl Talk + 'static) -> Rc<Self> {
        let kept = Rc::new(Socket {
            talk: Box::new(talk),
            bell: Bell::default(),
            socket: RefCell::default(),
            gone: Cell::default(),
            stopped: Cell::default(),
            parting: Cell::default(),
            abandoned: Cell::default(),
        });
        // The handles are let go: these listeners live as long as the page, and do nothing once the line is stopped.
        let leaving = Rc::clone(&kept);
        let _ = window_event_listener_untyped("pagehide", move |_| {
            leaving.gone.set(true);
            leaving.say(&leaving.talk.farewell());
            leaving.hang_up();
        });
        for event in ["pageshow", "online", "visibilitychange"] {
            let back = Rc::clone(&kept);
            let _ = window_event_listener_untyped(event, move |_| {
                if !document().hidden() {
                    back.gone.set(false);
                    back.bell.ring();
                }
            });
        }
        spawn_local(Rc::clone(&kept).keep());
        kept
    }

    /// Says something; whether there was a line to say it on.
    pub fn say(&self, text: &str) -> bool {
        // On a socket that is just opening or closing nothing can be said.
        self.socket.borrow().as_ref().is_some_and(|socket| socket.ready_state() == WebSocket::OPEN && socket.send_with_str(text).is_ok())
    }

    /// Breaks the line, so that it is made anew.
    pub fn renew(&self) {
        self.parting.set(Some(Heard::Bye(0)));
        self.hang_up();
        self.abandoned.set(true);
        self.bell.ring();
    }

    /// Says farewell and comes back no more.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.say(&self.talk.farewell());
        self.hang_up();
        self.bell.ring();
    }

    /// Opens, listens, and opens again.
    async fn keep(self: Rc<Self>) {
        let (mut failures, mut signed_out) = (0, false);
        while !self.stopped.get() {
            let opened = self.connect_once().await;
            if self.stopped.get() {
                return;
            }
            if opened {
                failures = 0;
            }
            self.talk.lost();
            let parting = self.parting.take();
            // A changed password ends the old sign-in and starts a new one: one more try tells which it was. Whoever is signed out is refused by a
            // server that answers all others.
            if signed_out && !opened && fetched(ALIVE).await.is_some() {
                return self.talk.ended();
            }
            signed_out = parting == Some(Heard::SignedOut) || (signed_out && !opened);
            let pause = match parting {
                Some(Heard::SignedOut) => 500,
                Some(Heard::Bye(ms)) => ms,
                _ => {
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
        let Ok(socket) = WebSocket::new(&format!("{scheme}://{}{}", place.host().unwrap_or_default(), self.talk.path())) else {
            return false;
        };
        let closed = Rc::new(Cell::new(false));
        let greeted = Rc::new(Cell::new(false));
        let on_message = {
            let (kept, greeted) = (Rc::clone(self), Rc::clone(&greeted));
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let Some(text) = event.data().as_string() else { return };
                match kept.talk.hear(&kept, &text) {
                    Heard::Well => greeted.set(true),
                    Heard::Nothing => {}
                    parting => {
                        kept.parting.set(Some(parting));
                        kept.hang_up();
                    }
                }
            })
        };
        let on_close = {
            let (kept, closed) = (Rc::clone(self), Rc::clone(&closed));
            Closure::<dyn FnMut(web_sys::Event)>::new(move |_| {
                closed.set(true);
                kept.bell.ring();
            })
        };
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        self.socket.replace(Some(socket));
        self.abandoned.set(false);
        while !closed.get() && !self.stopped.get() && !self.abandoned.get() {
            self.bell.wait().await;
        }
        if let Some(socket) = self.socket.take() {
            socket.set_onmessage(None);
            socket.set_onclose(None);
        }
        greeted.get()
    }

    fn hang_up(&self) {
        if let Some(socket) = &*self.socket.borrow() {
            // Closing what is closed already does no harm.
            let _ = socket.close();
        }
    }
}
