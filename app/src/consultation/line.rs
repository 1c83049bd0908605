//! A page's line to its consultation: what it knows, what it says, and what it still has to say after a drop.

use super::{
    api::ConsultationView,
    wire::{FromPage, FromServer, Quality, RoomState},
};
use crate::{
    presence::socket::beat,
    ui::{
        json::read,
        local::Local,
        said::storage,
        socket::{Heard, Socket, Talk},
        time::browser_now,
    },
};
use domain::{
    id::{ConsultationId, LifeId, MessageKey, TabId},
    media::Medium,
    reject::Code,
    side::Side,
    timeline::{Event, Row},
};
use leptos::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

/// A message that the room does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The name under which it is sent, again after a drop.
    pub key: MessageKey,
    /// What was written.
    pub text: String,
    /// Why the room does not take it, if so.
    pub refused: Option<Code>,
}

/// A consultation as this page knows it.
#[derive(Clone, Copy)]
pub struct Known {
    /// How it stands.
    pub state: RwSignal<RoomState>,
    /// All rows.
    pub rows: RwSignal<Vec<Row>>,
    /// The own messages that are on their way.
    pub pending: RwSignal<Vec<Pending>>,
    /// Whether the line stands.
    pub open: RwSignal<bool>,
    /// Until when the other side counts as typing, by the server's clock.
    pub typing: RwSignal<i64>,
    /// How the other side finds what it receives.
    pub theirs: RwSignal<Option<Quality>>,
    /// Whether another page of this side sits in the room.
    pub elsewhere: RwSignal<bool>,
    /// Counts beats: they come when timers sleep, as in a tab that nobody looks at.
    pub beats: RwSignal<u32>,
    /// Whether this browser's sign-in has ended.
    pub signed_out: RwSignal<bool>,
    /// Why the last thing that was asked for here, other than a message, was refused.
    pub refused: RwSignal<Option<Code>>,
    /// Since when the server cannot note that this side is there, by its clock.
    pub unkept: RwSignal<Option<i64>>,
    /// For how long that may last until the time in between is billed no more: as far apart as proofs are joined.
    pub patience: i64,
    /// The server's clock, moving every second.
    pub now: RwSignal<i64>,
    line: Local<Rc<Line>>,
}

/// What a call is between: it begins anew when either page does, or when sound comes back after a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// This page.
    pub own: LifeId,
    /// The other one.
    pub other: LifeId,
    /// The row since which there is sound.
    pub since: u64,
}

/// What is told to the call.
pub trait OnSignal {
    /// A signal of the other page.
    fn signal(&self, pair: Pair, body: String);
}

struct Line {
    id: ConsultationId,
    side: Side,
    tab: TabId,
    life: Cell<LifeId>,
    take: Cell<bool>,
    known: Known,
    offset: Cell<i64>,
    signals: Cell<u64>,
    /// The own signals that were not taken yet, and the number of the last one.
    unsent: RefCell<VecDeque<(u64, String)>>,
    last_k: Cell<u64>,
    socket: RefCell<Option<Rc<Socket>>>,
    on_signal: RefCell<Option<Rc<dyn OnSignal>>>,
    marked: Cell<(u64, u64)>,
}

/// A new random id. Browser only.
pub(crate) fn random() -> uuid::Uuid {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a random number below 2^32")]
    let word = || (js_sys::Math::random() * 4_294_967_296.0) as u32;
    uuid::Builder::from_random_bytes(std::array::from_fn(|_| (word() >> 7) as u8)).into_uuid()
}

/// The name of this tab, which outlives reloads.
fn tab() -> TabId {
    let storage = storage();
    let kept = storage.as_ref().and_then(|s| s.get_item("tab").ok().flatten()).and_then(|text| text.parse().ok());
    kept.unwrap_or_else(|| {
        let new = TabId(random());
        if let Some(storage) = storage {
            // Without a store a reload is another tab, and asks before it goes on.
            let _ = storage.set_item("tab", &new.to_string());
        }
        new
    })
}

impl Known {
    /// What the page was rendered with.
    pub fn new(view: &ConsultationView) -> Self {
        Known {
            state: RwSignal::new(view.state.clone()),
            rows: RwSignal::new(view.rows.clone()),
            pending: RwSignal::new(Vec::new()),
            open: RwSignal::new(false),
            typing: RwSignal::new(0),
            theirs: RwSignal::new(None),
            elsewhere: RwSignal::new(false),
            beats: RwSignal::new(0),
            signed_out: RwSignal::new(false),
            refused: RwSignal::new(None),
            unkept: RwSignal::new(None),
            patience: view.join.0,
            now: RwSignal::new(view.state.now.0),
            line: Local::default(),
        }
    }

    /// Opens the line and keeps it. Browser only.
    pub fn start(self, view: &ConsultationView) {
        let line = Rc::new(Line {
            id: view.id,
            side: view.side,
            tab: tab(),
            life: Cell::new(LifeId(random())),
            take: Cell::new(false),
            known: self,
            offset: Cell::new(view.state.now.0.saturating_sub(browser_now())),
            signals: Cell::new(0),
            unsent: RefCell::default(),
            last_k: Cell::new(0),
            socket: RefCell::default(),
            on_signal: RefCell::default(),
            marked: Cell::new((0, 0)),
        });
        line.socket.replace(Some(Socket::open(AtRoom(Rc::clone(&line)))));
        let ticking = {
            let line = Rc::clone(&line);
            set_interval_with_handle(
                move || {
                    self.now.try_set(browser_now().saturating_add(line.offset.get()));
                },
                Duration::from_millis(500),
            )
        };
        self.line.set(line);
        on_cleanup(move || {
            if let Ok(ticking) = ticking {
                ticking.clear();
            }
            if let Some(line) = self.line.take()
                && let Some(socket) = line.socket.take()
            {
                socket.stop();
            }
        });
    }

    fn with<T>(self, of: impl FnOnce(&Rc<Line>) -> T) -> Option<T> {
        self.line.with(|line| line.map(of)).flatten()
    }

    /// Who is told the signals of the other page.
    pub fn on_signal(self, on_signal: Rc<dyn OnSignal>) {
        self.with(|line| line.on_signal.replace(Some(on_signal)));
    }

    /// Says something that need not be said again.
    pub fn tell(self, message: &FromPage) {
        self.with(|line| line.say(message));
    }

    /// Posts a message; it is sent again until the room has it.
    pub fn post(self, text: String) {
        let key = MessageKey(random());
        self.pending.update(|all| all.push(Pending { key, text: text.clone(), refused: None }));
        self.tell(&FromPage::Say { key, text });
    }

    /// Sends a signal to the other page of a pair; it is sent again until it is taken.
    pub fn signal(self, pair: Pair, signal: &str) {
        // Named after the call that it belongs to: what was meant for an earlier life of the other page means nothing to the next.
        let body = format!("{} {} {signal}", pair.other, pair.since);
        self.with(|line| {
            let k = line.last_k.get().saturating_add(1);
            line.last_k.set(k);
            line.unsent.borrow_mut().push_back((k, body.clone()));
            line.say(&FromPage::Signal { k, body });
        });
    }

    /// Takes the seat that another page has.
    pub fn continue_here(self) {
        self.with(|line| {
            line.take.set(true);
            self.elsewhere.set(false);
            line.anew();
        });
    }

    /// Comes into the room as a new page: both sides begin the call anew.
    pub fn rejoin(self) {
        self.with(|line| line.anew());
    }

    /// Tells how far this side has got.
    pub fn mark(self, seen: bool) {
        self.with(|line| {
            let head = self.rows.with_untracked(|rows| rows.last().map_or(0, |row| row.n));
            let (delivered, read) = line.marked.get();
            let now = (head.max(delivered), if seen { head } else { read });
            if now != (delivered, read) && self.open.get_untracked() && self.state.with_untracked(|state| state.stage.is_open()) {
                line.marked.set(now);
                line.say(&FromPage::Marks { delivered: now.0, read: now.1 });
            }
        });
    }

    /// The pages that a call is between; `None` while one is missing, or nothing is to be heard.
    pub fn pair(self, side: Side) -> Option<Pair> {
        let own = self.with(|line| line.life.get())?;
        let state = self.state.read();
        if !state.stage.is_open() || state.medium == Medium::Chat || *state.lives.of(side) != Some(own) {
            return None;
        }
        let other = (*state.lives.of(side.other()))?;
        Some(Pair { own, other, since: sounds_since(&self.rows.read()) })
    }
}

/// The row since which there is sound: the accept, or the last change from chat.
fn sounds_since(rows: &[Row]) -> u64 {
    let (mut since, mut silent) = (0, false);
    for row in rows {
        match &row.is {
            Event::Accepted { .. } => since = row.n,
            Event::Medium { medium: Medium::Chat, .. } => silent = true,
            Event::Medium { .. } if silent => (since, silent) = (row.n, false),
            _ => {}
        }
    }
    since
}

impl Line {
    fn say(&self, message: &FromPage) -> bool {
        let text = serde_json::to_string(message).unwrap_or_default();
        self.socket.borrow().as_ref().is_some_and(|socket| socket.say(&text))
    }

    /// Another life of this page.
    fn anew(&self) {
        self.life.set(LifeId(random()));
        self.unsent.borrow_mut().clear();
        self.last_k.set(0);
        if let Some(socket) = &*self.socket.borrow() {
            socket.renew();
        }
    }

    /// What was not taken before the line broke is said again.
    fn repeat(&self) {
        for (k, body) in self.unsent.borrow().iter() {
            self.say(&FromPage::Signal { k: *k, body: body.clone() });
        }
        for message in self.known.pending.get_untracked() {
            self.say(&FromPage::Say { key: message.key, text: message.text });
        }
    }

    fn learn(&self, state: RoomState) {
        let known = self.known;
        self.offset.set(state.now.0.saturating_sub(browser_now()));
        known.now.set(state.now.0);
        let resumed = {
            let before = known.state.read_untracked();
            before.stage != state.stage && state.stage == domain::consultation::Stage::Live
        };
        known.state.set(state);
        if resumed {
            // Messages are not taken while a chat is interrupted.
            self.repeat();
        }
    }

    fn rows(&self, new: Vec<Row>) {
        let known = self.known;
        let own = self.side;
        let posted: Vec<MessageKey> =
            new.iter().filter_map(|row| if let Event::Message(m) = &row.is { (m.by == own).then_some(m.key) } else { None }).collect();
        if !posted.is_empty() {
            known.pending.update(|all| all.retain(|message| !posted.contains(&message.key)));
        }
        if new.iter().any(|row| matches!(&row.is, Event::Message(m) if m.by != own)) {
            known.typing.set(0);
        }
        known.rows.update(|rows| {
            let last = rows.last().map_or(0, |row| row.n);
            rows.extend(new.into_iter().filter(|row| row.n > last));
        });
    }
}

/// The line of a room.
struct AtRoom(Rc<Line>);

impl Talk for AtRoom {
    fn path(&self) -> String {
        let line = &self.0;
        let rows = line.known.rows.with_untracked(|rows| rows.last().map_or(0, |row| row.n));
        format!(
            "/live/consultations/{}?tab={}&life={}&take={}&rows={rows}&signals={}",
            line.id,
            line.tab,
            line.life.get(),
            u8::from(line.take.get()),
            line.signals.get()
        )
    }

    fn hear(&self, socket: &Socket, text: &str) -> Heard {
        let (line, known) = (&self.0, self.0.known);
        let Some(message) = read::<FromServer>(text) else { return Heard::Nothing };
        match message {
            FromServer::Room(state) => {
                if *state.lives.of(line.side) == Some(line.life.get()) {
                    known.elsewhere.set(false);
                }
                line.learn(state);
                // What could not be kept meanwhile is said again.
                if known.unkept.get_untracked().is_some() {
                    known.unkept.set(None);
                    line.repeat();
                }
                if !known.open.get_untracked() {
                    known.open.set(true);
                    line.marked.set((0, 0));
                    line.take.set(false);
                    line.repeat();
                }
            }
            FromServer::Rows(rows) => line.rows(rows),
            FromServer::Posted { key, .. } => known.pending.update(|all| all.retain(|message| message.key != key)),
            // While it is interrupted, or nothing can be kept, a message waits; what is wrong with it for good is told beside it.
            FromServer::Refused { key: Some(key), code } if !matches!(code, Code::Interrupted | Code::Unavailable) => {
                known.pending.update(|all| {
                    all.iter_mut().filter(|message| message.key == key).for_each(|message| message.refused = Some(code));
                })
            }
            FromServer::Unkept {} => known.unkept.update(|since| {
                since.get_or_insert(known.now.get_untracked());
            }),
            FromServer::Refused { key: None, code } => known.refused.set(Some(code)),
            FromServer::Refused { .. } => {}
            FromServer::Signal { n, life, body } => {
                line.signals.set(line.signals.get().max(n));
                let pair = known.pair(line.side).filter(|pair| pair.other == life);
                let mut parts = body.splitn(3, ' ');
                let (to, since) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                if let (Some(pair), Some(signal), Some(on_signal)) = (pair, parts.next(), line.on_signal.borrow().clone())
                    && to == pair.own.to_string()
                    && since == pair.since.to_string()
                {
                    on_signal.signal(pair, signal.to_owned());
                }
            }
            FromServer::Got { k } => line.unsent.borrow_mut().retain(|(unsent, _)| *unsent != k),
            FromServer::Typing {} => known.typing.set(browser_now().saturating_add(line.offset.get()).saturating_add(4_000)),
            FromServer::Line(quality) => known.theirs.set(Some(quality)),
            FromServer::Elsewhere {} => known.elsewhere.set(true),
            FromServer::Beat { n } => {
                socket.say(&beat(n));
                known.beats.update(|beats| *beats = beats.wrapping_add(1));
            }
            FromServer::SignedOut {} => return Heard::SignedOut,
            FromServer::Bye { retry_ms } => return Heard::Bye(u32::try_from(retry_ms).unwrap_or(u32::MAX)),
        }
        Heard::Well
    }

    fn lost(&self) {
        self.0.known.open.try_set(false);
    }

    fn ended(&self) {
        self.0.known.signed_out.try_set(true);
    }

    fn farewell(&self) -> String {
        r#"{"leave":{}}"#.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Timestamp;

    #[test]
    fn a_call_begins_with_the_accept_and_after_each_chat() {
        let by = Side::Consumer;
        let rows = |events: Vec<Event>| -> Vec<Row> { (1..).zip(events).map(|(n, is)| Row { n, at: Timestamp(0), is }).collect() };
        let change = |medium| Event::Medium { by, medium };
        let accepted = || Event::Accepted { until: Timestamp(1) };
        assert_eq!(sounds_since(&rows(vec![Event::Shown, accepted()])), 2);
        assert_eq!(sounds_since(&rows(vec![accepted(), change(Medium::Voice), change(Medium::Video)])), 1);
        assert_eq!(sounds_since(&rows(vec![accepted(), change(Medium::Chat), change(Medium::Chat), change(Medium::Voice)])), 4);
    }
}
