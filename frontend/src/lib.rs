//! The WASM entry: takes the server's page over.

use leptos::prelude::document;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script once the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    if let Some(html) = document().document_element() {
        // A page that cannot be marked works all the same; the mark is for styles and tests.
        let _ = html.set_attribute("data-hydrated", "");
    }
}
