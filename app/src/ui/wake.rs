//! Keeping the screen on: a phone that falls asleep rings nowhere, and proves nothing.

use super::{
    js::{call, get, navigator, promised},
    local::Local,
};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsValue;

/// Keeps the screen on as long as it is wanted and the page is seen; where the browser cannot, it stays as it is.
pub fn keep_awake(wanted: Signal<bool>) {
    let lock = Local::<JsValue>::default();
    // A page that is hidden loses its lock, and asks for another when it is seen again.
    let seen = RwSignal::new(0_u32);
    Effect::new(move || {
        let handle = window_event_listener_untyped("visibilitychange", move |_| {
            seen.try_update(|seen| *seen = seen.wrapping_add(1));
        });
        on_cleanup(move || handle.remove());
    });
    let release = move || {
        if let Some(lock) = lock.take() {
            call(&lock, "release", &[]);
        }
    };
    Effect::new(move || {
        seen.track();
        if !wanted.get() {
            release();
        } else if !document().hidden() {
            spawn_local(async move {
                let got = promised(&get(&navigator(), "wakeLock"), "request", &[JsValue::from_str("screen")]).await;
                let Some(got) = got else { return };
                release();
                if wanted.try_get_untracked() == Some(true) {
                    lock.set(got);
                } else {
                    call(&got, "release", &[]);
                }
            });
        }
    });
    on_cleanup(release);
}
