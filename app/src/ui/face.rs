//! Faces and drawings.

use crate::{routes, ui::view::text};
use domain::{account::initials, id::AccountId};
use leptos::prelude::*;

/// How many colours faces have; the style sheet names them `hue-0` and so on.
const HUES: u128 = 8;

/// A person where no picture is: initials on a colour that follows from the id.
#[component]
pub fn Face(
    /// The account.
    id: AccountId,
    /// Its name.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let class = format!("face hue-{}", id.0.as_u128().wrapping_rem(HUES));
    view! { <span class=class aria-hidden="true">{text(move || initials(&name.read()))}</span> }
}

/// The name and sign of the house, leading home.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href=routes::CHOICES>
            <svg width="30" height="26" viewBox="0 0 30 26" aria-hidden="true">
                <rect class="rod" width="30" height="3" rx="1.5"></rect>
                <path class="cloth" d="M1 4h8.6v19a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2zm9.700 0h8.6v19a2 2 0 0 1-2 2h-4.600a2 2 0 0 1-2-2zm9.700 0H29v19a2 2 0 0 1-2 2h-4.600a2 2 0 0 1-2-2z"></path>
                <circle class="lamp" cx="15" cy="13" r="3.600"></circle>
            </svg>
            "Noren"
        </a>
    }
}
