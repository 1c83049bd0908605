//! The fields of a form: each with its name, its limits, and beside it what is wrong with it.

use super::{
    form::FormState,
    view::{flag, nothing, text, truth, when},
};
use crate::error::words;
use domain::reject::Field;
use leptos::prelude::*;

/// The name of a field for people.
pub const fn label(field: Field) -> &'static str {
    match field {
        Field::DisplayName => "Display name",
        Field::Email => "E-mail address",
        Field::Password => "Password",
        Field::CurrentPassword => "Current password",
        Field::Title => "Title",
        Field::Description => "Description",
        Field::Category => "Category",
        Field::Languages => "Languages",
        Field::Media => "Media",
        Field::RateMinor => "Rate a minute",
        Field::Currency => "Currency",
        Field::FreeSeconds => "Free seconds",
        Field::Minutes => "For how long",
        Field::AmountMinor => "Amount",
        Field::Borne => "It is borne by",
        Field::Complaint => "What was wrong",
        Field::Offers => "Offers",
        Field::Question => "Question",
        Field::Medium => "By",
        Field::Cap => "At most, in minutes",
        Field::Language => "Language",
        Field::Reason => "Reason",
        Field::Text => "Message",
    }
}

/// The ids that describe a control.
fn described_by(state: FormState, field: Field, hint: bool) -> Signal<String> {
    let id = state.id(field);
    Signal::derive(move || {
        let wrong = if state.wrong(field).is_some() { format!("{id}-wrong") } else { String::new() };
        if hint { format!("{id}-hint {wrong}").trim_end().to_owned() } else { wrong }
    })
}

/// The line below a control that tells what is wrong with it.
fn wrong_line(state: FormState, field: Field) -> AnyView {
    let id = format!("{}-wrong", state.id(field));
    let words = text(move || state.wrong(field).map(|code| words(Some(field), code).to_owned()).unwrap_or_default());
    view! { <p class="wrong-words" id=id>{words}</p> }.into_any()
}

/// The line below a label that tells the limits.
fn hint_line(state: FormState, field: Field, hint: &'static str) -> AnyView {
    let id = format!("{}-hint", state.id(field));
    when(!hint.is_empty(), || view! { <p class="hint" id=id>{hint}</p> }.into_any())
}

/// A field to type into.
#[component]
pub fn TextField(
    /// The field.
    field: Field,
    /// Its name on the wire, where that differs from the field's.
    #[prop(optional)]
    name: Option<&'static str>,
    /// Its label, where that differs from the field's.
    #[prop(optional)]
    named: Option<&'static str>,
    /// The kind of input.
    #[prop(default = "text")]
    kind: &'static str,
    /// What it starts with.
    #[prop(optional)]
    value: String,
    /// The limits.
    #[prop(optional)]
    hint: &'static str,
    /// What the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Which keyboard a phone shows.
    #[prop(default = "text")]
    keyboard: &'static str,
    /// Lines; more than one makes it an area.
    #[prop(default = 1)]
    rows: u32,
    /// Whether it may stay empty.
    #[prop(optional)]
    optional: bool,
) -> AnyView {
    let state = expect_context::<FormState>();
    let (id, name) = (state.id(field), name.unwrap_or(field.as_str()));
    let value = if kind == "password" { String::new() } else { state.kept().map_or(value, |kept| kept.one(name)) };
    let (described_by, invalid) = (described_by(state, field, !hint.is_empty()), flag(move || state.wrong(field).is_some()));
    let control = if rows > 1 {
        view! { <crate::ui::text::TextArea id=id.clone() name value rows required=!optional described_by invalid/> }.into_any()
    } else {
        view! {
            <input
                id=id.clone()
                name=name
                type=kind
                value=value
                autocomplete=autocomplete
                inputmode=keyboard
                aria-required=(!optional).to_string()
                aria-describedby=described_by
                aria-invalid=truth(move || invalid.get())
            />
        }
        .into_any()
    };
    view! {
        <div class="field" class:wrong=invalid>
            <label for=id>{named.unwrap_or(label(field))}</label>
            {hint_line(state, field, hint)}
            {control}
            {wrong_line(state, field)}
        </div>
    }
    .into_any()
}

/// A choice out of a list; `choices` are values and their names, an empty value stands for none.
#[component]
pub fn SelectField(
    /// The field.
    field: Field,
    /// Values and their names.
    choices: Vec<(&'static str, String)>,
    /// What is chosen at first.
    #[prop(optional)]
    value: String,
) -> AnyView {
    let state = expect_context::<FormState>();
    let id = state.id(field);
    let value = state.kept().map_or(value, |kept| kept.one(field.as_str()));
    let (described_by, invalid) = (described_by(state, field, false), flag(move || state.wrong(field).is_some()));
    view! {
        <div class="field" class:wrong=invalid>
            <label for=id.clone()>{label(field)}</label>
            <select
                id=id
                name=field.as_str()
                aria-required="true"
                aria-describedby=described_by
                aria-invalid=truth(move || invalid.get())
            >
                {options(choices, &value)}
            </select>
            {wrong_line(state, field)}
        </div>
    }
    .into_any()
}

/// The options of a select.
pub fn options(choices: Vec<(&'static str, String)>, chosen: &str) -> Vec<AnyView> {
    choices.into_iter().map(|(value, name)| view! { <option value=value selected=value == chosen>{name}</option> }.into_any()).collect()
}

/// Several choices, or with `kind="radio"` one, each a box with its name.
#[component]
pub fn ChoiceField(
    /// The field.
    field: Field,
    /// Its name on the wire: `media[]`.
    name: &'static str,
    /// Its label, where that differs from the field's.
    #[prop(optional)]
    named: Option<&'static str>,
    /// Values and their names.
    choices: Vec<(String, String)>,
    /// What is chosen at first.
    value: Vec<String>,
    /// `checkbox` or `radio`.
    #[prop(default = "checkbox")]
    kind: &'static str,
    /// The limits.
    #[prop(optional)]
    hint: &'static str,
    /// What else belongs to the group.
    #[prop(optional)]
    children: Option<Children>,
) -> AnyView {
    let state = expect_context::<FormState>();
    let id = state.id(field);
    let value = state.kept().map_or(value, |kept| kept.all(name.trim_end_matches("[]")));
    let (described_by, invalid) = (described_by(state, field, !hint.is_empty()), flag(move || state.wrong(field).is_some()));
    let boxes = choices.into_iter().enumerate().map(|(at, (choice, text))| {
        let (checked, box_id) = (value.contains(&choice), if at == 0 { id.clone() } else { format!("{id}-{at}") });
        view! { <label class="chip"><input type=kind id=box_id name=name value=choice checked=checked/><span>{text}</span></label> }
            .into_any()
    });
    view! {
        <fieldset class="field" class:wrong=invalid aria-describedby=described_by>
            <legend>{named.unwrap_or(label(field))}</legend>
            {hint_line(state, field, hint)}
            <div class="chips">{boxes.collect::<Vec<_>>()}</div>
            {children.map_or_else(nothing, |children| children())}
            {wrong_line(state, field)}
        </fieldset>
    }
    .into_any()
}
