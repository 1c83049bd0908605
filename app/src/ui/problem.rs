//! What a page shows when it cannot show what was asked for.

use crate::{
    error::AppError,
    routes,
    ui::{text::PageTitle, view::when},
};
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
) -> AnyView {
    answer(error.status());
    let title = match error.code {
        Code::NotFound => "Nothing hangs here",
        Code::SignInRequired => "Please sign in",
        Code::Network | Code::Overloaded => "The line is busy",
        Code::Unavailable => "Nothing can be read just now",
        _ => "Something is wrong",
    };
    let again = error.status() >= 500;
    view! {
        <PageTitle text=title/>
        <div class="problem">
            <h1>{title}</h1>
            <p class="lead">{error.words()}</p>
            {when(again, || view! { <p><a class="btn" href="" rel="external">"Try again"</a></p> }.into_any())}
            <p><a class="btn main" href=routes::CHOICES>"See who is here now"</a></p>
        </div>
    }
    .into_any()
}

/// The page of an address that leads nowhere.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! { <ProblemPage error=Code::NotFound.into()/> }
}
