//! Consultations: asking, ringing, the room, and what is kept of it.

pub mod api;
pub mod arrivals;
pub mod ask;
pub mod call;
pub mod calling;
pub mod chat;
pub mod check;
pub mod line;
pub mod media;
pub mod meter;
pub mod own;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;
pub mod record;
pub mod ring;
pub mod room;
pub mod terminal;
pub mod wire;

use self::{
    api::{ConsultationView, PastView, TermsView},
    ask::RequestSheet,
    calling::Calling,
    parts::end_words,
    record::{PastList, Record},
    room::Room,
};
use crate::{
    frame::{focus_main, sign_in_first},
    offers::{api::OfferView, id_of_path},
    ui::{
        form::rejected_id,
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        view::{nothing, show, text},
    },
};
use domain::consultation::Stage;
use leptos::{prelude::*, task::spawn_local};
use line::Known;

/// `/offers/:id/ask`.
#[component]
pub fn AskPage() -> AnyView {
    let (id, rejected) = (id_of_path(), rejected_id());
    let show = |mut answers: Answers| {
        let offer = answers.take::<OfferView>();
        let terms = answers.take::<TermsView>();
        answers.keep_rejected();
        match offer.and_then(|offer| terms.map(|terms| (offer, terms))) {
            Ok((offer, first)) => view! { <RequestSheet offer first/> }.into_any(),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    let reads = move |id: String| {
        let terms = Ask::Terms { offer: id.clone(), medium: String::new(), cap: String::new(), language: String::new() };
        vec![Ask::Offer(id), terms, Ask::Rejected(rejected.clone())]
    };
    page("Reading the offer…", move || id.get(), reads, show)
}

/// What of a consultation a page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Ring,
    Room,
    Record,
}

/// `/consultations/:id`.
#[component]
pub fn ConsultationPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let (id, rejected) = (id_of_path(), rejected_id());
    let show = |mut answers: Answers| {
        let found = answers.take::<ConsultationView>();
        answers.keep_rejected();
        match found {
            Ok(found) => view! { <Consultation found/> }.into_any(),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    page("Opening the room…", move || id.get(), move |id| vec![Ask::Consultation(id), Ask::Rejected(rejected.clone())], show)
}

/// A consultation in whatever state it is; it follows every change.
#[component]
fn Consultation(
    /// As it was read with the page.
    found: ConsultationView,
) -> AnyView {
    let known = Known::new(&found);
    let found = RwSignal::new(found);
    let over = move |stage: Stage| stage != Stage::Requested && !stage.is_open();
    if !over(found.with_untracked(|found| found.state.stage)) {
        Effect::new(move || found.with_untracked(|found| known.start(found)));
    }
    let part = Memo::new(move |_| match known.state.read().stage {
        Stage::Requested => Part::Ring,
        stage if stage.is_open() => Part::Room,
        _ => Part::Record,
    });
    // What is kept was not there yet when the page was read.
    Effect::new(move |before: Option<Part>| {
        let part = part.get();
        if before.is_some_and(|before| before != part) {
            // What had the focus is gone with the part before.
            request_animation_frame(focus_main);
        }
        part
    });
    // And the bill is made right after the end.
    let kept = Memo::new(move |_| (part.get() == Part::Record).then(|| known.state.read().stage));
    Effect::new(move |before: Option<Option<Stage>>| {
        let stage = kept.get();
        if stage.is_some() && before.is_some_and(|before| before != stage) {
            let id = found.with_untracked(|found| found.id.to_string());
            spawn_local(async move {
                if let Ok(kept) = Ask::Consultation(id).get::<ConsultationView>().await {
                    found.try_set(kept);
                }
            });
        }
        stage
    });
    let other = found.with_untracked(|found| found.people.of(found.side.other()).name.clone());
    let side = found.with_untracked(|found| found.side);
    let said = {
        let other = other.clone();
        text(move || match part.get() {
            Part::Ring => String::new(),
            Part::Room => format!("Answered. You are in the room with {other}."),
            Part::Record => end_words(&known.state.read(), side, &other).unwrap_or_default(),
        })
    };
    view! {
        // It stands here through all parts: what comes with a new one is not read out.
        <p class="unseen" role="status">{said}</p>
        <PageTitle text=format!("With {other}")/>
        <noscript><p class="warn">"A consultation needs JavaScript: the chat and the call live in this page. Switch it on for this site, then load the page again."</p></noscript>
        {show(move || {
            match part.get() {
                Part::Ring => view! { <Calling found=found.get_untracked() known/> }.into_any(),
                Part::Room => view! { <Room found=found.get_untracked() known/> }.into_any(),
                Part::Record => view! { <Record found=found.get() known/> }.into_any(),
            }
        })}
    }
    .into_any()
}

/// `/consultations`.
#[component]
pub fn PastPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let show = |mut answers: Answers| match answers.take::<Vec<PastView>>() {
        Ok(past) => view! { <PastList past/> }.into_any(),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    view! {
        <PageTitle text="Your consultations"/>
        {page("Reading…", String::new, |_| vec![Ask::Past], show)}
    }
    .into_any()
}
