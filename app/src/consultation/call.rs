//! Sound and picture between the two pages of a room: WebRTC by perfect negotiation. The server names the roles and carries the signals.

use super::{
    api::Paths,
    arrivals::{Arrivals, Sums},
    media::{Trouble, play},
    own::Own,
    terminal::configuration,
    wire::Quality,
};
use crate::ui::js::{clock, get};
use domain::media::Medium;
use futures::{StreamExt, channel::mpsc};
use gloo_timers::future::TimeoutFuture;
use js_sys::{JSON, Object, Promise, Reflect};
use leptos::{html::Video, prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaStream, RtcIceCandidateInit, RtcIceConnectionState, RtcPeerConnection, RtcPeerConnectionIceEvent, RtcSessionDescriptionInit,
    RtcSignalingState, RtcTrackEvent,
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

/// How often it is looked at what has arrived, in milliseconds; oftener until the first of it is there, since both wait for that.
const LOOK: u32 = 1_000;
const FIRST_LOOKS: u32 = 60;

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
    /// Whether sound and picture go out from the start: not while nothing is billed.
    pub sending: bool,
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
    own: Rc<Own>,
    theirs: MediaStream,
    signals: mpsc::UnboundedSender<String>,
    making_offer: Cell<bool>,
    ignoring: Cell<bool>,
    arrivals: Cell<Arrivals>,
    /// Whether anything arrived since the last proof.
    arrived: Cell<bool>,
    /// Kept as long as the connection calls them.
    listeners: RefCell<Vec<JsValue>>,
}

impl Call {
    /// Begins a call; `None` where the browser knows none.
    pub fn begin(setup: Setup) -> Option<Self> {
        let peer: Peer = RtcPeerConnection::new_with_configuration(&configuration(&setup.paths)).ok()?.unchecked_into();
        let (signals, mut heard) = mpsc::unbounded();
        let theirs = MediaStream::new().ok()?;
        let inner = Rc::new(Inner {
            own: Own::new(peer.clone().unchecked_into(), Clone::clone(&theirs), setup.shown, setup.sending),
            peer,
            setup,
            theirs,
            signals,
            making_offer: Cell::default(),
            ignoring: Cell::default(),
            arrivals: Cell::new(Arrivals::new(clock())),
            arrived: Cell::default(),
            listeners: RefCell::default(),
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
        spawn_local(async move {
            while let Some(inner) = looking.upgrade() {
                inner.look().await;
                let pause = if inner.arrivals.get().ever() { LOOK } else { FIRST_LOOKS };
                drop(inner);
                TimeoutFuture::new(pause).await;
            }
        });
        Some(Call(inner))
    }

    /// Takes a signal of the other page.
    pub fn hear(&self, signal: String) {
        // The hearer lives as long as the call.
        let _ = self.0.signals.unbounded_send(signal);
    }

    /// Captures and sends what the medium wants, and stops what it does not.
    pub fn carry(&self, medium: Medium) {
        spawn_local(Rc::clone(&self.0.own).carry(medium));
    }

    /// Whether anything arrived since this was last asked.
    pub fn arrived(&self) -> bool {
        self.0.arrived.take()
    }

    /// The own sound and picture.
    pub fn own(&self) -> &Rc<Own> {
        &self.0.own
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

    /// Looks at what has arrived.
    async fn look(&self) {
        let Ok(report) = JsFuture::from(self.peer.get_stats()).await else { return };
        let mut arrivals = self.arrivals.get();
        let found = arrivals.look(Sums::of(report), clock(), self.setup.polite);
        self.arrivals.set(arrivals);
        if found.arrived {
            self.arrived.set(true);
        }
        let shown = self.setup.shown;
        if shown.flows.try_get_untracked() != Some(found.flows) {
            shown.flows.try_set(found.flows);
        }
        if found.quality.is_some() && shown.quality.try_get_untracked() != Some(found.quality) {
            shown.quality.try_set(found.quality);
        }
        if found.restart {
            self.peer.restart_ice();
        }
        if found.rejoin {
            (self.setup.rejoin)();
        }
    }

    fn end(&self) {
        self.peer.set_onnegotiationneeded(None);
        self.peer.set_onicecandidate(None);
        self.peer.set_ontrack(None);
        self.peer.set_oniceconnectionstatechange(None);
        self.peer.close();
        self.own.end();
        let shown = self.setup.shown;
        for video in [shown.theirs, shown.own] {
            if let Some(Some(video)) = video.try_get_untracked() {
                play(&video, None);
            }
        }
        shown.flows.try_set(false);
        shown.quality.try_set(None);
        self.listeners.borrow_mut().clear();
    }
}
