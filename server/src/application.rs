//! One node, put together: configuration in, a running server out. Tests start nodes by the same door as the command line.

use crate::{
    bus::Bus,
    clock::Clock,
    config::Config,
    demo,
    http::{self, AppState, Parts, assets::Assets},
    ids,
    lifecycle::Lifecycle,
    live::{
        board::{Board, Choices},
        desk::Desks,
        hub::{Hub, Threads},
        room::Whispers,
        socket::millis,
    },
    metrics::Metrics,
    robots, serve,
    store::{Pulse, Store},
    worker,
};
use app::context::Backend;
use domain::id::NodeId;
use leptos::config::{Env, LeptosOptions};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};

/// How long closing the database may take at the end.
const CLOSE: Duration = Duration::from_secs(3);

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] crate::store::OpenError),
    /// The database broke while starting; what happened is in the log.
    #[error("the database could not be read; see incident {0} in the log")]
    Broken(String),
    /// Demo and real data do not mix.
    #[error("{0}")]
    Demo(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}. Is another noren running? Choose another address with --listen.")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        error: io::Error,
    },
    /// The assets cannot be read.
    #[error("the assets cannot be read: {0}")]
    Assets(io::Error),
    /// A thread could not be started.
    #[error("the node could not start: {0}")]
    System(#[from] io::Error),
}

impl From<app::error::PortError> for StartError {
    fn from(error: app::error::PortError) -> Self {
        match error {
            app::error::PortError::Broken { incident } => StartError::Broken(incident),
            app::error::PortError::Reject(reject) => StartError::Broken(reject.code().as_str().into()),
        }
    }
}

/// A running node.
pub struct Application {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its figures are.
    pub metrics: Option<SocketAddr>,
    /// Its life.
    pub life: Lifecycle,
    /// Its hub.
    pub hub: Arc<Hub>,
    /// Its store.
    pub store: Store,
    accept: std::thread::JoinHandle<()>,
    streams: Threads,
    drain: Duration,
}

impl Application {
    /// Starts a node: opens the store, sweeps what an earlier life left, reads the board, starts the workers, listens.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        let assets = Assets::load(config.site.as_deref()).map_err(StartError::Assets)?;
        let store = Store::open(&config, clock).await?;
        let node: NodeId = ids::new();
        // Before the board is served: a node that died must not be seen online through us.
        store.register_node(node).await?;
        if config.database.is_none() {
            store.bury_others(node).await?;
        } else if store.has_silent_nodes(node).await? {
            // After an outage of the database all nodes are silent for a moment: they get that moment to say that they live.
            tokio::time::sleep(millis(worker::presence::MOMENT.0)).await;
        }
        store.sweep(store.clock().now()).await?;
        let demo = demo::prepare(&store, config.demo).await?;
        let snapshot = store.board().await?;
        let epoch = snapshot.cursor.epoch;
        let hub = Hub::new(Board::new(snapshot.cursor, snapshot.cards), config.feed);

        let life = Lifecycle::default();
        let streams = hub.start(&life)?;
        let bus = Bus::new(config.bus.clone(), config.database.is_some(), epoch);
        let whispers = Arc::<Whispers>::default();
        life.spawn(Arc::clone(&bus).run(store.clone(), Arc::clone(&whispers), life.clone()));
        life.spawn(worker::feeder::run(store.clone(), Arc::clone(&hub), Arc::clone(&bus), life.clone()));
        if let Some(url) = config.database.clone() {
            life.spawn(worker::pulse::run(Pulse::new(url), store.clone(), Arc::clone(&hub), life.clone()));
        }
        life.spawn(worker::poller::run(store.clone(), node, Arc::clone(&bus), life.clone()));
        let desks = Arc::new(Desks::new(node, &config));
        life.spawn(worker::presence::run(store.clone(), Arc::clone(&desks), node, config.node_beat(), life.clone()));
        life.spawn(worker::pruner::run(store.clone(), life.clone()));
        life.spawn(worker::money::settle(store.clone(), life.clone()));
        life.spawn(worker::money::drive(store.clone(), life.clone()));
        life.spawn(worker::money::audit(store.clone(), config.money.audit, life.clone()));
        life.spawn(robots::run(store.clone(), Arc::clone(&whispers), life.clone()));
        if demo {
            life.spawn(demo::run(store.clone(), node, life.stop.clone()));
        }

        let metrics = match config.metrics.listen {
            Some(at) => {
                let unusable = |error| StartError::Listen { address: at, error };
                Some(Metrics::new(&store, &hub, &bus).serve(at, life.clone()).await.map_err(unusable)?)
            }
            None => None,
        };
        let listener = serve::listen(config.listen).map_err(|error| StartError::Listen { address: config.listen, error })?;
        let address = listener.local_addr()?;
        let options = LeptosOptions::builder().output_name(assets.build()).site_addr(address).env(Env::PROD).build();
        let backend = Backend {
            accounts: Arc::new(store.clone()),
            offers: Arc::new(store.clone()),
            presences: Arc::new(store.clone()),
            choices: Arc::new(Choices(Arc::clone(&hub))),
            forms: Arc::new(store.clone()),
            consultations: Arc::new(store.clone()),
            wallets: Arc::new(store.clone()),
            receipts: Arc::new(store.clone()),
            cases: Arc::new(store.clone()),
            trust: Arc::new(store.clone()),
            demo,
            money: store.money_facts(),
        };
        let settings =
            serve::Settings { connections: config.http.connections, head_timeout: Duration::from_millis(config.http.head_timeout) };
        let drain = Duration::from_millis(config.http.drain);
        let state = AppState::new(Parts {
            desks,
            whispers,
            bus,
            config: Arc::new(config),
            store: store.clone(),
            hub: Arc::clone(&hub),
            backend,
            options,
            life: life.clone(),
            assets,
        });
        let accept = serve::serve(listener, http::Service::new(state), settings, life.clone())?;
        tracing::info!(%address, listed = hub.read(|board| board.listed().len()), "ready");
        Ok(Application { address, metrics, life, hub, store, accept, streams, drain })
    }

    /// Runs until the node is asked to end, then ends it: streams say goodbye, rows are told, and what is left after the drain is cut.
    pub async fn run(self) {
        self.life.stop.cancelled().await;
        // Streams say goodbye also when the worker that feeds them waits for a database.
        self.hub.close();
        let ended = tokio::task::spawn_blocking(move || {
            drop(self.accept.join());
            self.streams.join();
        });
        let _ = ended.await;
        self.life.tasks.close();
        if tokio::time::timeout(self.drain, self.life.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.life.tasks.len(), "cut what did not end by itself");
        }
        if tokio::time::timeout(CLOSE, self.store.close()).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
        tracing::info!("ended");
    }
}
