//! Noren under test: a data folder of its own with providers in it, made and moved over the same addresses that people's forms use.

use crate::{
    Outcome,
    http::{self, Answer, Client},
    target::{Lab, Running},
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A provider with one listed offer.
#[derive(Clone, Debug)]
pub struct Provider {
    cookie: String,
    /// The id of the offer.
    pub offer: String,
}

/// What nodes share, where there are several.
#[derive(Default)]
pub struct Shared {
    /// `--database`
    pub database: Option<String>,
    /// `--bus`
    pub bus: Option<String>,
}

/// A data folder and the providers in it.
pub struct House {
    data: PathBuf,
    shared: Shared,
    /// The providers.
    pub providers: Vec<Provider>,
}

/// What the server needs to know beside its defaults: no page is attached here, and all sign-ups come from one address.
const SETTINGS: &[(&str, &str)] = &[
    ("NOREN_PRESENCE__WITHOUT_PAGE", "7200000"),
    ("NOREN_ACCOUNTS__SIGN_UP_PER_HOUR", "100000"),
    ("NOREN_ACCOUNTS__WRITES_PER_MINUTE", "10000000"),
    // A publisher's connection is idle for longer than an honest head takes.
    ("NOREN_HTTP__HEAD_TIMEOUT", "600000"),
    // Somebody who stands still would not see that it was sent back for its age.
    ("NOREN_FEED__MAX_AGE", "7200000"),
    ("NOREN_LOG__FILTER", "error"),
];

impl House {
    /// A new data folder with `providers` in it.
    pub fn new(lab: &Lab, folder: PathBuf, providers: usize) -> Outcome<Self> {
        House::of(lab, folder, Shared::default(), providers)
    }

    /// The same with a database and a bus that are shared.
    pub fn of(lab: &Lab, folder: PathBuf, shared: Shared, providers: usize) -> Outcome<Self> {
        let mut house = House { data: folder, shared, providers: Vec::new() };
        let running = house.start(lab)?;
        for n in 0..providers {
            house.providers.push(settle(running.at, n)?);
        }
        Ok(house)
    }

    /// Starts the server on this folder, with every curtain in.
    pub fn start(&self, lab: &Lab) -> Outcome<Running> {
        let at = Lab::free_address()?;
        let mut command = Command::new(&lab.noren);
        command.args(["serve", "--listen", &at.to_string(), "--data"]).arg(&self.data).envs(SETTINGS.iter().copied());
        for (flag, url) in [("--database", &self.shared.database), ("--bus", &self.shared.bus)] {
            command.args(url.iter().flat_map(|url| [flag, url]));
        }
        let running = lab.run("noren", command, at)?;
        lab.wait_until(&running, "noren to be ready", || {
            let answer = Client::connect(at).and_then(|mut c| c.call(&http::get(at, "/readyz", "*/*")));
            answer.is_ok_and(|a| a.status == 200)
        })?;
        self.all(at, false)?;
        Ok(running)
    }

    /// All choices, as pages read them.
    pub fn choices(&self, at: SocketAddr) -> Outcome<Vec<u8>> {
        Ok(accepted(Client::connect(at)?.call(&ask(at, "/api/choices/view", None, &[("window", "1200")]))?, "reading the choices")?.body)
    }

    /// Hangs every curtain out, or takes it in.
    pub fn all(&self, at: SocketAddr, online: bool) -> Outcome {
        let mut client = Client::connect(at)?;
        self.providers.iter().try_for_each(|p| accepted(client.call(&toggle(at, p, online))?, "a toggle").map(drop))
    }
}

/// Providers who come and go at a node, until they are told to stop.
pub struct Movers {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<Outcome>>,
}

impl Movers {
    /// Starts them: `rate` changes a second.
    pub fn start(house: &House, at: SocketAddr, rate: f64) -> Self {
        let (stop, made) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ended, count, providers) = (Arc::clone(&stop), Arc::clone(&made), house.providers.clone());
        let thread = std::thread::spawn(move || {
            let (mut client, begun) = (Client::connect(at)?, Instant::now());
            for (n, (round, provider)) in (0_u32..).flat_map(|round| providers.iter().map(move |p| (round, p))).enumerate() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let answer = client.call(&toggle(at, provider, round % 2 == 0))?;
                if answer.status >= 300 {
                    return Err(format!("a toggle was answered {}", answer.status));
                }
                count.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64((n + 1) as f64 / rate);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
            Ok(())
        });
        Movers { stop, made, thread: Some(thread) }
    }

    /// Stops them. Answers how many changes they made.
    pub fn end(&mut self) -> Outcome<u64> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| "the providers panicked")??;
        }
        Ok(self.made.load(Ordering::Relaxed))
    }
}

/// The request by which a provider goes online or offline.
pub fn toggle(at: SocketAddr, provider: &Provider, online: bool) -> Vec<u8> {
    if online {
        ask(at, "/api/presence/go_online", Some(provider), &[("minutes", "240")])
    } else {
        ask(at, "/api/presence/go_offline", Some(provider), &[])
    }
}

fn ask(at: SocketAddr, path: &str, who: Option<&Provider>, fields: &[(&str, &str)]) -> Vec<u8> {
    let origin = format!("http://{at}");
    let mut headers =
        vec![("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded"), ("origin", origin.as_str())];
    if let Some(provider) = who {
        headers.push(("cookie", provider.cookie.as_str()));
    }
    http::post(at, path, &headers, &http::form(fields))
}

fn accepted(answer: Answer, what: &str) -> Outcome<Answer> {
    if answer.status < 300 {
        return Ok(answer);
    }
    Err(format!("{what} was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body)))
}

/// Signs a provider up and registers an offer.
fn settle(at: SocketAddr, n: usize) -> Outcome<Provider> {
    const CATEGORIES: [&str; 4] = ["languages", "interpreting", "tutoring", "repair"];
    let mut client = Client::connect(at)?;
    let email = format!("provider{n}@bench.example.org");
    let fields = [("display_name", "Marisol Leiva"), ("email", email.as_str()), ("password", "a bench is not a bank")];
    let answer = accepted(client.call(&ask(at, "/api/account/sign_up", None, &fields))?, "signing up")?;
    let cookie = answer.headers("set-cookie").find_map(|c| c.split(';').next()).ok_or("signing up set no cookie")?.to_owned();
    let mut provider = Provider { cookie, offer: String::new() };
    let (title, rate) = (format!("Spanish conversation, level {n}"), (60 + n).to_string());
    let fields = [
        ("title", title.as_str()),
        (
            "description",
            "We talk about your week, and I write down every phrase that you were looking for. Ten years of teaching, no textbook needed.",
        ),
        ("category", CATEGORIES.get(n % CATEGORIES.len()).copied().unwrap_or("other")),
        ("languages", "en,es"),
        ("media", "chat,voice"),
        ("rate_minor", rate.as_str()),
        ("currency", "EUR"),
        ("free_seconds", "60"),
    ];
    let answer = accepted(client.call(&ask(at, "/api/offers/register", Some(&provider), &fields))?, "registering an offer")?;
    let json: serde_json::Value = serde_json::from_slice(&answer.body).map_err(|e| format!("the answer to an offer: {e}"))?;
    provider.offer = json.get("offer").and_then(|o| o.as_str()).ok_or("the answer to an offer has no id")?.to_owned();
    Ok(provider)
}
