//! Topping up, wherever money is missing.

use crate::ui::{
    field::{SelectField, TextField},
    form::{Form, Submit, Typed, field_id},
    view::{text, when},
};
use domain::{
    currency::Currency,
    money::{Asset, Money, Reality},
    reject::{Field, Reject},
};
use leptos::prelude::*;
use std::sync::OnceLock;

/// The rules of an amount, as far as they need nothing but what is typed.
pub(crate) fn check_amount(typed: &Typed) -> Result<(), Reject> {
    let currency = Currency::parse(&typed.one("currency")).map_err(|code| Reject::field(Field::Currency, code))?;
    // Whether it is real makes no difference to the rules.
    let asset = Asset { reality: Reality::Test, currency };
    Money::parse("", &typed.one("amount"), asset).map(drop).map_err(|code| Reject::field(Field::AmountMinor, code))
}

/// The label of an amount: `Amount in EUR`.
pub(crate) fn amount_in(currency: Currency) -> &'static str {
    // Labels are for good, and there is one for each currency.
    let words = Currency::all().map(|known| (known, format!("Amount in {}", known.code())));
    static WORDS: OnceLock<Vec<(Currency, String)>> = OnceLock::new();
    let all = WORDS.get_or_init(|| words.collect());
    all.iter().find(|(known, _)| *known == currency).map_or("Amount", |(_, words)| words)
}

/// What is said when money was brought in.
const COMING: &str = "It is on its way into your wallet, or there already.";

/// A form that brings money in. In place, the page stays; otherwise it is loaded anew.
#[component]
pub fn TopUp(
    /// A name that is unique in the page.
    id: &'static str,
    /// In which currency; without one it is chosen.
    #[prop(optional_no_strip)]
    currency: Option<Currency>,
    /// What is proposed, in minor units.
    #[prop(into)]
    proposed: Signal<i64>,
    /// The key of the movement.
    #[prop(into)]
    key: Signal<String>,
    /// Where to come back to from the payment service.
    next: String,
    /// Told when it worked and the page stays.
    #[prop(optional)]
    on_done: Option<Callback<String>>,
) -> AnyView {
    let fixed = currency;
    let shown = currency.or_else(|| Currency::parse("EUR").ok());
    // What is missing may change while one looks; what was typed for something else is not wanted then.
    Effect::new(move |before: Option<i64>| {
        let now = proposed.get();
        if before.is_some_and(|before| before != now) {
            let field = document().get_element_by_id(&field_id(id, Field::AmountMinor));
            if let (Some(field), Some(currency)) = (field, shown) {
                wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlInputElement>(field).set_value(&currency.amount(now));
            }
        }
        now
    });
    let amount = move || shown.map(|currency| currency.amount(proposed.get_untracked())).unwrap_or_default();
    let currencies = || Currency::all().map(|c| (c.code(), format!("{} {}", c.code(), c.sign()))).collect::<Vec<_>>();
    // Made inside of the form, whose fields need it around them.
    let fields = move || {
        view! {
            <input type="hidden" name="next" value=next/>
            <input type="hidden" name="key" value=text(move || key.get())/>
            <div class="pair">
                <TextField field=Field::AmountMinor name="amount" named=fixed.map_or("Amount", amount_in) value=amount() keyboard="decimal"/>
                {match fixed {
                    Some(currency) => view! { <input type="hidden" name="currency" value=currency.code()/> }.into_any(),
                    None => view! { <SelectField field=Field::Currency choices=currencies() value="EUR".into()/> }.into_any(),
                }}
            </div>
            <Submit text="Top up" class="btn main"/>
        }
        .into_any()
    };
    match on_done {
        Some(on_done) => view! {
            <Form id=id action="/api/wallet/top_up" check=check_amount on_done saved=COMING class="form">{fields()}</Form>
        }
        .into_any(),
        None => {
            view! { <Form id=id action="/api/wallet/top_up" check=check_amount reload=true saved=COMING class="form">{fields()}</Form> }
                .into_any()
        }
    }
}

/// That money here is worth nothing, where it is so.
pub(crate) fn test_words(test: bool) -> AnyView {
    when(test, || view! { <p class="hint">"Credit for trying: it costs nothing and is worth nothing."</p> }.into_any())
}
