//! Receipts and earnings.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;

use self::api::{EarningView, EarningsView, ReceiptView, RefundView};
use crate::{
    cases::{case_lines, complaint_form},
    consultation::parts::reason_words,
    frame::sign_in_first,
    offers::id_of_path,
    routes,
    ui::{
        field::TextField,
        form::{Form, Submit, came_back, rejected_id},
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        time::{Shape, moment},
        view::{nothing, when},
    },
};
use domain::{
    money::Money,
    offer::free_words,
    operation::{Borne, CaseState},
    receipt::{Receipt, Stretch, Why},
    reject::Field,
    side::Side,
    time::Millis,
};
use leptos::prelude::*;

/// `/consultations/:id/receipt`.
#[component]
pub fn ReceiptPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let (id, rejected) = (id_of_path(), rejected_id());
    let show = |mut answers: Answers| {
        let found = answers.take::<ReceiptView>();
        answers.keep_rejected();
        match found {
            Ok(found) => receipt(found),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    page("Reading the receipt…", move || id.get(), move |id| vec![Ask::Receipt(id), Ask::Rejected(rejected.clone())], show)
}

/// Why a part of the time is billed, or is not.
pub const fn why_words(why: Why) -> &'static str {
    match why {
        Why::Billed => "Billed: both were here",
        Why::Free => "Free: within the free seconds",
        Why::Opening => "Not billed: coming together",
        Why::Consumer => "Not billed: nothing came from the consumer",
        Why::Provider => "Not billed: nothing came from the provider",
        Why::Both => "Not billed: the line was broken",
        Why::Paused => "Not billed: the agreed time was used up",
        Why::Tail => "Not billed: after the last proof of both",
    }
}

/// The whole time as a bar. Its words follow below it.
fn bar(made: &Receipt) -> AnyView {
    let length = made.time.length().0.max(1);
    let part = |stretch: &Stretch| {
        let at = |moment: domain::time::Timestamp| moment.since(made.time.from).0.saturating_mul(1_000) / length;
        let (from, to) = (at(stretch.time.from), at(stretch.time.to));
        view! { <rect x=from.to_string() y="0" width=to.saturating_sub(from).max(1).to_string() height="28" data-why=stretch.why.as_str()></rect> }.into_any()
    };
    view! {
        <svg class="timebar" viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="What was billed, from the accept to the end; the list below says the same">
            {made.stretches.iter().map(part).collect::<Vec<_>>()}
        </svg>
    }
    .into_any()
}

/// A length to the millisecond, so that a bill can be recomputed from what is printed: `1 min 1.946 s`.
fn exact_words(length: Millis) -> String {
    let (minutes, rest) = (length.0 / 60_000, length.0 % 60_000);
    let seconds = format!("{}.{:03} s", rest / 1_000, rest % 1_000);
    if minutes > 0 { format!("{minutes} min {seconds}") } else { seconds }
}

fn stretch_line(made: &Receipt, stretch: &Stretch) -> AnyView {
    let from = Millis(stretch.time.from.since(made.time.from).0 / 1_000 * 1_000);
    let length = exact_words(stretch.time.length());
    view! {
        <li data-why=stretch.why.as_str()>
            <span class="num">{from.to_string()}</span>
            <span>{why_words(stretch.why)}</span>
            <b class="num">{length}</b>
        </li>
    }
    .into_any()
}

fn receipt(found: ReceiptView) -> AnyView {
    let ReceiptView { receipt: made, hash, side, refunds, left, case, key } = found;
    let id = made.consultation;
    let at = made.at;
    let net = made.net();
    let free = free_words(made.free_seconds).map(|words| format!(", {}", words.to_lowercase())).unwrap_or_default();
    let back = refunds.iter().fold(0i64, |sum, refund| sum.saturating_add(refund.amount.minor));
    let paid = Money { minor: made.total.minor.saturating_sub(back), ..made.total };
    let row = |name: &'static str, value: String| view! { <dt>{name}</dt><dd class="num">{value}</dd> }.into_any();
    let fee = if made.commission.is_none() { "none".to_owned() } else { format!("{} ({})", made.fee, made.commission) };
    let test = made.total.asset.reality == domain::money::Reality::Test;
    let number = format!("Receipt {}", made.number);
    view! {
        <PageTitle text=number.clone()/>
        <article class="receipt">
            <section class="panel">
                <h1>{number}</h1>
                <p class="lead">{made.title.clone()}", "{moment(move || at, Shape::DayAndClock)}</p>
                <p class="total"><b class="num">{paid.to_string()}</b>{when(back > 0, || view! { <small class="hint num">{format!("{} less what went back", made.total)}</small> }.into_any())}{when(test, || view! { <small class="hint">"credit for trying"</small> }.into_any())}</p>
                <dl class="kv">
                    {row("Consumer", made.names.consumer.clone())}
                    {row("Provider", made.names.provider.clone())}
                    {row("Rate", format!("{}/min{free}", made.rate))}
                    {row("Both were here for", exact_words(made.proved))}
                    {row("Billed", exact_words(made.billed()))}
                    {row("Total, rounded down once", made.total.to_string())}
                    {row("Operator's share", fee)}
                    {row(if back > 0 { "Provider got at first" } else { "Provider gets" }, net.to_string())}
                    {row("Ended", reason_words(made.reason).to_owned())}
                </dl>
                {refunds.into_iter().map(refund_line).collect::<Vec<_>>()}
                <div class="actions no-print">
                    <button class="btn scripted" type="button" on:click=move |_| drop(window().print())>"Print"</button>
                    <a class="btn" href=routes::receipt_json(id) rel="external" download="">"Save as JSON"</a>
                    {when(side.is_some(), || view! { <a class="btn" href=routes::consultation(id)>"The consultation"</a> }.into_any())}
                </div>
            </section>
            <section class="panel">
                <h2>"Second by second"</h2>
                {bar(&made)}
                <ol class="stretches">{made.stretches.iter().map(|stretch| stretch_line(&made, stretch)).collect::<Vec<_>>()}</ol>
                <p class="hint hash">"Kept unchanged under "<code>{hash}</code></p>
                {when(!made.agreement.is_empty(), || view! { <p class="hint hash">"What both accepted: "<code>{made.agreement.clone()}</code></p> }.into_any())}
            </section>
            {case.as_ref().map(|case| view! { <section class="panel"><h2>"The case"</h2>{case_lines(case)}</section> }.into_any())}
            {when(side == Some(Side::Consumer) && case.is_none(), || complaint_form(id, left))}
            {when(side == Some(Side::Provider) && left.minor > 0, || give_back_form(id, left, key))}
        </article>
    }
    .into_any()
}

fn refund_line(refund: RefundView) -> AnyView {
    let at = refund.at;
    let how = match (refund.case, refund.borne) {
        (None, Borne::Provider) => "given back by the provider",
        (Some(CaseState::Automatic), _) => "given back by itself, since it was little",
        (Some(_), Borne::Provider) => "given back by the provider, as the operator decided",
        (_, Borne::House) => "given back by the operator",
    };
    view! { <p class="line">{format!("{} {how}, ", refund.amount)}{moment(move || at, Shape::DayAndClock)}</p> }.into_any()
}

fn give_back_form(id: domain::id::ConsultationId, left: Money, key: String) -> AnyView {
    let currency = left.asset.currency;
    view! {
        <details class="panel unfold no-print" open=came_back("/api/receipts/refund")>
            <summary class="btn">"Give something back"</summary>
            <Form
                id="give-back"
                class="form"
                action="/api/receipts/refund"
                hidden=vec![("consultation", id.to_string()), ("currency", currency.code().to_owned())]
                check=crate::wallet::parts::check_amount
                reload=true
                saved="Given back."
            >
                <input type="hidden" name="key" value=key/>
                <p>{format!("At once, up to {left}. It is taken from what you earned, and the operator's share goes back with it.")}</p>
                <TextField field=Field::AmountMinor name="amount" named=crate::wallet::parts::amount_in(currency) value=currency.amount(left.minor) keyboard="decimal"/>
                <Submit text="Give it back" class="btn main"/>
            </Form>
        </details>
    }
    .into_any()
}

/// `/earnings`.
#[component]
pub fn EarningsPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let show = |mut answers: Answers| match answers.take::<EarningsView>() {
        Ok(found) => earnings(found),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    view! {
        <PageTitle text="Your earnings"/>
        {page("Reading…", String::new, |_| vec![Ask::Earnings], show)}
    }
    .into_any()
}

fn earnings(found: EarningsView) -> AnyView {
    let none = found.lines.is_empty();
    let share = if found.commission.is_none() {
        "The operator takes no share.".to_owned()
    } else {
        format!("The operator takes {}.", found.commission)
    };
    view! {
        <div class="wallet">
            <section class="panel balances">
                <h1>"Your earnings"</h1>
                <ul class="purse">
                    {found
                        .earned
                        .into_iter()
                        .map(|earned| {
                            view! {
                                <li>
                                    <b class="num amount">{earned.payable.to_string()}</b>
                                    <span>"can be paid out"</span>
                                    <span class="num">{format!("{} pending", earned.pending)}</span>
                                </li>
                            }
                            .into_any()
                        })
                        .collect::<Vec<_>>()}
                </ul>
                <p class="hint">{share}" What you earn is pending for some days, in which it can still go back. Paying it out is not offered here yet."</p>
            </section>
            <section class="panel history">
                <h2>"By consultation"</h2>
                {if none {
                    view! { <p class="hint">"Nothing yet. "<a href=routes::DESK>"To the desk"</a></p> }.into_any()
                } else {
                    view! {
                        <ol class="moves">{found.lines.into_iter().map(earning_line).collect::<Vec<_>>()}</ol>
                        <p><a class="btn small" href=routes::EARNINGS_TABLE rel="external" download="">"Save it as a table (CSV)"</a></p>
                    }
                    .into_any()
                }}
            </section>
        </div>
    }
    .into_any()
}

fn earning_line(line: EarningView) -> AnyView {
    let at = line.at;
    let mut parts = format!("{} paid", line.gross);
    if line.fee.minor > 0 {
        parts += &format!(", {} operator's share", line.fee);
    }
    if line.refunded.minor > 0 {
        parts += &format!(", {} went back", line.refunded);
    }
    let case = match line.case {
        None => "",
        Some(CaseState::Open) => "A case is open: an operator looks at it.",
        Some(_) => "There was a case; it is decided.",
    };
    view! {
        <li>
            <span>
                <a href=routes::receipt(line.consultation)>{format!("{} · {}", line.with, line.title)}</a>
                <small class="hint num">{parts}</small>
                {when(!case.is_empty(), || view! { <small class="hint">{case}</small> }.into_any())}
                <small class="hint">
                    {moment(move || at, Shape::DayAndClock)}
                    {match line.pending_until {
                        Some(until) => view! { " · pending until "{moment(move || until, Shape::DayAndClock)} }.into_any(),
                        None => nothing(),
                    }}
                </small>
            </span>
            <b class="num">{line.net.to_string()}</b>
        </li>
    }
    .into_any()
}
