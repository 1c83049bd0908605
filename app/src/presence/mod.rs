//! The desk: hanging the curtain out and taking it in.

pub mod api;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod port;
pub mod socket;
pub mod wire;

use self::{parts::Desktop, socket::DeskState};
use crate::{
    frame::sign_in_first,
    offers::api::OwnOffer,
    ui::{
        form::rejected_id,
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        view::nothing,
    },
};
use domain::presence::Desk;
use leptos::prelude::*;

/// `/desk`.
#[component]
pub fn DeskPage() -> AnyView {
    let Some(me) = sign_in_first() else { return nothing() };
    let rejected = rejected_id();
    let show = move |mut answers: Answers| {
        let desk = answers.take::<Desk>();
        let offers = answers.take::<Vec<OwnOffer>>();
        answers.keep_rejected();
        match desk.and_then(|desk| offers.map(|offers| (desk, offers))) {
            Ok((first, offers)) => {
                expect_context::<DeskState>().learn(first.clone());
                view! { <Desktop me=me.clone() first offers/> }.into_any()
            }
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    view! {
        <PageTitle text="Desk"/>
        {page("Opening the desk…", String::new, move |_| vec![Ask::Desk, Ask::Mine, Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}
