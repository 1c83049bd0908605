//! What is kept of a consultation: the agreement, what happened, what was said, and how it ended.

use super::{
    api::{ConsultationView, Cost, PastView},
    chat::row_line,
    line::Known,
    parts::{conditions_list, end_words, environments, event_words, length_words, question_line, stage_words},
};
use crate::{
    routes,
    ui::{
        form::{Form, Submit},
        time::{Shape, moment},
        view::when,
    },
};
use domain::{consultation::Stage, money::Money, proof::total, side::Side, time::Timestamp, timeline::Event};
use leptos::prelude::*;

/// The record of a consultation that is over.
#[component]
pub fn Record(
    /// As it was read with the page.
    found: ConsultationView,
    /// As it is known now.
    known: Known,
) -> AnyView {
    let state = known.state.get_untracked();
    let (side, id) = (found.side, found.id);
    let other = found.people.of(side.other()).name.clone();
    let ended = end_words(&state, side, &other).unwrap_or_else(|| stage_words(state.stage).into());
    let rows = known.rows.get_untracked();
    let happened: Vec<_> = rows.iter().filter(|row| !matches!(row.is, Event::Message(_))).cloned().collect();
    let said: Vec<_> = rows.iter().filter(|row| matches!(row.is, Event::Message(_))).cloned().collect();
    let concluded = found.hash.is_some() || rows.iter().any(|row| matches!(row.is, Event::Accepted { .. }));
    let proved = if state.proved.0 > 0 { state.proved } else { total(&found.segments) };
    let lines = |rows: Vec<_>, other: &str| rows.into_iter().map(|row| row_line(row, side, other, None)).collect::<Vec<_>>();
    let paid = found.cost.is_some();
    let cost = found.cost.map(cost_words).unwrap_or_default();
    let raised = rows.iter().rev().find_map(|row| if let Event::Raised { cap } = row.is { Some(cap) } else { None });
    let at = found.at;
    let silent = said.is_empty();
    view! {
        <article class="record" data-stage=state.stage.as_str() data-reason=state.reason.map(|reason| reason.as_str())>
            <div class="panel record-head">
                <h1>{format!("With {other}")}</h1>
                <p class="lead">{ended}</p>
                <dl class="kv">
                    <dt>"Offer"</dt>
                    <dd><a href=routes::offer(found.offer)>{found.title.clone()}</a></dd>
                    <dt>"Requested"</dt>
                    <dd>{moment(move || at, Shape::DayAndClock)}</dd>
                    {when(concluded, || view! { <dt>"Both were here for"</dt><dd class="num">{length_words(proved)}</dd> }.into_any())}
                    {when(paid, || view! { <dt>"It cost"</dt><dd class="num">{cost}</dd> }.into_any())}
                </dl>
                <div class="actions">
                    {when(paid, || view! { <a class="btn" href=routes::receipt(id)>"Receipt"</a> }.into_any())}
                    {when(side == Side::Consumer, || view! { <a class="btn main" href=routes::ask(found.offer)>"Ask again"</a> }.into_any())}
                    <a class="btn" href=if side == Side::Consumer { routes::CHOICES } else { routes::DESK }>
                        {if side == Side::Consumer { "See who is here now" } else { "To the desk" }}
                    </a>
                    <details class="confirm">
                        <summary class="btn">{format!("Block {other}")}</summary>
                        <Form id="block" action="/api/consultations/block" hidden=vec![("consultation", id.to_string())] saved="Blocked.">
                            <p>"Neither of you can ask the other again. The other side is not told."</p>
                            <Submit text="Block" class="btn danger"/>
                        </Form>
                    </details>
                </div>
            </div>
            {when(!silent || state.stage == Stage::Ended, || {
                view! {
                    <section class="panel">
                        <h2>"What was said"</h2>
                        {if silent { view! { <p class="hint">"Nothing was written."</p> }.into_any() } else { view! { <ol class="msgs">{lines(said, &other)}</ol> }.into_any() }}
                        {when(!silent, || view! { <p><a class="btn small" href=routes::transcript(id) rel="external" download="">"Save it as a text file"</a></p> }.into_any())}
                    </section>
                }
                .into_any()
            })}
            <section class="panel">
                <h2>{if concluded { "What both accepted" } else { "What was asked for" }}</h2>
                {question_line(&found.question)}
                {environments(&found.agreement, side, &other)}
                {conditions_list(&found.agreement.conditions)}
                {raised.map(|cap| {
                    let by = if side == Side::Consumer { "You".to_owned() } else { other.clone() };
                    view! { <p>{format!("{by} raised it to at most {} min later.", cap.millis().0 / 60_000)}</p> }.into_any()
                })}
                {found.hash.clone().map(|hash| view! { <p class="hint hash">"Kept unchanged under "<code>{hash}</code></p> }.into_any())}
            </section>
            <section class="panel">
                <h2>"What happened"</h2>
                <ol class="log">{lines(happened, &other)}</ol>
            </section>
        </article>
    }
    .into_any()
}

/// What it cost in the end: `€3.00 (€5.00, of which €2.00 went back)`.
fn cost_words(cost: Cost) -> String {
    let Cost { total, refunded } = cost;
    if refunded.minor == 0 {
        return total.to_string();
    }
    let kept = Money { minor: total.minor.saturating_sub(refunded.minor), ..total };
    format!("{kept} ({total}, of which {refunded} went back)")
}

/// A consultation as a text to be kept: who, what about, and all that happened and was said, line by line, in UTC.
pub fn transcript(found: &ConsultationView) -> String {
    let other = &found.people.of(found.side.other()).name;
    let clock = |at: Timestamp| at.iso().replace('T', " ").replace('Z', "");
    let mut text = format!("{} with {other}\nRequested {} UTC\n", found.title, clock(found.at));
    if !found.question.is_empty() {
        text += &format!("Question: {}\n", found.question);
    }
    if let Some(hash) = &found.hash {
        text += &format!("Agreement: {hash}\n");
    }
    text.push('\n');
    for row in &found.rows {
        let line = match &row.is {
            Event::Message(message) => {
                format!("{}: {}", if message.by == found.side { "You" } else { other }, message.text.as_str().replace('\n', "\n    "))
            }
            event => format!("- {}", event_words(event, Some(found.side), other).unwrap_or_default()),
        };
        text += &format!("{}  {line}\n", clock(row.at));
    }
    if let Some(ended) = end_words(&found.state, found.side, other) {
        text += &format!("\n{ended}\n");
    }
    text
}

/// The own consultations.
#[component]
pub fn PastList(
    /// Newest first.
    past: Vec<PastView>,
) -> AnyView {
    let none = past.is_empty();
    let line = |past: PastView| {
        let at = past.at;
        let length = if past.proved.0 > 0 { format!(" · {}", length_words(past.proved)) } else { String::new() };
        let role = if past.side == Side::Consumer { "You asked" } else { "Asked you" };
        view! {
            <li>
                <a href=routes::consultation(past.id)>{past.other.name}</a>
                <span>{past.title}</span>
                <small class="hint">{role}" · "{stage_words(past.stage)}{length}" · "{moment(move || at, Shape::DayAndClock)}</small>
            </li>
        }
        .into_any()
    };
    view! {
        <h1>"Your consultations"</h1>
        {when(none, || {
            view! { <p class="lead">"None yet. "<a href=routes::CHOICES>"See who is here now"</a></p> }.into_any()
        })}
        <ul class="past">{past.into_iter().map(line).collect::<Vec<_>>()}</ul>
    }
    .into_any()
}
