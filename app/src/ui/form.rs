//! One form for all features: it posts to a server function with and without JavaScript, and shows what is wrong beside each field.

use crate::{
    error::AppError,
    forms::api::Rejected,
    routes,
    ui::{
        field::label,
        post::{Answer, fields_of, post},
        said,
        view::{nothing, show, text, truth, when, word},
    },
};
use domain::reject::{Code, Field, FieldError, Reject};
use leptos::{context::Provider, ev::SubmitEvent, prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement, HtmlFormElement};

/// The id of a rejected form in the address.
pub fn rejected_id() -> Option<String> {
    use_query_map().read_untracked().get("rejected")
}

/// Whether a form of that action was refused and has come back with the page: then what hides it is open.
pub fn came_back(action: &str) -> bool {
    use_context::<Rejected>().is_some_and(|rejected| rejected.path == action)
}

/// What is typed into a form now.
#[derive(Clone, Debug, Default)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// Reads a form of the page.
    fn of(form: &HtmlFormElement) -> Self {
        let pairs = FormData::new_with_form(form).map(|data| js_sys::Array::from(&data)).unwrap_or_default();
        let text = |pair: &js_sys::Array, at| pair.get(at).as_string().unwrap_or_default();
        Typed(pairs.iter().map(|pair| pair.unchecked_into()).map(|pair| (text(&pair, 0), text(&pair, 1))).collect())
    }

    /// The value of a field; empty when there is none.
    pub fn one(&self, name: &str) -> String {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// All values of a list field, whether they came as `a,b` or one by one.
    pub fn all(&self, name: &str) -> Vec<String> {
        let of_list = |n: &str| n == name || n.strip_suffix("[]") == Some(name);
        let values = self.0.iter().filter(|(n, _)| of_list(n)).flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The same with a field.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.0.push((name.into(), value));
        self
    }

    /// The same without a field.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }
}

/// The id of the control of a field in a form.
pub fn field_id(form: &str, field: Field) -> String {
    format!("{form}-{}", field.as_str())
}

/// The state of a form, for the fields in it.
#[derive(Clone, Copy)]
pub struct FormState {
    now: RwSignal<Now>,
    /// What came back, and the id of the form.
    kept: StoredValue<(Option<Typed>, String)>,
}

/// What changes while a form is filled in.
#[derive(Clone, Default)]
struct Now {
    /// Why the form was refused as a whole.
    refused: Option<AppError>,
    /// What is wrong, field by field.
    wrong: Vec<FieldError>,
    /// Whether an answer is awaited.
    pending: bool,
    /// Whether it was taken.
    worked: bool,
}

impl FormState {
    /// What was typed into this form before it was refused, if it was.
    pub fn kept(&self) -> Option<Typed> {
        self.kept.with_value(|(kept, _)| kept.clone())
    }

    /// What is wrong with a field.
    pub fn wrong(&self, field: Field) -> Option<Code> {
        self.now.read().wrong.iter().find(|e| e.field == field).map(|e| e.code)
    }

    /// The id of a field's control; its hint and its error derive theirs from it.
    pub fn id(&self, field: Field) -> String {
        self.kept.with_value(|(_, id)| field_id(id, field))
    }

    fn refuse(&self, error: AppError, form: &HtmlFormElement) {
        self.now.update(|now| {
            now.wrong.clone_from(&error.fields);
            now.refused = Some(error);
        });
        // The fields are marked after the signals have settled.
        let form = form.clone();
        request_animation_frame(move || {
            let find = |what| form.query_selector(what).ok().flatten();
            let first = find(".wrong input, .wrong select, .wrong textarea").or_else(|| find(".refused"));
            if let Some(first) = first.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
                // A field that cannot take the focus is still shown and announced.
                let _ = first.focus();
            }
        });
    }

    /// Judges the field that was just left; an empty one is not nagged about before the form is sent.
    fn judge(&self, name: &str, typed: &Typed, check: Check) {
        let name = name.trim_end_matches("[]");
        let name = if name == "rate" { Field::RateMinor.as_str() } else { name };
        let Some(field) = Field::ALL.iter().copied().find(|f| f.as_str() == name) else { return };
        let found = match check(typed) {
            Err(Reject::Fields(fields)) => fields.into_iter().find(|e| e.field == field && e.code != Code::Required),
            _ => None,
        };
        self.now.try_update(|now| {
            now.wrong.retain(|e| e.field != field);
            now.wrong.extend(found);
            // Once every field that was named is mended, the sum of them has nothing to say.
            if now.wrong.is_empty() && now.refused.as_ref().is_some_and(|error| !error.fields.is_empty()) {
                now.refused = None;
            }
        });
    }
}

/// Judges what is typed by the same rules as the server.
pub type Check = fn(&Typed) -> Result<(), Reject>;

/// A form that posts to a server function.
///
/// Without JavaScript the browser sends it, and a rejected one comes back with its fields. With it, the same body is sent in the background: errors show beside their
/// fields, a second submit waits for the first, and the answer's `location` is followed.
#[component]
pub fn Form(
    /// A name that is unique in the page.
    #[prop(into)]
    id: String,
    /// Where it posts to: `/api/offers/register`.
    #[prop(into)]
    action: Signal<&'static str>,
    /// Fields that are not shown; with them this form is told from others of the same action.
    #[prop(optional)]
    hidden: Vec<(&'static str, String)>,
    /// The rules of the fields.
    #[prop(optional)]
    check: Option<Check>,
    /// Puts what was typed into the words of the wire before it is sent.
    #[prop(optional)]
    prepare: Option<Callback<Typed, Typed>>,
    /// Whether the page is loaded anew afterwards, because another person looks at it.
    #[prop(optional)]
    reload: bool,
    /// Whether the answer is followed also when the form is gone by then, as that of a ring that was answered.
    #[prop(optional)]
    follow: bool,
    /// What is said when it worked: here when the page stays, else on the page that comes.
    #[prop(optional)]
    saved: &'static str,
    /// Told the JSON of the answer.
    #[prop(optional)]
    on_done: Option<Callback<String>>,
    /// Told why it was refused.
    #[prop(optional)]
    on_refused: Option<Callback<AppError>>,
    /// Told what is typed while it is typed.
    #[prop(optional)]
    on_typed: Option<Callback<Typed>>,
    /// Class of the form.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> AnyView {
    let came_back = use_context::<Rejected>().filter(|rejected| {
        rejected.path == action.get_untracked()
            && hidden.iter().all(|(name, value)| rejected.fields.iter().any(|(n, v)| n == name && v == value))
    });
    let (kept, error) = came_back.map_or((None, None), |r| (Some(Typed(r.fields)), r.error));
    let state = FormState {
        now: RwSignal::new(Now { wrong: error.iter().flat_map(|e| e.fields.clone()).collect(), refused: error, ..Now::default() }),
        kept: StoredValue::new((kept, id.clone())),
    };
    let now = state.now;
    let (navigate, here) = (use_navigate(), use_location().pathname);

    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let Some(form) = ev.current_target().and_then(|t| t.dyn_into::<HtmlFormElement>().ok()) else { return };
        if now.read_untracked().pending {
            return;
        }
        let typed = Typed::of(&form);
        if let Some(Err(reject)) = check.map(|check| check(&typed)) {
            state.refuse(reject.into(), &form);
            return;
        }
        let typed = prepare.map_or(typed.clone(), |prepare| prepare.run(typed));
        now.update(|now| {
            now.pending = true;
            now.worked = false;
        });
        let (path, navigate) = (action.get_untracked(), navigate.clone());
        spawn_local(async move {
            let answer = post(path, fields_of(&typed.0)).await;
            // The page may have gone while the answer was awaited; then nobody is left to be told.
            if now.try_update(|now| now.pending = false).is_none() {
                if let (true, Ok(Answer { location: Some(path), .. })) = (follow, &answer) {
                    navigate(path, NavigateOptions::default());
                }
                return;
            }
            match answer {
                Ok(answer) => {
                    if let Some(outside) = answer.location.as_ref().filter(|place| place.contains("://")) {
                        // On at the payment service. Where the browser refuses to go there is nothing better to do than to stay.
                        let _ = location().assign(outside);
                        return;
                    }
                    now.set(Now { worked: !reload, pending: reload, ..Now::default() });
                    let local = answer.location.filter(|path| path.starts_with('/') && !path.starts_with("//"));
                    if reload {
                        said::keep(saved);
                        // Where the browser refuses to go there is nothing better to do than to stay.
                        let _ = local.map_or_else(|| location().reload(), |path| location().assign(&path));
                        return;
                    }
                    if let Some(on_done) = on_done {
                        on_done.run(answer.text);
                    }
                    if let Some(path) = local.filter(|path| here.try_get_untracked().is_some_and(|here| here != *path)) {
                        navigate(&path, NavigateOptions::default());
                    }
                }
                Err(error) => {
                    state.refuse(error.clone(), &form);
                    if let Some(on_refused) = on_refused {
                        on_refused.run(error);
                    }
                }
            }
        });
    };
    let form_of = |ev: &web_sys::Event| ev.current_target().and_then(|t| t.dyn_into::<HtmlFormElement>().ok());
    let left = move |ev: web_sys::FocusEvent| {
        let name = ev.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()).and_then(|e| e.get_attribute("name"));
        if let (Some(check), Some(name), Some(form)) = (check, name, form_of(&ev)) {
            judge_later(state, name, form, check);
        }
    };
    let typing = move |ev: web_sys::Event| {
        if let (Some(on_typed), Some(form)) = (on_typed, form_of(&ev)) {
            on_typed.run(Typed::of(&form));
        }
    };
    let path = here.get_untracked();
    view! {
        <form
            id=id
            class=class
            method="post"
            action=text(move || action.get().to_owned())
            novalidate
            aria-busy=truth(move || now.read().pending)
            on:submit:capture=submit
            on:focusout=left
            on:input=typing
        >
            {hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }.into_any()).collect::<Vec<_>>()}
            <div role="alert">{show(move || now.read().refused.as_ref().map_or_else(nothing, |error| refused(state, error, &path)))}</div>
            // An owner of its own: several forms of a page must not see each other's state.
            <Provider value=state>{children()}</Provider>
            {when(!saved.is_empty() && !reload, || {
                view! { <p role="status" class="saved" data-worked=truth(move || now.read().worked)>{word(move || if now.read().worked { saved } else { "" })}</p> }.into_any()
            })}
        </form>
    }
    .into_any()
}

/// Judges a field a moment after it was left, and not while anything is pressed: a line that comes or goes would move the button away from under the
/// pointer, and the press would be lost.
fn judge_later(state: FormState, name: String, form: HtmlFormElement, check: Check) {
    let judge = move || match document().query_selector(":active") {
        Ok(Some(_)) => judge_later(state, name, form, check),
        _ => state.judge(&name, &Typed::of(&form), check),
    };
    set_timeout(judge, Duration::from_millis(250));
}

/// Why a form was refused, with a way to each wrong field.
fn refused(state: FormState, error: &AppError, path: &str) -> AnyView {
    let line = |e: &FieldError| {
        // `external` keeps the router away from links within the page.
        view! { <li><a href=format!("#{}", state.id(e.field)) rel="external">{label(e.field)}</a></li> }.into_any()
    };
    view! {
        <div class="refused" tabindex="-1">
            <p>{error.words()}</p>
            {when(error.code == Code::SignInRequired, || {
                view! { <p><a href=routes::sign_in_then(path) target="_blank">"Sign in (opens another window)"</a></p> }.into_any()
            })}
            <ul>{error.fields.iter().map(line).collect::<Vec<_>>()}</ul>
        </div>
    }
    .into_any()
}

/// The button that sends a form. It keeps the focus while the answer is awaited.
#[component]
pub fn Submit(
    /// What it says.
    #[prop(into)]
    text: Signal<String>,
    /// Class of the button.
    #[prop(default = "btn main")]
    class: &'static str,
) -> AnyView {
    let now = expect_context::<FormState>().now;
    view! { <button class=class type="submit" aria-disabled=truth(move || now.read().pending)>{text}</button> }.into_any()
}
