//! Stripe: payments by its Checkout page, refunds, signed events. Plain REST over form fields; nothing of Stripe's runs in our pages.
//!
//! | what | call |
//! |---|---|
//! | begin a payment | `POST /v1/checkout/sessions` |
//! | how it stands | `GET /v1/checkout/sessions/{id}` |
//! | send part of it back | `GET /v1/refunds` whether that was done already, `POST /v1/refunds` |
//! | how that stands | `GET /v1/refunds/{id}` |
//! | whose payment a dispute is about | `GET /v1/payment_intents/{id}`, `GET /v1/charges/{id}` |
//! | events whose call got lost | `GET /v1/events` |
//!
//! A field that is read must be there, also when it is null: an answer of another shape is not guessed at.

use super::{About, Event, Forged, Found, Gateway, GatewayError, Intent, Standing};
use async_trait::async_trait;
use domain::{
    currency::Currency,
    id::OperationId,
    money::{Asset, Money, Reality},
    time::{Millis, Timestamp},
};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::Value;
use sha2::Sha256;
use std::time::Duration;

/// The version of the interface that is spoken.
pub const VERSION: &str = "2025-09-30.clover";
/// How old or new a signature may be.
const TOLERANCE: Millis = Millis::minutes(5);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Events that are read at once.
const PAGE: &str = "100";
/// Most pages of events that one look reads.
const PAGES: usize = 50;

/// The gateway `stripe`.
#[derive(Debug)]
pub struct Stripe {
    http: Client,
    api: Url,
    key: String,
    /// Two while the secret is being changed.
    webhook_secrets: Vec<String>,
}

/// The value of a field, which must be there.
fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, GatewayError> {
    value.get(name).ok_or_else(|| GatewayError::Unknown(format!("an answer has no field {name}")))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, GatewayError> {
    field(value, name)?.as_str().ok_or_else(|| GatewayError::Unknown(format!("{name} is no text")))
}

fn maybe_text<'a>(value: &'a Value, name: &str) -> Result<Option<&'a str>, GatewayError> {
    let found = field(value, name)?;
    if found.is_null() { Ok(None) } else { found.as_str().map(Some).ok_or_else(|| GatewayError::Unknown(format!("{name} is no text"))) }
}

/// An amount as Stripe counts: ISO 4217's minor units, but amounts with three decimal places end with a zero.
fn amount(money: Money) -> Result<String, GatewayError> {
    if money.asset.currency.places() == 3 && money.minor.rem_euclid(10) != 0 {
        return Err(GatewayError::Refused("the last decimal place of this currency must be 0".into()));
    }
    Ok(money.minor.to_string())
}

fn money(value: &Value, minor: &str) -> Result<Money, GatewayError> {
    let unknown = |what: &str| GatewayError::Unknown(format!("{what} cannot be read"));
    let currency = Currency::parse(&text(value, "currency")?.to_uppercase()).map_err(|_| unknown("a currency"))?;
    let minor = field(value, minor)?.as_i64().ok_or_else(|| unknown(minor))?;
    Ok(Money::new(minor, Asset { reality: Reality::Real, currency }))
}

impl Stripe {
    /// A client of that interface. `api` is its address, `https://api.stripe.com` but for tests.
    pub fn new(api: &str, key: String, webhook_secrets: Vec<String>) -> Result<Self, String> {
        // Another part of the process may have chosen already; what it chose is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build().map_err(|e| e.to_string())?;
        let api = Url::parse(api).map_err(|error| format!("{api} is no address: {error}"))?;
        Ok(Stripe { http, api, key, webhook_secrets })
    }

    async fn call(&self, method: Method, path: &str, fields: &[(&str, &str)], key: Option<OperationId>) -> Result<Value, GatewayError> {
        let unknown = |error: reqwest::Error| GatewayError::Unknown(error.without_url().to_string());
        let url = self.api.join(path).map_err(|error| GatewayError::Unknown(error.to_string()))?;
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.key).header("stripe-version", VERSION);
        request = if method == Method::GET { request.query(fields) } else { request.form(fields) };
        if let Some(key) = key {
            request = request.header("idempotency-key", key.to_string());
        }
        let response = request.send().await.map_err(unknown)?;
        let status = response.status();
        let body: Value = response.json().await.map_err(unknown)?;
        if status.is_success() {
            return Ok(body);
        }
        let why = body.pointer("/error/code").or_else(|| body.pointer("/error/type")).and_then(Value::as_str).unwrap_or("no reason");
        let why = format!("{status}: {why}");
        // What is wrong with the request is final. A conflict is a call that is still under way; a limit or a failure of theirs says nothing.
        let is_final = status.is_client_error()
            && !matches!(
                status,
                StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::UNAUTHORIZED
            );
        Err(if is_final { GatewayError::Refused(why) } else { GatewayError::Unknown(why) })
    }

    /// How a Checkout session stands.
    fn session(value: &Value) -> Result<Found, GatewayError> {
        let standing = match (text(value, "status")?, text(value, "payment_status")?) {
            (_, "paid" | "no_payment_required") => Standing::Settled,
            ("expired", _) => Standing::Failed,
            _ => Standing::Waiting { next: maybe_text(value, "url")?.map(str::to_owned) },
        };
        let amount = if standing == Standing::Settled { Some(money(value, "amount_total")?) } else { None };
        Ok(Found { external: text(value, "id")?.to_owned(), standing, amount })
    }

    fn returned(value: &Value) -> Result<Found, GatewayError> {
        let standing = match maybe_text(value, "status")? {
            Some("succeeded") => Standing::Settled,
            Some("failed" | "canceled") => Standing::Failed,
            _ => Standing::Waiting { next: None },
        };
        let amount = if standing == Standing::Settled { Some(money(value, "amount")?) } else { None };
        Ok(Found { external: text(value, "id")?.to_owned(), standing, amount })
    }

    /// What an event is about.
    fn about(kind: &str, object: &Value) -> Result<About, GatewayError> {
        let id = || text(object, "id").map(str::to_owned);
        Ok(match text(object, "object")? {
            "checkout.session" => About::TopUp(id()?),
            "refund" => About::Refund(id()?),
            "dispute" if matches!(kind, "charge.dispute.funds_withdrawn" | "charge.dispute.funds_reinstated") => {
                let payment = match maybe_text(object, "payment_intent")? {
                    Some(payment) => payment.to_owned(),
                    None => text(object, "charge")?.to_owned(),
                };
                let taken = money(object, "amount")?;
                let given = kind == "charge.dispute.funds_reinstated";
                About::Reversal {
                    payment,
                    amount: Money { minor: if given { taken.minor.saturating_neg() } else { taken.minor }, ..taken },
                }
            }
            _ => About::Nothing,
        })
    }

    fn event(value: &Value) -> Result<Event, GatewayError> {
        let kind = text(value, "type")?.to_owned();
        let object = field(field(value, "data")?, "object")?;
        // What is about nothing of ours may have any shape.
        let about = if object.get("object").is_some() { Stripe::about(&kind, object)? } else { About::Nothing };
        Ok(Event { id: text(value, "id")?.to_owned(), about, body: value.to_string(), kind })
    }
}

#[async_trait]
impl Gateway for Stripe {
    fn id(&self) -> &'static str {
        "stripe"
    }

    fn reality(&self) -> Reality {
        Reality::Real
    }

    async fn start_top_up(&self, intent: &Intent) -> Result<Found, GatewayError> {
        let (operation, minor) = (intent.operation.to_string(), amount(intent.amount)?);
        let currency = intent.amount.asset.currency.code().to_lowercase();
        let fields = [
            ("mode", "payment"),
            ("client_reference_id", &operation),
            ("metadata[operation]", &operation),
            ("payment_intent_data[metadata][operation]", &operation),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &minor),
            ("line_items[0][price_data][product_data][name]", "Top-up of your wallet"),
            ("success_url", &intent.back),
            ("cancel_url", &intent.back),
        ];
        Stripe::session(&self.call(Method::POST, "v1/checkout/sessions", &fields, Some(intent.operation)).await?)
    }

    async fn top_up(&self, external: &str) -> Result<Found, GatewayError> {
        Stripe::session(&self.call(Method::GET, &format!("v1/checkout/sessions/{external}"), &[], None).await?)
    }

    async fn start_refund(&self, operation: OperationId, payment: &str, money: Money) -> Result<Found, GatewayError> {
        let session = self.call(Method::GET, &format!("v1/checkout/sessions/{payment}"), &[], None).await?;
        let payment = text(&session, "payment_intent")?;
        let (name, minor) = (operation.to_string(), amount(money)?);
        // A key is forgotten after a day, and a refund under way may be asked for again later: what is there already is found, never made twice.
        let known = self.call(Method::GET, "v1/refunds", &[("payment_intent", payment), ("limit", PAGE)], None).await?;
        for refund in field(&known, "data")?.as_array().into_iter().flatten() {
            if field(refund, "metadata")?.get("operation").and_then(Value::as_str) == Some(&name) {
                return Stripe::returned(refund);
            }
        }
        let fields = [("payment_intent", payment), ("amount", &minor), ("metadata[operation]", &name)];
        Stripe::returned(&self.call(Method::POST, "v1/refunds", &fields, Some(operation)).await?)
    }

    async fn refund(&self, external: &str) -> Result<Found, GatewayError> {
        Stripe::returned(&self.call(Method::GET, &format!("v1/refunds/{external}"), &[], None).await?)
    }

    async fn operation_of(&self, payment: &str) -> Result<Option<OperationId>, GatewayError> {
        let mut payment = payment.to_owned();
        if payment.starts_with("ch_") {
            let charge = self.call(Method::GET, &format!("v1/charges/{payment}"), &[], None).await?;
            match maybe_text(&charge, "payment_intent")? {
                Some(found) => payment = found.to_owned(),
                None => return Ok(None),
            }
        }
        let intent = self.call(Method::GET, &format!("v1/payment_intents/{payment}"), &[], None).await?;
        Ok(field(&intent, "metadata")?.get("operation").and_then(Value::as_str).and_then(|id| id.parse().ok()))
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Event, Forged> {
        let signature = headers.get("stripe-signature").and_then(|v| v.to_str().ok()).ok_or(Forged::Signature)?;
        let parts = || signature.split(',').filter_map(|part| part.trim().split_once('='));
        let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(Forged::Signature)?;
        let mut text = format!("{signed_at}.").into_bytes();
        text.extend_from_slice(body);
        let fits = |secret: &String, hex: &str| {
            let Some(claimed) = from_hex(hex) else { return false };
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
            mac.update(&text);
            // Compares in constant time.
            mac.verify_slice(&claimed).is_ok()
        };
        let known = parts().filter(|(name, _)| *name == "v1").any(|(_, hex)| self.webhook_secrets.iter().any(|secret| fits(secret, hex)));
        if !known {
            return Err(Forged::Signature);
        }
        let seconds: i64 = signed_at.parse().map_err(|_| Forged::Signature)?;
        if now.since(Timestamp(seconds.saturating_mul(1_000))).0.saturating_abs() > TOLERANCE.0 {
            return Err(Forged::Stale);
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| Forged::Unreadable)?;
        Stripe::event(&value).map_err(|_| Forged::Unreadable)
    }

    async fn events_since(&self, since: Timestamp) -> Result<Vec<Event>, GatewayError> {
        let since = since.0.div_euclid(1_000).to_string();
        let (mut events, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut fields = vec![("limit", PAGE), ("created[gte]", &*since)];
            if let Some(after) = &after {
                fields.push(("starting_after", after));
            }
            let page = self.call(Method::GET, "v1/events", &fields, None).await?;
            let found = field(&page, "data")?.as_array().cloned().unwrap_or_default();
            for value in &found {
                events.push(Stripe::event(value)?);
            }
            after = events.last().map(|event| event.id.clone());
            if found.is_empty() || field(&page, "has_more")?.as_bool() != Some(true) {
                break;
            }
        }
        // They come newest first.
        events.reverse();
        Ok(events)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counted_as_stripe_does() {
        let of = |code: &str, minor| amount(Money::new(minor, Asset::parse(code).unwrap()));
        assert_eq!((of("EUR", 1_250), of("JPY", 500), of("KWD", 5_120)), (Ok("1250".into()), Ok("500".into()), Ok("5120".into())));
        assert!(matches!(of("KWD", 5_125), Err(GatewayError::Refused(_))));
    }
}
