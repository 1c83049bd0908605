//! Sound and picture between the two pages of a room: WebRTC by perfect negotiation. The server names the roles and carries the signals; what flows is
//! known by bytes that arrive, not by what flags say.

use super::{
    api::Paths,
    media::{self, Trouble, Wanted, capture, play, release, tracks},
    terminal::{configuration, get},
    wire::Quality,
};
use domain::media::Medium;
use futures::{StreamExt, channel::mpsc};
use js_sys::{JSON, Object, Promise, Reflect};
use leptos::{html::Video, prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaStream, MediaStreamTrack, RtcIceCandidateInit, RtcIceConnectionState, RtcPeerConnection, RtcPeerConnectionIceEvent, RtcRtpSender,
    RtcSessionDescriptionInit, RtcSignalingState, RtcTrackEvent,
};

#[wasm_bindgen]
extern "C" {
    /// What `web-sys` lacks of a connection.
    #[wasm_bindgen(extends = RtcPeerConnection, js_name = RTCPeerConnection)]
    type Peer;

    /// Without a description the browser makes the one that fits.
    #[wasm_bindgen(method, catch, js_name = setLocalDescription)]
    fn set_fitting_description(this: &Peer) -> Result<Promise, JsValue>;

    /// Looks for a new way while the old one goes on.
    #[wasm_bindgen(method, js_name = restartIce)]
    fn restart_ice(this: &Peer);
}

/// How often it is looked at what has arrived.
const LOOK: Duration = Duration::from_secs(1);
/// Looks without anything arriving until a new way is searched for.
const RESTART_AFTER: u32 = 3;
/// Looks without anything arriving until the page comes in anew; the sides differ, so that not both do at once.
const REJOIN_AFTER: (u32, u32) = (14, 18);

/// What the page shows of a call.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The other side's sound and picture.
    pub theirs: NodeRef<Video>,
    /// The own picture.
    pub own: NodeRef<Video>,
    /// Whether anything of the other side arrives.
    pub flows: RwSignal<bool>,
    /// How good what arrives is.
    pub quality: RwSignal<Option<Quality>>,
    /// Why nothing of the own could be captured.
    pub trouble: RwSignal<Option<Trouble>>,
    /// Whether the own microphone is muted.
    pub muted: RwSignal<bool>,
    /// Whether the own camera is off.
    pub dark: RwSignal<bool>,
    /// Whether the own screen is shared.
    pub sharing: RwSignal<bool>,
}

/// What a call needs of its room.
pub struct Setup {
    /// How the two find each other.
    pub paths: Paths,
    /// Whether this side gives way when both offer at once.
    pub polite: bool,
    /// Sends a signal to the other page.
    pub signal: Box<dyn Fn(String)>,
    /// Comes into the room anew: nothing else brought the sound back.
    pub rejoin: Box<dyn Fn()>,
    /// What the page shows.
    pub shown: Shown,
}

/// A call. It ends when it is dropped.
pub struct Call(Rc<Inner>);

struct Inner {
    peer: Peer,
    setup: Setup,
    signals: mpsc::UnboundedSender<String>,
    making_offer: Cell<bool>,
    ignoring: Cell<bool>,
    own: RefCell<Own>,
    theirs: MediaStream,
    seen: RefCell<Seen>,
    /// Whether anything arrived since the last proof.
    arrived: Cell<bool>,
    sending: Cell<bool>,
    ended: Cell<bool>,
    /// Kept as long as the connection calls them.
    listeners: RefCell<Vec<JsValue>>,
    looking: Cell<Option<IntervalHandle>>,
}

/// What is captured here.
#[derive(Default)]
struct Own {
    microphone: Option<(MediaStreamTrack, RtcRtpSender)>,
    picture: Option<(Option<MediaStreamTrack>, RtcRtpSender)>,
    camera: Option<MediaStreamTrack>,
    screen: Option<MediaStream>,
}

/// What had arrived at the last look.
#[derive(Clone, Copy, Default)]
struct Seen {
    bytes: f64,
    packets: f64,
    lost: f64,
    /// Looks since anything arrived.
    idle: u32,
    ever: bool,
}

impl Call {
    /// Begins a call; `None` where the browser knows none.
    pub fn begin(setup: Setup) -> Option<Self> {
        let peer: Peer = RtcPeerConnection::new_with_configuration(&configuration(&setup.paths)).ok()?.unchecked_into();
        let (signals, mut heard) = mpsc::unbounded();
        let theirs = MediaStream::new().ok()?;
        let inner = Rc::new(Inner {
            peer,
            setup,
            signals,
            making_offer: Cell::default(),
            ignoring: Cell::default(),
            own: RefCell::default(),
            theirs,
            seen: RefCell::default(),
            arrived: Cell::default(),
            sending: Cell::new(true),
            ended: Cell::default(),
            listeners: RefCell::default(),
            looking: Cell::default(),
        });
        inner.listen();
        // One signal after the other: a description must be in place before what follows it.
        let hearing = Rc::downgrade(&inner);
        spawn_local(async move {
            while let Some(signal) = heard.next().await {
                let Some(inner) = hearing.upgrade() else { return };
                // What cannot be applied is made up for by the next offer.
                let _ = inner.apply(&signal).await;
            }
        });
        let looking = Rc::downgrade(&inner);
        let look = move || {
            if let Some(inner) = looking.upgrade() {
                spawn_local(inner.look());
            }
        };
        inner.looking.set(set_interval_with_handle(look, LOOK).ok());
        Some(Call(inner))
    }

    /// Takes a signal of the other page.
    pub fn hear(&self, signal: String) {
        // The hearer lives as long as the call.
        let _ = self.0.signals.unbounded_send(signal);
    }

    /// Captures and sends what the medium wants, and stops what it does not.
    pub fn carry(&self, medium: Medium) {
        spawn_local(Rc::clone(&self.0).carry(medium));
    }

    /// Whether anything arrived since this was last asked.
    pub fn arrived(&self) -> bool {
        self.0.arrived.take()
    }

    /// Lets sound and picture out, or keeps them in while nothing is billed.
    pub fn send(&self, sending: bool) {
        self.0.sending.set(sending);
        self.0.switch();
    }

    /// Mutes or unmutes: silence is sent, so a muted line still proves.
    pub fn mute(&self, muted: bool) {
        self.0.setup.shown.muted.set(muted);
        self.0.switch();
    }

    /// Turns the camera off or on: black is sent.
    pub fn darken(&self, dark: bool) {
        self.0.setup.shown.dark.set(dark);
        self.0.switch();
    }

    /// Sends a screen instead of the camera, or the camera again.
    pub fn share(&self, sharing: bool) {
        spawn_local(Rc::clone(&self.0).share(sharing));
    }

    /// Goes on with another microphone or camera.
    pub fn use_device(&self, kind: &str, id: String) {
        spawn_local(Rc::clone(&self.0).use_device(kind == "videoinput", id));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Inner {
    fn listen(self: &Rc<Self>) {
        let keep = |listener: JsValue| self.listeners.borrow_mut().push(listener);
        let me = Rc::downgrade(self);
        let needed = Closure::<dyn FnMut()>::new({
            let me = me.clone();
            move || {
                if let Some(me) = me.upgrade() {
                    spawn_local(async move {
                        me.making_offer.set(true);
                        // A negotiation that fails is needed again.
                        let _ = me.describe().await;
                        me.making_offer.set(false);
                    });
                }
            }
        });
        self.peer.set_onnegotiationneeded(Some(needed.as_ref().unchecked_ref()));
        keep(needed.into_js_value());
        let candidate = Closure::<dyn FnMut(RtcPeerConnectionIceEvent)>::new({
            let me = me.clone();
            move |event: RtcPeerConnectionIceEvent| {
                if let (Some(me), Some(candidate)) = (me.upgrade(), event.candidate()) {
                    me.tell("candidate", &candidate);
                }
            }
        });
        self.peer.set_onicecandidate(Some(candidate.as_ref().unchecked_ref()));
        keep(candidate.into_js_value());
        let track = Closure::<dyn FnMut(RtcTrackEvent)>::new({
            let me = me.clone();
            move |event: RtcTrackEvent| {
                if let Some(me) = me.upgrade() {
                    me.theirs.add_track(&event.track());
                    if let Some(video) = me.setup.shown.theirs.get_untracked() {
                        play(&video, Some(&me.theirs));
                    }
                }
            }
        });
        self.peer.set_ontrack(Some(track.as_ref().unchecked_ref()));
        keep(track.into_js_value());
        let state = Closure::<dyn FnMut()>::new(move || {
            if let Some(me) = me.upgrade()
                && me.peer.ice_connection_state() == RtcIceConnectionState::Failed
            {
                me.peer.restart_ice();
            }
        });
        self.peer.set_oniceconnectionstatechange(Some(state.as_ref().unchecked_ref()));
        keep(state.into_js_value());
    }

    /// Sends something under a name, as JSON.
    fn tell(&self, name: &str, what: &JsValue) {
        let signal = Object::new();
        // A new object takes any property.
        let _ = Reflect::set(&signal, &JsValue::from_str(name), what);
        if let Some(text) = JSON::stringify(&signal).ok().and_then(|text| text.as_string()) {
            (self.setup.signal)(text);
        }
    }

    /// Describes what is sent and taken here, and tells it.
    async fn describe(&self) -> Result<(), JsValue> {
        JsFuture::from(self.peer.set_fitting_description()?).await?;
        if let Some(description) = self.peer.local_description() {
            self.tell("description", &description);
        }
        Ok(())
    }

    async fn apply(&self, signal: &str) -> Result<(), JsValue> {
        let signal = JSON::parse(signal)?;
        let description = get(&signal, "description");
        if description.is_object() {
            let offered = get(&description, "type").as_string().as_deref() == Some("offer");
            let collides = offered && (self.making_offer.get() || self.peer.signaling_state() != RtcSignalingState::Stable);
            self.ignoring.set(!self.setup.polite && collides);
            if self.ignoring.get() {
                return Ok(());
            }
            JsFuture::from(self.peer.set_remote_description(description.unchecked_ref::<RtcSessionDescriptionInit>())).await?;
            if offered {
                self.describe().await?;
            }
            return Ok(());
        }
        let candidate = get(&signal, "candidate");
        if candidate.is_object() {
            let candidate = candidate.unchecked_ref::<RtcIceCandidateInit>();
            let added = JsFuture::from(self.peer.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(candidate))).await;
            // Those of an offer that was ignored fit nothing.
            if !self.ignoring.get() {
                added?;
            }
        }
        Ok(())
    }

    async fn carry(self: Rc<Self>, medium: Medium) {
        let shown = self.setup.shown;
        let (has_sound, has_picture) = {
            let own = self.own.borrow();
            (own.microphone.is_some(), own.camera.is_some())
        };
        let wants = |wanted: bool, has: bool| if wanted && !has { Wanted::Usual } else { Wanted::Nothing };
        let (sound, picture) = (wants(medium != Medium::Chat, has_sound), wants(medium == Medium::Video, has_picture));
        if sound != Wanted::Nothing || picture != Wanted::Nothing {
            let captured = match capture(&sound, &picture).await {
                // Without a camera the voice still goes.
                Err(why) if sound != Wanted::Nothing && picture != Wanted::Nothing => {
                    shown.trouble.try_set(Some(why));
                    capture(&sound, &Wanted::Nothing).await
                }
                captured => {
                    if captured.is_ok() {
                        shown.trouble.try_set(None);
                    }
                    captured
                }
            };
            match captured {
                Ok(stream) if self.ended.get() => return release(&stream),
                Ok(stream) => {
                    for track in tracks(&stream) {
                        self.publish(&track, &stream);
                    }
                }
                Err(why) => {
                    shown.trouble.try_set(Some(why));
                }
            }
        }
        if medium != Medium::Video {
            self.drop_picture();
        }
        self.switch();
        self.show_own();
    }

    /// Sends a track of the microphone or the camera.
    fn publish(&self, track: &MediaStreamTrack, stream: &MediaStream) {
        let mut own = self.own.borrow_mut();
        if track.kind() == "audio" {
            match &mut own.microphone {
                Some((old, sender)) => {
                    old.stop();
                    settle(sender.replace_track(Some(track)));
                    *old = track.clone();
                }
                none => *none = Some((track.clone(), self.peer.add_track_0(track, stream))),
            }
            return;
        }
        if let Some(old) = own.camera.replace(track.clone()) {
            old.stop();
        }
        if own.screen.is_none() {
            self.send_picture(&mut own, Some(track.clone()));
        }
    }

    /// Puts a picture, or none, into the one place for it.
    fn send_picture(&self, own: &mut Own, track: Option<MediaStreamTrack>) {
        match (&mut own.picture, track) {
            (Some((now, sender)), track) => {
                settle(sender.replace_track(track.as_ref()));
                *now = track;
            }
            (none, Some(track)) => {
                // It is named after no stream of its own: the other side puts all that comes into one.
                let sender = self.peer.add_track_0(&track, &self.theirs);
                *none = Some((Some(track), sender));
            }
            (_, None) => {}
        }
    }

    fn drop_picture(&self) {
        if self.ended.get() {
            return;
        }
        let mut own = self.own.borrow_mut();
        if let Some(camera) = own.camera.take() {
            camera.stop();
        }
        if let Some(screen) = own.screen.take() {
            release(&screen);
            self.setup.shown.sharing.try_set(false);
        }
        self.send_picture(&mut own, None);
    }

    async fn share(self: Rc<Self>, sharing: bool) {
        if !sharing {
            return self.stop_sharing();
        }
        let Ok(stream) = media::screen().await else { return };
        let Some(track) = tracks(&stream).into_iter().find(|track| track.kind() == "video") else { return };
        // The browser has a button of its own that ends it.
        let me = Rc::downgrade(&self);
        let ended = Closure::<dyn FnMut()>::new(move || {
            if let Some(me) = me.upgrade() {
                me.stop_sharing();
            }
        });
        track.set_onended(Some(ended.as_ref().unchecked_ref()));
        self.listeners.borrow_mut().push(ended.into_js_value());
        {
            let mut own = self.own.borrow_mut();
            own.screen = Some(stream);
            self.send_picture(&mut own, Some(track));
        }
        self.setup.shown.sharing.try_set(true);
        self.show_own();
    }

    fn stop_sharing(&self) {
        {
            let mut own = self.own.borrow_mut();
            let Some(screen) = own.screen.take() else { return };
            release(&screen);
            let camera = own.camera.clone();
            self.send_picture(&mut own, camera);
        }
        self.setup.shown.sharing.try_set(false);
        self.switch();
        self.show_own();
    }

    async fn use_device(self: Rc<Self>, picture: bool, id: String) {
        let (sound, camera) = if picture { (Wanted::Nothing, Wanted::Device(id)) } else { (Wanted::Device(id), Wanted::Nothing) };
        match capture(&sound, &camera).await {
            Ok(stream) if self.ended.get() => release(&stream),
            Ok(stream) => tracks(&stream).iter().for_each(|track| self.publish(track, &stream)),
            Err(why) => {
                self.setup.shown.trouble.try_set(Some(why));
            }
        }
        self.switch();
        self.show_own();
    }

    /// Opens and closes the own tracks as they are wanted now.
    fn switch(&self) {
        let (own, shown, sending) = (self.own.borrow(), self.setup.shown, self.sending.get());
        if let Some((track, _)) = &own.microphone {
            track.set_enabled(sending && !shown.muted.get_untracked());
        }
        if let Some(camera) = &own.camera {
            camera.set_enabled(sending && !shown.dark.get_untracked());
        }
        if let Some(screen) = &own.screen {
            tracks(screen).iter().for_each(|track| track.set_enabled(sending));
        }
    }

    /// Shows what is sent of the own.
    fn show_own(&self) {
        let Some(video) = self.setup.shown.own.get_untracked() else { return };
        let track = self.own.borrow().picture.as_ref().and_then(|(track, _)| track.clone());
        let stream = track.and_then(|track| {
            let stream = MediaStream::new().ok()?;
            stream.add_track(&track);
            Some(stream)
        });
        play(&video, stream.as_ref());
    }

    /// Looks at what has arrived.
    async fn look(self: Rc<Self>) {
        let Ok(report) = JsFuture::from(self.peer.get_stats()).await else { return };
        let (mut bytes, mut packets, mut lost, mut jitter, mut round_trip) = (0.0, 0.0, 0.0, 0.0_f64, 0.0_f64);
        let number = |of: &JsValue, name: &str| get(of, name).as_f64().unwrap_or(0.0);
        report.unchecked_into::<js_sys::Map>().for_each(&mut |entry, _| match get(&entry, "type").as_string().as_deref() {
            Some("inbound-rtp") => {
                bytes += number(&entry, "bytesReceived");
                packets += number(&entry, "packetsReceived");
                lost += number(&entry, "packetsLost");
                jitter = jitter.max(number(&entry, "jitter"));
            }
            Some("candidate-pair") if get(&entry, "nominated").is_truthy() => {
                round_trip = round_trip.max(number(&entry, "currentRoundTripTime"));
            }
            _ => {}
        });
        let mut seen = self.seen.borrow_mut();
        let flows = bytes > seen.bytes;
        let (came, missed) = ((packets - seen.packets).max(0.0), (lost - seen.lost).max(0.0));
        *seen = Seen { bytes, packets, lost, idle: if flows { 0 } else { seen.idle.saturating_add(1) }, ever: seen.ever || flows };
        let (idle, ever) = (seen.idle, seen.ever);
        drop(seen);
        if flows {
            self.arrived.set(true);
        }
        let quality = match (flows, idle) {
            (true, _) => Some(judge(missed / (came + missed).max(1.0), round_trip * 1_000.0, jitter * 1_000.0)),
            (false, 0..3) => None,
            _ if ever => Some(Quality::Lost),
            _ => None,
        };
        let shown = self.setup.shown;
        if shown.flows.try_get_untracked() != Some(idle < 3 && ever) {
            shown.flows.try_set(idle < 3 && ever);
        }
        if quality.is_some() && shown.quality.try_get_untracked() != Some(quality) {
            shown.quality.try_set(quality);
        }
        if ever && idle >= RESTART_AFTER && idle.is_multiple_of(RESTART_AFTER) {
            self.peer.restart_ice();
        }
        if idle == if self.setup.polite { REJOIN_AFTER.0 } else { REJOIN_AFTER.1 } {
            (self.setup.rejoin)();
        }
    }

    fn end(&self) {
        self.ended.set(true);
        if let Some(looking) = self.looking.take() {
            looking.clear();
        }
        self.peer.set_onnegotiationneeded(None);
        self.peer.set_onicecandidate(None);
        self.peer.set_ontrack(None);
        self.peer.set_oniceconnectionstatechange(None);
        self.peer.close();
        let own = self.own.borrow();
        if let Some((track, _)) = &own.microphone {
            track.stop();
        }
        if let Some(camera) = &own.camera {
            camera.stop();
        }
        if let Some(screen) = &own.screen {
            release(screen);
        }
        let shown = self.setup.shown;
        for video in [shown.theirs, shown.own] {
            if let Some(Some(video)) = video.try_get_untracked() {
                play(&video, None);
            }
        }
        shown.flows.try_set(false);
        shown.quality.try_set(None);
        shown.sharing.try_set(false);
        self.listeners.borrow_mut().clear();
    }
}

/// Lets a replacement of a track take its course: there is no new negotiation, and where it fails the old track has ended and says so.
fn settle(replacing: Promise) {
    spawn_local(async move {
        let _ = JsFuture::from(replacing).await;
    });
}

/// How good a line is, by an estimate of what people would say of it (the simplified E-model: latency and loss lower a rating of 93.2).
fn judge(loss: f64, round_trip_ms: f64, jitter_ms: f64) -> Quality {
    let latency = round_trip_ms + 2.0 * jitter_ms + 10.0;
    let rating = if latency < 160.0 { 93.2 - latency / 40.0 } else { 93.2 - (latency - 120.0) / 10.0 } - 2.5 * loss * 100.0;
    let rating = rating.clamp(0.0, 100.0);
    let opinion = 1.0 + 0.035 * rating + 7e-6 * rating * (rating - 60.0) * (100.0 - rating);
    if opinion >= 4.0 {
        Quality::Good
    } else if opinion >= 3.5 {
        Quality::Fair
    } else {
        Quality::Poor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_latency_lower_the_word() {
        assert_eq!(judge(0.0, 40.0, 5.0), Quality::Good);
        assert_eq!(judge(0.06, 80.0, 10.0), Quality::Fair);
        assert_eq!(judge(0.2, 80.0, 10.0), Quality::Poor);
        assert_eq!(judge(0.0, 900.0, 10.0), Quality::Poor);
    }
}
