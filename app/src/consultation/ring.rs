//! The ring at the provider's: on every page and device, with sound, title and notification, until somebody answers.

use super::{
    api::ConsultationView,
    parts::{conditions_list, end_words, environments, question_line},
    wire::RingView,
};
use crate::{
    frame::focus_main,
    presence::{socket::DeskState, wire::FromPage},
    routes,
    ui::{
        form::{Form, Submit},
        js::{call, get, navigator, object, promised},
        local::Local,
        page::Ask,
        view::{flag, nothing, show, text, when},
        wake::keep_awake,
    },
};
use domain::{id::ConsultationId, side::Side, time::Timestamp};
use leptos::{html::Div, prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::JsValue;
use web_sys::AudioContext;

/// How the ring sounds: two notes, again and again.
const NOTES: [f32; 2] = [659.25, 880.0];
/// How often.
const AGAIN: Duration = Duration::from_millis(2_000);

/// The sound of the ring. Browsers let a page sound only after a tap on it, so the tap that goes online wakes it up.
#[derive(Clone, Copy, Default)]
pub struct Sound(Local<AudioContext>);

impl Sound {
    /// Wakes the sound up, in a tap. Browser only.
    pub fn wake(self) {
        if self.0.with(|context| context.is_none()) == Some(true)
            && let Ok(context) = AudioContext::new()
        {
            self.0.set(context);
        }
        self.0.with(|context| {
            // A context that cannot go on stays silent; the ring is seen all the same.
            let _ = context.map(|context| context.resume());
        });
    }

    /// Sounds once.
    pub fn ring(self) {
        self.wake();
        self.0.with(|context| {
            let Some(context) = context else { return };
            for (n, note) in NOTES.iter().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "one of two")]
                let at = context.current_time() + n as f64 * 0.22;
                // Where one node cannot be made none can, and it stays silent.
                let _ = tone(context, *note, at);
            }
        });
    }
}

fn tone(context: &AudioContext, note: f32, at: f64) -> Result<(), JsValue> {
    let (source, volume) = (context.create_oscillator()?, context.create_gain()?);
    source.frequency().set_value(note);
    volume.gain().set_value_at_time(0.0001, at)?;
    volume.gain().exponential_ramp_to_value_at_time(0.25, at + 0.03)?;
    volume.gain().exponential_ramp_to_value_at_time(0.0001, at + 0.5)?;
    source.connect_with_audio_node(&volume)?.connect_with_audio_node(&context.destination())?;
    source.start_with_when(at)?;
    source.stop_with_when(at + 0.55)
}

/// Whether a ring may be shown outside the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notices {
    /// Not found out, or there are none in this browser.
    Unknown,
    /// Nobody has asked yet.
    Asks,
    /// Yes.
    Allowed,
    /// No.
    Denied,
}

impl Notices {
    /// As the browser has it. Browser only.
    pub fn now() -> Self {
        match get(&get(&window(), "Notification"), "permission").as_string().as_deref() {
            Some("granted") => Notices::Allowed,
            Some("denied") => Notices::Denied,
            Some(_) => Notices::Asks,
            None => Notices::Unknown,
        }
    }

    /// What that means for a ring.
    pub const fn words(self) -> &'static str {
        match self {
            Notices::Unknown => "",
            Notices::Asks => "“Try the ring” also asks whether a ring may be shown while you look at something else.",
            Notices::Allowed => "A ring is also shown while you look at something else.",
            Notices::Denied => "Notifications are forbidden in this browser: a ring is heard, and seen on this page.",
        }
    }
}

/// Asks whether notifications may be shown, in a tap; what was answered once is not asked again. Browser only.
pub fn permit_notices(known: RwSignal<Notices>) {
    if Notices::now() == Notices::Asks {
        spawn_local(async move {
            // Whoever says no is rung by the page alone.
            promised(&get(&window(), "Notification"), "requestPermission", &[]).await;
            known.try_set(Notices::now());
        });
    }
}

/// The worker that shows notifications: phones let no page show one itself.
async fn worker() -> Option<JsValue> {
    promised(&get(&navigator(), "serviceWorker"), "getRegistration", &[]).await.filter(|found| !found.is_undefined())
}

/// Shows a notification where it was permitted; a tap on it leads to the page that rings.
fn notify(ring: &RingView) {
    if Notices::now() != Notices::Allowed {
        return;
    }
    let (title, question, id) = (format!("{} asks", ring.from.name), ring.question.clone(), ring.id);
    spawn_local(async move {
        let options = web_sys::NotificationOptions::new();
        options.set_body(&question);
        options.set_tag(&id.to_string());
        options.set_data(&JsValue::from_str(&routes::consultation(id)));
        match worker().await {
            Some(worker) => drop(call(&worker, "showNotification", &[JsValue::from_str(&title), options.into()])),
            // Where pages may not show any either, the page itself rings.
            None => drop(web_sys::Notification::new_with_options(&title, &options)),
        }
    });
}

/// Takes the notification back: the ring has stopped.
fn withdraw(id: ConsultationId) {
    spawn_local(async move {
        let Some(worker) = worker().await else { return };
        let shown = promised(&worker, "getNotifications", &[object("tag", &JsValue::from_str(&id.to_string()))]).await;
        for notification in shown.iter().flat_map(js_sys::Array::from) {
            call(&notification, "close", &[]);
        }
    });
}

/// The request that rings, on whatever page one is.
#[component]
pub fn IncomingRing() -> AnyView {
    let state = expect_context::<DeskState>();
    let sound = Sound::default();
    provide_context(sound);
    let panel_node = NodeRef::<Div>::new();
    // A phone that falls asleep rings nowhere.
    keep_awake(flag(move || state.until().is_some()));
    let id = Memo::new(move |_| state.ring.read().as_ref().map(|ring| ring.id));
    let gone = RwSignal::new(String::new());
    // As long as it rings: the sound, the title, and word to the server that it is shown.
    Effect::new(move |before: Option<Option<(IntervalHandle, String, ConsultationId)>>| {
        if let Some(Some((ringing, title, id))) = before {
            ringing.clear();
            document().set_title(&title);
            withdraw(id);
            tell_why(id, gone);
        }
        id.get()?;
        gone.set(String::new());
        let ring = state.ring.get_untracked()?;
        let title = document().title();
        document().set_title(&format!("☎ {} asks", ring.from.name));
        sound.ring();
        if document().hidden() {
            notify(&ring);
        }
        let tell = move || {
            if !document().hidden() {
                state.say(&FromPage::Shown { ring: ring.id });
            }
        };
        request_animation_frame(move || {
            tell();
            // Not onto "Accept": whoever is typing must not accept by accident.
            if let Some(panel) = panel_node.get_untracked() {
                let _ = panel.focus();
            }
        });
        let ringing = set_interval_with_handle(
            move || {
                sound.ring();
                tell();
            },
            AGAIN,
        );
        ringing.ok().map(|ringing| (ringing, title, ring.id))
    });
    let panel = move || {
        id.get().and_then(|_| state.ring.get_untracked()).map_or_else(nothing, |ring| {
            let until = ring.until;
            let left = text(move || until.since(Timestamp(state.now.get())).to_string());
            ring_panel(&ring, left)
        })
    };
    let close = move |_| {
        gone.set(String::new());
        focus_main();
    };
    view! {
        <div class="ringing" role="alertdialog" aria-label="Somebody asks for you" tabindex="-1" node_ref=panel_node hidden=flag(move || id.get().is_none())>{show(panel)}</div>
        <div class="ring-gone" role="status">
            {show(move || {
                let words = gone.get();
                when(!words.is_empty(), || {
                    view! { <p class="notice wrap">{words}" "<button class="btn small" type="button" on:click=close>"Close"</button></p> }.into_any()
                })
            })}
        </div>
    }
    .into_any()
}

/// A ring has stopped: whoever looked at it is told why, unless it was answered here.
fn tell_why(id: ConsultationId, gone: RwSignal<String>) {
    spawn_local(async move {
        let Ok(found) = Ask::Consultation(id.to_string()).get::<ConsultationView>().await else { return };
        let other = &found.people.of(found.side.other()).name;
        if let Some(words) = end_words(&found.state, found.side, other) {
            gone.try_set(words);
        }
    });
}

/// What the provider sees before accepting.
pub fn ring_panel(ring: &RingView, left: Signal<String>) -> AnyView {
    let name = ring.from.name.clone();
    let id = ring.id.to_string();
    let decline = |reason: &'static str, words: &'static str, id: &str| {
        view! {
            <Form id=format!("decline-{reason}") action="/api/consultations/decline" hidden=vec![("consultation", id.to_owned()), ("reason", reason.into())]>
                <Submit text=words class="btn"/>
            </Form>
        }
        .into_any()
    };
    view! {
        <section class="panel ring">
            <div class="ring-head">
                <h2>{format!("{name} asks")}</h2>
                <span class="num ring-left" aria-hidden="true">{left}</span>
            </div>
            <p class="hint">{ring.title.clone()}</p>
            {question_line(&ring.question)}
            {when(ring.question.is_empty(), || view! { <p class="hint">"No question was written."</p> }.into_any())}
            {environments(&ring.agreement, Side::Provider, &name)}
            {conditions_list(&ring.agreement.conditions)}
            <div class="answers">
                <Form id="accept" action="/api/consultations/accept" hidden=vec![("consultation", id.clone())] follow=true class="grow">
                    <Submit text="Accept" class="btn main big"/>
                </Form>
                {decline("not_my_field", "Not my field", &id)}
                {decline("in_five_minutes", "In 5 min", &id)}
            </div>
            <p class="hint"><a href=routes::consultation(ring.id)>"Open it as a page"</a></p>
        </section>
    }
    .into_any()
}
