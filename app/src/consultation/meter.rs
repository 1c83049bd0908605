//! The meter in the room: how long, what it costs, what is left, and the way to more. Both sides count by the server's clock and by the same function
//! that makes the bill.

use super::{
    line::{Known, random},
    parts::amount,
    wire::FromPage,
};
use crate::{
    error::words,
    frame::TheSite,
    routes,
    ui::{
        page::Ask,
        time::{Shape, moment},
        view::{flag, show, text, when},
    },
    wallet::{
        api::{Balance, WalletView},
        parts::{TopUp, test_words},
    },
};
use domain::{
    conditions::{CAP_MAX_MINUTES, Cap, Conditions},
    consultation::Stage,
    id::ConsultationId,
    money::Money,
    reject::Code,
    side::Side,
    time::{Millis, Timestamp},
};
use leptos::{html::Button, prelude::*, task::spawn_local};

/// By how many minutes the cap is raised at once.
const MORE: i64 = 15;
/// When both are first told how little is left.
const NEAR: Millis = Millis::minutes(5);

/// For how long both have been there, by now.
fn proved(known: Known) -> Millis {
    let state = known.state.read();
    if state.full {
        return state.cap.millis();
    }
    // What cannot be noted is billed only if it can be again before it is too late.
    let now = known.unkept.get().map_or(i64::MAX, |since| since.saturating_add(known.patience)).min(known.now.get());
    let length = state.counts_from.map_or(state.proved, |from| Timestamp(now).since(from));
    Millis(length.0.clamp(0, state.cap.millis().0))
}

/// A length without what is left of its last second.
fn whole(length: Millis) -> String {
    Millis(length.0.max(0) / 1_000 * 1_000).to_string()
}

/// Elapsed time and cost, in the head of the room.
#[component]
pub fn Meter(
    /// As it is known now.
    known: Known,
    /// What was agreed.
    conditions: Conditions,
) -> AnyView {
    let elapsed = text(move || whole(proved(known)));
    let cap = text(move || format!("of {} min", known.state.read().cap.millis().0 / 60_000));
    let paid = conditions.rate.minor > 0;
    let cost = text(move || amount(&conditions, conditions.cost(proved(known))));
    view! {
        <p class="meter num">
            <b data-elapsed="">{elapsed}</b>" "<small>{cap}</small>
            {when(paid, || view! { " "<b class="cost" data-cost="" title="What it costs until now">{cost}</b> }.into_any())}
        </p>
    }
    .into_any()
}

/// What is left: of the free seconds, of the cap; when it ends; and what is said when little is left.
#[component]
pub fn Remaining(
    /// As it is known now.
    known: Known,
    /// What was agreed.
    conditions: Conditions,
) -> AnyView {
    let live = Memo::new(move |_| known.state.read().stage == Stage::Live);
    let left = move || known.state.read().cap.millis().less(proved(known));
    let free = Millis::seconds(i64::from(conditions.free_seconds));
    let free_left = text(move || {
        let left = free.less(proved(known));
        if left.0 > 0 && conditions.rate.minor > 0 { format!("free for {left}") } else { String::new() }
    });
    let rest = text(move || format!("{} left", left()));
    // Said once a minute, and when ten seconds are left: a memo, so that it is not said every second.
    let warning = Memo::new(move |_| match left() {
        _ if !live.get() => String::new(),
        left if left > NEAR => String::new(),
        left if left <= Millis::seconds(10) => "The agreed time is used up in 10 seconds.".into(),
        left => match (left.0 + 59_999) / 60_000 {
            1 => "The agreed time is used up within a minute.".into(),
            minutes => format!("The agreed time is used up in {minutes} minutes."),
        },
    });
    view! {
        <div class="remaining">
            <p class="num" hidden=flag(move || !live.get())>
                <span>{free_left}</span>
                <span data-left="">{rest}</span>
                <span>"ends at "{moment(move || known.state.read().ends_by.unwrap_or_default(), Shape::Clock)}</span>
            </p>
            <p class="warning" role="status">{move || warning.get()}</p>
        </div>
    }
    .into_any()
}

/// The consumer's way to more time: one tap; where money is missing it is brought in here.
#[component]
pub fn More(
    /// As it is known now.
    known: Known,
    /// What was agreed.
    conditions: Conditions,
    /// The consultation.
    id: ConsultationId,
    /// On which side one is.
    side: Side,
) -> AnyView {
    if side == Side::Provider {
        return ().into_any();
    }
    let currency = conditions.rate.currency;
    let button = NodeRef::<Button>::new();
    let cap = Memo::new(move |_| known.state.read().cap);
    let next = move || (cap.get().millis().0 / 60_000).saturating_add(MORE).min(CAP_MAX_MINUTES);
    let most = flag(move || next() <= cap.get().millis().0 / 60_000);
    let raise = move || {
        if let Ok(cap) = Cap::minutes(next()) {
            known.refused.set(None);
            known.tell(&FromPage::Raise { cap });
        }
    };
    let costs = {
        let conditions = conditions.clone();
        move || conditions.cost(Millis::minutes(next())).saturating_sub(conditions.cost(cap.get().millis()))
    };
    let offer = {
        let (conditions, costs) = (conditions.clone(), costs.clone());
        text(move || {
            let minutes = next().saturating_sub(cap.get().millis().0 / 60_000);
            if conditions.rate.minor == 0 {
                format!("{minutes} min more")
            } else {
                format!("{minutes} min more, up to {}", amount(&conditions, costs()))
            }
        })
    };
    let refused = text(move || {
        known.refused.get().filter(|code| *code != Code::NoFunds).map(|code| words(None, code).to_owned()).unwrap_or_default()
    });
    let short = Memo::new(move |_| known.refused.get() == Some(Code::NoFunds));
    // What is missing, and how much of it the wallet may take in: asked for when it does not suffice.
    let wallet = RwSignal::new(None::<Balance>);
    let key = RwSignal::new(String::new());
    Effect::new(move || {
        if short.get() {
            key.set(random().to_string());
            spawn_local(async move {
                let found = Ask::Wallet.get::<WalletView>().await.ok();
                let own = found.and_then(|found| found.balances.into_iter().find(|own| own.available.asset.currency == currency));
                wallet.try_set(own);
            });
        }
    });
    let test_money = expect_context::<TheSite>().0.read_untracked().test_money;
    let missing = {
        let costs = costs.clone();
        move || wallet.with(|own| own.as_ref().map(|own| (costs().saturating_sub(own.available.minor).max(1), own.available, own.fits)))
    };
    let proposed = {
        let (missing, costs) = (missing.clone(), costs.clone());
        Signal::derive(move || missing().map_or_else(&costs, |(missing, _, fits)| missing.min(fits.minor)))
    };
    let story = text(move || match missing() {
        None => "Your wallet does not cover this. Top it up, and it goes on.".into(),
        Some((missing, has, fits)) if missing > fits.minor => {
            format!("Your wallet holds {has} to spend, and at most {fits} more fits into it: that is not enough for this.")
        }
        Some((missing, has, _)) => {
            format!("Your wallet holds {has} to spend; {} is missing. Top it up, and it goes on.", Money { minor: missing, ..has })
        }
    });
    let top_up = move || {
        when(short.get(), || {
            let topped = Callback::new(move |_: String| {
                raise();
                // The form goes with what was missing.
                if let Some(button) = button.get_untracked() {
                    let _ = button.focus();
                }
            });
            view! {
                <div class="short panel">
                    <p>{story}</p>
                    <TopUp id="top-up" currency=Some(currency) proposed key next=routes::consultation(id) on_done=topped/>
                    {test_words(test_money)}
                </div>
            }
            .into_any()
        })
    };
    view! {
        <div class="more">
            <button class="btn small" type="button" node_ref=button hidden=most on:click=move |_| raise()>{offer}</button>
            <div role="status">{refused}{show(top_up)}</div>
        </div>
    }
    .into_any()
}
