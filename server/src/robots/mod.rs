//! Robots answer rings and chat: those of a demo as providers, and a provider's practice robot as a guest. They use the store as people's pages do.
//!
//! A reconciler: what a robot does next follows from rows alone (see [`script`]), so a restart or another node goes on where this one stopped, and
//! doing it twice changes nothing.

mod script;

use crate::{
    lifecycle::Lifecycle,
    live::room::Whispers,
    store::{Entry, Part, Store},
};
use app::{
    consultation::{api::ConsultationView, port::Consultations},
    error::PortError,
};
use domain::{
    consultation::Op,
    id::{ConsultationId, LifeId, MessageKey, TabId},
    media::Medium,
    text::MessageText,
    time::Timestamp,
};
use script::{Act, Scene};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// How often a robot with something to do looks up.
const TURN: Duration = Duration::from_millis(200);
/// How often it is looked whether a robot has something to do that nobody hinted at.
const IDLE: Duration = Duration::from_secs(5);

/// Moves the robots until the node ends.
pub async fn run(store: Store, whispers: Arc<Whispers>, life: Lifecycle) {
    let mut robots = Robots { store, whispers, proved: HashMap::new() };
    let mut rooms = robots.store.hints().rooms.subscribe();
    loop {
        let busy = !robots.store.is_down()
            && robots.turn().await.unwrap_or_else(|error| {
                tracing::warn!(?error, "the robots could not look around");
                false
            });
        tokio::select! {
            () = life.stop.cancelled() => return,
            () = tokio::time::sleep(if busy { TURN } else { IDLE }) => {}
            // Hints come in crowds where people talk: at most one look a turn.
            hint = rooms.recv(), if !busy => match hint {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    tokio::time::sleep(TURN).await;
                    rooms = rooms.resubscribe();
                }
                Err(RecvError::Closed) => return,
            },
        }
    }
}

struct Robots {
    store: Store,
    whispers: Arc<Whispers>,
    /// When each robot proved last that it is there.
    proved: HashMap<ConsultationId, Timestamp>,
}

impl Robots {
    /// Does what is to be done now; whether any robot has a part in anything.
    async fn turn(&mut self) -> Result<bool, PortError> {
        let parts = self.store.parts().await?;
        self.proved.retain(|id, _| parts.iter().any(|part| part.id == *id));
        for part in &parts {
            // The other side may have ended it or said something at the same moment: the next look finds what is so then.
            if let Err(error @ PortError::Broken { .. }) = self.play(part).await {
                tracing::warn!(?error, consultation = %part.id, "a robot could not play its part");
            }
        }
        Ok(!parts.is_empty())
    }

    async fn play(&mut self, part: &Part) -> Result<(), PortError> {
        let found = self.store.show(&part.me, part.id).await?;
        let now = self.store.clock().now();
        let scene = Scene { state: &found.state, rows: &found.rows, side: part.side, question: &found.question, now };
        if let Some(act) = script::next(&scene) {
            self.act(part, &found, act).await?;
        }
        let due = self.proved.get(&part.id).is_none_or(|at| now.since(*at) >= found.prove);
        if due && found.state.stage.is_open() && found.state.medium == Medium::Chat && found.state.lives.of(part.side).is_some() {
            self.store.prove(&part.me, part.id, life(part), false).await?;
            self.proved.insert(part.id, now);
        }
        Ok(())
    }

    async fn act(&self, part: &Part, found: &ConsultationView, act: Act) -> Result<(), PortError> {
        let Part { id, me, side } = part;
        let device = me.sign_in;
        match act {
            Act::Reached => self.store.act(me, *id, Op::Reached { device }).await,
            Act::Shown => self.store.act(me, *id, Op::Shown { device }).await,
            Act::Accept => self.store.act(me, *id, Op::Accept { device }).await,
            Act::Enter => {
                let entry = Entry { tab: TabId(me.id.0), life: life(part), socket: me.id.0, take: true };
                self.store.enter(me, *id, entry).await.map(drop)
            }
            Act::Chat => self.store.act(me, *id, Op::Medium { by: *side, medium: Medium::Chat }).await,
            Act::Read => self.store.mark(me, *id, found.state.head, found.state.head).await,
            Act::Type => {
                self.whispers.types(*id, *side);
                Ok(())
            }
            Act::Say(n, text) => {
                let text = MessageText::parse(&text).map_err(PortError::from)?;
                self.store.say(me, *id, key(*id, n), text).await.map(drop)
            }
            Act::End => self.store.end(me, *id).await,
        }
    }
}

/// The life of a robot's page: one for the whole consultation, whichever node moves it.
fn life(part: &Part) -> LifeId {
    LifeId(part.me.id.0)
}

/// The name of a robot's `n`th message, the same however often it is said.
fn key(id: ConsultationId, n: usize) -> MessageKey {
    MessageKey(Uuid::from_u128(id.0.as_u128().wrapping_add(u128::try_from(n).unwrap_or_default()).wrapping_add(1)))
}
