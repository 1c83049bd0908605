//! What can be seen of a node from outside: figures for Prometheus, on a listener of their own, so that no balancer shows them to the world.

use crate::{
    bus::{Bus, Link},
    lifecycle::Lifecycle,
    live::hub::{Counts, Hub},
    store::Store,
};
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{consultation::Stage, presence::Shown};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{counter::ConstCounter, family::Family, gauge::ConstGauge, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{io, net::SocketAddr, sync::Arc};

/// A histogram of seconds, from a quarter of a millisecond to some seconds.
pub fn seconds() -> Histogram {
    Histogram::new([0.000_25, 0.001, 0.004, 0.016, 0.064, 0.128, 0.25, 0.5, 1.0, 2.0, 5.0])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    state: &'static str,
}

/// What is counted elsewhere, and read when it is asked for.
struct Counted {
    hub: Arc<Hub>,
    bus: Arc<Bus>,
    store: Store,
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted")
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Counts { watchers, views, frames, rows, delivered, replays, resets, stalled } = self.hub.counts();
        let gauges = [
            ("streams", "Streams of the choices that are open", watchers as u64),
            ("feed_views", "Views of the choices that are kept for them", views as u64),
            ("database_up", "Whether the database can be reached", u64::from(!self.store.is_down())),
            ("bus_up", "Whether hints come by the bus, or none is needed", u64::from(self.bus.link() != Link::Lost)),
            ("books_frozen", "Whether the books were found wrong", u64::from(self.store.is_frozen())),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let counters = [
            ("feed_rows", "Changes that the feed has brought", rows),
            ("feed_frames", "Frames that went out, beats included", frames),
            ("feed_delivered", "Frames that were given to streams", delivered),
            ("feed_replays", "Streams that were continued from memory", replays),
            ("feed_resets", "Streams that had to be sent all that they show", resets),
            ("feed_slow_closes", "Connections that were cut because their reader stood still", stalled),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// The figures of a node.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    store: Store,
    hub: Arc<Hub>,
    offers: Family<Of, Gauge>,
    consultations: Family<Of, Gauge>,
}

impl Metrics {
    /// All figures of these parts of a node.
    pub fn new(store: &Store, hub: &Arc<Hub>, bus: &Arc<Bus>) -> Self {
        let mut registry = Registry::with_prefix("noren");
        let (offers, consultations) = (Family::<Of, Gauge>::default(), Family::<Of, Gauge>::default());
        let meters = store.meters();
        registry.register("offers", "Listed offers, by what consumers see of them", offers.clone());
        registry.register(
            "consultations",
            "Requests that ring and rooms that are open, on all nodes, by their state",
            consultations.clone(),
        );
        registry.register(
            "feed_frame_seconds",
            "From sending a frame until it was written to every stream that could take it",
            hub.frame_seconds.clone(),
        );
        registry.register("pool_wait_seconds", "How long a transaction waited for a connection", meters.pool_wait.clone());
        registry.register("proofs", "Proofs of presence in rooms that were noted on this node", meters.proofs.clone());
        registry.register_collector(Box::new(Counted { hub: Arc::clone(hub), bus: Arc::clone(bus), store: store.clone() }));
        Metrics(Arc::new(Inner { registry, store: store.clone(), hub: Arc::clone(hub), offers, consultations }))
    }

    /// Everything, in the text form of OpenMetrics.
    pub async fn text(&self) -> String {
        let Inner { registry, store, hub, offers, consultations } = &*self.0;
        let seen = hub.read(|board| Shown::ALL.iter().map(|is| (*is, board.count(*is))).collect::<Vec<_>>());
        for (is, count) in seen {
            offers.get_or_create(&Of { state: is.as_str() }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        // What cannot be read now stays as it was read last.
        if let Ok(open) = store.open_by_stage().await {
            for stage in [Stage::Requested, Stage::Connecting, Stage::Live, Stage::Interrupted] {
                let count = open.iter().find(|(of, _)| of == stage.as_str()).map_or(0, |(_, count)| *count);
                consultations.get_or_create(&Of { state: stage.as_str() }).set(count);
            }
        }
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, registry);
        text
    }

    /// Answers `GET /metrics` at an address until the node ends. Answers where it listens.
    pub async fn serve(self, address: SocketAddr, life: Lifecycle) -> io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/metrics", get(answer)).with_state(self);
        let stop = life.stop.clone();
        life.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::warn!(%error, "the figures are served no more");
            }
        });
        Ok(address)
    }
}

async fn answer(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text().await).into_response()
}
