//! Accounts: signing up and in, and what belongs to oneself.

pub mod api;
#[cfg(feature = "ssr")]
pub mod port;

use self::api::{MeView, SignInView};
use crate::{
    frame::{TheSite, sign_in_first},
    routes,
    ui::{
        field::TextField,
        form::{Form, Submit, Typed, rejected_id},
        page::{Answers, Ask, page},
        problem::ProblemPage,
        text::PageTitle,
        time::{Shape, moment},
        view::{nothing, when},
    },
};
use domain::{
    account::{Email, NewPassword, SignUp},
    reject::{Field, Problems, Reject},
    text::DisplayName,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

/// The accounts that a demo comes with, and their password.
const DEMO: [(&str, &str); 2] = [("Try it as a provider", "mina@demo.noren.example"), ("Try it as a consumer", "kaz@demo.noren.example")];
const DEMO_PASSWORD: &str = "demo demo demo 42";

fn check_sign_up(typed: &Typed) -> Result<(), Reject> {
    SignUp::parse(&typed.one("display_name"), &typed.one("email"), &typed.one("password")).map(drop)
}

fn check_sign_in(typed: &Typed) -> Result<(), Reject> {
    let mut problems = Problems::default();
    let email = problems.take(Field::Email, Email::parse(&typed.one("email")));
    let password = typed.one("password");
    let given = problems.take(Field::Password, if password.is_empty() { Err(domain::reject::Code::Required) } else { Ok(()) });
    email.zip(given).map(drop).ok_or_else(|| problems.into_reject())
}

fn check_name(typed: &Typed) -> Result<(), Reject> {
    DisplayName::parse(&typed.one("display_name")).map(drop).map_err(|code| Reject::field(Field::DisplayName, code))
}

fn check_password(typed: &Typed) -> Result<(), Reject> {
    NewPassword::parse(&typed.one("password"), None).map(drop).map_err(|code| Reject::field(Field::Password, code))
}

/// The page to go to after signing in, from the address; only pages of this site.
fn next() -> String {
    let next = use_query_map().read_untracked().get("next").unwrap_or_default();
    if next.starts_with('/') && !next.starts_with("//") { next } else { routes::CHOICES.into() }
}

/// A page whose forms may have come back.
fn form_page(title: &'static str, view: fn() -> AnyView) -> AnyView {
    let rejected = rejected_id();
    let show = move |mut answers: Answers| {
        answers.keep_rejected();
        view! { <div class="narrow"><h1>{title}</h1>{view()}</div> }.into_any()
    };
    view! {
        <PageTitle text=title/>
        {page("", String::new, move |_| vec![Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}

/// `/sign-in`.
#[component]
pub fn SignInPage() -> AnyView {
    form_page("Sign in", || {
        let next = next();
        let up = if next == routes::CHOICES { routes::SIGN_UP.to_owned() } else { format!("{}?next={next}", routes::SIGN_UP) };
        let demo = expect_context::<TheSite>().0.read_untracked().demo;
        let demo = when(demo, || demo_ways(&next));
        view! {
            <Form id="sign-in" class="panel form" action="/api/account/sign_in" check=check_sign_in reload=true>
                <input type="hidden" name="next" value=next.clone()/>
                <TextField field=Field::Email kind="email" keyboard="email" autocomplete="username"/>
                <TextField field=Field::Password kind="password" autocomplete="current-password"/>
                <Submit text="Sign in"/>
            </Form>
            {demo}
            <p>"No account yet? "<a href=up>"Sign up"</a></p>
            <p class="hint">"Password forgotten? Ask the operator of this site for a link to set a new one."</p>
        }
        .into_any()
    })
}

/// Ways into the demo with one click.
fn demo_ways(next: &str) -> AnyView {
    let button = |(text, email): (&'static str, &'static str)| {
        let hidden = vec![("email", email.to_owned()), ("password", DEMO_PASSWORD.to_owned()), ("next", next.to_owned())];
        let id = email.split('@').next().unwrap_or(email);
        view! { <Form id=format!("demo-{id}") action="/api/account/sign_in" hidden reload=true><Submit text=text class="btn"/></Form> }
    };
    view! {
        <section class="panel demo">
            <h2>"This is a demo"</h2>
            <p>"Walk straight in as one of two people."</p>
            <div class="actions">{DEMO.into_iter().map(button).collect::<Vec<_>>()}</div>
        </section>
    }
    .into_any()
}

/// `/sign-up`.
#[component]
pub fn SignUpPage() -> AnyView {
    form_page("Sign up", || {
        view! {
            <p class="lead">"One account is enough to ask and to offer your help."</p>
            <Form id="sign-up" class="panel form" action="/api/account/sign_up" check=check_sign_up reload=true>
                <input type="hidden" name="next" value=next()/>
                <TextField field=Field::DisplayName autocomplete="nickname" hint="The name that others see: one line, at most 40 letters."/>
                <TextField field=Field::Email kind="email" keyboard="email" autocomplete="username" hint="You sign in with it. It is shown to nobody."/>
                <TextField
                    field=Field::Password
                    kind="password"
                    autocomplete="new-password"
                    hint="12 to 128 characters. Three or four random words are easy to remember."
                />
                <Submit text="Sign up"/>
            </Form>
            <p>"An account already? "<a href=routes::SIGN_IN>"Sign in"</a></p>
        }
        .into_any()
    })
}

/// `/reset/:token`: a new password by the operator's link.
#[component]
pub fn ResetPage() -> AnyView {
    form_page("Set a new password", || {
        let token = use_params_map().read_untracked().get("token").unwrap_or_default();
        view! {
            <p class="lead">"Every browser that is signed in to your account will be signed out."</p>
            <Form id="reset" class="panel form" action="/api/account/reset" hidden=vec![("token", token)] check=check_password reload=true>
                <TextField
                    field=Field::Password
                    kind="password"
                    named="New password"
                    autocomplete="new-password"
                    hint="12 to 128 characters. Three or four random words are easy to remember."
                />
                <Submit text="Set it and sign in"/>
            </Form>
        }
        .into_any()
    })
}

/// `/account`.
#[component]
pub fn AccountPage() -> AnyView {
    let Some(me) = sign_in_first() else { return nothing() };
    let rejected = rejected_id();
    let show = move |mut answers: Answers| {
        let sign_ins = answers.take();
        answers.keep_rejected();
        match sign_ins {
            Ok(sign_ins) => view! { <Own me=me.clone() sign_ins/> }.into_any(),
            Err(error) => view! { <ProblemPage error/> }.into_any(),
        }
    };
    view! {
        <PageTitle text="Account"/>
        {page("Reading your account…", String::new, move |_| vec![Ask::SignIns, Ask::Rejected(rejected.clone())], show)}
    }
    .into_any()
}

/// The own account.
#[component]
fn Own(me: MeView, sign_ins: Vec<SignInView>) -> AnyView {
    view! {
        <div class="narrow">
            <h1>"Account"</h1>
            <p class="actions">
                <a class="btn" href=routes::CONSULTATIONS>"Your consultations"</a>
                <a class="btn" href=routes::WALLET>"Your wallet"</a>
                {when(me.provider, || view! { <a class="btn" href=routes::EARNINGS>"Your earnings"</a> }.into_any())}
                {when(me.operator, || view! { <a class="btn" href=routes::CASES>"Cases"</a> }.into_any())}
                <a class="btn" href=routes::TRUST>"What can be checked"</a>
            </p>
            <section class="panel">
                <h2>"Name"</h2>
                <Form id="rename" class="form" action="/api/account/rename" check=check_name reload=true>
                    <TextField field=Field::DisplayName value=me.display_name autocomplete="nickname" hint="The name that others see: one line, at most 40 letters."/>
                    <Submit text="Save the name"/>
                </Form>
                <p class="hint">"You sign in as "{me.email.clone()}"."</p>
            </section>
            <section class="panel">
                <h2>"Password"</h2>
                <Form
                    id="password"
                    class="form"
                    action="/api/account/change_password"
                    check=check_password
                    saved="Saved. Every other browser is signed out."
                >
                    // Password managers want to know whose password this is.
                    <input type="hidden" name="username" autocomplete="username" value=me.email/>
                    <TextField field=Field::CurrentPassword kind="password" autocomplete="current-password"/>
                    <TextField
                        field=Field::Password
                        kind="password"
                        named="New password"
                        autocomplete="new-password"
                        hint="12 to 128 characters. Every other browser is signed out."
                    />
                    <Submit text="Change the password"/>
                </Form>
            </section>
            {signed_in_at(sign_ins)}
            <Form id="sign-out" action="/api/account/sign_out" reload=true>
                <Submit text="Sign out" class="btn"/>
            </Form>
        </div>
    }
    .into_any()
}

/// The browsers that are signed in.
fn signed_in_at(all: Vec<SignInView>) -> AnyView {
    let others = all.iter().any(|s| !s.here);
    let row = |one: SignInView| {
        let id = one.id;
        view! {
            <li>
                <div>
                    <b>{one.device.clone()}</b>
                    {when(one.here, || view! { " "<span class="tag">"this browser"</span> }.into_any())}
                    <p class="hint">
                        "Since "{moment(move || one.since, Shape::DayAndClock)}", last seen "{moment(move || one.last_seen, Shape::DayAndClock)}
                    </p>
                </div>
                {when(!one.here, || {
                    view! {
                        <Form id=format!("revoke-{id}") action="/api/account/revoke" hidden=vec![("sign_in", id.to_string())] reload=true>
                            <Submit text="Sign it out" class="btn small"/>
                        </Form>
                    }
                    .into_any()
                })}
            </li>
        }
        .into_any()
    };
    view! {
        <section class="panel">
            <h2>"Where you are signed in"</h2>
            <ul class="own">{all.into_iter().map(row).collect::<Vec<_>>()}</ul>
            {when(others, || {
                view! {
                    <Form id="revoke-others" action="/api/account/revoke" hidden=vec![("sign_in", "others".to_owned())] reload=true>
                        <Submit text="Sign out everywhere else" class="btn"/>
                    </Form>
                }
                .into_any()
            })}
        </section>
    }
    .into_any()
}
