//! What a page captures of its own microphone, camera and screen, and what of it the other side is sent.

use super::{
    call::Shown,
    media::{self, Trouble, Wanted, capture, play, release, tracks},
};
use domain::media::Medium;
use js_sys::Promise;
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MediaStream, MediaStreamTrack, RtcPeerConnection, RtcRtpSender};

/// The own sound and picture. Its devices are let go when it [ends](Own::end).
pub struct Own {
    peer: RtcPeerConnection,
    /// Names what is sent: the other side puts all that comes into one.
    stream: MediaStream,
    shown: Shown,
    held: RefCell<Held>,
    /// By what it is now: a browser's question may be answered long after it was asked.
    medium: Cell<Medium>,
    sending: Cell<bool>,
    ended: Cell<bool>,
    /// Kept as long as a screen calls them.
    listeners: RefCell<Vec<JsValue>>,
}

#[derive(Default)]
struct Held {
    microphone: Option<(MediaStreamTrack, RtcRtpSender)>,
    /// The one place for a picture: of the camera, of the screen, or empty.
    picture: Option<(Option<MediaStreamTrack>, RtcRtpSender)>,
    camera: Option<MediaStreamTrack>,
    screen: Option<MediaStream>,
}

impl Own {
    /// Nothing yet, to be sent over this connection once it is let out.
    pub fn new(peer: RtcPeerConnection, stream: MediaStream, shown: Shown, sending: bool) -> Rc<Self> {
        Rc::new(Own {
            peer,
            stream,
            shown,
            held: RefCell::default(),
            medium: Cell::new(Medium::Chat),
            sending: Cell::new(sending),
            ended: Cell::default(),
            listeners: RefCell::default(),
        })
    }

    /// Captures and sends what the medium wants, and stops what it does not.
    pub async fn carry(self: Rc<Self>, medium: Medium) {
        self.medium.set(medium);
        let (has_sound, has_picture) = {
            let held = self.held.borrow();
            (held.microphone.is_some(), held.camera.is_some())
        };
        let wants = |wanted: bool, has: bool| if wanted && !has { Wanted::Usual } else { Wanted::Nothing };
        let (sound, picture) = (wants(medium != Medium::Chat, has_sound), wants(medium == Medium::Video, has_picture));
        if sound != Wanted::Nothing || picture != Wanted::Nothing {
            let captured = match capture(&sound, &picture).await {
                // Without a camera the voice still goes.
                Err(why) if sound != Wanted::Nothing && picture != Wanted::Nothing => {
                    self.shown.trouble.try_set(Some(why));
                    capture(&sound, &Wanted::Nothing).await
                }
                captured => {
                    if captured.is_ok() {
                        self.shown.trouble.try_set(None);
                    }
                    captured
                }
            };
            if !self.take(captured) {
                return;
            }
        }
        if self.medium.get() != Medium::Video {
            self.drop_picture();
        }
        self.switch();
        self.show();
    }

    /// Sends what was captured as far as it is still wanted; whether anybody is left to send it for.
    fn take(&self, captured: Result<MediaStream, Trouble>) -> bool {
        match captured {
            Ok(stream) if self.ended.get() => release(&stream),
            Ok(stream) => {
                for track in tracks(&stream) {
                    let wanted =
                        if track.kind() == "audio" { self.medium.get() != Medium::Chat } else { self.medium.get() == Medium::Video };
                    if wanted {
                        self.publish(&track, &stream);
                    } else {
                        track.stop();
                    }
                }
            }
            Err(why) => {
                self.shown.trouble.try_set(Some(why));
            }
        }
        !self.ended.get()
    }

    /// Sends a track of the microphone or the camera.
    fn publish(&self, track: &MediaStreamTrack, stream: &MediaStream) {
        let mut held = self.held.borrow_mut();
        if track.kind() == "audio" {
            match &mut held.microphone {
                Some((old, sender)) => {
                    old.stop();
                    settle(sender.replace_track(Some(track)));
                    *old = same(track);
                }
                none => *none = Some((same(track), self.peer.add_track_0(track, stream))),
            }
            return;
        }
        if let Some(old) = held.camera.replace(same(track)) {
            old.stop();
        }
        if held.screen.is_none() {
            self.send_picture(&mut held, Some(same(track)));
        }
    }

    /// Puts a picture, or none, into the one place for it.
    fn send_picture(&self, held: &mut Held, track: Option<MediaStreamTrack>) {
        match (&mut held.picture, track) {
            (Some((now, sender)), track) => {
                settle(sender.replace_track(track.as_ref()));
                *now = track;
            }
            (none, Some(track)) => {
                let sender = self.peer.add_track_0(&track, &self.stream);
                *none = Some((Some(track), sender));
            }
            (_, None) => {}
        }
    }

    fn drop_picture(&self) {
        if self.ended.get() {
            return;
        }
        let mut held = self.held.borrow_mut();
        if let Some(camera) = held.camera.take() {
            camera.stop();
        }
        if let Some(screen) = held.screen.take() {
            release(&screen);
            self.shown.sharing.try_set(false);
        }
        self.send_picture(&mut held, None);
    }

    /// Sends a screen instead of the camera, or the camera again.
    pub async fn share(self: Rc<Self>, sharing: bool) {
        if !sharing {
            return self.stop_sharing();
        }
        // Whoever changed their mind in the browser's own question goes on as before.
        let Ok(stream) = media::screen().await else { return };
        let picture = tracks(&stream).into_iter().find(|track| track.kind() == "video");
        let wanted = !self.ended.get() && self.medium.get() == Medium::Video;
        let Some(track) = picture.filter(|_| wanted) else { return release(&stream) };
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
            let mut held = self.held.borrow_mut();
            held.screen = Some(stream);
            self.send_picture(&mut held, Some(track));
        }
        self.shown.sharing.try_set(true);
        self.switch();
        self.show();
    }

    fn stop_sharing(&self) {
        {
            let mut held = self.held.borrow_mut();
            let Some(screen) = held.screen.take() else { return };
            release(&screen);
            let camera = held.camera.as_ref().map(same);
            self.send_picture(&mut held, camera);
        }
        self.shown.sharing.try_set(false);
        self.switch();
        self.show();
    }

    /// Goes on with another microphone or camera.
    pub async fn use_device(self: Rc<Self>, picture: bool, id: String) {
        let (sound, camera) = if picture { (Wanted::Nothing, Wanted::Device(id)) } else { (Wanted::Device(id), Wanted::Nothing) };
        let captured = capture(&sound, &camera).await;
        if captured.is_ok() {
            self.shown.trouble.try_set(None);
        }
        if self.take(captured) {
            self.switch();
            self.show();
        }
    }

    /// Lets sound and picture out, or keeps them in while nothing is billed.
    pub fn send(&self, sending: bool) {
        self.sending.set(sending);
        self.switch();
    }

    /// Mutes or unmutes: silence is sent, so a muted line still proves.
    pub fn mute(&self, muted: bool) {
        self.shown.muted.set(muted);
        self.switch();
    }

    /// Turns the camera off or on: black is sent.
    pub fn darken(&self, dark: bool) {
        self.shown.dark.set(dark);
        self.switch();
    }

    /// Opens and closes the own tracks as they are wanted now.
    fn switch(&self) {
        let (held, sending) = (self.held.borrow(), self.sending.get());
        if let Some((track, _)) = &held.microphone {
            track.set_enabled(sending && !self.shown.muted.get_untracked());
        }
        if let Some(camera) = &held.camera {
            camera.set_enabled(sending && !self.shown.dark.get_untracked());
        }
        if let Some(screen) = &held.screen {
            tracks(screen).iter().for_each(|track| track.set_enabled(sending));
        }
    }

    /// Shows what is sent of the own.
    fn show(&self) {
        let Some(Some(video)) = self.shown.own.try_get_untracked() else { return };
        let track = self.held.borrow().picture.as_ref().and_then(|(track, _)| track.as_ref().map(same));
        let stream = track.and_then(|track| {
            let stream = MediaStream::new().ok()?;
            stream.add_track(&track);
            Some(stream)
        });
        play(&video, stream.as_ref());
    }

    /// Lets every device go.
    pub fn end(&self) {
        self.ended.set(true);
        let held = self.held.take();
        if let Some((track, _)) = &held.microphone {
            track.stop();
        }
        if let Some(camera) = &held.camera {
            camera.stop();
        }
        if let Some(screen) = &held.screen {
            release(screen);
        }
        self.shown.sharing.try_set(false);
        self.listeners.borrow_mut().clear();
    }
}

/// The same track once more. Its own `clone` is the browser's: another track, which goes on when the first is muted or stopped.
fn same(track: &MediaStreamTrack) -> MediaStreamTrack {
    Clone::clone(track)
}

/// Lets a replacement of a track take its course: there is no new negotiation, and where it fails the old track has ended and says so.
fn settle(replacing: Promise) {
    spawn_local(async move {
        let _ = JsFuture::from(replacing).await;
    });
}
