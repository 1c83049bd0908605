//! Cases: something was wrong with a receipt.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;

use self::api::{CaseLine, CaseView};
use crate::{
    frame::sign_in_first,
    routes,
    ui::{
        field::{ChoiceField, TextField},
        form::{Form, Submit, Typed, came_back, rejected_id},
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        time::{Shape, moment},
        view::{nothing, when},
    },
};
use domain::{
    id::ConsultationId,
    money::Money,
    operation::{Borne, CaseState},
    reject::{Field, Reject},
    text::CaseText,
};
use leptos::prelude::*;

/// How a case stands, in words.
const fn state_words(state: CaseState) -> &'static str {
    match state {
        CaseState::Open => "An operator looks at it.",
        CaseState::Automatic => "Given back by itself, since it is little.",
        CaseState::Refunded => "Decided: money went back.",
        CaseState::Refused => "Decided: nothing goes back.",
    }
}

/// A case, as both sides see it.
pub(crate) fn case_lines(case: &CaseView) -> AnyView {
    let (at, decided) = (case.at, case.decided_at);
    let (refunded, answer) = (case.refunded, case.answer.clone());
    view! {
        <div class="case" data-state=case.state.as_str()>
            <blockquote class="question plain">{case.text.clone()}</blockquote>
            <p class="hint">"Said "{moment(move || at, Shape::DayAndClock)}</p>
            <p><b>{state_words(case.state)}</b>{when(refunded.minor > 0, || view! { " "<span class="num">{refunded.to_string()}</span> }.into_any())}</p>
            {when(!answer.is_empty(), || view! { <p class="plain">{format!("The operator says: {answer}")}</p> }.into_any())}
            {decided.map(|at| view! { <p class="hint">"Decided "{moment(move || at, Shape::DayAndClock)}</p> }.into_any())}
        </div>
    }
    .into_any()
}

fn check_complaint(typed: &Typed) -> Result<(), Reject> {
    CaseText::parse(&typed.one("complaint")).map(drop).map_err(|code| Reject::field(Field::Complaint, code))
}

/// The way to say that something was wrong.
pub(crate) fn complaint_form(id: ConsultationId, left: Money) -> AnyView {
    view! {
        <details class="panel unfold no-print" open=came_back("/api/cases/open")>
            <summary class="btn">"Something was wrong"</summary>
            <Form id="complaint" class="form" action="/api/cases/open" hidden=vec![("consultation", id.to_string())] check=check_complaint reload=true saved="Said. The case stands below.">
                <p>"Say what. What the server knows of the time and the lines goes with it; what was said does not. What is little goes back by itself; about the rest an operator decides, and both of you see how."</p>
                {when(left.minor == 0, || view! { <p class="hint">"There is nothing left to be given back, but you can say it all the same."</p> }.into_any())}
                <TextField field=Field::Complaint rows=4 hint="At most 1,000 characters."/>
                <Submit text="Open a case" class="btn main"/>
            </Form>
        </details>
    }
    .into_any()
}

/// `/operator/cases`.
#[component]
pub fn CasesPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let rejected = rejected_id();
    let show = |mut answers: Answers| {
        let found = answers.take::<Vec<CaseLine>>();
        answers.keep_rejected();
        match found {
            Ok(found) => cases(found),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    view! {
        <PageTitle text="Cases"/>
        {page("Reading…", String::new, move |_| vec![Ask::Cases, Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}

fn cases(found: Vec<CaseLine>) -> AnyView {
    let none = found.is_empty();
    let open = found.iter().filter(|line| line.case.state == CaseState::Open).count();
    let lead = match open {
        0 => "Nothing waits for a decision.".to_owned(),
        1 => "One waits for a decision.".into(),
        n => format!("{n} wait for a decision."),
    };
    view! {
        <div class="narrow">
            <h1>"Cases"</h1>
            <p class="lead">{lead}</p>
            {when(none, || view! { <p class="hint">"Whoever finds something wrong with a receipt says so there, and it stands here."</p> }.into_any())}
            {found.into_iter().map(case_panel).collect::<Vec<_>>()}
        </div>
    }
    .into_any()
}

fn check_reason(typed: &Typed) -> Result<(), Reject> {
    CaseText::parse(&typed.one("reason")).map(drop).map_err(|code| Reject::field(Field::Reason, code))
}

fn case_panel(line: CaseLine) -> AnyView {
    let id = line.case.consultation;
    let currency = line.total.asset.currency;
    let borne = vec![
        (Borne::Provider.as_str().to_owned(), "the provider, and our share".to_owned()),
        (Borne::House.as_str().to_owned(), "us alone".to_owned()),
    ];
    let left = line.left;
    view! {
        <section class="panel">
            <h2>{format!("{} about {}", line.consumer, line.provider)}</h2>
            <p><a href=routes::receipt(id)>{format!("Receipt {}", line.number)}</a>{format!(" · {} · {}", line.title, line.total)}</p>
            {case_lines(&line.case)}
            <details class="unfold">
                <summary class="btn small">"What the server knows"</summary>
                <ul class="evidence">{line.evidence.into_iter().map(|line| view! { <li class="num">{line}</li> }.into_any()).collect::<Vec<_>>()}</ul>
            </details>
            {when(line.case.state == CaseState::Open, || {
                view! {
                    <Form
                        id=format!("decide-{id}")
                        class="form"
                        action="/api/cases/decide"
                        hidden=vec![("consultation", id.to_string())]
                        check=check_reason
                        reload=true
                        saved="Decided. Both sides can read it."
                    >
                        <input type="hidden" name="key" value=line.key/>
                        <TextField field=Field::AmountMinor name="amount" named="Give back" value=currency.amount(0) keyboard="decimal" optional=true hint="0 means that nothing goes back."/>
                        <p class="hint num">{format!("At most {left}.")}</p>
                        <ChoiceField field=Field::Borne name="borne" kind="radio" choices=borne value=vec![Borne::House.as_str().into()]/>
                        <TextField field=Field::Reason rows=3 hint="Both sides read it. At most 1,000 characters."/>
                        <Submit text="Decide" class="btn main"/>
                    </Form>
                }
                .into_any()
            })}
        </section>
    }
    .into_any()
}
