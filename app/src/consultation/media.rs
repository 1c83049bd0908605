//! Microphones, cameras and screens, as the browser gives them.

use crate::ui::js::{get, object};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaStream, MediaStreamConstraints, MediaStreamTrack};

/// Why nothing could be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its owner or the browser said no.
    Denied,
    /// There is no such device.
    Missing,
    /// Another program holds it, or it is broken.
    Taken,
}

impl Trouble {
    fn of(error: &JsValue) -> Self {
        match get(error, "name").as_string().as_deref() {
            Some("NotFoundError" | "OverconstrainedError") => Trouble::Missing,
            Some("NotReadableError" | "AbortError") => Trouble::Taken,
            _ => Trouble::Denied,
        }
    }

    /// What is wrong and what to do.
    pub const fn words(self) -> &'static str {
        match self {
            Trouble::Denied => {
                "The browser forbids it. Allow microphone and camera in the browser's settings for this site, then try again."
            }
            Trouble::Missing => "No such device was found. Plug one in, then try again.",
            Trouble::Taken => "Another program holds the device. Close it there, then try again.",
        }
    }
}

/// A device to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// None of this kind.
    Nothing,
    /// The usual one.
    Usual,
    /// The one with this id.
    Device(String),
}

impl Wanted {
    fn constraint(&self) -> JsValue {
        match self {
            Wanted::Nothing => JsValue::FALSE,
            Wanted::Usual => JsValue::TRUE,
            Wanted::Device(id) => object("deviceId", &object("exact", &JsValue::from_str(id))),
        }
    }
}

/// Captures microphone and camera; the browser may ask its owner.
pub async fn capture(microphone: &Wanted, camera: &Wanted) -> Result<MediaStream, Trouble> {
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&microphone.constraint());
    constraints.set_video(&camera.constraint());
    // Browsers offer no devices on plain http except on this very machine.
    let devices = window().navigator().media_devices().map_err(|_| Trouble::Denied)?;
    let captured = devices.get_user_media_with_constraints(&constraints).map_err(|error| Trouble::of(&error))?;
    JsFuture::from(captured).await.map(JsCast::unchecked_into).map_err(|error| Trouble::of(&error))
}

/// Captures a screen, a window or a tab, as its owner chooses.
pub async fn screen() -> Result<MediaStream, Trouble> {
    let devices = window().navigator().media_devices().map_err(|_| Trouble::Denied)?;
    let captured = devices.get_display_media().map_err(|error| Trouble::of(&error))?;
    JsFuture::from(captured).await.map(JsCast::unchecked_into).map_err(|error| Trouble::of(&error))
}

/// A device that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `audioinput`, `videoinput` or `audiooutput`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its real name; browsers tell it once the page may use a device.
    pub name: String,
}

/// The devices that there are.
pub async fn devices() -> Vec<Found> {
    let Ok(devices) = window().navigator().media_devices() else { return Vec::new() };
    let Ok(list) = devices.enumerate_devices() else { return Vec::new() };
    let Ok(list) = JsFuture::from(list).await else { return Vec::new() };
    let text = |device: &JsValue, name| get(device, name).as_string().unwrap_or_default();
    let list = js_sys::Array::from(&list);
    let found = list.iter().map(|d| Found { kind: text(&d, "kind"), id: text(&d, "deviceId"), name: text(&d, "label") });
    found.filter(|device| !device.name.is_empty()).collect()
}

/// The tracks of a stream.
pub fn tracks(stream: &MediaStream) -> Vec<MediaStreamTrack> {
    stream.get_tracks().iter().map(JsCast::unchecked_into).collect()
}

/// Lets the devices of a stream go.
pub fn release(stream: &MediaStream) {
    tracks(stream).iter().for_each(MediaStreamTrack::stop);
}

/// How loud a microphone is, from 0 to 100.
pub struct Level {
    context: web_sys::AudioContext,
    analyser: web_sys::AnalyserNode,
}

impl Level {
    /// Listens to a stream; `None` where the browser cannot.
    pub fn of(stream: &MediaStream) -> Option<Self> {
        let context = web_sys::AudioContext::new().ok()?;
        let analyser = context.create_analyser().ok()?;
        context.create_media_stream_source(stream).ok()?.connect_with_audio_node(&analyser).ok()?;
        Some(Level { context, analyser })
    }

    /// The loudness at this moment.
    pub fn now(&self) -> u32 {
        let mut samples = [128_u8; 512];
        self.analyser.get_byte_time_domain_data(&mut samples);
        let loudest = samples.iter().map(|sample| sample.abs_diff(128)).max().unwrap_or(0);
        (u32::from(loudest) * 100 / 128).min(100)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        // A context that is closed already stays so.
        let _ = self.context.close();
    }
}

/// Shows a stream in a `<video>` or lets an `<audio>` play it; `None` empties it.
pub fn play(element: &web_sys::HtmlMediaElement, stream: Option<&MediaStream>) {
    element.set_src_object(stream);
    if stream.is_some() {
        // Where playing waits for a tap, the element's own controls or the next tap start it.
        if let Ok(playing) = element.play() {
            wasm_bindgen_futures::spawn_local(async move {
                let _ = JsFuture::from(playing).await;
            });
        }
    }
}
