//! The bar of filters: a plain form that leads to an address; with JavaScript every change leads there at once.

use super::Wanted;
use crate::ui::form::options;
use domain::{
    category::Category,
    filter::{Filter, Sort},
    language::PROPOSED,
    media::Medium,
    money::Currency,
};
use leptos::{html, leptos_dom::helpers::TimeoutHandle, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, HtmlInputElement, HtmlSelectElement};

/// The filter as typed.
fn typed(form: &HtmlFormElement) -> Filter {
    let data = FormData::new_with_form(form).ok();
    Filter::from_query(|key| data.as_ref().and_then(|d| d.get(key).as_string()))
}

/// The value of a control as its filter says.
fn value(filter: &Filter, name: &str) -> String {
    filter.to_query().into_iter().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
}

/// One select of the bar.
fn select(name: &'static str, label: &'static str, any: &'static str, choices: Vec<(&'static str, String)>, filter: &Filter) -> AnyView {
    let all = std::iter::once(("", any.to_owned())).chain(choices).collect();
    view! { <label class="pick">{label}" "<select name=name autocomplete="off">{options(all, &value(filter, name))}</select></label> }.into_any()
}

/// Search, filters and order.
#[component]
pub fn FilterBar(
    /// What the address asks for.
    wanted: Memo<Wanted>,
) -> AnyView {
    let form = NodeRef::<html::Form>::new();
    let navigate = use_navigate();
    let go = move || {
        if let Some(form) = form.get_untracked() {
            let filter = typed(&form);
            if filter != wanted.read_untracked().filter {
                navigate(&Wanted::href(&filter, ""), NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
            }
        }
    };
    let (now, soon) = (go.clone(), go.clone());
    let timer = StoredValue::<Option<TimeoutHandle>>::new(None);
    let stop = move || {
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    on_cleanup(stop);
    // Choices apply at once, letters when a moment has passed since the last one.
    let changed = move |_| {
        stop();
        now();
    };
    let typing = move |ev: web_sys::Event| {
        if ev.target().is_some_and(|t| t.has_type::<HtmlInputElement>()) {
            stop();
            timer.set_value(set_timeout_with_handle(soon.clone(), Duration::from_millis(250)).ok());
        }
    };
    // The address may change by other ways than this bar (back, a link): then the controls follow, but never while they say the same.
    Effect::new(move || {
        let filter = wanted.read().filter.clone();
        let Some(form) = form.get() else { return };
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
    let sorts = [Sort::Rate, Sort::Free].map(|sort| (sort.as_str(), if sort == Sort::Rate { "Lowest rate" } else { "Most free time" }.to_owned())).to_vec();
    view! {
        <form
            class="bar"
            method="get"
            action="/"
            role="search"
            aria-label="Choices"
            node_ref=form
            on:submit:capture=move |ev| {
                ev.prevent_default();
                stop();
                go();
            }
            on:change=changed
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
