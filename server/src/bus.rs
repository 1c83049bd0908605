//! The bus: tells the other nodes what this one has changed, and hears what they have. NATS carries it, at most once; what gets lost costs time and
//! nothing else, because the tables are looked at all the same, seldom while the bus holds and often while it does not.

use crate::{
    lifecycle::Lifecycle,
    live::room::{Whisper, Whispers},
    store::{Hint, Store},
};
use async_nats::{ConnectOptions, Event};
use domain::id::Epoch;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{broadcast::error::RecvError, watch};

/// How often the tables are looked at while the bus holds: a hint can be lost, a row cannot.
const SELDOM: Duration = Duration::from_secs(2);
/// And while there is none: half of what the eye takes for at once.
const OFTEN: Duration = Duration::from_millis(250);
/// How often it is asked whether the other end is there.
const PING: Duration = Duration::from_secs(5);
/// How long a try to reach it may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How this node hears of what the others change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There are no others: the embedded database.
    Alone,
    /// By the tables: no bus is configured.
    Tables,
    /// By the bus.
    Bus,
    /// By the tables, until the bus is back.
    Lost,
}

impl Link {
    /// How often the tables are looked at for what others have changed; `None` when there are no others.
    pub const fn poll(self) -> Option<Duration> {
        match self {
            Link::Alone => None,
            Link::Bus => Some(SELDOM),
            Link::Tables | Link::Lost => Some(OFTEN),
        }
    }
}

/// What travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Note {
    Hint(Hint),
    Whisper(Whisper),
}

/// The bus of a node.
pub struct Bus {
    url: Option<String>,
    /// What the nodes of one database share, and those of another do not hear.
    subject: String,
    link: watch::Sender<Link>,
    /// Whether it was told why it cannot be reached.
    told: AtomicBool,
}

impl Bus {
    /// The bus at `url`, for the nodes of the database whose feed is in `epoch`. Nothing is sent before [`Bus::run`].
    pub fn new(url: Option<String>, shared: bool, epoch: Epoch) -> Arc<Self> {
        let link = match &url {
            _ if !shared => Link::Alone,
            None => Link::Tables,
            Some(_) => Link::Lost,
        };
        Arc::new(Bus { url, subject: format!("noren.{}", epoch.0.simple()), link: watch::Sender::new(link), told: AtomicBool::new(false) })
    }

    /// Whether the bus at an address can be reached, for the operator. Errors: why not.
    pub async fn reach(url: &str) -> Result<(), String> {
        let reached = async {
            let client = ConnectOptions::new().name("noren doctor").connection_timeout(CONNECT).connect(url).await;
            client.map_err(|error| error.to_string())?.flush().await.map_err(|error| error.to_string())
        };
        tokio::time::timeout(CONNECT.saturating_mul(2), reached).await.unwrap_or_else(|_| Err("it does not answer".into()))
    }

    /// How this node hears of the others, now.
    pub fn link(&self) -> Link {
        *self.link.borrow()
    }

    /// The same, for those who want to know when it changes.
    pub fn watch(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn set(&self, link: Link) {
        let before = self.link.send_replace(link);
        if before != link {
            match link {
                Link::Bus => {
                    self.told.store(false, Ordering::Relaxed);
                    tracing::info!("the bus is there");
                }
                _ => tracing::warn!("the bus is lost; the tables are looked at instead"),
            }
        }
    }

    /// Carries hints and whispers to and fro. Runs until the node ends; the bus may come, go and come back meanwhile.
    pub async fn run(self: Arc<Self>, store: Store, whispers: Arc<Whispers>, life: Lifecycle) {
        let Some(url) = self.url.clone().filter(|_| self.link() != Link::Alone) else { return };
        let hints = store.hints();
        let own = Arc::clone(&self);
        let options = ConnectOptions::new()
            .name("noren")
            // What this node sends it knows.
            .no_echo()
            .ping_interval(PING)
            .connection_timeout(CONNECT)
            .reconnect_delay_callback(|tries| Duration::from_millis(100 * u64::try_from(tries).unwrap_or(20).clamp(1, 20)))
            .retry_on_initial_connect()
            .event_callback(move |event| {
                let own = Arc::clone(&own);
                async move {
                    match event {
                        Event::Connected => own.set(Link::Bus),
                        Event::Disconnected | Event::Closed => own.set(Link::Lost),
                        // Told once until it is there: it is tried ten times a second.
                        error @ (Event::ClientError(_) | Event::ServerError(_)) if !own.told.swap(true, Ordering::Relaxed) => {
                            tracing::warn!(%error, "the bus cannot be reached");
                        }
                        other => tracing::debug!(%other, "of the bus"),
                    }
                }
            });
        let (client, mut heard) = loop {
            // The first connection is tried for ever by the client itself; what fails here is an address that cannot be used.
            let reached = async {
                let client = options.clone().connect(&url).await.map_err(|error| error.to_string())?;
                let heard = client.subscribe(self.subject.clone()).await.map_err(|error| error.to_string())?;
                Ok::<_, String>((client, heard))
            };
            let failed = tokio::select! {
                reached = reached => match reached {
                    Ok(both) => break both,
                    Err(error) => error,
                },
                () = life.stop.cancelled() => return,
            };
            tracing::warn!(error = %failed, "the bus cannot be used");
            tokio::select! {
                () = tokio::time::sleep(CONNECT) => {}
                () = life.stop.cancelled() => return,
            }
        };
        let (mut changed, mut said) = (hints.out.subscribe(), whispers.out.subscribe());
        loop {
            let note = tokio::select! {
                message = heard.next() => {
                    match message.map(|message| serde_json::from_slice(&message.payload)) {
                        Some(Ok(Note::Hint(hint))) => hints.tell(hint),
                        Some(Ok(Note::Whisper(whisper))) => whispers.hear(whisper),
                        Some(Err(error)) => tracing::debug!(%error, "the bus carried what is no note"),
                        None => return self.set(Link::Lost),
                    }
                    continue;
                }
                hint = changed.recv() => match hint {
                    // This node settles what it ended; two that do it at once would only wait for each other.
                    Ok(Hint::Settle) => continue,
                    Ok(hint) => Note::Hint(hint),
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                whisper = said.recv() => match whisper {
                    Ok(whisper) => Note::Whisper(whisper),
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = life.stop.cancelled() => {
                    // What was changed last is told, if it can be told at once.
                    let _ = tokio::time::timeout(Duration::from_millis(500), client.flush()).await;
                    return;
                }
            };
            // What cannot be sent now would come too late: the tables say it sooner.
            if self.link() == Link::Bus
                && let Ok(text) = serde_json::to_vec(&note)
                && let Err(error) = client.publish(self.subject.clone(), text.into()).await
            {
                tracing::debug!(%error, "a hint was not sent");
            }
        }
    }
}
