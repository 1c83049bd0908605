//! The line on which the board's changes come. A page has one at most, whoever follows it.

use crate::ui::{
    bell::{Bell, jittered, pause_before},
    json::read,
    time::browser_now,
};
use domain::{
    feed::{Board, Bye, Change, Cursor, Hello},
    scope::Scope,
};
use futures::Stream;
use gloo_net::eventsource::{
    State,
    futures::{EventSource, EventSourceSubscription},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::Poll,
};
use web_sys::MessageEvent;

/// The events, in the order in which those that are ready together are read: gloo-net gives each name a queue of its own.
const EVENTS: [&str; 5] = ["hello", "board", "change", "beat", "bye"];
/// How often the line is looked after.
const TICK_MS: u32 = 2_500;
/// Silence after which the line counts as broken: two beats of 20 s and some patience.
const SILENCE_MS: i64 = 50_000;
/// How long a line may be down before the page says so.
const LATE_MS: i64 = 5_000;
/// How long a page may be hidden before it gives the line up.
const HIDDEN_MS: u32 = 60_000;

/// What comes over the line.
pub enum News {
    /// A stream has begun, maybe of another server, which does not know what this page showed before.
    Begun,
    /// Everything, anew, at this position.
    Board(Cursor, Board),
    /// What changed.
    Change(Change),
}

/// Whether the news connected to what was known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It did, or was known already.
    Fine,
    /// Something between was lost.
    Gap,
}

/// Who follows the board: a list, or the cards of a page.
pub trait Watch {
    /// What it follows and the own position, while the page is there.
    fn stands(&self) -> Option<(Scope, Cursor)>;
    /// Takes news in.
    fn hear(&self, news: News) -> Heard;
}

#[derive(Default)]
struct Line {
    watch: RefCell<Option<Rc<dyn Watch>>>,
    hidden: Cell<bool>,
    gone: Cell<bool>,
    bell: Bell,
}

thread_local! {
    /// The one line of this page. A browser runs a page in one thread; the server never touches it.
    static LINE: Rc<Line> = Rc::default();
}

/// The handle to the line, in the context of every page.
#[derive(Clone, Copy)]
pub struct Feed {
    /// Whether the line is down for so long that the page says so.
    pub late: RwSignal<bool>,
    /// Whether the server cannot reach its database, so that what is shown may be old.
    pub stale: RwSignal<bool>,
}

impl Feed {
    /// A handle; nothing is opened yet. `stale` as it was when the page was rendered.
    pub fn new(stale: bool) -> Self {
        Feed { late: RwSignal::new(false), stale: RwSignal::new(stale) }
    }

    /// Starts the task that keeps the line. Browser only, once.
    pub fn start(self) {
        let line = LINE.with(Rc::clone);
        spawn_local(keep(Rc::clone(&line), self));
        let shut = Rc::clone(&line);
        // The handles are let go: these listeners live as long as the page.
        let _ = window_event_listener_untyped("pagehide", move |_| {
            shut.gone.set(true);
            shut.bell.ring();
        });
        let open = Rc::clone(&line);
        let _ = window_event_listener_untyped("pageshow", move |_| {
            if open.gone.take() {
                open.bell.ring();
            }
        });
        let _ = window_event_listener_untyped("visibilitychange", move |_| {
            if !document().hidden() {
                if line.hidden.take() {
                    line.bell.ring();
                }
                return;
            }
            let line = Rc::clone(&line);
            spawn_local(async move {
                TimeoutFuture::new(HIDDEN_MS).await;
                if document().hidden() {
                    line.hidden.set(true);
                    line.bell.ring();
                }
            });
        });
    }

    /// Follows the board from the watch's position on, in place of whoever followed before. Browser only.
    pub fn follow(self, watch: Rc<dyn Watch>) {
        LINE.with(|line| {
            line.watch.replace(Some(watch));
            line.bell.ring();
        });
    }

    /// Stops following. Browser only.
    pub fn leave(self) {
        LINE.with(|line| {
            line.watch.take();
            line.bell.ring();
        });
        self.late.try_set(false);
    }

    /// Opens the line anew from the watch's position. Browser only.
    pub fn reopen(self) {
        LINE.with(|line| line.bell.ring());
    }
}

/// Why listening ended.
enum End {
    /// The bell rang: another watch, or none, or the page is hidden.
    Rung,
    /// Something was lost on the way.
    Gap,
    /// The server asked to come back after so many milliseconds.
    Bye(u64),
    /// The line broke or fell silent; whether anything had been heard on it.
    Lost { heard: bool },
}

/// Keeps the line while somebody watches and the page is seen.
async fn keep(line: Rc<Line>, feed: Feed) {
    let late = feed.late;
    let mut failures = 0;
    let mut down_since: Option<i64> = None;
    loop {
        let watch = if line.hidden.get() || line.gone.get() { None } else { line.watch.borrow().clone() };
        let Some((watch, (scope, cursor))) = watch.and_then(|w| w.stands().map(|at| (w, at))) else {
            down_since = None;
            late.set(false);
            line.bell.wait().await;
            continue;
        };
        let end = listen(&line, watch.as_ref(), &scope, cursor, feed, &mut down_since).await;
        let pause = match end {
            End::Rung => continue,
            End::Bye(ms) => u32::try_from(ms).unwrap_or(u32::MAX),
            End::Gap => jittered(300),
            End::Lost { heard } => {
                failures = if heard { 0 } else { failures + 1 };
                pause_before(failures)
            }
        };
        let since = *down_since.get_or_insert_with(browser_now);
        line.bell.wait_at_most(pause).await;
        if browser_now() - since > LATE_MS {
            late.set(true);
        }
    }
}

/// What woke the listener.
enum Woken {
    Rung,
    Tick,
    Closed,
    Events(Vec<(usize, MessageEvent)>),
}

/// One connection. All named events are taken in one loop that waits for nothing else.
async fn listen(line: &Line, watch: &dyn Watch, scope: &Scope, cursor: Cursor, feed: Feed, down_since: &mut Option<i64>) -> End {
    let late = feed.late;
    // The connection closes when `source` is dropped, so it is never cloned.
    let Ok(mut source) = EventSource::new(&format!("/live/choices?since={cursor}&{}", scope.query_string())) else {
        return End::Lost { heard: false };
    };
    let Ok(mut queues) = EVENTS.iter().map(|name| source.subscribe(*name)).collect::<Result<Vec<EventSourceSubscription>, _>>() else {
        return End::Lost { heard: false };
    };
    let opened = browser_now();
    let (mut last, mut heard, mut epoch) = (opened, false, cursor.epoch);
    let mut tick = pin!(TimeoutFuture::new(TICK_MS));
    loop {
        let woken = poll_fn(|cx| {
            // First of all: what is still in the queues may be of another filter than what is shown now.
            if line.bell.poll(cx).is_ready() {
                return Poll::Ready(Woken::Rung);
            }
            let mut events = Vec::new();
            for (kind, queue) in queues.iter_mut().enumerate() {
                while let Poll::Ready(item) = Pin::new(&mut *queue).poll_next(cx) {
                    match item {
                        Some(Ok((_, event))) => events.push((kind, event)),
                        Some(Err(_)) | None if events.is_empty() => return Poll::Ready(Woken::Closed),
                        Some(Err(_)) | None => break,
                    }
                }
            }
            if events.is_empty() { tick.as_mut().poll(cx).map(|()| Woken::Tick) } else { Poll::Ready(Woken::Events(events)) }
        })
        .await;
        match woken {
            Woken::Rung => return End::Rung,
            Woken::Closed => return End::Lost { heard },
            Woken::Tick => {
                tick.set(TimeoutFuture::new(TICK_MS));
                let now = browser_now();
                // While the browser tries again by itself the queues say nothing; its tries use an old position and no jitter, so ours take over.
                if now - last > SILENCE_MS || (source.state() != State::Open && now - last > LATE_MS) {
                    return End::Lost { heard };
                }
                if !heard && now - *down_since.get_or_insert(opened) > LATE_MS {
                    late.set(true);
                }
            }
            Woken::Events(events) => {
                last = browser_now();
                for (kind, event) in events {
                    let data = event.data().as_string().unwrap_or_default();
                    let outcome = match kind {
                        0 => parse::<Hello>(&data).map(|hello| {
                            epoch = hello.epoch;
                            // If it is so still, that is said right behind.
                            feed.stale.set(false);
                            watch.hear(News::Begun)
                        }),
                        1 => parse::<Board>(&data).map(|board| watch.hear(News::Board(Cursor { epoch, seq: board.seq }, board))),
                        // What has cards and no counts is not ours.
                        2 | 3 => parse::<Change>(&data).filter(|change| !change.is_beat() || change.cards.is_empty()).map(|change| {
                            feed.stale.set(change.stale);
                            watch.hear(News::Change(change))
                        }),
                        _ => return End::Bye(parse::<Bye>(&data).map_or(0, |bye| bye.retry_ms)),
                    };
                    match outcome {
                        Some(Heard::Fine) => {
                            heard = true;
                            *down_since = None;
                            late.set(false);
                        }
                        Some(Heard::Gap) => return End::Gap,
                        // Not our protocol: a newer server, or something between. Coming back is all that can be done.
                        None => return End::Lost { heard: false },
                    }
                }
            }
        }
    }
}

fn parse<T: DeserializeOwned>(data: &str) -> Option<T> {
    read(data)
}
