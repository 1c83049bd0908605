//! What this terminal is and can do, as its page finds it. Nothing in here asks for a permission, and nothing is sent that its owner is not shown.

use super::api::Paths;
use crate::ui::{
    js::{clock, get, navigator, object, promised},
    post::fetched,
};
use domain::{
    environment::{Device, Environment, Gear, Network, Zone},
    language::Language,
    text::Browser,
};
use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Object};
use leptos::prelude::window;
use std::{cell::Cell, pin::pin, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RtcConfiguration, RtcIceServer, RtcIceTransportPolicy, RtcPeerConnection, RtcPeerConnectionIceEvent};

/// Where the server answers at once, and with so many bytes.
const ECHO: &str = "/healthz";
const BULK: &str = "/live/probe";
const BULK_BYTES: f64 = 131_072.0;
/// How long a relay may take to answer.
const RELAY_MAX: u32 = 4_000;

/// Looks at everything that can be found out without asking. Browser only.
async fn look() -> Environment {
    let navigator = navigator();
    let (round_trip_ms, bandwidth_kbit) = (round_trip().await, bandwidth().await);
    Environment {
        device: device(),
        browser: window().navigator().user_agent().ok().and_then(|agent| Browser::parse(&browser(&agent)?).ok()),
        network: network(&navigator),
        round_trip_ms,
        bandwidth_kbit,
        language: window().navigator().language().and_then(|tag| Language::parse(&tag).ok()),
        zone: zone(),
        ..gears().await
    }
}

/// What there is to hear, see and speak with; nothing else is looked at. Browser only.
pub async fn gears() -> Environment {
    let navigator = navigator();
    let devices = kinds(&navigator).await;
    let has = |kind: &str| devices.as_ref().map(|kinds| kinds.iter().any(|k| k == kind));
    Environment {
        microphone: gear(&navigator, "microphone", has("audioinput")).await,
        camera: gear(&navigator, "camera", has("videoinput")).await,
        // Browsers name speakers only to pages that may listen, so none named means nothing.
        speaker: if has("audiooutput") == Some(true) { Gear::Ready } else { Gear::Unknown },
        ..Environment::default()
    }
}

/// The kinds of devices that there are; `None` where the browser does not tell.
async fn kinds(navigator: &JsValue) -> Option<Vec<String>> {
    let list: Array = promised(&get(navigator, "mediaDevices"), "enumerateDevices", &[]).await?.dyn_into().ok()?;
    Some(list.iter().filter_map(|device| get(&device, "kind").as_string()).collect())
}

async fn gear(navigator: &JsValue, name: &str, there: Option<bool>) -> Gear {
    let asked = object("name", &JsValue::from_str(name));
    let state = promised(&get(navigator, "permissions"), "query", &[asked]).await.and_then(|status| get(&status, "state").as_string());
    match (state.as_deref(), there) {
        (Some("denied"), _) => Gear::Denied,
        (_, Some(false)) => Gear::Missing,
        (Some("granted"), Some(true)) => Gear::Ready,
        (_, Some(true)) => Gear::Asks,
        (_, None) => Gear::Unknown,
    }
}

fn device() -> Device {
    let coarse = window().match_media("(pointer: coarse)").ok().flatten().is_some_and(|query| query.matches());
    let narrow = window().match_media("(max-width: 600px)").ok().flatten().is_some_and(|query| query.matches());
    match (coarse, narrow) {
        (true, true) => Device::Phone,
        (true, false) => Device::Tablet,
        (false, _) => Device::Desktop,
    }
}

/// `Firefox 142` from what a browser calls itself.
fn browser(agent: &str) -> Option<String> {
    let marks = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Version/", "Safari")];
    let (mark, name) = marks.into_iter().find(|(mark, _)| agent.contains(mark))?;
    let version: String = agent.split(mark).nth(1)?.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("{name} {version}"))
}

fn network(navigator: &JsValue) -> Network {
    match get(&get(navigator, "connection"), "type").as_string().as_deref() {
        Some("ethernet") => Network::Wired,
        Some("wifi") => Network::Wifi,
        Some("cellular") => Network::Cellular,
        _ => Network::Unknown,
    }
}

fn zone() -> Option<Zone> {
    let options = js_sys::Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    get(&options, "timeZone").as_string().and_then(|name| Zone::parse(&name))
}

/// The quickest of three answers: the first one may have to open a connection.
async fn round_trip() -> Option<u32> {
    let mut best = None;
    for _ in 0..3 {
        let start = clock();
        fetched(ECHO).await?;
        let took = whole(clock() - start)?;
        best = Some(best.map_or(took, |best: u32| best.min(took)));
    }
    best
}

async fn bandwidth() -> Option<u32> {
    let start = clock();
    fetched(BULK).await?;
    whole(BULK_BYTES * 8.0 / (clock() - start).max(0.1))
}

fn whole(number: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of what is too large keeps the largest")]
    let rounded = number.round() as u32;
    number.is_finite().then_some(rounded)
}

/// How a connection is made with these paths.
pub fn configuration(paths: &Paths) -> RtcConfiguration {
    let servers = paths.servers.iter().map(|server| {
        let entry = RtcIceServer::new();
        entry.set_urls(&server.urls.iter().map(|url| JsValue::from_str(url)).collect::<Array>());
        if !server.username.is_empty() {
            entry.set_username(&server.username);
            entry.set_credential(&server.credential);
        }
        entry
    });
    let configuration = RtcConfiguration::new();
    configuration.set_ice_servers(&servers.collect::<Array>());
    if paths.relay_only {
        configuration.set_ice_transport_policy(RtcIceTransportPolicy::Relay);
    }
    configuration
}

/// Looks, tells what was found, then tries the relay and tells that too when there is one. Browser only.
pub async fn measure(paths: &Paths, tell: impl Fn(Environment)) {
    let found = look().await;
    tell(found.clone());
    if let Some(reached) = relay(paths).await {
        tell(Environment { relay: Some(reached), ..found });
    }
}

/// Whether the relay answers; `None` when there is none.
async fn relay(paths: &Paths) -> Option<bool> {
    if !paths.servers.iter().any(|server| !server.username.is_empty()) {
        return None;
    }
    let configuration = configuration(paths);
    configuration.set_ice_transport_policy(RtcIceTransportPolicy::Relay);
    let connection = RtcPeerConnection::new_with_configuration(&configuration).ok()?;
    let (found, sent) = futures::channel::oneshot::channel();
    let found = Rc::new(Cell::new(Some(found)));
    let on_candidate = Closure::<dyn FnMut(RtcPeerConnectionIceEvent)>::new(move |event: RtcPeerConnectionIceEvent| {
        // Only relayed ones are gathered; the last event holds none.
        if let Some(found) = found.take() {
            let _ = found.send(event.candidate().is_some());
        }
    });
    connection.set_onicecandidate(Some(on_candidate.as_ref().unchecked_ref()));
    connection.create_data_channel("relay");
    let offered = JsFuture::from(connection.create_offer()).await.ok()?;
    JsFuture::from(connection.set_local_description(offered.unchecked_ref())).await.ok()?;
    let answered = match select(pin!(sent), pin!(TimeoutFuture::new(RELAY_MAX))).await {
        Either::Left((found, _)) => found.unwrap_or(false),
        Either::Right(_) => false,
    };
    connection.set_onicecandidate(None);
    connection.close();
    Some(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_by_name_and_version() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome).as_deref(), Some("Chrome 156"));
        assert_eq!(browser(&format!("{chrome} Edg/156.0")).as_deref(), Some("Edge 156"));
        assert_eq!(
            browser("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/26.1 Safari/605").as_deref(),
            Some("Safari 26")
        );
        assert_eq!(browser("curl/8"), None);
    }
}
