//! The desk: hanging the curtain out and taking it in.

pub mod api;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;
pub mod socket;
pub mod wire;

use self::{api::read_desk, parts::Desktop, socket::DeskState};
use crate::{
    error::AppError,
    forms::api::Rejected,
    frame::sign_in_first,
    offers::api::{OwnOffer, mine},
    ui::{
        form::{keep, rejected, rejected_id},
        problem::ProblemPage,
        text::PageTitle,
    },
};
use domain::presence::Desk;
use leptos::prelude::*;

/// All that the desk page shows, read once.
async fn read(id: Option<String>) -> Result<(Desk, Vec<OwnOffer>, Rejected), AppError> {
    Ok((read_desk().await?, mine().await?, rejected(id).await))
}

/// `/desk`.
#[component]
pub fn DeskPage() -> impl IntoView {
    let me = sign_in_first()?;
    let id = rejected_id();
    let page = Resource::new(|| (), move |()| read(id.clone()));
    Some(view! {
        <PageTitle text="Desk"/>
        <Suspense fallback=|| view! { <p class="waiting">"Opening the desk…"</p> }>
            {move || {
                let me = me.clone();
                Suspend::new(async move {
                    match page.await {
                        Ok((desk, offers, rejected)) => {
                            keep(rejected);
                            expect_context::<DeskState>().learn(desk.clone());
                            view! { <Desktop me first=desk offers/> }.into_any()
                        }
                        Err(error) => view! { <ProblemPage error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    })
}
