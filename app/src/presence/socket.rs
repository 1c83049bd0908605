//! The line that proves that a provider is there. It belongs to the frame, so any open page of the provider proves it.

use super::wire::{FromPage, FromServer};
use crate::{
    consultation::{api::Paths, terminal, wire::RingView},
    ui::{
        json::read,
        local::Local,
        socket::{Heard, Socket, Talk},
        time::browser_now,
    },
};
use domain::{
    presence::{Desk, Presence, Shown},
    time::{Millis, Timestamp},
};
use leptos::{prelude::*, task::spawn_local};
use std::{rc::Rc, time::Duration};

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
    /// The request that rings.
    pub ring: RwSignal<Option<RingView>>,
    socket: Local<Rc<Socket>>,
    paths: Local<Paths>,
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
        DeskState {
            known: RwSignal::new(Known::default()),
            now: RwSignal::new(0),
            ring: RwSignal::new(None),
            socket: Local::default(),
            paths: Local::default(),
        }
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
        self.socket.set(Socket::open(AtDesk(self)));
    }

    /// Finds out what this terminal is and can do: consumers are shown it before they ask.
    fn measure(self) {
        let Some(paths) = self.paths.with(|paths| paths.cloned()).flatten() else { return };
        spawn_local(async move {
            let tell = move |found| {
                // A line that broke meanwhile measures anew when it is back.
                self.say(&FromPage::Environment(found));
            };
            terminal::measure(&paths, tell).await;
        });
    }

    /// Says something to the server; whether there was a line to say it on.
    pub fn say(self, message: &FromPage) -> bool {
        let text = serde_json::to_string(message).unwrap_or_default();
        self.socket.with(|socket| socket.is_some_and(|socket| socket.say(&text))).unwrap_or(false)
    }
}

/// The line of a desk.
struct AtDesk(DeskState);

impl Talk for AtDesk {
    fn path(&self) -> String {
        "/live/desk".into()
    }

    fn hear(&self, socket: &Socket, text: &str) -> Heard {
        let known = self.0.known;
        match read(text) {
            Some(FromServer::Desk(desk)) => {
                let is_out = |desk: &Desk| desk.presence.shown() == Shown::Online;
                let was_out = known.read_untracked().desk.as_ref().is_none_or(is_out);
                known.update(|known| known.line = Line::Open);
                let goes_out = is_out(&desk) && !was_out;
                self.0.learn(desk);
                if goes_out {
                    self.0.measure();
                }
                Heard::Well
            }
            Some(FromServer::Measure(paths)) => {
                self.0.paths.set(paths);
                self.0.measure();
                Heard::Well
            }
            Some(FromServer::Ring(ring)) => {
                if let Some(ring) = &ring {
                    self.0.say(&FromPage::Reached { ring: ring.id });
                }
                self.0.ring.set(ring.map(|ring| *ring));
                Heard::Well
            }
            Some(FromServer::Beat { n, rtt_ms, .. }) => {
                socket.say(&beat(n));
                known.update(|known| {
                    known.line = Line::Open;
                    known.rtt = rtt_ms;
                });
                Heard::Well
            }
            Some(FromServer::SignedOut {}) => Heard::SignedOut,
            Some(FromServer::Bye { retry_ms }) => Heard::Bye(u32::try_from(retry_ms).unwrap_or(u32::MAX)),
            None => Heard::Nothing,
        }
    }

    fn lost(&self) {
        self.0.known.update(|known| {
            known.rtt = None;
            if !matches!(known.line, Line::Lost(_)) {
                known.line = Line::Lost(browser_now());
            }
        });
    }

    fn ended(&self) {
        self.0.known.set(Known { signed_out: true, started: true, ..Known::default() });
        self.0.ring.set(None);
    }

    fn farewell(&self) -> String {
        r#"{"leave":{}}"#.into()
    }
}

/// The answer to a beat, in the words that desks and rooms share.
pub fn beat(n: u64) -> String {
    format!(r#"{{"beat":{{"n":{n}}}}}"#)
}
