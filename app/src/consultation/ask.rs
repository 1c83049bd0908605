//! `/offers/:id/ask`: the request. It shows the provider's environment, all conditions and the own environment before anything is sent.

use super::{
    api::TermsView,
    check::DeviceCheck,
    line::random,
    parts::{conditions_list, environment_box, medium_words, obstacle_words},
    terminal,
};
use crate::{
    choices::parts::state_words,
    frame::TheSite,
    offers::api::OfferView,
    routes,
    ui::{
        field::{ChoiceField, SelectField, TextField, label},
        form::{Form, Submit, Typed},
        page::Ask,
        said::storage,
        text::PageTitle,
        time::left_words,
        view::{flag, nothing, show, text, when, word},
    },
    wallet::parts::{TopUp, test_words},
};
use domain::{
    conditions::{CAP_DEFAULT_MINUTES, Cap},
    environment::Environment,
    language::own_name,
    media::Medium,
    money::Money,
    presence::Shown,
    reject::{Code, Field, Reject},
    text::Question,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Caps to choose from, in minutes.
const CAPS: [&str; 9] = ["1", "2", "5", "10", "15", "30", "60", "120", "180"];

/// How often the terms are read anew.
const AGAIN: Duration = Duration::from_secs(4);

/// The rules of the request, as far as they need nothing but what is typed.
fn check(typed: &Typed) -> Result<(), Reject> {
    Question::parse(&typed.one("question")).map_err(|code| Reject::field(Field::Question, code))?;
    Cap::parse(&typed.one("cap")).map_err(|code| Reject::field(Field::Cap, code))?;
    if typed.one("medium").is_empty() { Err(Reject::field(Field::Medium, Code::Required)) } else { Ok(()) }
}

/// The request for an offer.
#[component]
pub fn RequestSheet(
    /// The offer.
    offer: OfferView,
    /// What it would be given under by its first medium.
    first: TermsView,
) -> AnyView {
    let terms = RwSignal::new(first.clone());
    let own = RwSignal::new(None::<Environment>);
    let card = offer.card;
    let (id, name) = (card.id, card.name.clone());
    let key = format!("question {id}");
    // What this terminal is and can do is found out once the page is taken over, and shown before it is sent.
    let paths = first.paths.clone();
    let look = move || {
        let paths = paths.clone();
        spawn_local(async move {
            let tell = move |found| drop(own.try_set(Some(found)));
            terminal::measure(&paths, tell).await;
        });
    };
    Effect::new({
        let (look, key) = (look.clone(), key.clone());
        move || {
            look();
            // A question that was typed before a reload is put back.
            let typed = storage().and_then(|s| s.get_item(&key).ok().flatten()).filter(|text| !text.is_empty());
            if let (Some(typed), Some(area)) = (typed, document().get_element_by_id("ask-question")) {
                let area: web_sys::HtmlTextAreaElement = wasm_bindgen::JsCast::unchecked_into(area);
                if area.value().is_empty() {
                    area.set_value(&typed);
                }
            }
        }
    });
    let read_terms = move |medium: String, cap: String, language: String| {
        spawn_local(async move {
            let ask = Ask::Terms { offer: id.to_string(), medium, cap, language };
            if let Ok(found) = ask.get::<TermsView>().await {
                terms.try_set(found);
            }
        });
    };
    // Half an hour, or the longest of the choices that the wallet covers.
    let covered = first.funds.and_then(|funds| first.conditions.covered(funds.minor)).map_or(0, |cap| cap.millis().0 / 60_000);
    let longest = |most: i64| CAPS.iter().rev().filter_map(|m| m.parse::<i64>().ok()).find(|m| *m <= most && *m <= CAP_DEFAULT_MINUTES);
    // Where the wallet covers nothing, what it would cover when it is full.
    let full = first.funds.zip(first.fits).map(|(funds, fits)| funds.minor.saturating_add(fits.minor));
    let full = full.and_then(|minor| first.conditions.covered(minor)).map_or(0, |cap| cap.millis().0 / 60_000);
    let usual = longest(covered).or_else(|| longest(full)).unwrap_or(CAP_DEFAULT_MINUTES).to_string();
    let chosen = StoredValue::new((first.conditions.medium.as_str().to_owned(), usual.clone(), String::new()));
    if usual != CAP_DEFAULT_MINUTES.to_string() {
        let (medium, cap) = (first.conditions.medium.as_str().to_owned(), usual.clone());
        Effect::new(move || read_terms(medium.clone(), cap.clone(), String::new()));
    }
    // Whether it is open, and what its provider's terminal can do, may change while one writes.
    Effect::new(move || {
        let again = move || {
            if !document().hidden() {
                let (medium, cap, language) = chosen.get_value();
                read_terms(medium, cap, language);
            }
        };
        if let Ok(regular) = set_interval_with_handle(again, AGAIN) {
            on_cleanup(move || regular.clear());
        }
    });
    let typing = Callback::new(move |typed: Typed| {
        if let Some(storage) = storage() {
            // A full store loses nothing but the draft.
            let _ = storage.set_item(&key, &typed.one("question"));
        }
        let now = (typed.one("medium"), typed.one("cap"), typed.one("language"));
        if chosen.with_value(|before| *before != now) {
            chosen.set_value(now.clone());
            read_terms(now.0, now.1, now.2);
        }
    });
    let refused = Callback::new(move |error: crate::error::AppError| {
        if matches!(error.code, Code::ConditionsChanged | Code::Busy | Code::Ringing | Code::NotOpen | Code::NoFunds) {
            // What is so by now is shown at once, and the next try is for that.
            let (medium, cap, language) = chosen.get_value();
            read_terms(medium, cap, language);
        }
    });
    let done = {
        let key = format!("question {id}");
        Callback::new(move |_: String| {
            if let Some(storage) = storage() {
                let _ = storage.remove_item(&key);
            }
        })
    };
    let prepare = Callback::new(move |typed: Typed| {
        let environment = own.get_untracked().and_then(|found| serde_json::to_string(&found).ok()).unwrap_or_default();
        typed.with("environment", environment).with("shown", terms.get_untracked().hash)
    });
    // What is missing for the chosen time is brought in here, and what was typed stays.
    // A memo: what is typed into the form below must not go when the terms are read anew.
    let short = Memo::new(move |_| {
        let terms = terms.read();
        terms.funds.map_or(0, |funds| terms.conditions.at_most().saturating_sub(funds.minor)).max(0)
    });
    let proposed = Signal::derive(move || short.get().min(terms.read().fits.map_or(i64::MAX, |fits| fits.minor)));
    let too_much = text(move || match terms.read().fits {
        Some(fits) if fits.minor == 0 && short.get() > 0 => "Your wallet is full: choose less time.".into(),
        Some(fits) if fits.minor < short.get() => format!("At most {fits} more fits into your wallet: choose less time."),
        _ => String::new(),
    });
    let lacks = Memo::new(move |_| proposed.get() > 0);
    Effect::new(move |before: Option<bool>| {
        let lacks = lacks.get();
        if before == Some(true) && !lacks {
            // The form that had the focus goes: on to what it was for.
            let ring = document().query_selector("#ask button.main").ok().flatten();
            if let Some(ring) = ring.and_then(|e| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(e).ok()) {
                let _ = ring.focus();
            }
        }
        lacks
    });
    let key_now = RwSignal::new(first.key.clone());
    let topped = Callback::new(move |_: String| {
        // What is brought in after this is another movement.
        key_now.set(random().to_string());
        let (medium, cap, language) = chosen.get_value();
        read_terms(medium, cap, language);
    });
    let funds = move || {
        let terms = terms.read();
        let (Some(funds), most) = (terms.funds, terms.conditions.at_most()) else { return nothing() };
        if most == 0 {
            return view! { <p>{format!("Your wallet holds {funds}. So long it is free.")}</p> }.into_any();
        }
        let most = Money { minor: most, ..funds };
        if funds.minor >= most.minor {
            return view! { <p>{format!("Your wallet holds {funds}. Up to {most} of it is reserved when it is answered, and what is not used comes back at once.")}</p> }.into_any();
        }
        let covered = terms.conditions.covered(funds.minor);
        let advice = covered.map_or_else(String::new, |cap| format!(" It covers {} min.", cap.millis().0 / 60_000));
        view! { <p class="warn">{format!("Your wallet holds {funds}, and this can cost up to {most}.{advice} Top it up, or choose less time.")}</p> }.into_any()
    };
    let media: Vec<Medium> = card.media.iter().collect();
    let choices = media.iter().map(|m| (m.as_str().to_owned(), medium_words(*m).to_owned())).collect::<Vec<_>>();
    let languages = card.languages.iter().map(|tag| (tag.to_owned(), own_name(tag).to_owned())).collect::<Vec<_>>();
    let several = languages.len() > 1;
    let first_language = first.conditions.language.as_str().to_owned();
    let state_line = {
        let name = name.clone();
        text(move || {
            let terms = terms.read();
            match (terms.is, terms.free_by) {
                (Shown::Busy, Some(by)) => format!("A guest is inside. {name} is free again in about {}.", left_words(by.since(terms.now))),
                (Shown::Online, _) => String::new(),
                (is, _) => format!("{}: {name} cannot be rung at this moment.", state_words(is)),
            }
        })
    };
    let open = flag(move || terms.read().is == Shown::Online);
    // What stands in the way of the chosen medium on this terminal: a hint, never a bar.
    let obstacle = move || {
        let medium = terms.read().conditions.medium;
        let found = own.read().as_ref().and_then(|own| own.obstacle(medium));
        found.map_or_else(nothing, |obstacle| {
            let others = own.read().as_ref().and_then(|own| own.fitting(card.media)).map(|media| media.join(" or "));
            let advice = others.map_or_else(
                || "You can ask all the same.".to_owned(),
                |others| format!("On this device {others} will work. You can ask all the same."),
            );
            view! { <p class="warn">{obstacle_words(obstacle)}" "{advice}</p> }.into_any()
        })
    };
    let will_ask = word(move || match terms.read().conditions.medium {
        Medium::Chat => "",
        Medium::Voice => "When it is answered your browser will ask for the microphone, unless you have allowed it before.",
        Medium::Video => {
            "When it is answered your browser will ask for the microphone and the camera, unless you have allowed them before."
        }
    });
    let signed_in = TheSite::me().is_some();
    let test_money = expect_context::<TheSite>().0.read_untracked().test_money;
    let currency = first.conditions.rate.currency;
    let again = StoredValue::new(routes::ask(id));
    let path = routes::ask(id);
    let theirs = name.clone();
    let asked_media = Signal::derive(move || terms.read().conditions.medium);
    view! {
        <PageTitle text=format!("Ask {name}")/>
        <div class="ask">
            <div class="ask-main panel">
                <h1>{format!("Ask {name}")}</h1>
                <p class="lead"><a href=routes::offer(id)>{card.title.clone()}</a></p>
                <p class="line" role="status">{state_line}</p>
                {when(!signed_in, || view! { <p><a class="btn main" href=routes::sign_in_then(&path) rel="external">"Sign in to ask"</a></p> }.into_any())}
                <noscript><p class="warn">"Asking needs JavaScript: the ring, the chat and the call all live in this page. Switch it on for this site, then load the page again."</p></noscript>
                <div class="scripted">
                <Form
                    id="ask"
                    action="/api/consultations/request"
                    hidden=vec![("offer", id.to_string())]
                    check=check
                    prepare=prepare
                    on_typed=typing
                    on_refused=refused
                    on_done=done
                    class="ask-form"
                >
                    <TextField field=Field::Question rows=4 optional=true hint="What you want to know, in a few words: the other side reads it before answering. May stay empty."/>
                    <ChoiceField field=Field::Medium name="medium" kind="radio" choices=choices value=vec![first.conditions.medium.as_str().into()]/>
                    <div role="status">{show(obstacle)}</div>
                    <SelectField field=Field::Cap choices=CAPS.iter().map(|m| (*m, format!("{m} min"))).collect() value=usual/>
                    {when(several, || {
                        view! { <ChoiceField field=Field::Language name="language" kind="radio" choices=languages value=vec![first_language] named=label(Field::Language)/> }.into_any()
                    })}
                    <p class="hint">{will_ask}</p>
                    <div hidden=flag(move || !open.get() || !signed_in)><Submit text={let name = name.clone(); text(move || format!("Ring {name}"))} class="btn main big"/></div>
                </Form>
                </div>
            </div>
            <div class="ask-side">
                <section class="panel" aria-label="Your wallet" hidden=flag(move || terms.read().funds.is_none() || terms.read().conditions.rate.minor == 0)>
                    <h2>"Your wallet"</h2>
                    <div role="status">{show(funds)}</div>
                    <div hidden=flag(move || short.get() == 0)>
                        {show(move || {
                            when(lacks.get(), || {
                                view! { <TopUp id="top-up" currency=Some(currency) proposed key=key_now next=again.get_value() on_done=topped/> }.into_any()
                            })
                        })}
                        <p class="hint">{too_much}</p>
                        {test_words(test_money)}
                    </div>
                </section>
                <section class="panel" aria-label="Conditions">
                    <h2>"What you agree to"</h2>
                    {show(move || conditions_list(&terms.read().conditions))}
                    <p class="hint">"Nothing is charged while it rings. It begins when both have accepted and both are there."</p>
                </section>
                <section class="panel" aria-label="Environments">
                    <h2>"Both ends of the line"</h2>
                    <div class="envs">
                        {show(move || environment_box(theirs.clone(), &terms.read().environment))}
                        {show(move || match &*own.read() {
                            Some(own) => environment_box("You, as it will be sent".into(), own),
                            None => view! { <section class="env"><h3>"You"</h3><p class="waiting">"Looking…"</p></section> }.into_any(),
                        })}
                    </div>
                    <DeviceCheck medium=asked_media on_change=Callback::new(move |()| look())/>
                </section>
            </div>
        </div>
    }
    .into_any()
}
