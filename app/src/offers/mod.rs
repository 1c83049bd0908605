//! Offers: their pages, their providers' pages and the form that registers and revises them.

pub mod api;
pub mod editor;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;

use self::{
    api::{OfferView, OwnOffer, ProviderView},
    editor::Editor,
    parts::{OfferDetails, ProviderDetails},
};
use crate::{
    frame::sign_in_first,
    ui::{
        form::rejected_id,
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        view::nothing,
    },
};
use domain::reject::Code;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// The id in the address.
pub fn id_of_path() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.read().get("id").unwrap_or_default())
}

/// `/offers/:id`.
#[component]
pub fn OfferPage() -> AnyView {
    let id = id_of_path();
    let show = |mut answers: Answers| match answers.take::<OfferView>() {
        Ok(offer) => view! { <OfferDetails offer/> }.into_any(),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    page("Reading the offer…", move || id.get(), |id| vec![Ask::Offer(id)], show)
}

/// `/providers/:id`.
#[component]
pub fn ProviderPage() -> AnyView {
    let id = id_of_path();
    let show = |mut answers: Answers| match answers.take::<ProviderView>() {
        Ok(provider) => view! { <ProviderDetails provider/> }.into_any(),
        Err(error) => view! { <ProblemPage error/> }.into_any(),
    };
    page("Reading…", move || id.get(), |id| vec![Ask::Provider(id)], show)
}

/// `/offers/new`.
#[component]
pub fn NewOfferPage() -> AnyView {
    let Some(me) = sign_in_first() else { return nothing() };
    let rejected = rejected_id();
    let show = move |mut answers: Answers| {
        answers.keep_rejected();
        view! { <Editor me=me.clone() saved=None/> }.into_any()
    };
    view! {
        <PageTitle text="Register an offer"/>
        {page("", String::new, move |_| vec![Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}

/// `/offers/:id/revise`.
#[component]
pub fn ReviseOfferPage() -> AnyView {
    let Some(me) = sign_in_first() else { return nothing() };
    let (offer, rejected) = (id_of_path(), rejected_id());
    let show = move |mut answers: Answers| {
        let own = answers.take::<Vec<OwnOffer>>();
        answers.keep_rejected();
        let offer = offer.get_untracked();
        match own.and_then(|all| all.into_iter().find(|own| own.card.id.to_string() == offer).ok_or_else(|| Code::NotFound.into())) {
            Ok(own) => view! { <Editor me=me.clone() saved=Some(own)/> }.into_any(),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    view! {
        <PageTitle text="Revise an offer"/>
        {page("Reading the offer…", move || offer.get(), move |_| vec![Ask::Mine, Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}
