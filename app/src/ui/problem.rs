//! What a page shows when it cannot show what was asked for.

use crate::{error::AppError, routes, ui::text::PageTitle};
use domain::reject::Code;
use leptos::prelude::*;

/// Answers the page with a status; only the server can.
#[cfg_attr(not(feature = "ssr"), expect(unused_variables, reason = "the status is the server's"))]
fn answer(status: u16) {
    #[cfg(feature = "ssr")]
    if let Ok(status) = http::StatusCode::from_u16(status) {
        crate::context::set_status(status);
    }
}

/// A whole page about a problem, with a way on.
#[component]
pub fn ProblemPage(
    /// What is wrong.
    error: AppError,
) -> impl IntoView {
    answer(error.status());
    let title = match error.code {
        Code::NotFound => "Nothing hangs here",
        Code::SignInRequired => "Please sign in",
        Code::Network | Code::Overloaded => "The line is busy",
        _ => "Something is wrong",
    };
    let again = error.status() >= 500;
    view! {
        <PageTitle text=title/>
        <div class="problem">
            <h1>{title}</h1>
            <p class="lead">{error.words()}</p>
            {again.then(|| view! { <p><a class="btn" href="" rel="external">"Try again"</a></p> })}
            <p><a class="btn main" href=routes::CHOICES>"See who is here now"</a></p>
        </div>
    }
}

/// The page of an address that leads nowhere.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! { <ProblemPage error=Code::NotFound.into()/> }
}
