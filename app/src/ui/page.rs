//! What pages read: on the server by calling the server functions, in the browser by posting to them.
//!
//! Pages and the browser's own reads go through one type, so that the browser needs no code of its own for each server function.

#[cfg(not(feature = "ssr"))]
use super::post::{fields_of, post};
use super::{json::read, view::nothing};
use crate::{error::AppError, forms::api::Rejected};
use domain::reject::Code;
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// One read, named like its server function.
#[derive(Clone, Debug)]
pub enum Ask {
    /// `choices/view`.
    View {
        /// The query part of the address.
        query: String,
        /// How many cards at most.
        window: usize,
    },
    /// `choices/closed`.
    Closed {
        /// The query part of the address.
        query: String,
        /// The page, counted from 0.
        page: u32,
    },
    /// `offers/show`.
    Offer(String),
    /// `offers/provider`.
    Provider(String),
    /// `offers/mine`.
    Mine,
    /// `presence/desk`.
    Desk,
    /// `consultations/terms`.
    Terms {
        /// The offer.
        offer: String,
        /// The medium; empty for the first one.
        medium: String,
        /// The cap in minutes; empty for the usual one.
        cap: String,
        /// The language; empty for the first one.
        language: String,
    },
    /// `consultations/show`.
    Consultation(String),
    /// `consultations/past`.
    Past,
    /// `wallet/show`.
    Wallet,
    /// `receipts/show`.
    Receipt(String),
    /// `receipts/earnings`.
    Earnings,
    /// `cases/list`.
    Cases,
    /// `trust/show`.
    Trust,
    /// `account/sign_ins`.
    SignIns,
    /// `forms/rejected`, where the address names one.
    Rejected(Option<String>),
}

impl Ask {
    /// What the browser posts, and where to.
    #[cfg(not(feature = "ssr"))]
    fn request(self) -> (&'static str, Vec<(&'static str, String)>) {
        match self {
            Ask::View { query, window } => ("/api/choices/view", vec![("query", query), ("window", window.to_string())]),
            Ask::Closed { query, page } => ("/api/choices/closed", vec![("query", query), ("page", page.to_string())]),
            Ask::Offer(id) => ("/api/offers/show", vec![("offer", id)]),
            Ask::Provider(id) => ("/api/offers/provider", vec![("provider", id)]),
            Ask::Mine => ("/api/offers/mine", vec![]),
            Ask::Desk => ("/api/presence/desk", vec![]),
            Ask::Terms { offer, medium, cap, language } => {
                ("/api/consultations/terms", vec![("offer", offer), ("medium", medium), ("cap", cap), ("language", language)])
            }
            Ask::Consultation(id) => ("/api/consultations/show", vec![("consultation", id)]),
            Ask::Past => ("/api/consultations/past", vec![]),
            Ask::Wallet => ("/api/wallet/show", vec![]),
            Ask::Receipt(id) => ("/api/receipts/show", vec![("consultation", id)]),
            Ask::Earnings => ("/api/receipts/earnings", vec![]),
            Ask::Cases => ("/api/cases/list", vec![]),
            Ask::Trust => ("/api/trust/show", vec![]),
            Ask::SignIns => ("/api/account/sign_ins", vec![]),
            Ask::Rejected(id) => ("/api/forms/rejected", vec![("id", id.unwrap_or_default())]),
        }
    }

    /// The answer as JSON, in the browser.
    #[cfg(not(feature = "ssr"))]
    async fn json(self) -> Result<String, AppError> {
        let (path, fields) = self.request();
        // Resources want futures that could change threads, and those of the browser cannot: a task of its own hands the answer over.
        let (give, take) = futures::channel::oneshot::channel();
        leptos::task::spawn_local(async move {
            // Nobody may be left to take it.
            let _ = give.send(post(path, fields_of(&fields)).await);
        });
        take.await.unwrap_or_else(|_| Err(Code::Network.into())).map(|answer| answer.text)
    }

    /// The answer as JSON, on the server.
    #[cfg(feature = "ssr")]
    async fn json(self) -> Result<String, AppError> {
        use crate::{account, cases, choices, consultation, forms, offers, presence, receipts, trust, wallet};
        fn write<T: serde::Serialize>(answer: Result<T, AppError>) -> Result<String, AppError> {
            answer.and_then(|value| serde_json::to_string(&value).map_err(|_| Code::Internal.into()))
        }
        match self {
            Ask::View { query, window } => write(choices::api::view(query, u32::try_from(window).unwrap_or(u32::MAX)).await),
            Ask::Closed { query, page } => write(choices::api::closed(query, page).await),
            Ask::Offer(id) => write(offers::api::show(id).await),
            Ask::Provider(id) => write(offers::api::provider(id).await),
            Ask::Mine => write(offers::api::mine().await),
            Ask::Desk => write(presence::api::read_desk().await),
            Ask::Terms { offer, medium, cap, language } => write(consultation::api::terms(offer, medium, cap, language).await),
            Ask::Consultation(id) => write(consultation::api::show(id).await),
            Ask::Past => write(consultation::api::past().await),
            Ask::Wallet => write(wallet::api::read_wallet().await),
            Ask::Receipt(id) => write(receipts::api::read_receipt(id).await),
            Ask::Earnings => write(receipts::api::read_earnings().await),
            Ask::Cases => write(cases::api::list_cases().await),
            Ask::Trust => write(trust::api::read_trust().await),
            Ask::SignIns => write(account::api::sign_ins().await),
            Ask::Rejected(id) => write(forms::api::read_rejected(id.unwrap_or_default()).await),
        }
    }

    /// The answer.
    pub async fn get<T: DeserializeOwned>(self) -> Result<T, AppError> {
        parse(&self.json().await?)
    }

    /// The answer as one line: `+` and JSON, or `-` and the JSON of the error. JSON holds no line breaks.
    async fn line(self) -> String {
        if let Ask::Rejected(None) = self {
            return String::new();
        }
        match self.json().await {
            Ok(json) => format!("+{json}"),
            Err(error) => format!("-{}", error.json()),
        }
    }
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, AppError> {
    read(json).ok_or_else(|| Code::Network.into())
}

/// The answers to a page's reads, in their order.
pub struct Answers(std::vec::IntoIter<String>);

impl Answers {
    /// The next answer.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, AppError> {
        let line = self.0.next().unwrap_or_default();
        match line.strip_prefix('+') {
            Some(json) => parse(json),
            None => Err(parse(line.get(1..).unwrap_or_default())?),
        }
    }

    /// Lets the forms of the page find what came back; the next answer is that of [`Ask::Rejected`].
    pub fn keep_rejected(&mut self) {
        if let Ok(rejected) = self.take::<Rejected>() {
            provide_context(rejected);
        }
    }
}

/// A page: reads anew when `key` changes, and shows the answers. Read once, so that nothing waits for anything twice.
pub fn page(
    waiting: &'static str,
    key: impl Fn() -> String + Send + Sync + 'static,
    reads: impl Fn(String) -> Vec<Ask> + Send + Sync + 'static,
    show: impl Fn(Answers) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    page_of(waiting, Signal::derive(key), Arc::new(reads), Arc::new(show))
}

type Reads = Arc<dyn Fn(String) -> Vec<Ask> + Send + Sync>;
type Show = Arc<dyn Fn(Answers) -> AnyView + Send + Sync>;

fn page_of(waiting: &'static str, key: Signal<String>, reads: Reads, show: Show) -> AnyView {
    let lines = Resource::new_str(
        move || key.get(),
        move |key| {
            let reads = reads(key);
            async move {
                let mut lines = Vec::new();
                for read in reads {
                    lines.push(read.line().await);
                }
                lines.join("\n")
            }
        },
    );
    let fallback = move || if waiting.is_empty() { nothing() } else { view! { <p class="waiting">{waiting}</p> }.into_any() };
    view! {
        <Suspense fallback>
            {move || {
                let show = Arc::clone(&show);
                Suspend::new(async move { show(Answers(lines.await.split('\n').map(str::to_owned).collect::<Vec<_>>().into_iter())) })
            }}
        </Suspense>
    }
    .into_any()
}
