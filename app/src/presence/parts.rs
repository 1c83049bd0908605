//! The pieces of the desk, and what the frame shows of it on every page.

use super::socket::{DeskState, Line};
use crate::{
    account::api::MeView,
    choices::parts::{CardBody, Hung, curtain, rate_words},
    consultation::ring::{Notices, Sound, permit_notices},
    offers::api::OwnOffer,
    routes,
    ui::{
        field::ChoiceField,
        form::{Form, Submit, Typed},
        time::{Shape, browser_now, left_words, moment, stretch_words},
        view::{flag, nothing, show, text, when, word},
    },
};
use domain::{
    id::OfferId,
    offer::Status,
    presence::{Desk, DeskEvent, DeskEventKind, Presence, STRETCHES, Shown},
    reject::Field,
    time::{Millis, Timestamp},
};
use leptos::prelude::*;

const GO_ONLINE: &str = "/api/presence/go_online";
const GO_OFFLINE: &str = "/api/presence/go_offline";

/// The way to the desk in the head of every page; for a provider it says how the curtain hangs.
#[component]
pub fn DeskChip() -> impl IntoView {
    let state = expect_context::<DeskState>();
    let presence = move || state.known.read().desk.as_ref().map(|desk| desk.presence);
    let shown = word(move || presence().map_or("", |presence| presence.shown().as_str()));
    let words = move || match (presence(), state.left()) {
        (Some(Presence::Online { .. }), Some(left)) => format!("Open · {} left", left_words(left)),
        (Some(Presence::Busy { .. }), _) => "Talking".into(),
        (Some(Presence::Away { .. }), _) => "Away".into(),
        (Some(Presence::Offline), _) => "Closed".into(),
        _ => "Desk".into(),
    };
    let lost = word(move || if matches!(state.known.read().line, Line::Lost(_)) { " · line lost" } else { "" });
    view! {
        <a class="chip-desk num" href=routes::DESK data-is=shown aria-label=text(move || format!("Desk: {}{}", words(), lost.read()))>
            {text(words)}
            {lost}
        </a>
    }
}

/// A warning on every page before the curtain comes in by itself, with one tap to renew.
#[component]
pub fn EndWarning() -> impl IntoView {
    let state = expect_context::<DeskState>();
    // A memo: the warning must not be built anew every second.
    let near = Memo::new(move |_| {
        let warned = state.known.read().desk.as_ref().map_or(Millis(0), |desk| desk.warn_before_end);
        state.left().is_some_and(|left| left.0 > 0 && left <= warned)
    });
    let warning = move || {
        when(near.get(), || {
            let offers = state.known.read_untracked().desk.as_ref().map(|d| joined(&d.offers)).unwrap_or_default();
            view! {
                <div class="notice wrap">
                    <p>"Your curtain comes in by itself in "<span class="num" aria-hidden="true">{text(move || state.left().map(left_words).unwrap_or_default())}</span>" minutes."</p>
                    <Form
                        id="renew-now"
                        action=GO_ONLINE
                        hidden=vec![("minutes", "60".into()), ("offers", offers)]
                        on_done=Callback::new(move |json: String| state.learn_answer(&json))
                    >
                        <Submit text="Stay for 1 h from now" class="btn small"/>
                    </Form>
                </div>
            }
            .into_any()
        })
    };
    view! { <div role="status">{show(warning)}</div> }
}

/// Says that this browser was signed out, and keeps what is on the page.
#[component]
pub fn SignedOutNotice() -> impl IntoView {
    let state = expect_context::<DeskState>();
    view! {
        <div role="status">
            {show(move || {
                when(state.known.read().signed_out, || {
                    view! { <p class="notice wrap">"This browser was signed out. "<a href=routes::SIGN_IN rel="external">"Sign in again"</a></p> }.into_any()
                })
            })}
        </div>
    }
}

/// How many offers are listed.
fn listed(offers: RwSignal<Vec<OwnOffer>>) -> usize {
    offers.read().iter().filter(|o| o.status == Status::Listed).count()
}

/// The server's clock: as it moves in a running page, or as it was when the desk was read.
fn now_of(state: DeskState, desk: &Desk) -> Timestamp {
    match state.now.get() {
        0 => desk.now,
        now => Timestamp(now),
    }
}

fn joined(ids: &[OfferId]) -> String {
    ids.iter().map(OfferId::to_string).collect::<Vec<_>>().join(",")
}

/// The desk.
#[component]
pub fn Desktop(
    /// Whose.
    me: MeView,
    /// The desk as it was read with the page.
    first: Desk,
    /// The own offers.
    offers: Vec<OwnOffer>,
) -> AnyView {
    let state = expect_context::<DeskState>();
    let desk = Signal::derive(move || state.known.read().desk.clone().unwrap_or_else(|| first.clone()));
    let offers = RwSignal::new(offers);
    let name = me.display_name;
    view! {
        <h1 class="unseen">{format!("Desk of {name}")}</h1>
        <div class="desk">
            <div class="desk-main">
                <Shop desk offers/>
                <OwnOffers offers/>
            </div>
            <div class="desk-side">
                <Hanging desk offers/>
                <Proof desk/>
                <Log desk/>
            </div>
        </div>
    }
    .into_any()
}

/// The curtain and the toggle.
#[component]
fn Shop(desk: Signal<Desk>, offers: RwSignal<Vec<OwnOffer>>) -> AnyView {
    let state = expect_context::<DeskState>();
    let out = Memo::new(move |_| desk.read().presence.shown() != Shown::Offline);
    let none = Memo::new(move |_| listed(offers) == 0);
    let learn = Callback::new(move |json: String| state.learn_answer(&json));
    let story = move || {
        let desk = desk.read();
        match (desk.presence, desk.until) {
            (Presence::Online { until }, _) => {
                view! { "Your curtain is out. It comes in by itself at "{moment(move || until, Shape::Clock)}"." }.into_any()
            }
            (Presence::Busy { consultation }, _) => {
                view! { "A guest is inside. Your curtain is parted until you have finished. "<a href=routes::consultation(consultation)>"To the room"</a> }.into_any()
            }
            (Presence::Away { .. }, _) if desk.back_from.is_some_and(|back| back > now_of(state, &desk)) => {
                let back = desk.back_from.unwrap_or_default();
                view! { "Two rings in a row were not answered, so your curtain stays in for a while. It can go out again at "{moment(move || back, Shape::Clock)}"." }
                    .into_any()
            }
            (Presence::Away { .. }, _) => "Somebody rang and you did not answer, so your curtain was taken in. One tap and it is out again.".into_any(),
            (Presence::Offline, Some(until)) if until > desk.now => {
                view! { "Your line is lost. The curtain goes out again by itself when a page comes back before "{moment(move || until, Shape::Clock)}"." }
                    .into_any()
            }
            (Presence::Offline, _) if none.get() => "You have no listed offer to hang out yet.".into_any(),
            (Presence::Offline, _) => "Your curtain is in. Hang it out when you can answer at once.".into_any(),
        }
    };
    let left = move || match desk.read().presence {
        Presence::Online { until } => until.since(now_of(state, &desk.read())).to_string(),
        _ => String::new(),
    };
    let hung = desk.with_untracked(|d| d.offers.clone());
    let choices = offers.with_untracked(|all| {
        all.iter().filter(|o| o.status == Status::Listed).map(|o| (o.card.id.to_string(), o.card.title.clone())).collect::<Vec<_>>()
    });
    let several = choices.len() > 1;
    let chosen: Vec<String> =
        choices.iter().map(|(id, _)| id.clone()).filter(|id| hung.is_empty() || hung.iter().any(|h| h.to_string() == *id)).collect();
    // All offers are told as none, so that one registered later joins them.
    let prepare =
        Callback::new(move |typed: Typed| if typed.all("offers").len() == listed(offers) { typed.without("offers[]") } else { typed });
    let sound = use_context::<Sound>();
    let notices = RwSignal::new(Notices::Unknown);
    Effect::new(move || notices.set(Notices::now()));
    let try_ring = move || {
        if let Some(sound) = sound {
            sound.ring();
        }
        permit_notices(notices);
    };
    view! {
        <section class="panel shop" on:click=move |_| sound.into_iter().for_each(Sound::wake) data-presence=word(move || desk.read().presence.shown().as_str()) aria-label="Curtain">
            {curtain()}
            <div class="body">
                <p class="story" role="status">{show(story)}</p>
                <p class="clock-left num">{text(left)}</p>
                <Form id="toggle" action=Signal::derive(move || if out.get() { GO_OFFLINE } else { GO_ONLINE }) prepare on_done=learn>
                    // A disabled fieldset is not sent, so taking the curtain in asks nothing.
                    <fieldset class="bare" disabled=flag(move || out.get()) hidden=flag(move || out.get() || none.get())>
                        <ChoiceField
                            field=Field::Minutes
                            name="minutes"
                            kind="radio"
                            choices=STRETCHES.iter().map(|m| (m.to_string(), stretch_words(*m))).collect()
                            value=vec!["60".into()]
                        />
                        {when(several, || view! { <ChoiceField field=Field::Offers name="offers[]" named="Hang out" choices=choices value=chosen/> }.into_any())}
                    </fieldset>
                    <div class="toggle-line" hidden=flag(move || !out.get() && none.get())>
                        <Submit
                            text=Signal::derive(move || if out.get() { "Go offline".to_owned() } else { "Go online".to_owned() })
                            class="toggle"
                        />
                    </div>
                </Form>
                {show(move || {
                    when(none.get(), || view! { <p><a class="btn main" href=routes::NEW_OFFER>"Register an offer"</a></p> }.into_any())
                })}
                {renew(desk, offers)}
                <div class="tries" hidden=flag(move || none.get())>
                    <button class="btn small" type="button" on:click=move |_| try_ring()>"Try the ring"</button>
                    <div hidden=flag(move || !matches!(desk.read().presence, Presence::Online { .. }))>
                        <Form id="practise" action="/api/consultations/practise">
                            <Submit text="Ring me with a robot" class="btn small"/>
                        </Form>
                    </div>
                </div>
                <p class="hint" hidden=flag(move || none.get())>
                    {word(move || notices.get().words())}
                    " A robot asks you as a guest would; nobody pays, and it counts nowhere."
                </p>
            </div>
        </section>
    }
    .into_any()
}

/// Buttons that move the end of the wish.
fn renew(desk: Signal<Desk>, own: RwSignal<Vec<OwnOffer>>) -> AnyView {
    let state = expect_context::<DeskState>();
    // Which offers hang out stays as it is; all of them are told as none, so that a new one joins.
    let offers = Memo::new(move |_| {
        let desk = desk.read();
        match desk.presence {
            Presence::Online { .. } if desk.offers.len() >= listed(own) => "all".to_owned(),
            Presence::Online { .. } => joined(&desk.offers),
            _ => String::new(),
        }
    });
    let button = move |minutes: i64, offers: String| {
        let hidden = vec![("minutes", minutes.to_string()), ("offers", offers)];
        let words = format!("{} from now", stretch_words(minutes));
        view! {
            <Form id=format!("renew-{minutes}") action=GO_ONLINE hidden on_done=Callback::new(move |json: String| state.learn_answer(&json))>
                <Submit text=words class="btn small"/>
            </Form>
        }
        .into_any()
    };
    show(move || {
        let offers = offers.get();
        if offers.is_empty() {
            return nothing();
        }
        let offers = if offers == "all" { String::new() } else { offers };
        view! {
            <div class="renew">
                <p class="hint">"Move the end to"</p>
                {STRETCHES.iter().map(|minutes| button(*minutes, offers.clone())).collect::<Vec<_>>()}
            </div>
        }
        .into_any()
    })
}

/// Which offers hang out, and how the first of them looks to others now.
#[component]
fn Hanging(desk: Signal<Desk>, offers: RwSignal<Vec<OwnOffer>>) -> AnyView {
    let hung = move || {
        let desk = desk.read();
        offers.read().iter().filter(|o| o.status == Status::Listed && desk.offers.contains(&o.card.id)).cloned().collect::<Vec<_>>()
    };
    let title = move || if desk.read().presence.shown() == Shown::Offline { "Would hang out" } else { "Hanging out" };
    let list = move || {
        let hung = hung();
        if hung.is_empty() {
            return view! { <p class="hint">"Nothing."</p> }.into_any();
        }
        let line = |o: OwnOffer| view! { <dt>{o.card.title.clone()}</dt><dd class="num">{rate_words(o.card.rate())}</dd> }.into_any();
        hung.into_iter().map(line).collect::<Vec<_>>().into_any()
    };
    let first = move || {
        let (shown, at) = (desk.read().presence.shown(), desk.read().now);
        let all = offers.read();
        let first = hung().into_iter().next().or_else(|| all.iter().find(|o| o.status == Status::Listed).cloned());
        first.map(|o| {
            let mut card = o.card;
            if card.is != shown {
                card.at = at;
            }
            card.is = shown;
            card
        })
    };
    let preview = move || {
        let Some(card) = first() else { return nothing() };
        let presence = card.is.as_str();
        view! {
            <h3 class="hint">"How your card looks to others now"</h3>
            <div class="card preview" data-presence=presence inert=""><CardBody hung=Signal::stored(Hung::from(card))/></div>
        }
        .into_any()
    };
    view! {
        <section class="panel">
            <h2>{word(title)}</h2>
            <dl class="kv rates">{show(list)}</dl>
            {show(preview)}
        </section>
    }
    .into_any()
}

/// What proves that the provider is there.
#[component]
fn Proof(desk: Signal<Desk>) -> AnyView {
    let state = expect_context::<DeskState>();
    let this = move || match state.known.read().line {
        Line::Off | Line::Opening => "not connected yet".to_owned(),
        Line::Open => state.known.read().rtt.map_or_else(|| "connected".to_owned(), |ms| format!("connected, {ms} ms")),
        Line::Lost(at) => {
            state.now.track();
            let ago = Millis(browser_now().saturating_sub(at));
            format!("line lost {} s ago, trying again", ago.0 / 1_000)
        }
    };
    let all = move || match desk.read().pages {
        0 => "no page stays open".to_owned(),
        1 => "1 page".to_owned(),
        n => format!("{n} pages"),
    };
    let grace = move || {
        let desk = desk.read();
        let out = desk.presence.shown() == Shown::Online;
        let lost = match state.known.read().line {
            // The server may notice the loss later than this page, so this is the least that is left.
            Line::Lost(at) if out && desk.pages <= 1 => {
                state.now.track();
                Some(desk.line_lost.0.saturating_sub(browser_now().saturating_sub(at)))
            }
            _ => None,
        };
        let now = now_of(state, &desk);
        match (lost, desk.proved_until) {
            (Some(left), _) if left > 0 => format!("The curtain stays out at least {} s more.", left.saturating_add(999) / 1_000),
            (Some(_), _) => "The curtain may be in by now. It goes out again by itself when the line is back.".to_owned(),
            (None, Some(until)) if out && desk.pages == 0 && until > now => {
                format!("Proved for {} s more, without a page that stays open.", until.since(now).0.saturating_add(999) / 1_000)
            }
            // A page that is just opening says it too, for a moment; one without JavaScript goes on saying it.
            _ if desk.pages == 0 => {
                format!("Without a page that stays open, going online is proved for {} s.", desk.without_page.0 / 1_000)
            }
            _ => String::new(),
        }
    };
    view! {
        <section class="panel">
            <h2>"Proof"</h2>
            <dl class="kv">
                <dt>"This page"</dt>
                <dd class="num" data-line=word(move || if state.known.read().line == Line::Open { "open" } else { "down" })>{text(this)}</dd>
                <dt>"Connected"</dt>
                <dd class="num">{text(all)}</dd>
            </dl>
            <p class="hint grace">{text(grace)}</p>
        </section>
    }
    .into_any()
}

/// An event in words.
fn event_words(event: &DeskEvent) -> String {
    let (seconds, minutes) = (event.stretch.0 / 1_000, event.stretch.0 / 60_000);
    match event.kind {
        DeskEventKind::WentOnline => format!("Curtain out for {}", stretch_words(minutes)),
        DeskEventKind::Renewed => format!("End moved to {} later", stretch_words(minutes)),
        DeskEventKind::WentOffline => "Curtain taken in".into(),
        DeskEventKind::TimeUp => "Time was up, curtain in".into(),
        DeskEventKind::PageLeft => "Last page closed, curtain in".into(),
        DeskEventKind::LineLost => "Line lost, curtain in".into(),
        DeskEventKind::LineGap => format!("Line lost for {seconds} s, nobody noticed"),
        DeskEventKind::CameBack => "Back again, curtain out".into(),
        DeskEventKind::Began => "A consultation began".into(),
        DeskEventKind::Ended => "A consultation ended".into(),
    }
}

/// The last events.
#[component]
fn Log(desk: Signal<Desk>) -> AnyView {
    let lines = move || {
        let events = desk.read().events.clone();
        if events.is_empty() {
            return view! { <li class="hint">"Nothing yet."</li> }.into_any();
        }
        let line = |e: DeskEvent| view! { <li>{moment(move || e.at, Shape::Clock)}" "{event_words(&e)}</li> }.into_any();
        events.into_iter().map(line).collect::<Vec<_>>().into_any()
    };
    view! {
        <section class="panel">
            <h2>"What happened"</h2>
            <ul class="log">{show(lines)}</ul>
        </section>
    }
    .into_any()
}

/// The own offers, with ways to change them.
#[component]
fn OwnOffers(offers: RwSignal<Vec<OwnOffer>>) -> AnyView {
    let row = move |offer: OwnOffer| {
        let id = offer.card.id;
        let retired = Callback::new(move |_: String| offers.update(|all| all.retain(|o| o.card.id != id)));
        view! {
            <li>
                <div class="own-offer">
                    <a href=routes::offer(id)>{offer.card.title.clone()}</a>
                    <span class="num">{rate_words(offer.card.rate())}</span>
                    {when(offer.status == Status::Draft, || view! { <span class="tag">"Draft, seen by you only"</span> }.into_any())}
                </div>
                <div class="own-actions">
                    <a class="btn small" href=routes::revise(id) aria-label=format!("Revise: {}", offer.card.title)>"Revise"</a>
                    <details class="confirm">
                        <summary class="btn small" aria-label=format!("Retire: {}", offer.card.title)>"Retire"</summary>
                        <Form id=format!("retire-{id}") action="/api/offers/retire" hidden=vec![("offer", id.to_string())] on_done=retired>
                            <p>"A retired offer is gone for good."</p>
                            <Submit text="Retire it" class="btn danger"/>
                        </Form>
                    </details>
                </div>
            </li>
        }
        .into_any()
    };
    view! {
        <section class="panel">
            <h2>"Your offers"</h2>
            <ul class="own">{show(move || offers.get().into_iter().map(row).collect::<Vec<_>>().into_any())}</ul>
            <p><a class="btn" href=routes::NEW_OFFER>"Register an offer"</a></p>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_words() {
        for kind in DeskEventKind::ALL {
            let words = event_words(&DeskEvent { at: Timestamp(0), kind: *kind, stretch: Millis::minutes(120) });
            assert!(words.len() > 8, "{}", kind.as_str());
        }
        assert_eq!(
            event_words(&DeskEvent { at: Timestamp(0), kind: DeskEventKind::LineGap, stretch: Millis::seconds(9) }),
            "Line lost for 9 s, nobody noticed"
        );
    }
}
