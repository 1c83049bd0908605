//! `bench board`: what many offers cost: memory, a change, and reading the choices.

use crate::{
    Outcome, process,
    report::{figure, median, put, table},
};
use clap::Args;
use domain::{
    card::Card,
    category::Category,
    currency::Currency,
    feed::Cursor,
    filter::Filter,
    id::{AccountId, Epoch, OfferId},
    language::Languages,
    media::Media,
    presence::Shown,
    scope::Scope,
    time::Timestamp,
    view::WINDOW,
};
use server::{
    config::Feed,
    live::{board::Board, hub::Hub},
    store::FeedBody,
};
use std::{path::PathBuf, time::Instant};
use uuid::Uuid;

/// How often each thing is done.
const TIMES: usize = 50;

/// Searches that are followed beside the front page.
const VIEWS: usize = 200;

/// What is measured.
#[derive(Args)]
pub struct Options {
    /// Sizes of the board, in offers that are all open
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    offers: Vec<u128>,
    /// Write the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// The page to write into
    #[arg(long, default_value = "docs/benchmarks.md", hide = true)]
    page: PathBuf,
}

/// Measures every size.
pub fn run(options: &Options) -> Outcome {
    let rows: Outcome<Vec<Vec<String>>> = options.offers.iter().map(|n| one(*n)).collect();
    let head = [
        "offers",
        "memory, MiB",
        "a change, µs",
        "with 200 views, µs",
        "sent for it, bytes",
        "first 60, ms",
        "kept, µs",
        "first 60 of a search, ms",
        "the page carries, KiB",
        "a reset carries, KiB",
        "everything, KiB",
    ];
    let text = table(&head, &rows?);
    println!("\n{text}");
    if options.write { put(&options.page, "bench board", &text) } else { Ok(()) }
}

fn one(offers: u128) -> Outcome<Vec<String>> {
    let (all, me) = (Offers::new()?, std::process::id());
    let before = process::memory(me)?;
    let cursor = Cursor { epoch: Epoch(Uuid::from_u128(1)), seq: 0 };
    let hub = Hub::new(Board::new(cursor, (0..offers).map(|n| all.card(n, Shown::Online))), Feed::default());
    let held = (process::memory(me)? - before) / 1_024.0;

    let mut seq: u64 = 0;
    let mut change = || {
        time(|| {
            seq += 1;
            // Each offer becomes busy, and open again.
            let is = if seq.is_multiple_of(2) { Shown::Online } else { Shown::Busy };
            hub.take([(seq, FeedBody { cards: vec![all.card(u128::from(seq.div_ceil(2)) * 7 % offers, is)], gone: vec![] })]);
            hub.flush();
        })
    };
    let alone = change();
    // What a page of the first 60 is sent for a change somewhere on the board, the middle of many.
    let (_, front, mut next) = hub.open(&Scope::front(), None).map_err(|full| format!("{full:?}"))?;
    let sent = median((0..TIMES).map(|_| {
        change();
        let mut bytes = 0;
        while let Some(batch) = hub.after(front.view, next) {
            (bytes, next) = (bytes + batch.bytes.len(), batch.next);
        }
        bytes as f64 / TIMES as f64
    }));
    let search = |n: usize| Filter { search: format!("spanish {n}"), ..Filter::default() };
    let followers: Result<Vec<_>, _> = (0..VIEWS).map(|n| hub.open(&Scope::Window { filter: search(n), window: WINDOW }, None)).collect();
    let followers = followers.map_err(|full| format!("{full:?}"))?;
    let among = change();
    drop(followers);

    let view = |filter: &Filter| time(|| drop(std::hint::black_box(hub.read(|board| board.view(filter, WINDOW)))));
    let (first, found) = (view(&Filter::default()), view(&search(77)));
    let kept = time(|| drop(std::hint::black_box(hub.snapshot(&Scope::front()))));
    let page = serde_json::to_string(&hub.snapshot(&Scope::front())).map_err(|e| e.to_string())?.len();
    let nowhere = Cursor { epoch: Epoch(Uuid::nil()), seq: 0 };
    let reset = |scope: &Scope| hub.open(scope, Some(nowhere)).map(|(first, ..)| first.len()).map_err(|full| format!("{full:?}"));
    let (window, everything) = (reset(&Scope::front())?, reset(&Scope::Everything)?);
    let kib = |bytes: usize| figure(bytes as f64 / 1_024.0);
    Ok(vec![
        offers.to_string(),
        figure(held),
        figure(alone * 1e6),
        figure(among * 1e6),
        figure(sent),
        figure(first * 1e3),
        figure(kept * 1e6),
        figure(found * 1e3),
        kib(page),
        kib(window),
        kib(everything),
    ])
}

/// The middle of how long something takes, in seconds.
fn time(mut run: impl FnMut()) -> f64 {
    median((0..TIMES).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64()
    }))
}

/// The offers of a board, alike but for what is searched, filtered and sorted by.
struct Offers(Card);

impl Offers {
    fn new() -> Outcome<Self> {
        let wrong = |code| format!("a card: {code:?}");
        Ok(Offers(Card {
            id: OfferId(Uuid::nil()),
            by: AccountId(Uuid::nil()),
            name: "Marisol Leiva".into(),
            title: String::new(),
            category: Category::Languages,
            languages: Languages::parse(["en", "es"]).map_err(wrong)?,
            media: Media::parse(["chat", "voice"]).map_err(wrong)?,
            rate_minor: 0,
            currency: Currency::parse("EUR").map_err(wrong)?,
            free_seconds: 60,
            is: Shown::Online,
            at: Timestamp(0),
            answers: None,
        }))
    }

    fn card(&self, n: u128, is: Shown) -> Card {
        Card {
            id: OfferId(Uuid::from_u128(n + 1)),
            by: AccountId(Uuid::from_u128(n + 1)),
            title: format!("Spanish conversation, level {n}"),
            category: Category::ALL.get(n as usize % Category::ALL.len()).copied().unwrap_or(Category::Languages),
            rate_minor: 60 + (n % 200) as i64,
            is,
            at: Timestamp(1_763_848_000_000 + n as i64),
            ..self.0.clone()
        }
    }
}
