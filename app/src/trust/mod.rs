//! The public trust page: what anybody can check of this instance.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;

use self::api::TrustView;
use crate::ui::{
    page::{Answers, Ask, page},
    problem::ProblemPage,
    text::PageTitle,
    view::when,
};
use leptos::prelude::*;

/// `/trust`.
#[component]
pub fn TrustPage() -> AnyView {
    let show = |mut answers: Answers| match answers.take::<TrustView>() {
        Ok(found) => trust(found),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    view! {
        <PageTitle text="Trust"/>
        {page("Reading…", String::new, |_| vec![Ask::Trust], show)}
    }
    .into_any()
}

fn trust(found: TrustView) -> AnyView {
    let none = found.heads.is_empty();
    let line = |head: api::HeadView| {
        let day = head.day.iso();
        let day = day.get(..10).unwrap_or_default().to_owned();
        view! {
            <li>
                <b class="num">{day}</b>
                <span class="num">{format!("{} entries", head.n)}</span>
                <code class="hash">{head.hash}</code>
                <small class="hint">"signed "<code class="hash">{head.signature}</code>" by "<code class="hash">{head.public_key}</code></small>
            </li>
        }
        .into_any()
    };
    view! {
        <div class="narrow">
            <h1>"What anybody can check here"</h1>
            <section class="panel">
                <h2>"Money"</h2>
                <ul class="plain-list">
                    <li>{if found.test_money { "All money here is credit for trying. It is worth nothing." } else { "Money here is real. It comes in and goes back through a payment service." }}</li>
                    <li>{if found.commission.is_none() { "The operator takes no share of what providers earn.".to_owned() } else { format!("The operator takes {} of what providers earn; it stands on every receipt.", found.commission) }}</li>
                    <li>"A bill is the rate times the time in which both sides proved that they were there, less the free seconds, rounded down once."</li>
                    <li>"Every receipt shows each second and why it was billed or not. Both sides can save it and recompute it."</li>
                </ul>
            </section>
            <section class="panel">
                <h2>"The book"</h2>
                <p>"Every movement of money is an entry in a book in which nothing is ever changed. Each entry carries the hash of the one before, so that a change would show in all that follow. At the end of each day the last hash is signed and shown here. Your own entries carry their numbers and hashes in the statement of your wallet."</p>
                {when(none, || view! { <p class="hint">"Nothing was signed yet: that is done at the end of the first day on which money moved."</p> }.into_any())}
                <ol class="heads">{found.heads.into_iter().map(line).collect::<Vec<_>>()}</ol>
            </section>
        </div>
    }
    .into_any()
}
