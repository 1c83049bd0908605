//! Waiting in a browser task: for a bell, for a while, and how long between tries.

use gloo_timers::future::TimeoutFuture;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Wakes the one task that waits for it. A ring that nobody hears yet is kept.
#[derive(Clone, Default)]
pub struct Bell(Rc<Inner>);

#[derive(Default)]
struct Inner {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.0.rung.set(true);
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }

    /// Whether it rang since last asked; otherwise the task is woken when it does.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.rung.take() {
            return Poll::Ready(());
        }
        self.0.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Waits for a ring.
    pub async fn wait(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    /// Waits for a ring, at most so long.
    pub async fn wait_at_most(&self, ms: u32) {
        let mut timer = pin!(TimeoutFuture::new(ms));
        poll_fn(|cx| if self.poll(cx).is_ready() { Poll::Ready(()) } else { timer.as_mut().poll(cx) }).await;
    }
}

/// How long to wait before the next try, when `failures` came before it: spread by a random half, so that many pages do not come back at once.
pub fn pause_before(failures: u32) -> u32 {
    jittered(longest_pause(failures))
}

/// At most 1.2 s for as long as a provider's curtain stays out without a line (12 s of grace), whatever the jitter, so that a gap within that time
/// is closed in time; then 10 s.
const fn longest_pause(failures: u32) -> u32 {
    match failures {
        0 => 300,
        1 => 600,
        2..24 => 1_200,
        _ => 10_000,
    }
}

/// Between half of `ms` and all of it.
pub fn jittered(ms: u32) -> u32 {
    let half = f64::from(ms) / 2.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and ms")]
    let ms = (half + half * js_sys::Math::random()) as u32;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::presence::Knobs;

    #[test]
    fn tries_stay_close_together_through_the_grace() {
        let mut waited = 0;
        for failures in 0.. {
            if longest_pause(failures) > 1_200 {
                break;
            }
            // The jitter takes at most a half.
            waited += i64::from(longest_pause(failures) / 2);
        }
        assert!(waited >= Knobs::default().line_lost.0, "the long pauses begin after {waited} ms");
    }
}
