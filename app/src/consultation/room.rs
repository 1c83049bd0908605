//! The room: one page for phone and desktop.

use super::{
    api::ConsultationView,
    call::{Call, Setup, Shown},
    chat::Chat,
    line::{Known, OnSignal, Pair},
    media::{Found, devices},
    meter::{Meter, More, Remaining},
    parts::{medium_words, stage_words},
    wire::{FromPage, Quality},
};
use crate::ui::{
    form::{Form, Submit},
    local::Local,
    view::{flag, nothing, show, text, truth, when, word},
    wake::keep_awake,
};
use domain::{
    consultation::Stage,
    media::Medium,
    proof::Missing,
    side::Side,
    time::{Millis, Timestamp},
    timeline::Event,
};
use leptos::{html::Video, prelude::*, task::spawn_local};
use std::{cell::RefCell, rc::Rc, time::Duration};

/// Hands the other page's signals to the call that they are for.
struct Hearer {
    call: Local<(Pair, Call)>,
    /// What came before its call was begun here.
    early: RefCell<Vec<(Pair, String)>>,
}

impl OnSignal for Hearer {
    fn signal(&self, pair: Pair, body: String) {
        let body = RefCell::new(Some(body));
        self.call.with(|call| {
            if let Some((of, call)) = call
                && *of == pair
                && let Some(body) = body.take()
            {
                call.hear(body);
            }
        });
        if let Some(body) = body.take() {
            self.early.borrow_mut().push((pair, body));
        }
    }
}

const fn quality_words(quality: Option<Quality>) -> &'static str {
    match quality {
        None => "",
        Some(Quality::Good) => "good",
        Some(Quality::Fair) => "fair",
        Some(Quality::Poor) => "poor",
        Some(Quality::Lost) => "nothing arrives",
    }
}

const fn quality_name(quality: Option<Quality>) -> &'static str {
    match quality {
        None => "",
        Some(Quality::Good) => "good",
        Some(Quality::Fair) => "fair",
        Some(Quality::Poor) => "poor",
        Some(Quality::Lost) => "lost",
    }
}

/// Whether the last that happened is that the cap was raised: a pause for its sake ends with the next proofs.
fn resuming(known: &Known) -> bool {
    known.rows.with(|rows| {
        let mut told = rows.iter().rev().filter(|row| !matches!(row.is, Event::Message(_)));
        told.next().is_some_and(|row| matches!(row.is, Event::Raised { .. }) && Timestamp(known.now.get()).since(row.at) < SOON)
            && told
                .find(|row| matches!(row.is, Event::Full { .. } | Event::Interrupted { .. } | Event::Asked { .. } | Event::Waiting { .. }))
                .is_some_and(|row| matches!(row.is, Event::Full { .. }))
    })
}

/// A drawing for a control.
fn icon(path: &'static str) -> AnyView {
    view! { <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true"><path d=path></path></svg> }.into_any()
}

/// A round button that is on or off; what it does is said, not only drawn.
fn control(path: &'static str, words: Signal<String>, pressed: Signal<bool>, hidden: Signal<bool>, press: impl Fn() + 'static) -> AnyView {
    view! {
        <button class="ctl" type="button" aria-pressed=truth(move || pressed.get()) hidden=hidden title=words on:click=move |_| press()>
            {icon(path)}
            <span class="unseen">{words}</span>
        </button>
    }
    .into_any()
}

const MICROPHONE: &str = "M9 6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0zM5 11a7 7 0 0 0 14 0M12 18v3";
const CAMERA: &str = "M3 7h12v10H3zM15 11l6-3v8l-6-3";
const SCREEN: &str = "M3 4h18v12H3zM8 20h8";
const LARGER: &str = "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5";

const SIZES: &str = "M3 5h18v14H3zM13 12h8v7h-8z";

/// How long it takes at most until both have proved again.
const SOON: Millis = Millis::seconds(12);

/// How long sound and picture may take to come until chat is offered instead.
const PATHLESS_AFTER: Millis = Millis::seconds(8);

/// How the two pictures share their place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// The other one large, the own one small in a corner.
    Large,
    /// Side by side.
    Equal,
    /// The other one alone.
    Alone,
}

impl Size {
    const fn name(self) -> &'static str {
        match self {
            Size::Large => "large",
            Size::Equal => "equal",
            Size::Alone => "alone",
        }
    }

    const fn next(self) -> Self {
        match self {
            Size::Large => Size::Equal,
            Size::Equal => Size::Alone,
            Size::Alone => Size::Large,
        }
    }

    const fn next_words(self) -> &'static str {
        match self {
            Size::Large => "Show both pictures at the same size",
            Size::Equal => "Hide the own picture",
            Size::Alone => "Show the own picture in the corner",
        }
    }
}

/// The room.
#[component]
pub fn Room(
    /// As it was read with the page.
    found: ConsultationView,
    /// As it is known now.
    known: Known,
) -> AnyView {
    let side = found.side;
    let other = found.people.of(side.other()).name.clone();
    let shown = Shown {
        theirs: NodeRef::<Video>::new(),
        own: NodeRef::<Video>::new(),
        flows: RwSignal::new(false),
        quality: RwSignal::new(None),
        trouble: RwSignal::new(None),
        muted: RwSignal::new(false),
        dark: RwSignal::new(false),
        sharing: RwSignal::new(false),
    };
    let call = Local::<(Pair, Call)>::default();
    let with_call = move |then: &dyn Fn(&Call)| {
        call.with(|call| {
            if let Some((_, call)) = call {
                then(call);
            }
        });
    };
    keep_awake(flag(|| true));
    let medium = Memo::new(move |_| known.state.read().medium);
    let stage = Memo::new(move |_| known.state.read().stage);
    let hearer = Rc::new(Hearer { call, early: RefCell::default() });
    let paths = found.paths.clone();

    // A call for each pair of pages, and none while there is no sound.
    Effect::new({
        let hearer = Rc::clone(&hearer);
        move |before: Option<Option<Pair>>| {
            let pair = known.pair(side);
            if before.is_some_and(|before| before == pair) {
                return pair;
            }
            known.on_signal(Rc::clone(&hearer) as Rc<dyn OnSignal>);
            call.take();
            let now = pair?;
            let begun = Call::begin(Setup {
                paths: paths.clone(),
                polite: side == Side::Consumer,
                sending: stage.get_untracked() != Stage::Interrupted,
                signal: Box::new(move |body| known.signal(now, &body)),
                rejoin: Box::new(move || known.rejoin()),
                shown,
            });
            if let Some(begun) = begun {
                begun.carry(medium.get_untracked());
                for (of, body) in hearer.early.take() {
                    if of == now {
                        begun.hear(body);
                    }
                }
                call.set((now, begun));
            }
            pair
        }
    });
    Effect::new(move |before: Option<Medium>| {
        let medium = medium.get();
        if before.is_some_and(|before| before != medium) {
            with_call(&|call| call.carry(medium));
        }
        medium
    });
    on_cleanup(move || {
        call.take();
    });
    // While it is interrupted both pages keep sound and picture in.
    Effect::new(move || {
        let sending = stage.get() != Stage::Interrupted;
        with_call(&|call| call.own().send(sending));
    });
    // Proofs: regularly, at once when it can begin or go on, and with beats when timers sleep.
    let prove = move || {
        let mut media = false;
        call.with(|call| media = call.is_some_and(|(_, call)| call.arrived()));
        if media || medium.get_untracked() == Medium::Chat {
            known.tell(&FromPage::Proof { media });
        }
    };
    let every = Duration::from_millis(u64::try_from(found.prove.0).unwrap_or(5_000).max(200));
    Effect::new(move || {
        if let Ok(regular) = set_interval_with_handle(prove, every) {
            on_cleanup(move || regular.clear());
        }
    });
    // A memo: every proof changes the state, and the state must not prove again.
    let sits = Memo::new(move |_| known.open.get() && known.state.with(|state| state.stage.is_open()));
    Effect::new(move || {
        known.beats.track();
        shown.flows.track();
        medium.track();
        if sits.get() {
            prove();
        }
    });
    // What the other side receives is bad when this line is, so each tells the other.
    Effect::new(move || {
        if let Some(quality) = shown.quality.get() {
            known.tell(&FromPage::Line(quality));
        }
    });

    // Where no way is found, nobody has to wait for the end of the time to come together.
    let pathless = Memo::new(move |_| {
        let accepted = known.rows.read().iter().find_map(|row| matches!(row.is, Event::Accepted { .. }).then_some(row.at));
        stage.get() == Stage::Connecting
            && medium.get() != Medium::Chat
            && !shown.flows.get()
            && accepted.is_some_and(|at| Timestamp(known.now.get()).since(at) > PATHLESS_AFTER)
    });
    let full = Memo::new(move |_| known.state.read().full);
    let asked = flag(move || (stage.get() == Stage::Interrupted && !full.get()) || pathless.get());
    let waits = flag(move || stage.get() == Stage::Interrupted && !full.get());
    let story = {
        let other = other.clone();
        text(move || {
            let state = known.state.read();
            if known.signed_out.get() {
                return "This browser was signed out. Sign in again to go on.".into();
            }
            if !known.open.get() {
                return "Your line to the server is lost; trying again. Nothing is lost.".into();
            }
            if known.unkept.get().is_some() {
                let seconds = known.patience / 1_000;
                return format!(
                    "The server cannot reach its database. Go on talking: if that takes longer than {seconds} s, the time is not billed."
                );
            }
            match state.stage {
                Stage::Connecting if state.medium == Medium::Chat => format!("Waiting for {other} to come in."),
                Stage::Connecting if pathless.get() => {
                    format!("No way for sound and picture to {other} is found yet, and it is tried on. Chat works.")
                }
                Stage::Connecting => format!("Connecting sound and picture with {other}."),
                Stage::Interrupted if state.full && side == Side::Consumer => {
                    "The agreed time is used up. Nothing is billed now, and it ends unless you agree to more.".into()
                }
                Stage::Interrupted if state.full => {
                    format!("The agreed time is used up. Nothing is billed now, and it ends unless {other} agrees to more.")
                }
                // It was raised, and the proofs of both are on their way.
                Stage::Interrupted if resuming(&known) && state.here.consumer && state.here.provider => {
                    "Agreed. It goes on in a moment; nothing is billed until then.".into()
                }
                Stage::Interrupted => {
                    let who = match state.missing {
                        Some(Missing::Both) => "The line broke".to_owned(),
                        Some(missing) if (missing == Missing::Consumer) == (side == Side::Consumer) => "Nothing comes from you".into(),
                        _ => format!("Nothing comes from {other}"),
                    };
                    let then = if state.asked { "It ends by itself" } else { "You are asked what to do" };
                    format!("Interrupted: {who}. Nothing is billed. {then} if this lasts.")
                }
                _ => String::new(),
            }
        })
    };
    let silent = flag(move || medium.get() == Medium::Chat);
    let countdown = text(move || {
        let state = known.state.read();
        let waits = matches!(state.stage, Stage::Connecting | Stage::Interrupted) && known.open.get();
        state.until.filter(|_| waits).map(|until| until.since(Timestamp(known.now.get())).to_string()).unwrap_or_default()
    });
    let trouble = move || {
        // A chat needs no device.
        shown.trouble.get().filter(|_| medium.get() != Medium::Chat).map_or_else(nothing, |trouble| {
            let again = move |_| with_call(&|call| call.carry(medium.get_untracked()));
            view! {
                <p class="warn">
                    {trouble.words()}
                    " "
                    <button class="btn small" type="button" on:click=again>"Try again"</button>
                    " "
                    <button class="btn small" type="button" hidden=silent on:click=move |_| known.tell(&FromPage::Medium { medium: Medium::Chat })>"Go on by chat"</button>
                </p>
            }
            .into_any()
        })
    };
    let media = found.agreement.conditions.media;
    let offered: Vec<Medium> = Medium::ALL.iter().copied().filter(|medium| media.reaches(*medium)).collect();
    let switch = move |to: Medium| {
        let press = move |_| known.tell(&FromPage::Medium { medium: to });
        view! {
            <button class="btn small" type="button" aria-pressed=truth(move || medium.get() == to) on:click=press>{medium_words(to)}</button>
        }
        .into_any()
    };
    let unseen = flag(move || medium.get() != Medium::Video);
    let quality_line = {
        let other = other.clone();
        move || {
            let (own, theirs) = (shown.quality.get(), known.theirs.get());
            if medium.get() == Medium::Chat || (own.is_none() && theirs.is_none()) {
                return nothing();
            }
            let part = |who: String, quality: Option<Quality>| {
                when(quality.is_some(), || {
                    view! { <span class="line-quality" data-quality=quality_name(quality)>{format!("{who}: {}", quality_words(quality))}</span> }.into_any()
                })
            };
            view! { {part("You receive".into(), own)}{part(format!("{other} receives"), theirs)} }.into_any()
        }
    };
    let list = RwSignal::new(Vec::<Found>::new());
    let find = move |_| {
        spawn_local(async move {
            let found = devices().await;
            list.try_set(found);
        });
    };
    let choose = move |found: Found| {
        let (picture, id) = (found.kind == "videoinput", found.id.clone());
        let what = if picture { "Camera" } else { "Microphone" };
        let press = move |_| with_call(&|call| spawn_local(Rc::clone(call.own()).use_device(picture, id.clone())));
        view! { <li><button class="btn small" type="button" on:click=press>{format!("{what}: {}", found.name)}</button></li> }.into_any()
    };
    let conditions = found.agreement.conditions.clone();
    let size = RwSignal::new(Size::Large);
    let fill_screen = move || {
        if let Some(video) = shown.theirs.get_untracked() {
            // A browser that has no full screen stays as it is.
            let _ = video.request_fullscreen();
        }
    };
    let end = |id: &'static str| {
        view! {
            <Form id=id action="/api/consultations/end" hidden=vec![("consultation", found.id.to_string())]>
                <Submit text="End" class="ctl end"/>
            </Form>
        }
        .into_any()
    };
    let picture_words = {
        let other = other.clone();
        move || format!("Picture of {other}")
    };
    view! {
        <div class="room" data-full=truth(move || full.get()) data-stage=word(move || stage.get().as_str()) data-medium=word(move || medium.get().as_str()) data-flows=truth(move || shown.flows.get())>
            <section class="stage" aria-label="Call">
                <header class="top">
                    <h1>{other.clone()}</h1>
                    <span class="unseen" role="status">{word(move || if full.get() { "Paused" } else { stage_words(stage.get()) })}</span>
                    <p class="qualities">{show(quality_line)}</p>
                    <Meter known conditions=conditions.clone()/>
                </header>
                <Remaining known conditions=conditions.clone()/>
                <div class="elsewhere" hidden=flag(move || !known.elsewhere.get())>
                    <p>"This consultation goes on in another page of yours."</p>
                    <button class="btn main" type="button" on:click=move |_| known.continue_here()>"Continue here"</button>
                </div>
                <div class="story-line">
                    <p role="status">{story}</p>
                    // Seen only: read out, it would speak every second.
                    <span class="num" aria-hidden="true">{countdown}</span>
                </div>
                <div role="status">{show(trouble)}</div>
                <div class="asked" hidden=flag(move || !asked.get())>
                    <button class="btn" type="button" hidden=flag(move || !waits.get()) on:click=move |_| known.tell(&FromPage::Wait {})>"Wait some more"</button>
                    <button class="btn" type="button" hidden=silent on:click=move |_| known.tell(&FromPage::Medium { medium: Medium::Chat })>"Go on by chat"</button>
                </div>
                <div class="pic" data-size=word(move || size.get().name()) hidden=silent>
                    <video class="theirs" node_ref=shown.theirs autoplay playsinline hidden=unseen aria-label=picture_words></video>
                    <p class="voice-only" hidden=flag(move || !unseen.get())>{other.clone()}</p>
                    <video class="self" node_ref=shown.own muted autoplay playsinline hidden=unseen aria-label="Your own picture"></video>
                </div>
                <div class="controls">
                    {control(MICROPHONE, word(move || if shown.muted.get() { "Unmute the microphone" } else { "Mute the microphone" }), shown.muted.into(), silent, move || with_call(&|call| call.own().mute(!shown.muted.get_untracked())))}
                    {control(CAMERA, word(move || if shown.dark.get() { "Turn the camera on" } else { "Turn the camera off" }), shown.dark.into(), unseen, move || with_call(&|call| call.own().darken(!shown.dark.get_untracked())))}
                    {control(SCREEN, word(move || if shown.sharing.get() { "Stop sharing the screen" } else { "Share the screen" }), shown.sharing.into(), unseen, move || with_call(&|call| spawn_local(Rc::clone(call.own()).share(!shown.sharing.get_untracked()))))}
                    {control(SIZES, word(move || size.get().next_words()), flag(|| false), unseen, move || size.update(|size| *size = size.next()))}
                    {control(LARGER, "Full screen".to_owned().into(), flag(|| false), unseen, fill_screen)}
                    {end("end")}
                </div>
                <div class="switches">
                    {when(offered.len() > 1, || view! { <div class="media" role="group" aria-label="Go on by">{offered.into_iter().map(switch).collect::<Vec<_>>()}</div> }.into_any())}
                    <More known conditions id=found.id side/>
                    <details class="devices" hidden=silent on:click=find>
                        <summary class="btn small">"Devices"</summary>
                        <ul>{show(move || list.get().into_iter().filter(|found| found.kind == "audioinput" || (found.kind == "videoinput" && medium.get() == Medium::Video)).map(choose).collect::<Vec<_>>().into_any())}</ul>
                    </details>
                </div>
            </section>
            <Chat known side other/>
        </div>
    }
    .into_any()
}
