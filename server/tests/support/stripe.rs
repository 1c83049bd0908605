//! A server that speaks as much of Stripe's wire format as the gateway uses, and signs its events. Its answers are the published samples with fields
//! changed that they have: another field would be one that Stripe does not have.
//!
//! Knobs: calls that fail after they worked, events that come twice, in another order, late, or never; disputes.

use axum::{
    Form, Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

const SAMPLES: &str = include_str!("../fixtures/stripe/samples.json");
/// The secret that events are signed with.
pub const SECRET: &str = "whsec_test";
/// The secret key of the account.
pub const KEY: &str = "sk_test_key";

#[derive(Default)]
pub struct Books {
    sessions: HashMap<String, Value>,
    intents: HashMap<String, Value>,
    refunds: HashMap<String, Value>,
    /// What was answered under which key, and to which fields.
    answered: HashMap<String, (HashMap<String, String>, Value)>,
    /// All events, oldest first.
    events: Vec<Value>,
    /// How many of the next calls fail after they worked.
    pub fail_after: u32,
    /// How many of the next calls fail before they work.
    pub fail_before: u32,
    /// What becomes of refunds.
    pub refunds_become: Option<&'static str>,
    /// Calls that moved something.
    pub moved: u32,
    numbers: u64,
}

#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Books>>);

/// A published sample with some of its fields changed.
fn sample(kind: &str, changes: &[(&str, Value)]) -> Value {
    let samples: Value = serde_json::from_str(SAMPLES).unwrap();
    let mut value = samples[kind].clone();
    let object: &mut Map<String, Value> = value.as_object_mut().expect("the sample is there");
    for (name, change) in changes {
        let field = object.get_mut(*name).unwrap_or_else(|| panic!("Stripe's {kind} has no field {name}"));
        *field = change.clone();
    }
    value
}

fn error(status: StatusCode, kind: &str) -> Response {
    (status, Json(json!({ "error": { "type": kind, "message": "as asked for" } }))).into_response()
}

impl Fake {
    /// Starts one; answers its address.
    pub async fn start() -> (Self, String) {
        let fake = Fake::default();
        let router = Router::new()
            .route("/v1/checkout/sessions", post(begin))
            .route("/v1/checkout/sessions/{id}", get(session))
            .route("/v1/refunds", post(refund).get(refunds_of))
            .route("/v1/refunds/{id}", get(refunded))
            .route("/v1/payment_intents/{id}", get(intent))
            .route("/v1/events", get(events))
            .with_state(fake.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, address)
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    /// The person pays at Checkout; answers the event.
    pub fn pay(&self, session: &str) -> Value {
        let mut books = self.books();
        let paid = books.sessions.get_mut(session).unwrap();
        paid["payment_status"] = json!("paid");
        paid["status"] = json!("complete");
        paid["url"] = Value::Null;
        let paid = paid.clone();
        books.moved += 1;
        books.tell("checkout.session.completed", paid)
    }

    /// The person leaves Checkout, and it expires.
    pub fn expire(&self, session: &str) -> Value {
        let mut books = self.books();
        let expired = books.sessions.get_mut(session).unwrap();
        expired["status"] = json!("expired");
        let expired = expired.clone();
        books.tell("checkout.session.expired", expired)
    }

    /// The bank takes a payment back, or gives it again.
    pub fn dispute(&self, session: &str, given: bool) -> Value {
        let mut books = self.books();
        let of = books.sessions[session].clone();
        let id = books.number("dp");
        let dispute = sample(
            "dispute",
            &[
                ("id", json!(id)),
                ("amount", of["amount_total"].clone()),
                ("currency", of["currency"].clone()),
                ("payment_intent", of["payment_intent"].clone()),
            ],
        );
        books.tell(if given { "charge.dispute.funds_reinstated" } else { "charge.dispute.funds_withdrawn" }, dispute)
    }

    /// A refund that was under way is decided.
    pub fn decide_refund(&self, refund: &str, status: &str) -> Value {
        let mut books = self.books();
        let decided = books.refunds.get_mut(refund).unwrap();
        decided["status"] = json!(status);
        let decided = decided.clone();
        books.tell("charge.refund.updated", decided)
    }

    /// The name of the only, or the newest, session.
    pub fn last_session(&self) -> String {
        let books = self.books();
        let last = books.sessions.keys().max_by_key(|id| id.len()).unwrap();
        books.sessions.keys().max_by_key(|id| (id.len(), (*id).clone())).unwrap_or(last).clone()
    }

    /// The names of all refunds.
    pub fn refunds(&self) -> Vec<String> {
        self.books().refunds.keys().cloned().collect()
    }

    /// A day has passed: what was answered under which key is forgotten.
    pub fn forget_keys(&self) {
        self.books().answered.clear();
    }

    /// All events, oldest first.
    pub fn told(&self) -> Vec<Value> {
        self.books().events.clone()
    }
}

/// The headers and the body of a call that tells an event, signed at that second.
pub fn signed(event: &Value, seconds: i64, secret: &str) -> (HeaderMap, Vec<u8>) {
    let body = event.to_string().into_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(&body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert("stripe-signature", format!("t={seconds},v1={hex},v0=unused").parse().unwrap());
    (headers, body)
}

impl Books {
    fn number(&mut self, kind: &str) -> String {
        self.numbers += 1;
        format!("{kind}_{:06}", self.numbers)
    }

    fn tell(&mut self, kind: &str, object: Value) -> Value {
        let id = self.number("evt");
        let event = sample("event", &[("id", json!(id)), ("type", json!(kind)), ("data", json!({ "object": object }))]);
        self.events.push(event.clone());
        event
    }

    /// Answers a call that moves something: the same key gets the same answer, and another request under it is refused.
    fn once(&mut self, headers: &HeaderMap, fields: &HashMap<String, String>, work: impl FnOnce(&mut Self) -> Value) -> Response {
        if headers.get("authorization").and_then(|v| v.to_str().ok()) != Some(&format!("Bearer {KEY}")) {
            return error(StatusCode::UNAUTHORIZED, "authentication_error");
        }
        assert!(headers.contains_key("stripe-version"), "the version is pinned");
        let key = headers.get("idempotency-key").expect("every call that moves money has a key").to_str().unwrap().to_owned();
        if self.fail_before > 0 {
            self.fail_before -= 1;
            return error(StatusCode::INTERNAL_SERVER_ERROR, "api_error");
        }
        let answer = match self.answered.get(&key) {
            Some((asked, _)) if asked != fields => return error(StatusCode::BAD_REQUEST, "idempotency_error"),
            Some((_, answer)) => answer.clone(),
            None => {
                let answer = work(self);
                self.answered.insert(key, (fields.clone(), answer.clone()));
                answer
            }
        };
        if self.fail_after > 0 {
            self.fail_after -= 1;
            return error(StatusCode::INTERNAL_SERVER_ERROR, "api_error");
        }
        Json(answer).into_response()
    }
}

async fn begin(State(fake): State<Fake>, headers: HeaderMap, Form(fields): Form<HashMap<String, String>>) -> Response {
    fake.books().once(&headers, &fields, |books| {
        let (id, payment) = (books.number("cs"), books.number("pi"));
        let currency = &fields["line_items[0][price_data][currency]"];
        let minor: i64 = fields["line_items[0][price_data][unit_amount]"].parse().unwrap();
        let metadata = json!({ "operation": fields["payment_intent_data[metadata][operation]"] });
        let intent = sample(
            "payment_intent",
            &[("id", json!(payment)), ("amount", json!(minor)), ("currency", json!(currency)), ("metadata", metadata)],
        );
        books.intents.insert(payment.clone(), intent);
        let session = sample(
            "checkout.session",
            &[
                ("id", json!(id)),
                ("client_reference_id", json!(fields["client_reference_id"])),
                ("metadata", json!({ "operation": fields["metadata[operation]"] })),
                ("mode", json!(fields["mode"])),
                ("status", json!("open")),
                ("payment_status", json!("unpaid")),
                ("payment_intent", json!(payment)),
                ("amount_total", json!(minor)),
                ("currency", json!(currency)),
                ("success_url", json!(fields["success_url"])),
                ("cancel_url", json!(fields["cancel_url"])),
                ("url", json!(format!("https://checkout.stripe.example/{id}"))),
            ],
        );
        books.sessions.insert(id, session.clone());
        session
    })
}

async fn refund(State(fake): State<Fake>, headers: HeaderMap, Form(fields): Form<HashMap<String, String>>) -> Response {
    fake.books().once(&headers, &fields, |books| {
        let id = books.number("re");
        let minor: i64 = fields["amount"].parse().unwrap();
        let currency = books.intents[&fields["payment_intent"]]["currency"].clone();
        let status = books.refunds_become.unwrap_or("succeeded");
        let refund = sample(
            "refund",
            &[
                ("id", json!(id)),
                ("amount", json!(minor)),
                ("currency", currency),
                ("payment_intent", json!(fields["payment_intent"])),
                ("metadata", json!({ "operation": fields["metadata[operation]"] })),
                ("status", json!(status)),
            ],
        );
        books.moved += 1;
        books.refunds.insert(id, refund.clone());
        refund
    })
}

fn found(all: &HashMap<String, Value>, id: &str) -> Response {
    all.get(id).map_or_else(|| error(StatusCode::NOT_FOUND, "invalid_request_error"), |value| Json(value.clone()).into_response())
}

async fn refunds_of(State(fake): State<Fake>, Query(query): Query<HashMap<String, String>>) -> Response {
    let books = fake.books();
    let of: Vec<&Value> = books.refunds.values().filter(|refund| refund["payment_intent"] == *query["payment_intent"]).collect();
    Json(json!({ "object": "list", "data": of, "has_more": false, "url": "/v1/refunds" })).into_response()
}

async fn session(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    found(&fake.books().sessions, &id)
}

async fn refunded(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    found(&fake.books().refunds, &id)
}

async fn intent(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    found(&fake.books().intents, &id)
}

/// The newest first, two a page.
async fn events(State(fake): State<Fake>, Query(query): Query<HashMap<String, String>>) -> Response {
    let books = fake.books();
    let mut all: Vec<&Value> = books.events.iter().rev().collect();
    if let Some(after) = query.get("starting_after") {
        let at = all.iter().position(|event| event["id"] == **after).unwrap();
        all.drain(..=at);
    }
    let has_more = all.len() > 2;
    all.truncate(2);
    Json(json!({ "object": "list", "data": all, "has_more": has_more, "url": "/v1/events" })).into_response()
}
