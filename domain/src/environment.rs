//! What a terminal is and can do: found by its page, shown to its owner first and then to both sides (design sections 1 and 6).
//!
//! A page says what it likes, so nothing in here is believed further than it is shown. What is out of bounds counts as unknown, and what is unknown
//! never stands in the way: a test that fails offers the media that will work, it does not block.

use crate::{
    canonical::Canonical,
    language::Language,
    media::{Media, Medium},
    reject::codes,
    text::Browser,
};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// Longest round trip that is told, in milliseconds.
pub const ROUND_TRIP_MAX: u32 = 60_000;
/// Widest line that is told, in kbit/s.
pub const BANDWIDTH_MAX: u32 = 10_000_000;
/// Longest name of a time zone, in bytes; the longest of the IANA list has 32.
pub const ZONE_MAX: usize = 40;
/// The least for a voice that does not break up, in kbit/s (the threshold of Jitsi's test before a call).
pub const VOICE_KBIT: u32 = 20;
/// The least for any picture, in kbit/s (the threshold of Jitsi's test before a call).
pub const VIDEO_KBIT: u32 = 60;

codes! {
    /// What kind of terminal it is.
    #[derive(Default)]
    Device {
        /// Held in one hand.
        Phone = "phone",
        /// Held in two.
        Tablet = "tablet",
        /// Stands on a desk or a lap.
        Desktop = "desktop",
        /// Not found out.
        #[default]
        #[serde(other)]
        Unknown = "unknown",
    }
}

codes! {
    /// Whether there is a microphone, camera or speaker, and whether the page may use it.
    #[derive(Default)]
    Gear {
        /// There, and permitted.
        Ready = "ready",
        /// There; the browser will ask its owner.
        Asks = "asks",
        /// Its owner or a policy forbids it.
        Denied = "denied",
        /// There is none.
        Missing = "missing",
        /// Not found out.
        #[default]
        #[serde(other)]
        Unknown = "unknown",
    }
}

codes! {
    /// What the terminal hangs on.
    #[derive(Default)]
    Network {
        /// A cable.
        Wired = "wired",
        /// Wi-Fi.
        Wifi = "wifi",
        /// A mobile network.
        Cellular = "cellular",
        /// Not found out, as in most browsers.
        #[default]
        #[serde(other)]
        Unknown = "unknown",
    }
}

codes! {
    /// Why a medium will not work on a terminal.
    Obstacle {
        /// The microphone is forbidden.
        MicrophoneDenied = "microphone_denied",
        /// There is no microphone.
        MicrophoneMissing = "microphone_missing",
        /// There is nothing to hear with.
        SpeakerMissing = "speaker_missing",
        /// The camera is forbidden.
        CameraDenied = "camera_denied",
        /// There is no camera.
        CameraMissing = "camera_missing",
        /// The line is too slow.
        LineTooSlow = "line_too_slow",
    }
}

/// The name of a time zone, such as `Europe/Berlin`: well-formed, not looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Zone(String);

impl Zone {
    /// `None` if it has not the form of an IANA name: parts of letters, digits, `_`, `+` and `-` between slashes.
    pub fn parse(raw: &str) -> Option<Self> {
        let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'));
        (raw.len() <= ZONE_MAX && raw.split('/').all(part)).then(|| Zone(raw.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a terminal is and can do. The default knows nothing, as of a provider without a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Its kind.
    #[serde(rename = "dev")]
    pub device: Device,
    /// Its browser.
    #[serde(rename = "br", deserialize_with = "browser")]
    pub browser: Option<Browser>,
    /// Its microphone.
    #[serde(rename = "mic")]
    pub microphone: Gear,
    /// Its camera.
    #[serde(rename = "cam")]
    pub camera: Gear,
    /// Its speaker or headphones.
    #[serde(rename = "spk")]
    pub speaker: Gear,
    /// What it hangs on.
    #[serde(rename = "net")]
    pub network: Network,
    /// A round trip to the server, in milliseconds.
    #[serde(rename = "rtt", deserialize_with = "at_most::<_, ROUND_TRIP_MAX>")]
    pub round_trip_ms: Option<u32>,
    /// What the line to the server carries, in kbit/s.
    #[serde(rename = "kbit", deserialize_with = "at_most::<_, BANDWIDTH_MAX>")]
    pub bandwidth_kbit: Option<u32>,
    /// Whether the relay can be reached, for lines that do not find each other.
    pub relay: Option<bool>,
    /// The language of its owner.
    #[serde(rename = "lang", deserialize_with = "language")]
    pub language: Option<Language>,
    /// Where its clock stands.
    #[serde(deserialize_with = "zone")]
    pub zone: Option<Zone>,
}

fn text<'de, D: Deserializer<'de>, T>(deserializer: D, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    Ok(Option::<Cow<str>>::deserialize(deserializer)?.and_then(|text| parse(&text)))
}

fn browser<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Browser>, D::Error> {
    text(deserializer, |raw| Browser::parse(raw).ok())
}

fn language<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    text(deserializer, |raw| Language::parse(raw).ok())
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zone>, D::Error> {
    text(deserializer, Zone::parse)
}

fn at_most<'de, D: Deserializer<'de>, const MAX: u32>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?;
    Ok(number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= MAX))
}

impl Environment {
    /// What stands in the way of a medium; `None` when it will work as far as is known. Nothing stands in the way of chat.
    pub fn obstacle(&self, medium: Medium) -> Option<Obstacle> {
        let slower = |kbit| self.bandwidth_kbit.is_some_and(|line| line < kbit);
        match medium {
            Medium::Chat => None,
            Medium::Voice => match (self.microphone, self.speaker) {
                (Gear::Denied, _) => Some(Obstacle::MicrophoneDenied),
                (Gear::Missing, _) => Some(Obstacle::MicrophoneMissing),
                (_, Gear::Missing) => Some(Obstacle::SpeakerMissing),
                _ => slower(VOICE_KBIT).then_some(Obstacle::LineTooSlow),
            },
            Medium::Video => self.obstacle(Medium::Voice).or(match self.camera {
                Gear::Denied => Some(Obstacle::CameraDenied),
                Gear::Missing => Some(Obstacle::CameraMissing),
                _ => slower(VIDEO_KBIT).then_some(Obstacle::LineTooSlow),
            }),
        }
    }

    /// The offered media that will work on this terminal; `None` when none of them will. A hint for choosing, never a reason to refuse.
    pub fn fitting(&self, offered: Media) -> Option<Media> {
        Media::of(offered.iter().filter(|medium| self.obstacle(*medium).is_none()))
    }

    /// Puts what lasts longer than a measurement. Round trip and bandwidth differ from one to the next, so they count by the media that they allow.
    pub(crate) fn put_lasting(&self, to: &mut Canonical) {
        to.put("device", self.device.as_str());
        to.put_known("browser", self.browser.as_ref().map(Browser::as_str));
        to.put("microphone", self.microphone.as_str());
        to.put("camera", self.camera.as_str());
        to.put("speaker", self.speaker.as_str());
        to.put("network", self.network.as_str());
        to.put_known("relay", self.relay);
        to.put_known("language", self.language.as_ref().map(Language::as_str));
        to.put_known("zone", self.zone.as_ref().map(Zone::as_str));
        for medium in Medium::ALL {
            to.put_known(medium.as_str(), self.obstacle(*medium).map(Obstacle::as_str));
        }
    }

    /// Puts everything.
    pub(crate) fn put_all(&self, to: &mut Canonical) {
        self.put_lasting(to);
        to.put_known("round_trip_ms", self.round_trip_ms);
        to.put_known("bandwidth_kbit", self.bandwidth_kbit);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
        prop::sample::select(all)
    }

    pub(crate) fn any_environment() -> impl Strategy<Value = Environment> {
        let gear = || one_of(Gear::ALL);
        let known = prop::option::of(prop::sample::select(&["Firefox 142", "Safari"][..]));
        let places = prop::option::of(prop::sample::select(&[("de", "Europe/Berlin"), ("ja", "Asia/Tokyo")][..]));
        let line = (prop::option::of(0..=ROUND_TRIP_MAX), prop::option::of(0u32..200), prop::option::of(any::<bool>()));
        ((one_of(Device::ALL), known, one_of(Network::ALL)), (gear(), gear(), gear()), line, places).prop_map(
            |((device, browser, network), (microphone, camera, speaker), (round_trip_ms, bandwidth_kbit, relay), place)| Environment {
                device,
                browser: browser.map(|b| Browser::parse(b).unwrap()),
                microphone,
                camera,
                speaker,
                network,
                round_trip_ms,
                bandwidth_kbit,
                relay,
                language: place.map(|(l, _)| Language::parse(l).unwrap()),
                zone: place.and_then(|(_, z)| Zone::parse(z)),
            },
        )
    }

    fn read(json: &str) -> Environment {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn travels_as_documented() {
        let text = r#"{"dev":"phone","br":"Firefox 142","mic":"ready","cam":"asks","spk":"unknown","net":"wifi","rtt":41,"kbit":8000,"relay":true,"lang":"pt-BR","zone":"America/Argentina/Buenos_Aires"}"#;
        assert_eq!(serde_json::to_string(&read(text)).unwrap(), text);
        assert_eq!(read("{}"), Environment::default());
    }

    #[test]
    fn what_is_out_of_bounds_is_unknown() {
        let odd = r#"{"dev":"toaster","mic":"?","net":"5g","rtt":-1,"kbit":99999999999,"relay":null,"lang":"english please","zone":"../etc/passwd","br":"a\u0000b"}"#;
        assert_eq!(read(odd), Environment::default());
        assert_eq!(read(r#"{"rtt":60001,"kbit":10000001}"#), Environment::default());
        let long = format!(r#"{{"br":"{}","zone":"{}"}}"#, "b".repeat(41), "z".repeat(41));
        assert_eq!(read(&long), Environment::default());
        for bad in ["", "/", "Europe/", "/Berlin", "Europe Berlin", "Ёuropa", "a//b"] {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
        assert!(Zone::parse("Etc/GMT+5").is_some());
    }

    #[test]
    fn media_by_gear_and_line() {
        let of = |json: &str| Media::from_bits(7).ok().and_then(|all| read(json).fitting(all)).map(|m| m.join(" "));
        for (json, media) in [
            ("{}", "chat voice video"),
            (r#"{"mic":"asks","cam":"ready"}"#, "chat voice video"),
            (r#"{"mic":"denied"}"#, "chat"),
            (r#"{"mic":"missing","cam":"ready"}"#, "chat"),
            (r#"{"spk":"missing"}"#, "chat"),
            (r#"{"spk":"denied"}"#, "chat voice video"),
            (r#"{"cam":"denied"}"#, "chat voice"),
            (r#"{"cam":"missing"}"#, "chat voice"),
            (r#"{"kbit":59}"#, "chat voice"),
            (r#"{"kbit":19}"#, "chat"),
            (r#"{"kbit":0,"relay":false,"rtt":60000}"#, "chat"),
        ] {
            assert_eq!(of(json).as_deref(), Some(media), "{json}");
        }
        assert_eq!(read(r#"{"mic":"denied"}"#).fitting(Media::from_bits(2).unwrap()), None);
        assert_eq!(read(r#"{"mic":"denied","cam":"denied"}"#).obstacle(Medium::Video), Some(Obstacle::MicrophoneDenied));
    }

    proptest! {
        #[test]
        fn is_read_back(environment in any_environment()) {
            prop_assert_eq!(read(&serde_json::to_string(&environment).unwrap()), environment);
        }

        #[test]
        fn chat_always_works_and_video_never_without_voice(environment in any_environment()) {
            prop_assert_eq!(environment.obstacle(Medium::Chat), None);
            prop_assert!(environment.obstacle(Medium::Voice).is_none() || environment.obstacle(Medium::Video).is_some());
        }

        #[test]
        fn never_panics(text in ".{0,60}", number in any::<i64>()) {
            let json = serde_json::json!({ "dev": text, "br": text, "mic": text, "lang": text, "zone": text, "rtt": number, "kbit": number });
            let found: Environment = serde_json::from_value(json).unwrap();
            prop_assert!(found.round_trip_ms.is_none_or(|ms| ms <= ROUND_TRIP_MAX) && found.bandwidth_kbit.is_none_or(|k| k <= BANDWIDTH_MAX));
            let _ = serde_json::from_str::<Environment>(&text);
        }
    }
}
