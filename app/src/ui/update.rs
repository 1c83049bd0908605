//! The service worker: registered once the page is taken over, and asked about when a new version waits.

use crate::ui::view::{show, when};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ServiceWorker, ServiceWorkerRegistration, ServiceWorkerState};

/// Calls `then` whenever `event` happens on `target`, for as long as the page lives.
fn on(target: &web_sys::EventTarget, event: &str, then: impl FnMut() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(then).into_js_value();
    // Listening to an event by its name cannot fail.
    let _ = target.add_event_listener_with_callback(event, closure.unchecked_ref());
}

/// Registers the worker and tells of a version that waits.
async fn register(waiting: RwSignal<bool>) {
    // Browsers offer no workers on plain http except on this very machine.
    if !window().is_secure_context() {
        return;
    }
    let workers = window().navigator().service_worker();
    let first = workers.controller().is_none();
    let Ok(found) = JsFuture::from(workers.register("/sw.js")).await else { return };
    let found: ServiceWorkerRegistration = found.unchecked_into();
    waiting.set(found.waiting().is_some() && !first);
    let watched = found.clone();
    on(&found, "updatefound", move || {
        let Some(worker) = watched.installing() else { return };
        let installing: ServiceWorker = worker.clone();
        on(&worker, "statechange", move || {
            let replaces = window().navigator().service_worker().controller().is_some();
            if installing.state() == ServiceWorkerState::Installed && replaces {
                waiting.set(true);
            }
        });
    });
    on(&workers, "controllerchange", move || {
        if waiting.get_untracked() {
            // A page that cannot be reloaded goes on with the old version.
            let _ = location().reload();
        }
    });
}

/// Lets the version that waits take over; that reloads the page.
async fn take_over() {
    let found = JsFuture::from(window().navigator().service_worker().get_registration()).await;
    let waiting = found.ok().and_then(|found| found.dyn_into::<ServiceWorkerRegistration>().ok()).and_then(|found| found.waiting());
    // Where neither works the page goes on with the old version.
    let _ = match waiting {
        Some(worker) => worker.post_message(&JsValue::from_str("SKIP_WAITING")),
        None => location().reload(),
    };
}

/// Asks for a reload when a new version waits.
#[component]
pub fn UpdatePrompt() -> AnyView {
    let waiting = RwSignal::new(false);
    Effect::new(move || spawn_local(register(waiting)));
    let prompt = move || {
        when(waiting.get(), || {
            let reload = move |_| spawn_local(take_over());
            view! { <p class="notice wrap">"A new version is ready. "<button class="btn small" type="button" on:click=reload>"Reload"</button></p> }.into_any()
        })
    };
    view! { <div role="status">{show(prompt)}</div> }.into_any()
}
