//! Posting to a server function from the browser: the way of forms and of pages that read.

use super::json::read;
use crate::error::AppError;
use domain::reject::Code;
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

/// Fields as a form sends them.
pub fn fields_of(fields: &[(impl AsRef<str>, String)]) -> String {
    let Ok(params) = web_sys::UrlSearchParams::new() else { return String::new() };
    for (name, value) in fields {
        params.append(name.as_ref(), value);
    }
    String::from(params.to_string())
}

/// What the server answered.
pub struct Answer {
    /// The JSON.
    pub text: String,
    /// Where to go on.
    pub location: Option<String>,
}

/// Posts a form's fields and reads the answer. Browser only.
pub async fn post(path: &str, body: String) -> Result<Answer, AppError> {
    let (ok, location, text) = exchange(path, &body).await.map_err(|_| Code::Network)?;
    if ok { Ok(Answer { text, location }) } else { Err(read(&text).unwrap_or_else(|| Code::Network.into())) }
}

/// Reads an address to its end, past every cache; `None` when it does not answer well.
pub async fn fetched(path: &str) -> Option<()> {
    let init = RequestInit::new();
    init.set_cache(web_sys::RequestCache::NoStore);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await.ok()?.unchecked_into();
    JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    response.ok().then_some(())
}

/// One `fetch`: whether it was taken, where to go on, and the text.
async fn exchange(path: &str, body: &str) -> Result<(bool, Option<String>, String), JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/json")?;
    headers.set("content-type", "application/x-www-form-urlencoded")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.ok(), response.headers().get("location")?, text.as_string().unwrap_or_default()))
}
