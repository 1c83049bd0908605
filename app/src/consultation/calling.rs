//! The ring as its caller sees it, and as a provider who opens it as a page.

use super::{
    api::ConsultationView,
    line::Known,
    parts::{conditions_list, environments, question_line},
    ring::ring_panel,
    wire::RingView,
};
use crate::ui::{
    form::{Form, Submit},
    view::{flag, text, word},
};
use domain::{side::Side, time::Timestamp, timeline::Event};
use leptos::prelude::*;

/// A ring, for the side that looks: the caller sees how far it has come, the provider answers it.
#[component]
pub fn Calling(
    /// As it was read with the page.
    found: ConsultationView,
    /// As it is known now.
    known: Known,
) -> AnyView {
    let until = move || known.state.read().until.unwrap_or_default();
    let left = text(move || until().since(Timestamp(known.now.get())).to_string());
    if found.side == Side::Provider {
        let ring = RingView {
            id: found.id,
            from: found.people.consumer.clone(),
            title: found.title.clone(),
            question: found.question.clone(),
            agreement: found.agreement.clone(),
            until: until(),
            now: found.state.now,
        };
        return view! { <div class="calling"><h1 class="unseen">"A request"</h1>{ring_panel(&ring, left)}</div> }.into_any();
    }
    let name = found.people.provider.name.clone();
    let devices = Memo::new(move |_| {
        let reached = |event: &Event| if let Event::Reached { devices } = event { Some(*devices) } else { None };
        known.rows.read().iter().rev().find_map(|row| reached(&row.is)).unwrap_or(0)
    });
    let seen = Memo::new(move |_| known.rows.read().iter().any(|row| row.is == Event::Shown));
    let step = move |done: Signal<bool>, now: Signal<bool>, words: Signal<String>| {
        let is = word(move || match (done.get(), now.get()) {
            (true, _) => "done",
            (_, true) => "now",
            _ => "",
        });
        view! { <li data-is=is>{words}</li> }.into_any()
    };
    let reached = flag(move || devices.get() > 0);
    let seen = flag(move || seen.get());
    let never = flag(|| false);
    let reached_words = text(move || match devices.get() {
        0 => "Reached".into(),
        1 => "Reached 1 device".into(),
        n => format!("Reached {n} devices"),
    });
    let status = {
        let name = name.clone();
        text(move || match (known.open.get(), seen.get(), devices.get()) {
            (false, ..) => "Connecting…".into(),
            (_, true, _) => format!("{name} sees your request."),
            (_, _, 0) => "Your request is sent.".into(),
            _ => format!("It rings at {name}'s."),
        })
    };
    let conditions = &found.agreement.conditions;
    view! {
        <div class="calling" data-stage="requested">
            <section class="panel ring">
                <h1>{format!("Ringing {name}")}</h1>
                <ol class="steps" aria-label="How far it is">
                    {step(flag(|| true), never, "Sent".to_owned().into())}
                    {step(reached, flag(move || !reached.get()), reached_words)}
                    {step(seen, flag(move || reached.get() && !seen.get()), "Shown".to_owned().into())}
                    {step(never, seen, "Answered".to_owned().into())}
                </ol>
                <p class="ring-clock num" aria-hidden="true">{left}</p>
                <p role="status">{status}</p>
                <p class="hint">"Nothing is charged while it rings. You can reload or leave this page: the ring goes on until it is answered or its time is up."</p>
                <Form id="cancel" action="/api/consultations/cancel" hidden=vec![("consultation", found.id.to_string())]>
                    <Submit text="Cancel" class="btn big"/>
                </Form>
            </section>
            <section class="panel">
                <h2>"What you agree to"</h2>
                {question_line(&found.question)}
                {conditions_list(conditions)}
                {environments(&found.agreement, found.side, &name)}
            </section>
        </div>
    }
    .into_any()
}
