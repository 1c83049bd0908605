//! Wallets: what a consumer has, how it comes in and goes back.

pub mod api;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;

use self::{
    api::{Balance, Moved, OperationView, WalletView},
    parts::{TopUp, amount_in, check_amount, test_words},
};
use crate::{
    frame::sign_in_first,
    routes,
    ui::{
        field::TextField,
        form::{Form, Submit, rejected_id},
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        time::{Shape, moment},
        view::{nothing, when},
    },
};
use domain::{
    ledger::EntryKind,
    money::{Money, Reality},
    operation::{OperationKind, OperationState},
    reject::Field,
};
use leptos::prelude::*;

/// What is proposed to be topped up, in euro cents: the choice of currency begins there.
const PROPOSED: i64 = 2_000;

/// `/wallet`.
#[component]
pub fn WalletPage() -> AnyView {
    let Some(_) = sign_in_first() else { return nothing() };
    let rejected = rejected_id();
    let show = |mut answers: Answers| {
        let found = answers.take::<WalletView>();
        answers.keep_rejected();
        match found {
            Ok(found) => wallet(found),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    view! {
        <PageTitle text="Your wallet"/>
        {page("Reading…", String::new, move |_| vec![Ask::Wallet, Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}

fn wallet(found: WalletView) -> AnyView {
    let test = found.reality == Reality::Test;
    let empty = found.balances.iter().all(|balance| balance.available.minor == 0 && balance.held.minor == 0);
    let (key, silent) = (found.key, found.moved.is_empty());
    let refundable: Vec<Balance> = found.balances.iter().filter(|balance| balance.refundable.minor > 0).cloned().collect();
    let fits = found.balances.iter().map(|balance| balance.fits.to_string()).collect::<Vec<_>>().join(" or ");
    let give_back = refundable.iter().map(refund_form).collect::<Vec<_>>();
    view! {
        <div class="wallet">
            <section class="panel balances">
                <h1>"Your wallet"</h1>
                {when(empty, || view! { <p class="lead">"It is empty. Top it up, then ask somebody: what a consultation can cost at most is reserved, and what it does not need comes back at once."</p> }.into_any())}
                <ul class="purse">{found.balances.iter().map(balance_line).collect::<Vec<_>>()}</ul>
                {test_words(test)}
                {found.operations.into_iter().map(operation_line).collect::<Vec<_>>()}
            </section>
            <section class="panel">
                <h2>"Top up"</h2>
                <TopUp id="top-up" currency=None proposed=PROPOSED key next=routes::WALLET.into()/>
                {when(!fits.is_empty(), || view! { <p class="hint num">{format!("At most {fits} more fits into your wallet.")}</p> }.into_any())}
            </section>
            {when(!refundable.is_empty(), || {
                view! {
                    <section class="panel">
                        <h2>"Get the unused back"</h2>
                        <p class="hint">"It goes back to where it came from."</p>
                        {give_back}
                    </section>
                }
                .into_any()
            })}
            <section class="panel history">
                <h2>"What happened"</h2>
                {if silent {
                    view! { <p class="hint">"Nothing yet."</p> }.into_any()
                } else {
                    view! {
                        <ol class="moves">{found.moved.into_iter().map(moved_line).collect::<Vec<_>>()}</ol>
                        <p><a class="btn small" href=routes::STATEMENT rel="external" download="">"Save it as a table (CSV)"</a></p>
                    }
                    .into_any()
                }}
            </section>
        </div>
    }
    .into_any()
}

fn balance_line(balance: &Balance) -> AnyView {
    let held = balance.held;
    view! {
        <li>
            <b class="num amount">{balance.available.to_string()}</b>
            <span>"to spend"</span>
            {when(held.minor > 0, || view! { <span class="num">{format!("and {held} reserved for a consultation")}</span> }.into_any())}
        </li>
    }
    .into_any()
}

fn operation_line(operation: OperationView) -> AnyView {
    let amount = operation.amount;
    let words = match (operation.kind, operation.state) {
        (OperationKind::TopUp, OperationState::Failed) => format!("{amount} did not come in. Nothing was charged."),
        (OperationKind::Refund, OperationState::Failed) => format!("{amount} could not go back; it is in your wallet again."),
        (OperationKind::TopUp, _) => format!("{amount} is on its way in."),
        (OperationKind::Refund, _) => format!("{amount} is on its way back to you."),
    };
    view! {
        <p class="line">
            {words}" "
            {operation.next.map(|next| view! { <a class="btn small" href=next rel="external">"Go on paying"</a> }.into_any())}
        </p>
    }
    .into_any()
}

fn refund_form(balance: &Balance) -> AnyView {
    let (refundable, key) = (balance.refundable, balance.key.clone());
    let currency = refundable.asset.currency;
    view! {
        <Form
            id=format!("refund-{}", currency.code())
            class="form"
            action="/api/wallet/refund"
            hidden=vec![("currency", currency.code().to_owned())]
            check=check_amount
            reload=true
            saved="It is on its way back to you."
        >
            <input type="hidden" name="key" value=key/>
            <TextField field=Field::AmountMinor name="amount" named=amount_in(currency) value=currency.amount(refundable.minor) keyboard="decimal"/>
            <Submit text="Send it back" class="btn"/>
        </Form>
    }
    .into_any()
}

fn kind_words(moved: &Moved) -> String {
    let with = &moved.with;
    match moved.kind {
        EntryKind::TopUp => "Topped up".into(),
        EntryKind::Hold => format!("Reserved for {with}"),
        EntryKind::Settle if moved.available.minor.saturating_add(moved.held.minor) == 0 => {
            format!("Nothing to pay to {with}, all of it is back")
        }
        EntryKind::Settle => format!("Paid {with}"),
        EntryKind::Refund => format!("Back from {with}"),
        EntryKind::Goodwill => "Given back by the operator".into(),
        EntryKind::Withdraw => "Sent back to you".into(),
        EntryKind::Returned => "Could not be sent back".into(),
        EntryKind::Reverse => "Taken back by your bank".into(),
        EntryKind::Clear | EntryKind::Withdrawn => "Booked".into(),
    }
}

fn moved_line(moved: Moved) -> AnyView {
    let at = moved.at;
    let words = kind_words(&moved);
    // A hold changes nothing of what one has; a settlement takes what it cost.
    let own = Money { minor: moved.available.minor.saturating_add(moved.held.minor), ..moved.available };
    let amount = if moved.kind == EntryKind::Hold { format!("{} reserved", moved.held) } else { signed(own) };
    view! {
        <li>
            <span>
                {match moved.consultation {
                    Some(id) => view! { <a href=routes::consultation(id)>{words}</a> }.into_any(),
                    None => words.into_any(),
                }}
                <small class="hint">{moment(move || at, Shape::DayAndClock)}</small>
            </span>
            <b class="num">{amount}</b>
        </li>
    }
    .into_any()
}

/// An amount that came or went: `+€5.00`, `-€1.20`.
fn signed(money: Money) -> String {
    if money.minor > 0 { format!("+{money}") } else { money.to_string() }
}
