//! The bar of filters: a plain form that leads to an address; with JavaScript every change leads there at once.

use super::Wanted;
use crate::ui::field::options;
use domain::{
    category::Category,
    currency::Currency,
    filter::{Filter, Sort},
    language::PROPOSED,
    media::Medium,
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use std::{cell::Cell, rc::Rc, time::Duration};
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, HtmlInputElement, HtmlSelectElement};

/// The filter as typed.
fn typed(form: &HtmlFormElement) -> Filter {
    let data = FormData::new_with_form(form).ok();
    Filter::from_query(&|key| data.as_ref().and_then(|d| d.get(key).as_string()))
}

/// The bar in the page, while it is there.
fn bar() -> Option<HtmlFormElement> {
    document().get_element_by_id("bar").and_then(|form| form.dyn_into().ok())
}

/// The value of a control as its filter says.
fn value(filter: &Filter, name: &str) -> String {
    filter.to_query().into_iter().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
}

/// One select of the bar.
fn select(name: &'static str, label: &'static str, any: &'static str, choices: Vec<(&'static str, String)>, filter: &Filter) -> AnyView {
    let all = std::iter::once(("", any.to_owned())).chain(choices).collect();
    view! { <label class="pick">{label}" "<select name=name autocomplete="off">{options(all, &value(filter, name))}</select></label> }
        .into_any()
}

/// Search, filters and order.
#[component]
pub fn FilterBar(
    /// What the address asks for.
    wanted: Memo<Wanted>,
) -> AnyView {
    let navigate = use_navigate();
    // A choice is a step that one can go back from; letters are not.
    let go = move |replace: bool| {
        // After a moment the bar may be gone.
        if let (Some(form), Some(wanted)) = (bar(), wanted.try_get_untracked()) {
            let filter = typed(&form);
            if filter != wanted.filter {
                navigate(&Wanted::href(&filter, ""), NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
            }
        }
    };
    // Choices apply at once, letters when a moment has passed since the last one.
    let turn = Rc::new(Cell::new(0_u32));
    let at_once = {
        let (turn, go) = (Rc::clone(&turn), go.clone());
        move || {
            turn.set(turn.get().wrapping_add(1));
            go(false);
        }
    };
    let changed = at_once.clone();
    let typing = move |ev: web_sys::Event| {
        if ev.target().is_some_and(|t| t.has_type::<HtmlInputElement>()) {
            let mine = turn.get().wrapping_add(1);
            turn.set(mine);
            let (turn, go) = (Rc::clone(&turn), go.clone());
            set_timeout(
                move || {
                    if turn.get() == mine {
                        go(true)
                    }
                },
                Duration::from_millis(250),
            );
        }
    };
    // The address may change by other ways than this bar (back, a link): then the controls follow, but never while they say the same.
    Effect::new(move || {
        let filter = wanted.read().filter.clone();
        let Some(form) = bar() else { return };
        if typed(&form) == filter {
            return;
        }
        for name in ["q", "category", "language", "medium", "currency", "max_rate", "free", "sort"] {
            let Ok(Some(control)) = form.query_selector(&format!("[name={name}]")) else { continue };
            match control.dyn_into::<HtmlInputElement>() {
                Ok(input) => input.set_value(&value(&filter, name)),
                Err(control) => {
                    if let Ok(select) = control.dyn_into::<HtmlSelectElement>() {
                        select.set_value(&value(&filter, name));
                    }
                }
            }
        }
    });
    let filter = wanted.get_untracked().filter;
    let languages = PROPOSED.iter().map(|(tag, name)| (*tag, (*name).to_owned())).collect();
    let free = [("1", "Some time"), ("60", "A minute"), ("180", "Three minutes")].map(|(n, words)| (n, words.to_owned())).to_vec();
    let sorts = [Sort::Rate, Sort::Free]
        .map(|sort| (sort.as_str(), if sort == Sort::Rate { "Lowest rate" } else { "Most free time" }.to_owned()))
        .to_vec();
    view! {
        <form
            id="bar"
            class="bar"
            method="get"
            action="/"
            role="search"
            aria-label="Choices"
            on:submit:capture=move |ev| {
                ev.prevent_default();
                at_once();
            }
            on:change=move |_| changed()
            on:input=typing
        >
            <label class="pick grow">
                "Search "
                <input type="search" name="q" value=filter.search.clone() maxlength="100" autocomplete="off" enterkeyhint="search"/>
            </label>
            {select("category", "Category", "All", Category::ALL.iter().map(|c| (c.as_str(), c.label().to_owned())).collect(), &filter)}
            {select("language", "Language", "Any", languages, &filter)}
            {select("medium", "By", "Anything", Medium::ALL.iter().map(|m| (m.as_str(), m.as_str().to_owned())).collect(), &filter)}
            <span class="pick">
                <label for="max-rate">"Up to"</label>
                <input id="max-rate" class="amount" name="max_rate" inputmode="decimal" size="5" autocomplete="off" value=value(&filter, "max_rate")/>
                <select name="currency" aria-label="Currency of the highest rate" autocomplete="off">
                    {options(
                        std::iter::once(("", "any money".to_owned())).chain(Currency::all().map(|c| (c.code(), c.code().to_owned()))).collect(),
                        &value(&filter, "currency"),
                    )}
                </select>
            </span>
            {select("free", "Free at first", "Any", free, &filter)}
            {select("sort", "Order", "Newest first", sorts, &filter)}
            <noscript><button class="btn main" type="submit">"Show"</button></noscript>
        </form>
    }
    .into_any()
}
