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
        time::{Shape, moment},
        view::{flag, show, text, when},
    },
    wallet::parts::{TopUp, test_words},
};
use domain::{
    conditions::{CAP_MAX_MINUTES, Cap, Conditions},
    consultation::Stage,
    id::ConsultationId,
    reject::Code,
    side::Side,
    time::{Millis, Timestamp},
};
use leptos::prelude::*;

/// By how many minutes the cap is raised at once.
const MORE: i64 = 15;
/// When both are first told how little is left.
const NEAR: Millis = Millis::minutes(5);

/// For how long both have been there, by now.
fn proved(known: Known) -> Millis {
    let state = known.state.read();
    let length = state.counts_from.map_or(state.proved, |from| Timestamp(known.now.get()).since(from));
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
    let test_money = expect_context::<TheSite>().0.read_untracked().test_money;
    let currency = conditions.rate.currency;
    let top_up = move || {
        when(short.get(), || {
            let topped = Callback::new(move |_: String| raise());
            let key = random().to_string();
            view! {
                <div class="short panel">
                    <p>"Your wallet does not cover this. Top it up, and it goes on."</p>
                    <TopUp id="top-up" currency=Some(currency) proposed=costs() key next=routes::consultation(id) on_done=topped/>
                    {test_words(test_money)}
                </div>
            }
            .into_any()
        })
    };
    view! {
        <div class="more">
            <button class="btn small" type="button" hidden=most on:click=move |_| raise()>{offer}</button>
            <div role="status">{refused}{show(top_up)}</div>
        </div>
    }
    .into_any()
}
