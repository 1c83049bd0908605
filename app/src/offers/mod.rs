//! Offers: their pages, their providers' pages and the form that registers and revises them.

pub mod api;
pub mod editor;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;

use self::{
    api::{mine, provider, show},
    editor::Editor,
    parts::{OfferDetails, ProviderDetails},
};
use crate::{
    frame::sign_in_first,
    ui::{
        form::{keep, rejected, rejected_id},
        problem::ProblemPage,
        text::PageTitle,
    },
};
use domain::reject::Code;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

fn id_of_path() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.read().get("id").unwrap_or_default())
}

/// `/offers/:id`.
#[component]
pub fn OfferPage() -> impl IntoView {
    let id = id_of_path();
    let page = Resource::new(move || id.get(), show);
    view! {
        <Suspense fallback=|| view! { <p class="waiting">"Reading the offer…"</p> }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(offer) => view! { <OfferDetails offer/> }.into_any(),
                    Err(error) => view! { <ProblemPage error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// `/providers/:id`.
#[component]
pub fn ProviderPage() -> impl IntoView {
    let id = id_of_path();
    let page = Resource::new(move || id.get(), provider);
    view! {
        <Suspense fallback=|| view! { <p class="waiting">"Reading…"</p> }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(provider) => view! { <ProviderDetails provider/> }.into_any(),
                    Err(error) => view! { <ProblemPage error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// `/offers/new`.
#[component]
pub fn NewOfferPage() -> impl IntoView {
    let me = sign_in_first()?;
    let id = rejected_id();
    let page = Resource::new(|| (), move |()| rejected(id.clone()));
    Some(view! {
        <PageTitle text="Register an offer"/>
        <Suspense>
            {move || {
                let me = me.clone();
                Suspend::new(async move {
                    keep(page.await);
                    view! { <Editor me saved=None/> }
                })
            }}
        </Suspense>
    })
}

/// `/offers/:id/revise`.
#[component]
pub fn ReviseOfferPage() -> impl IntoView {
    let me = sign_in_first()?;
    let (offer, id) = (id_of_path(), rejected_id());
    let page = Resource::new(
        move || offer.get(),
        move |offer| {
            let id = id.clone();
            async move {
                let found = mine().await?.into_iter().find(|own| own.card.id.to_string() == offer);
                Ok::<_, crate::error::AppError>((found.ok_or(Code::NotFound)?, rejected(id).await))
            }
        },
    );
    Some(view! {
        <PageTitle text="Revise an offer"/>
        <Suspense fallback=|| view! { <p class="waiting">"Reading the offer…"</p> }>
            {move || {
                let me = me.clone();
                Suspend::new(async move {
                    match page.await {
                        Ok((own, rejected)) => {
                            keep(rejected);
                            view! { <Editor me saved=Some(own)/> }.into_any()
                        }
                        Err(error) => view! { <ProblemPage error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    })
}
