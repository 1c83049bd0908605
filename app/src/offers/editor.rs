//! The form that registers and revises an offer, with a preview exactly as consumers will see it.

use super::api::{OwnOffer, typed_rate};
use crate::{
    account::api::MeView,
    choices::parts::{CardBody, Hung},
    error::AppError,
    frame::TheSite,
    routes,
    ui::{
        field::{ChoiceField, SelectField, TextField, label},
        form::{Form, FormState, Submit, Typed},
        page::Ask,
        view::{nothing, show, text},
    },
};
use domain::{
    card::Card,
    category::Category,
    currency::Currency,
    id::OfferId,
    language::{Languages, PROPOSED},
    media::{Media, Medium},
    money::Rate,
    offer::{OfferForm, Status, parse_free_seconds},
    presence::Shown,
    reject::{Code, Field, Reject},
    text::Title,
    time::Timestamp,
};
use leptos::{prelude::*, task::spawn_local};

/// The form as typed, in the terms of the domain.
fn form_of(typed: &Typed) -> OfferForm {
    let currency = typed.one("currency");
    OfferForm {
        title: typed.one("title"),
        description: typed.one("description"),
        category: typed.one("category"),
        languages: typed.all("languages"),
        media: typed.all("media"),
        rate_minor: typed_rate(String::new(), &typed.one("rate"), &currency),
        currency,
        free_seconds: typed.one("free_seconds"),
        draft: !typed.one("draft").is_empty(),
    }
}

/// The rules of the form.
fn check(typed: &Typed) -> Result<(), Reject> {
    form_of(typed).parse().map(drop)
}

/// The card that the form would make; what is not sound yet is left as it was.
fn preview(card: &mut Card, typed: &Typed) {
    let form = form_of(typed);
    if let Ok(title) = Title::parse(&form.title) {
        card.title = title.into();
    }
    if let Ok(category) = Category::parse(&form.category) {
        card.category = category;
    }
    if let Ok(languages) = Languages::parse(form.languages.iter().map(String::as_str)) {
        card.languages = languages;
    }
    if let Ok(media) = Media::parse(form.media.iter().map(String::as_str)) {
        card.media = media;
    }
    if let Ok(currency) = Currency::parse(&form.currency) {
        card.currency = currency;
        if let Ok(rate) = Rate::parse_minor(&form.rate_minor, currency) {
            card.rate_minor = rate.minor;
        }
    }
    if let Ok(seconds) = parse_free_seconds(&form.free_seconds) {
        card.free_seconds = seconds;
    }
}

/// The card of an offer that does not exist yet.
fn blank(me: &MeView) -> Option<Card> {
    Some(Card {
        id: OfferId(me.id.0),
        by: me.id,
        name: me.display_name.clone(),
        title: "Your title".into(),
        category: Category::Other,
        languages: Languages::parse(["en"]).ok()?,
        media: Media::parse(["chat"]).ok()?,
        rate_minor: 0,
        currency: Currency::parse("EUR").ok()?,
        free_seconds: 0,
        is: Shown::Online,
        at: Timestamp(0),
        answers: None,
    })
}

/// The form and its preview.
#[component]
pub fn Editor(
    /// Whose offer.
    me: MeView,
    /// The offer as it stands, when it is revised.
    saved: Option<OwnOffer>,
) -> AnyView {
    let site = expect_context::<TheSite>();
    let kept = saved.as_ref().map(|own| own.card.clone());
    let shown =
        kept.clone().map(|card| Card { is: Shown::Online, ..card }).or_else(|| blank(&me)).map(|card| RwSignal::new(Hung::from(card)));
    // The offer as it was saved elsewhere meanwhile; at most one.
    let latest = RwSignal::new(Vec::<OwnOffer>::new());
    let version = saved.as_ref().map_or(0, |own| own.version);
    let revises = saved.as_ref().map(|own| own.card.id);

    let of = |what: fn(&Card) -> String| kept.as_ref().map(what).unwrap_or_default();
    let (title, category) = (of(|c| c.title.clone()), of(|c| c.category.as_str().into()));
    let (rate, free_seconds) = (of(|c| c.currency.amount(c.rate_minor)), of(|c| c.free_seconds.to_string()));
    let currency = kept.as_ref().map_or("EUR", |c| c.currency.code()).to_owned();
    let own_languages: Vec<String> = kept.as_ref().map(|c| c.languages.iter().map(str::to_owned).collect()).unwrap_or_default();
    let proposed = |tag: &str| PROPOSED.iter().any(|(t, _)| *t == tag);
    let others = own_languages.iter().filter(|tag| !proposed(tag)).cloned().collect::<Vec<_>>().join(", ");
    let own_media: Vec<String> = kept.as_ref().map(|c| c.media.iter().map(|m| m.as_str().to_owned()).collect()).unwrap_or_default();
    let description = saved.as_ref().map(|own| own.description.clone()).unwrap_or_default();
    let draft = saved.as_ref().is_some_and(|own| own.status == Status::Draft);

    // Saved elsewhere meanwhile: show how it stands now, and let the next save replace that.
    let refused = Callback::new(move |error: AppError| {
        if let (Code::Stale, Some(id)) = (error.code, revises) {
            spawn_local(async move {
                let found = Ask::Mine.get::<Vec<OwnOffer>>().await.ok().and_then(|all| all.into_iter().find(|own| own.card.id == id));
                latest.try_set(found.into_iter().collect());
            });
        }
    });
    let heading = if revises.is_some() { "Revise an offer" } else { "Register an offer" };
    let hidden = revises.map(|id| vec![("offer", id.to_string())]).unwrap_or_default();
    let categories =
        std::iter::once(("", "Choose…".to_owned())).chain(Category::ALL.iter().map(|c| (c.as_str(), c.label().to_owned()))).collect();
    let currencies = Currency::all().map(|c| (c.code(), format!("{} {}", c.code(), c.sign()))).collect();
    let languages = PROPOSED.iter().map(|(tag, name)| ((*tag).to_owned(), (*name).to_owned())).collect();
    let media = Medium::ALL.iter().map(|m| (m.as_str().to_owned(), m.as_str().to_owned())).collect();
    view! {
        <h1>{heading}</h1>
        <div class="editor">
            <Form
                id="offer"
                class="panel form"
                action=if revises.is_some() { "/api/offers/revise" } else { "/api/offers/register" }
                hidden
                check
                on_refused=refused
                on_done=Callback::new(move |_: String| site.now_provider())
                on_typed=Callback::new(move |typed: Typed| {
                    if let Some(shown) = shown {
                        shown.update(|hung| preview(&mut hung.card, &typed));
                    }
                })
            >
                <input type="hidden" name="version" value=text(move || latest.read().first().map_or(version, |own| own.version).to_string())/>
                <div role="status">{show(move || latest.read().first().cloned().map_or_else(nothing, as_it_stands))}</div>
                <TextField field=Field::Title value=title hint="One line, at most 80 letters."/>
                <TextField
                    field=Field::Description
                    rows=8
                    value=description
                    hint="What you give, for whom, and what to have ready. Plain text, at most 4,000 characters."
                />
                <SelectField field=Field::Category choices=categories value=category/>
                <ChoiceField field=Field::Languages name="languages[]" choices=languages value=own_languages hint="One to five.">
                    {other_languages(others)}
                </ChoiceField>
                <ChoiceField field=Field::Media name="media[]" named="By" choices=media value=own_media hint="At least one."/>
                <div class="pair">
                    <TextField
                        field=Field::RateMinor
                        name="rate"
                        value=rate
                        keyboard="decimal"
                        hint="Such as 1.20. 0 is free. At most 1,000 (100,000 in yen or won)."
                    />
                    <SelectField field=Field::Currency choices=currencies value=currency/>
                </div>
                <TextField
                    field=Field::FreeSeconds
                    value=free_seconds
                    keyboard="numeric"
                    optional=true
                    hint="Seconds at the start that cost nothing, from 0 to 3600."
                />
                <DraftBox draft/>
                <p class="hint">{share_words()}</p>
                <div class="actions">
                    <Submit text=if revises.is_some() { "Save" } else { "Register" }/>
                    <a class="btn" href=routes::DESK>"Back to the desk"</a>
                </div>
            </Form>
            <section class="preview-side" aria-label="Preview">
                <h2>"As others will see it"</h2>
                {match shown {
                    Some(hung) => {
                        view! { <div class="card preview" data-presence="online" inert=""><CardBody hung=hung.into()/></div> }.into_any()
                    }
                    None => nothing(),
                }}
                <noscript><p class="hint">"The preview shows what is saved."</p></noscript>
            </section>
        </div>
    }
    .into_any()
}

/// What the operator takes of what is earned, told before anything is listed.
fn share_words() -> String {
    let commission = expect_context::<TheSite>().0.read_untracked().commission;
    if commission.is_none() {
        "What you earn is yours: the operator takes no share.".into()
    } else {
        format!("Of what you earn the operator takes {commission}.")
    }
}

/// Tags of languages that are not among the boxes.
fn other_languages(others: String) -> AnyView {
    let form = expect_context::<FormState>();
    let proposed = |tag: &String| PROPOSED.iter().any(|(t, _)| t == tag);
    let value =
        form.kept().map_or(others, |kept| kept.all("languages").into_iter().filter(|tag| !proposed(tag)).collect::<Vec<_>>().join(", "));
    view! {
        <label class="under" for="offer-other-languages">"Others, as tags such as pt-BR or zh-Hant"</label>
        <input id="offer-other-languages" name="languages[]" value=value autocomplete="off" autocapitalize="off" spellcheck="false"/>
    }
    .into_any()
}

/// Whether it stays a draft.
#[component]
fn DraftBox(draft: bool) -> AnyView {
    let form = expect_context::<FormState>();
    let checked = form.kept().map_or(draft, |kept| !kept.one("draft").is_empty());
    view! { <label class="chip single"><input type="checkbox" name="draft" value="1" checked=checked/><span>"Keep it as a draft that only I see"</span></label> }
        .into_any()
}

/// The offer as it was saved elsewhere.
fn as_it_stands(own: OwnOffer) -> AnyView {
    let c = own.card;
    let rows = [
        (Field::Title, c.title.clone()),
        (Field::Description, own.description),
        (Field::Category, c.category.label().to_owned()),
        (Field::Languages, c.languages.names()),
        (Field::Media, c.media.join(", ")),
        (Field::RateMinor, c.rate().to_string()),
        (Field::FreeSeconds, c.free_seconds.to_string()),
    ];
    let row = |(field, text): (Field, String)| view! { <dt>{label(field)}</dt><dd class="plain">{text}</dd> }.into_any();
    view! {
        <div class="as-it-stands">
            <p><b>"The offer as it stands now"</b>" (saving again replaces it)"</p>
            <dl class="kv">{rows.map(row).into_iter().collect::<Vec<_>>()}</dl>
        </div>
    }
    .into_any()
}
