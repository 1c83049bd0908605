//! Starting and stopping: one soft token that asks everything to end, and a tracker that waits for it.

use futures::FutureExt;
use std::{future::Future, panic::AssertUnwindSafe};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The life of a node.
#[derive(Clone, Default)]
pub struct Lifecycle {
    /// Cancelled when the node should end.
    pub stop: CancellationToken,
    /// Workers and sockets that are waited for.
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Runs a worker that is waited for at the end. Without it the node would serve what is true no more, so its panic ends the node.
    pub fn spawn(&self, worker: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            if AssertUnwindSafe(worker).catch_unwind().await.is_err() {
                tracing::error!("a worker panicked; the node ends");
                stop.cancel();
            }
        });
    }

    /// Whether the end was asked for.
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Cancels `stop` at SIGTERM or SIGINT; a second signal ends the process at once.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            for times in 0.. {
                tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
                if times > 0 {
                    std::process::exit(130);
                }
                tracing::info!("stopping; a second signal stops at once");
                stop.cancel();
            }
        });
        Ok(())
    }
}
