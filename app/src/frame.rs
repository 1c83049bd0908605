//! The frame of every page: the document, the router, the head with who is signed in, and the lines to the server.

use crate::{
    account::{
        AccountPage, ResetPage, SignInPage, SignUpPage,
        api::{MeView, Site},
    },
    choices::{ChoicesPage, live::Feed, parts::Here},
    consultation::ring::IncomingRing,
    offers::{OfferPage, ProviderPage},
    presence::{
        parts::{DeskChip, EndWarning, SignedOutNotice},
        socket::DeskState,
    },
    routes,
    ui::{
        face::{Brand, Face},
        json,
        problem::NotFoundPage,
        said::Said,
        time::Hydrated,
        update::UpdatePrompt,
        view::{flag, nothing, show, text, when},
    },
};
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::{
    NavigateOptions, SsrMode,
    components::{FlatRoutes, Route, Router},
    hooks::{use_location, use_navigate},
    path,
};

/// Whether this is the whole program. Visitors who look around load a small one first, without what only happens at the desk and in a room.
const WHOLE: bool = cfg!(any(feature = "ssr", feature = "whole"));

/// The whole document, with the program that the page needs.
pub fn shell(mut options: LeptosOptions, whole: bool) -> impl IntoView {
    let styles = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    if whole {
        options.output_name = format!("{}-whole", options.output_name).into();
    }
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" media="(prefers-color-scheme: light)" content="#faf7f1"/>
                <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#12151d"/>
                <meta name="description" content="People who know something, and are here now: tutors, interpreters, advisers, technicians, fortune tellers."/>
                <link rel="stylesheet" href=styles/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/apple-touch-icon.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// Who is signed in and what kind of instance this is, for every component.
#[derive(Clone, Copy)]
pub struct TheSite(pub RwSignal<Site>);

impl TheSite {
    /// The visitor, when signed in.
    pub fn me() -> Option<MeView> {
        use_context::<TheSite>().and_then(|site| site.0.get_untracked().me)
    }

    /// The first offer makes a provider.
    pub fn now_provider(self) {
        self.0.update(|site| {
            if let Some(me) = &mut site.me {
                me.provider = true;
            }
        });
    }
}

/// The site as the server knows it while it renders; the browser reads it from the page.
fn site_json() -> String {
    #[cfg(feature = "ssr")]
    {
        use crate::context::{Backend, Notices, Visitor};
        // While the list of routes is made there is no backend.
        let Some(backend) = use_context::<Backend>() else { return String::new() };
        let me = use_context::<Visitor>().and_then(|visitor| visitor.me);
        serde_json::to_string(&Site::of(&backend, me, use_context::<Notices>().unwrap_or_default())).unwrap_or_default()
    }
    #[cfg(not(feature = "ssr"))]
    String::new()
}

/// The visitor, or nobody and the browser is sent to sign in and back.
pub fn sign_in_first() -> Option<MeView> {
    let me = TheSite::me();
    if expect_context::<TheSite>().0.read_untracked().down {
        // Nobody is known now, and nobody has to sign in for that: the head says what is so.
        #[cfg(feature = "ssr")]
        crate::context::set_status(http::StatusCode::SERVICE_UNAVAILABLE);
    } else if me.is_none() {
        let target = routes::sign_in_then(&use_location().pathname.get_untracked());
        #[cfg(feature = "ssr")]
        if use_context::<crate::context::Visitor>().is_some() {
            crate::context::go_to(&target);
        }
        let navigate = use_navigate();
        Effect::new(move || navigate(&target, NavigateOptions { replace: true, ..NavigateOptions::default() }));
    }
    me
}

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let known = SharedValue::new_str(site_json).into_inner();
    provide_context(TheSite(RwSignal::new(json::read(&known).unwrap_or_default())));
    let hydrated = RwSignal::new(false);
    provide_context(Hydrated(hydrated));
    let down = expect_context::<TheSite>().0.read_untracked().down;
    let (feed, desk) = (Feed::new(down), DeskState::new());
    let here = Here::default();
    provide_context(feed);
    provide_context(desk);
    provide_context(here);
    let site = expect_context::<TheSite>().0;
    Effect::new(move || {
        hydrated.set(true);
        feed.start();
        here.look();
    });
    if down {
        Effect::new(come_back);
    }
    Effect::new(move || {
        if WHOLE && site.read().me.as_ref().is_some_and(|me| me.provider) {
            desk.start();
        }
    });
    view! {
        <Router>
            <a class="skip" href="#main" rel="external">"Skip to the content"</a>
            <Head/>
            <UpdatePrompt/>
            <SignedOutNotice/>
            <OpenNotice/>
            {if WHOLE { view! { <EndWarning/><IncomingRing/> }.into_any() } else { view! { <Unwarned/><Unrung/> }.into_any() }}
            <main id="main" class="wrap" tabindex="-1"><Said/>{pages()}</main>
        </Router>
    }
}

/// A page that was loaded while the database was out of reach knows nobody: it is loaded anew once that is over.
fn come_back() {
    let look = || {
        leptos::task::spawn_local(async {
            if crate::ui::post::post("/api/account/site", String::new()).await.is_ok() {
                // Where the browser refuses there is nothing better to do than to ask the person.
                let _ = location().reload();
            }
        });
    };
    // The handle is let go: it ends with the page.
    let _ = set_interval_with_handle(look, std::time::Duration::from_secs(3));
}

/// What stands where only a provider is warned and rung, as the server writes it for everybody else.
#[component]
fn Unwarned() -> impl IntoView {
    view! { <div role="status">{show(nothing)}</div> }
}

/// The same for the ring.
#[component]
fn Unrung() -> AnyView {
    view! {
        <div class="ringing" role="alertdialog" aria-label="Somebody asks for you" tabindex="-1" hidden=flag(|| true)>{show(nothing)}</div>
        <div class="ring-gone" role="status">{show(nothing)}</div>
    }
    .into_any()
}

/// All pages.
#[cfg(any(feature = "ssr", feature = "whole"))]
fn pages() -> AnyView {
    use crate::{
        cases::CasesPage,
        consultation::{AskPage, ConsultationPage, PastPage},
        offers::{NewOfferPage, ReviseOfferPage},
        presence::DeskPage,
        receipts::{EarningsPage, ReceiptPage},
        trust::TrustPage,
        wallet::WalletPage,
    };
    view! {
        <FlatRoutes fallback=NotFoundPage>
            <Route path=path!("/") view=ChoicesPage ssr=SsrMode::Async/>
            <Route path=path!("/offers/new") view=NewOfferPage ssr=SsrMode::Async/>
            <Route path=path!("/offers/:id") view=OfferPage ssr=SsrMode::Async/>
            <Route path=path!("/offers/:id/revise") view=ReviseOfferPage ssr=SsrMode::Async/>
            <Route path=path!("/offers/:id/ask") view=AskPage ssr=SsrMode::Async/>
            <Route path=path!("/providers/:id") view=ProviderPage ssr=SsrMode::Async/>
            <Route path=path!("/desk") view=DeskPage ssr=SsrMode::Async/>
            <Route path=path!("/consultations") view=PastPage ssr=SsrMode::Async/>
            <Route path=path!("/consultations/:id") view=ConsultationPage ssr=SsrMode::Async/>
            <Route path=path!("/consultations/:id/receipt") view=ReceiptPage ssr=SsrMode::Async/>
            <Route path=path!("/wallet") view=WalletPage ssr=SsrMode::Async/>
            <Route path=path!("/earnings") view=EarningsPage ssr=SsrMode::Async/>
            <Route path=path!("/operator/cases") view=CasesPage ssr=SsrMode::Async/>
            <Route path=path!("/trust") view=TrustPage ssr=SsrMode::Async/>
            <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async/>
            <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
            <Route path=path!("/sign-up") view=SignUpPage ssr=SsrMode::Async/>
            <Route path=path!("/reset/:token") view=ResetPage ssr=SsrMode::Async/>
        </FlatRoutes>
    }
    .into_any()
}

/// The pages of the small program. Whoever goes beyond them loads the whole one, see [`Beyond`].
#[cfg(not(any(feature = "ssr", feature = "whole")))]
fn pages() -> AnyView {
    view! {
        <FlatRoutes fallback=Beyond>
            <Route path=path!("/") view=ChoicesPage ssr=SsrMode::Async/>
            <Route path=path!("/offers/:id") view=OfferPage ssr=SsrMode::Async/>
            <Route path=path!("/providers/:id") view=ProviderPage ssr=SsrMode::Async/>
            <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async/>
            <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
            <Route path=path!("/sign-up") view=SignUpPage ssr=SsrMode::Async/>
            <Route path=path!("/reset/:token") view=ResetPage ssr=SsrMode::Async/>
        </FlatRoutes>
    }
    .into_any()
}

/// A page that the small program does not have: the server has it, or says that there is none.
#[cfg(not(any(feature = "ssr", feature = "whole")))]
#[component]
fn Beyond() -> impl IntoView {
    // A page that was just loaded is what the server answered: only whoever came here by a link is sent on.
    if expect_context::<Hydrated>().0.get_untracked() {
        let to = use_location();
        // Where the browser refuses to go there is nothing better to do than to say that there is no such page.
        let _ = location().assign(&format!("{}{}", to.pathname.get_untracked(), to.search.get_untracked()));
    }
    view! { <NotFoundPage/> }
}

/// The way back to what one has open, from every page that was loaded meanwhile.
#[component]
fn OpenNotice() -> impl IntoView {
    let open = expect_context::<TheSite>().0.read_untracked().open;
    let path = use_location().pathname;
    view! {
        <div>
            {open
                .map(|open| {
                    let to = routes::consultation(open);
                    let here = to.clone();
                    view! { <p class="notice wrap" hidden=flag(move || *path.read() == here)>"You have asked somebody. "<a href=to>"Back to it"</a></p> }
                })}
        </div>
    }
}

/// Takes the focus to the start of what is new, so that the keyboard goes on from there. Browser only.
pub fn focus_main() {
    if let Some(main) = document().get_element_by_id("main").and_then(|m| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(m).ok()) {
        // An element that cannot take the focus leaves it where it was.
        let _ = main.focus();
    }
}

/// The head of every page. On a new page the focus goes to its start, so that it is read out and the keyboard goes on from there.
#[component]
fn Head() -> impl IntoView {
    let site = expect_context::<TheSite>().0;
    let feed = expect_context::<Feed>();
    // Nobody is known on a page that was loaded meanwhile, see `come_back`.
    let returns = if site.read_untracked().down { " This page comes back by itself then." } else { "" };
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path) {
            focus_main();
        }
        path
    });
    let own = move |me: MeView| {
        let name = text(move || site.read().me.as_ref().map(|me| me.display_name.clone()).unwrap_or_default());
        // What is seen - the initials - is part of what is said.
        let label = text(move || format!("{} · Account of {}", domain::account::initials(&name.read()), name.read()));
        view! {
            <DeskChip/>
            <a class="wide" href=routes::WALLET>"Wallet"</a>
            <a class="me" href=routes::ACCOUNT aria-label=label><Face id=me.id name/></a>
        }
    };
    let nobody = move || {
        view! {
            <a class="wide" href=routes::SIGN_UP>"Offer your help"</a>
            <a class="btn small" href=text(move || routes::sign_in_then(&path.get()))>"Sign in"</a>
        }
    };
    // Signing in and out loads the page anew, so who it is never changes in a running page.
    let me = site.get_untracked().me;
    view! {
        <header class="head">
            {when(site.get_untracked().demo, || {
                view! { <p class="demo-banner">"A demo: the people are robots, and nothing here is real."</p> }.into_any()
            })}
            {when(site.get_untracked().test_money && !site.get_untracked().demo, || {
                view! { <p class="demo-banner">"Test credit: no money here is real."</p> }.into_any()
            })}
            {when(site.get_untracked().frozen, || {
                view! { <p class="demo-banner" role="status">"The books of this site are being checked. Nothing new that costs money can begin; what runs goes on."</p> }.into_any()
            })}
            <div role="status">
                {show(move || when(feed.stale.get(), || {
                    view! { <p class="demo-banner">"The server cannot reach its database. What you see may be old, and nothing can be changed until it is back."{returns}</p> }.into_any()
                }))}
            </div>
            <div class="wrap">
                <Brand/>
                <nav aria-label="Main">
                    {match me {
                        Some(me) => own(me).into_any(),
                        None if site.get_untracked().down => nothing(),
                        None => nobody().into_any(),
                    }}
                </nav>
            </div>
        </header>
    }
}
