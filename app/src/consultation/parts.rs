//! What both sides are shown of a consultation: environments, conditions, how it goes, and the words for all of it.

use super::wire::RoomState;
use crate::ui::view::when;
use domain::{
    agreement::Agreement,
    conditions::Conditions,
    consultation::{Bound, Decline, EndReason, Stage},
    environment::{Device, Environment, Gear, Network, Obstacle},
    language::own_name,
    media::Medium,
    offer::free_words,
    proof::Missing,
    side::{Both, Side},
    time::Millis,
    timeline::Event,
};
use leptos::prelude::*;

/// A medium as people call it.
pub const fn medium_words(medium: Medium) -> &'static str {
    match medium {
        Medium::Chat => "chat",
        Medium::Voice => "voice",
        Medium::Video => "video",
    }
}

const fn device_words(device: Device) -> &'static str {
    match device {
        Device::Phone => "Phone",
        Device::Tablet => "Tablet",
        Device::Desktop => "Computer",
        Device::Unknown => "Device not known",
    }
}

const fn gear_words(gear: Gear) -> &'static str {
    match gear {
        Gear::Ready => "ready",
        Gear::Asks => "ready, the browser will ask",
        Gear::Denied => "forbidden in the browser",
        Gear::Missing => "none found",
        Gear::Unknown => "not known",
    }
}

/// Why a medium will not work, and what to do.
pub const fn obstacle_words(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::MicrophoneDenied => "The browser forbids the microphone: allow it in the browser's settings for this site.",
        Obstacle::MicrophoneMissing => "No microphone was found: plug one in.",
        Obstacle::SpeakerMissing => "Nothing to hear with was found: plug in headphones or a speaker.",
        Obstacle::CameraDenied => "The browser forbids the camera: allow it in the browser's settings for this site.",
        Obstacle::CameraMissing => "No camera was found: plug one in.",
        Obstacle::LineTooSlow => "The line is too slow for this.",
    }
}

/// How a line to the server is, in words.
fn line_words(environment: &Environment) -> Option<String> {
    let ms = environment.round_trip_ms?;
    let word = match ms {
        0..150 => "Good line",
        150..400 => "Fair line",
        _ => "Slow line",
    };
    let rate = environment
        .bandwidth_kbit
        .map(|kbit| if kbit >= 1_000 { format!(", {} Mbit/s", kbit / 1_000) } else { format!(", {kbit} kbit/s") });
    let kind = match environment.network {
        Network::Wired => ", by cable",
        Network::Wifi => ", by Wi-Fi",
        Network::Cellular => ", mobile",
        Network::Unknown => "",
    };
    Some(format!("{word}, {ms} ms{}{kind}", rate.unwrap_or_default()))
}

/// An environment, line by line.
pub fn environment_lines(environment: &Environment) -> Vec<String> {
    let browser = environment.browser.as_ref().map(|browser| format!(", {}", browser.as_str())).unwrap_or_default();
    let place = [
        environment.language.as_ref().map(|language| own_name(language.as_str()).to_owned()),
        environment.zone.as_ref().map(|zone| zone.as_str().replace('_', " ")),
    ];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let relay = environment.relay.map(|reached| if reached { "Relay reached" } else { "Relay out of reach" }.to_owned());
    [
        Some(format!("{}{browser}", device_words(environment.device))),
        Some(format!("Microphone {}", gear_words(environment.microphone))),
        Some(format!("Camera {}", gear_words(environment.camera))),
        line_words(environment),
        relay,
        (!place.is_empty()).then_some(place),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One side's environment.
pub fn environment_box(whose: String, environment: &Environment) -> AnyView {
    let known = *environment != Environment::default();
    let lines = if known { environment_lines(environment) } else { vec!["Not known: no page of theirs has told it yet.".into()] };
    view! {
        <section class="env">
            <h3>{whose}</h3>
            <ul>{lines.into_iter().map(|line| view! { <li>{line}</li> }.into_any()).collect::<Vec<_>>()}</ul>
        </section>
    }
    .into_any()
}

/// Both environments, the other side's first.
pub fn environments(agreement: &Agreement, side: Side, other: &str) -> AnyView {
    let Both { consumer, provider } = &agreement.environments;
    let (own, theirs) = if side == Side::Consumer { (consumer, provider) } else { (provider, consumer) };
    view! { <div class="envs">{environment_box(other.to_owned(), theirs)}{environment_box("You".into(), own)}</div> }.into_any()
}

/// An amount of the currency of a rate.
pub(crate) fn amount(conditions: &Conditions, minor: i64) -> String {
    let currency = conditions.rate.currency;
    format!("{}{}", currency.sign(), currency.amount(minor))
}

/// All conditions.
pub fn conditions_list(conditions: &Conditions) -> AnyView {
    let lower: Vec<&str> =
        Medium::ALL.iter().filter(|m| **m != conditions.medium && conditions.media.reaches(**m)).map(|m| medium_words(*m)).collect();
    let change = if lower.is_empty() { String::new() } else { format!(", can change to {}", lower.join(" and ")) };
    let rate = if conditions.rate.minor == 0 { "free".into() } else { format!("{}/min", conditions.rate) };
    let free = free_words(conditions.free_seconds).map(|words| format!(", {}", words.to_lowercase())).unwrap_or_default();
    let minutes = conditions.cap.millis().0 / 60_000;
    let most = if conditions.rate.minor == 0 { String::new() } else { format!(" · {}", amount(conditions, conditions.at_most())) };
    let row = |name: &'static str, value: String| view! { <dt>{name}</dt><dd>{value}</dd> }.into_any();
    view! {
        <dl class="kv terms">
            {row("By", format!("{}{change}", medium_words(conditions.medium)))}
            {row("Language", own_name(conditions.language.as_str()).to_owned())}
            {row("Rate", format!("{rate}{free}"))}
            {row("At most", format!("{minutes} min{most}"))}
            {row("Rounding", conditions.rounding.words().into())}
            {row("Recording", conditions.recording.words().into())}
            {row("Not billed", conditions.refund.words().into())}
        </dl>
    }
    .into_any()
}

/// What a state is called.
pub const fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Requested => "Ringing",
        Stage::Declined => "Declined",
        Stage::Missed => "Not answered",
        Stage::Cancelled => "Taken back",
        Stage::Unreachable => "Not reached",
        Stage::Connecting => "Coming together",
        Stage::Failed => "Did not come about",
        Stage::Live => "Going on",
        Stage::Interrupted => "Interrupted",
        Stage::Ended | Stage::Settled => "Ended",
    }
}

/// A side, for the side that looks; for somebody on neither side by what it is.
fn who(side: Side, me: Option<Side>, other: &str) -> String {
    match (side, me) {
        (Side::Consumer, None) => "The consumer".into(),
        (Side::Provider, None) => "The provider".into(),
        (side, Some(me)) if side == me => "You".into(),
        _ => other.to_owned(),
    }
}

/// Why it is over, in a sentence; `None` while it is not.
pub fn end_words(state: &RoomState, me: Side, other: &str) -> Option<String> {
    let provider = me == Side::Provider;
    Some(match (state.stage, state.reason) {
        (Stage::Declined, _) => match (provider, state.decline) {
            (true, _) => "You declined. That is free, and no miss.".into(),
            (false, Some(Decline::NotMyField)) => format!("{other} says: this is not my field. Somebody else can help better."),
            (false, Some(Decline::InFiveMinutes)) => format!("{other} says: in five minutes. Try again then."),
            (false, _) => format!("{other} cannot take this now."),
        },
        (Stage::Missed, _) if provider => {
            "It rang and you did not answer, so your curtain was taken in. One tap at the desk and it is out again.".into()
        }
        (Stage::Missed, _) => format!("It rang, and {other} did not answer. Nothing is charged, and the curtain is in now."),
        (Stage::Cancelled, Some(EndReason::Funds)) if provider => {
            format!("{other} had no money left for this by then, so it was taken back. You missed nothing.")
        }
        (Stage::Cancelled, Some(EndReason::Funds)) => {
            "Your wallet did not cover this any more when it was answered. Nothing is charged. Top it up, then ask again.".into()
        }
        (Stage::Cancelled, _) if provider => format!("{other} took the request back."),
        (Stage::Cancelled, _) => "You took the request back. Nothing is charged.".into(),
        (Stage::Unreachable, _) => "It rang nowhere: no page could be reached. Nothing is charged.".into(),
        (Stage::Failed, _) => "The two of you did not come together within a minute. It is free.".into(),
        (Stage::Ended | Stage::Settled, Some(reason)) => match reason {
            EndReason::Consumer => format!("{} ended it.", who(Side::Consumer, Some(me), other)),
            EndReason::Provider => format!("{} ended it.", who(Side::Provider, Some(me), other)),
            EndReason::Cap => "The time that was agreed at most is used up.".into(),
            EndReason::Funds => "There is no money for more.".into(),
            EndReason::TimeLimit => "Three hours are over, and no consultation is longer.".into(),
            EndReason::Lost => "A line was lost and did not come back.".into(),
            EndReason::Operator => "The operator ended it.".into(),
        },
        _ => return None,
    })
}

/// Why a consultation ended, for whoever reads it later.
pub const fn reason_words(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Consumer => "by the consumer",
        EndReason::Provider => "by the provider",
        EndReason::Cap => "the agreed time was used up",
        EndReason::Funds => "no money for more",
        EndReason::TimeLimit => "three hours were over",
        EndReason::Lost => "a line was lost",
        EndReason::Operator => "by the operator",
    }
}

/// What happened, for the side that looks, or for somebody on neither side; `None` for messages, which speak for themselves.
pub fn event_words(event: &Event, me: Option<Side>, other: &str) -> Option<String> {
    let they = |side: Side| who(side, me, other);
    Some(match event {
        Event::Message(_) => return None,
        Event::Requested { .. } => format!("{} asked", they(Side::Consumer)),
        Event::Reached { devices: 1 } => "It rings on 1 device".into(),
        Event::Reached { devices } => format!("It rings on {devices} devices"),
        Event::Shown => "It is shown".into(),
        Event::Accepted { .. } => format!("{} accepted", they(Side::Provider)),
        Event::Declined { .. } => format!("{} declined", they(Side::Provider)),
        Event::Missed => "Nobody answered".into(),
        Event::Unreachable => "No device could be reached".into(),
        Event::Cancelled => format!("{} took the request back", they(Side::Consumer)),
        Event::Unfunded => "The wallet did not cover it any more".into(),
        Event::Joined { by } => format!("{} came in", they(*by)),
        Event::Left { by } => format!("{} left the page", they(*by)),
        Event::Began => "Both are here: the time counts".into(),
        Event::Medium { by, medium } => format!("{} changed to {}", they(*by), medium_words(*medium)),
        Event::Raised { cap } => format!("{} raised the cap to {} min", they(Side::Consumer), cap.millis().0 / 60_000),
        Event::Warned { of: Bound::Cap, .. } => "The agreed time is nearly used up".into(),
        Event::Warned { of: Bound::TimeLimit, .. } => "Three hours are nearly over".into(),
        Event::Full { .. } => "The agreed time is used up: nothing is billed, and it ends unless the cap is raised".into(),
        Event::Interrupted { missing, .. } => match missing {
            Missing::Both => "The line broke: nothing is billed".into(),
            Missing::Consumer => format!("Interrupted, nothing is billed: nothing comes from {}", whom(Side::Consumer, me, other)),
            Missing::Provider => format!("Interrupted, nothing is billed: nothing comes from {}", whom(Side::Provider, me, other)),
        },
        Event::Asked { .. } => "Both are asked: wait, or end".into(),
        Event::Waiting { by, .. } => format!("{} waits some more", they(*by)),
        Event::Resumed => "Both are here again: the time counts".into(),
        Event::Failed => "It did not come about".into(),
        Event::Ended { proved, .. } => format!("Ended after {} together", length_words(*proved)),
    })
}

/// A side in the middle of a sentence.
fn whom(side: Side, me: Option<Side>, other: &str) -> String {
    match me {
        Some(me) if side != me => other.to_owned(),
        _ => who(side, me, other).to_lowercase(),
    }
}

/// A length of time in words, to the second: `12 min 5 s`.
pub fn length_words(length: Millis) -> String {
    let seconds = length.0.max(0) / 1_000;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, s) => format!("{h} h {m} min {s} s"),
    }
}

/// The question, as a quotation.
pub fn question_line(question: &str) -> AnyView {
    let question = question.to_owned();
    when(!question.is_empty(), || view! { <blockquote class="question plain">{question}</blockquote> }.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{conditions::Cap, time::Timestamp};

    fn state(stage: Stage) -> RoomState {
        RoomState {
            stage,
            until: None,
            asked: false,
            full: false,
            missing: None,
            medium: Medium::Chat,
            cap: Cap::minutes(30).unwrap(),
            proved: Millis(0),
            counts_from: None,
            ends_by: None,
            here: Both::default(),
            lives: Both::default(),
            marks: Both::default(),
            reason: Some(EndReason::Lost),
            decline: None,
            head: 0,
            now: Timestamp(0),
        }
    }

    #[test]
    fn somebody_on_neither_side_reads_what_happened() {
        let words = |event, me| event_words(&event, me, "Ana").unwrap();
        let joined = Event::Joined { by: Side::Provider };
        assert_eq!(words(joined.clone(), None), "The provider came in");
        assert_eq!(words(joined.clone(), Some(Side::Provider)), "You came in");
        assert_eq!(words(joined, Some(Side::Consumer)), "Ana came in");
        let missing = |missing| Event::Interrupted { missing, until: Timestamp(0) };
        assert!(words(missing(Missing::Consumer), None).ends_with("nothing comes from the consumer"));
        assert!(words(missing(Missing::Consumer), Some(Side::Consumer)).ends_with("nothing comes from you"));
        assert!(words(missing(Missing::Provider), Some(Side::Consumer)).ends_with("nothing comes from Ana"));
    }

    #[test]
    fn money_that_went_is_no_change_of_mind() {
        let gone = |side| end_words(&RoomState { reason: Some(EndReason::Funds), ..state(Stage::Cancelled) }, side, "Ben").unwrap();
        assert!(gone(Side::Consumer).contains("Your wallet"));
        assert!(gone(Side::Provider).contains("Ben had no money"));
    }

    #[test]
    fn whatever_is_over_says_why() {
        for stage in Stage::ALL {
            let over = !matches!(stage, Stage::Requested) && !stage.is_open();
            for side in Side::ALL {
                assert_eq!(end_words(&state(*stage), *side, "Ana").is_some(), over, "{}", stage.as_str());
            }
        }
    }

    #[test]
    fn an_environment_in_words() {
        let phone = r#"{"dev":"phone","br":"Firefox 142","mic":"ready","cam":"asks","net":"wifi","rtt":41,"kbit":8000,"relay":true,"lang":"pt-BR","zone":"America/Sao_Paulo"}"#;
        let lines = environment_lines(&serde_json::from_str(phone).unwrap());
        assert_eq!(
            lines,
            [
                "Phone, Firefox 142",
                "Microphone ready",
                "Camera ready, the browser will ask",
                "Good line, 41 ms, 8 Mbit/s, by Wi-Fi",
                "Relay reached",
                "Português (Brasil) · America/Sao Paulo"
            ]
            .map(|line| line.replace("Português (Brasil)", own_name("pt-BR")))
        );
        assert_eq!(length_words(Millis(725_999)), "12 min 5 s");
    }
}
