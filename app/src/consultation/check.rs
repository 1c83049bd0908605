//! The check of microphone and camera, in place and before anybody is rung. A check that fails bars nothing.

use super::media::{Level, Trouble, Wanted, capture, play, release};
use crate::ui::{
    local::Local,
    view::{flag, nothing, show, text, word},
};
use domain::media::Medium;
use leptos::{html::Video, prelude::*, task::spawn_local};
use std::{rc::Rc, time::Duration};
use web_sys::MediaStream;

/// What is held while the check goes on.
struct Held {
    stream: MediaStream,
    ticking: IntervalHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ticking.clear();
        release(&self.stream);
    }
}

/// Microphone and camera, tried out.
#[component]
pub fn DeviceCheck(
    /// What is to be tried.
    medium: Signal<Medium>,
    /// Told when the browser may have been allowed something.
    on_change: Callback<()>,
) -> AnyView {
    let held = Local::<Held>::default();
    let (running, trouble, level) = (RwSignal::new(false), RwSignal::new(None::<Trouble>), RwSignal::new(0_u32));
    let picture = NodeRef::<Video>::new();
    let stop = move || {
        held.take();
        running.try_set(false);
    };
    on_cleanup(stop);
    let start = move || {
        spawn_local(async move {
            let camera = if medium.get_untracked() == Medium::Video { Wanted::Usual } else { Wanted::Nothing };
            match capture(&Wanted::Usual, &camera).await {
                Ok(stream) => {
                    let meter = Level::of(&stream).map(Rc::new);
                    let ticking = move || {
                        if let Some(meter) = &meter {
                            level.try_set(meter.now());
                        }
                    };
                    let Ok(ticking) = set_interval_with_handle(ticking, Duration::from_millis(100)) else { return release(&stream) };
                    if let Some(Some(video)) = picture.try_get_untracked() {
                        play(&video, Some(&stream));
                    }
                    trouble.try_set(None);
                    running.try_set(true);
                    // Where the page is gone by now this lets the devices go.
                    held.set(Held { stream, ticking });
                }
                Err(found) => {
                    trouble.try_set(Some(found));
                }
            }
            on_change.try_run(());
        });
    };
    let what = word(move || match medium.get() {
        Medium::Chat => "A chat needs neither microphone nor camera.",
        Medium::Voice => "Try the microphone: the browser asks whether this page may use it.",
        Medium::Video => "Try microphone and camera: the browser asks whether this page may use them.",
    });
    let toggle = move |_| if running.get_untracked() { stop() } else { start() };
    view! {
        <div class="check">
            <p class="hint">{what}</p>
            <button class="btn small" type="button" hidden=flag(move || medium.get() == Medium::Chat) on:click=toggle>
                {word(move || if running.get() { "Stop trying" } else { "Try them here" })}
            </button>
            <div role="status">
                {show(move || trouble.get().map_or_else(nothing, |trouble| view! { <p class="warn">{trouble.words()}</p> }.into_any()))}
            </div>
            <div class="check-live" hidden=flag(move || !running.get())>
                <label>"Say something: "<meter min="0" max="100" value=text(move || level.get().to_string())></meter></label>
                <video node_ref=picture muted autoplay playsinline aria-label="Your own picture" hidden=flag(move || medium.get() != Medium::Video)></video>
            </div>
        </div>
    }
    .into_any()
}
