//! A word that outlives the loading of a page: what a form did, said on the page that comes after it.

use super::view::{flag, text};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_location;
use web_sys::Storage;

/// Under which name it is kept.
const KEY: &str = "said";

/// What this tab keeps, also over a reload; `None` where the browser keeps nothing. Browser only.
pub fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

/// Keeps a word for the next page of this tab. Browser only.
pub fn keep(words: &str) {
    if let Some(storage) = storage().filter(|_| !words.is_empty()) {
        // Where nothing can be kept nothing is said, and the page shows what was done all the same.
        let _ = storage.set_item(KEY, words);
    }
}

fn take() -> Option<String> {
    let storage = storage()?;
    let words = storage.get_item(KEY).ok().flatten()?;
    // What cannot be removed is said once more on the next page.
    let _ = storage.remove_item(KEY);
    Some(words)
}

/// Where it is said: it takes the focus, so that it is read out and the keyboard goes on from there. Another page says it no more.
#[component]
pub fn Said() -> AnyView {
    let words = RwSignal::new(String::new());
    let node = NodeRef::<html::P>::new();
    let path = use_location().pathname;
    Effect::new(move |before: Option<()>| {
        path.track();
        if before.is_some() {
            words.set(String::new());
        } else if let Some(kept) = take() {
            words.set(kept);
            request_animation_frame(move || {
                if let Some(said) = node.get_untracked() {
                    // An element that cannot take the focus is still seen.
                    let _ = said.focus();
                }
            });
        }
    });
    view! { <p class="said" tabindex="-1" node_ref=node hidden=flag(move || words.read().is_empty())>{text(move || words.get())}</p> }
        .into_any()
}
