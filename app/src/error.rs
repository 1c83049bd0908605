//! The one error that reaches a browser, and the words for it.

use domain::reject::{Code, Field, FieldError, Reject};
use serde::{Deserialize, Serialize};
use server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};

/// What a server function answers when it refuses: codes only, so nobody can put words into a page by a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError {
    /// The first reason.
    pub code: Code,
    /// The field it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// Every wrong field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// The number under which the operator finds what broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

impl AppError {
    /// What is wrong with `field`, if anything.
    pub fn of(&self, field: Field) -> Option<Code> {
        self.fields.iter().find(|f| f.field == field).map(|f| f.code)
    }

    /// The HTTP status of this error.
    pub const fn status(&self) -> u16 {
        match self.code {
            Code::SignInRequired => 401,
            Code::Forbidden | Code::ForeignOrigin => 403,
            Code::NotFound => 404,
            Code::EmailTaken | Code::Stale | Code::NoListedOffers | Code::OfferLimit | Code::OtherPayload => 409,
            Code::LinkExpired => 410,
            Code::TooLarge => 413,
            Code::BadRequest => 400,
            Code::TooManyTries => 429,
            Code::Internal => 500,
            Code::Overloaded | Code::Unavailable | Code::Network | Code::Frozen | Code::GatewayDown => 503,
            _ => 422,
        }
    }

    /// This error as it travels.
    pub fn json(&self) -> String {
        let wrong = |e: &FieldError| format!(r#"{{"field":"{}","code":"{}"}}"#, e.field.as_str(), e.code.as_str());
        let fields = self.fields.iter().map(wrong).collect::<Vec<_>>().join(",");
        let field = self.field.map(|field| format!(r#","field":"{}""#, field.as_str())).unwrap_or_default();
        // An incident is a number of ours: it needs no escaping.
        let incident = self.incident.as_ref().map(|incident| format!(r#","incident":"{incident}""#)).unwrap_or_default();
        format!(r#"{{"code":"{}"{field},"fields":[{fields}]{incident}}}"#, self.code.as_str())
    }

    /// This error in words: what is wrong and what to do.
    pub fn words(&self) -> String {
        match (&self.incident, self.fields.is_empty()) {
            (Some(incident), _) => format!("{} Incident {incident}.", words(None, self.code)),
            (None, false) => "Some fields need another look. Nothing you typed is lost.".into(),
            (None, true) => words(self.field, self.code).into(),
        }
    }
}

impl From<Code> for AppError {
    fn from(code: Code) -> Self {
        AppError { code, field: None, fields: Vec::new(), incident: None }
    }
}

impl From<Reject> for AppError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::Whole(code) => code.into(),
            Reject::Fields(fields) => {
                AppError { field: fields.first().map(|f| f.field), fields, ..Reject::Whole(Code::BadRequest).into() }.first()
            }
        }
    }
}

impl AppError {
    fn first(mut self) -> Self {
        if let Some(first) = self.fields.first() {
            self.code = first.code;
        }
        self
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    /// The framework's own failures: what cannot be understood is the sender's mistake, what cannot be reached is the line's.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // On the server these tell of a body that could not be read, in the browser of an answer that did not come.
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) | ServerFnErrorErr::Deserialization(_)
                if cfg!(feature = "ssr") =>
            {
                Code::BadRequest.into()
            }
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) | ServerFnErrorErr::Deserialization(_) => Code::Network.into(),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::UnsupportedRequestMethod(_) => {
                Code::BadRequest.into()
            }
            _ => Code::Internal.into(),
        }
    }
}

/// What a port answers when it refuses or breaks. What broke has been logged under its incident number.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortError {
    /// A rule refused it.
    Reject(Reject),
    /// Something broke.
    Broken {
        /// The number under which it was logged.
        incident: String,
    },
}

#[cfg(feature = "ssr")]
impl From<Reject> for PortError {
    fn from(reject: Reject) -> Self {
        PortError::Reject(reject)
    }
}

#[cfg(feature = "ssr")]
impl From<Code> for PortError {
    fn from(code: Code) -> Self {
        PortError::Reject(code.into())
    }
}

#[cfg(feature = "ssr")]
impl From<PortError> for AppError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Reject(reject) => reject.into(),
            PortError::Broken { incident } => AppError { incident: Some(incident), ..Code::Internal.into() },
        }
    }
}

/// The words for a code, in the light of the field that it belongs to. The only place that has them.
pub const fn words(field: Option<Field>, code: Code) -> &'static str {
    match (code, field) {
        (Code::Required, Some(Field::Category)) => "Choose a category.",
        (Code::Required, Some(Field::Languages)) => "Choose at least one language.",
        (Code::Required, Some(Field::Media)) => "Choose at least one of chat, voice and video.",
        (Code::Required, Some(Field::RateMinor)) => "Enter a rate a minute. 0 is allowed.",
        (Code::Required, Some(Field::AmountMinor)) => "Enter an amount.",
        (Code::Required, Some(Field::Minutes)) => "Choose for how long.",
        (Code::Required, _) => "Please fill this in.",
        (Code::TooLong, Some(Field::Title)) => "At most 80 letters (about 32 in Chinese, Japanese or Korean).",
        (Code::TooLong, Some(Field::DisplayName)) => "At most 40 letters (about 13 in Chinese, Japanese or Korean).",
        (Code::TooLong, Some(Field::Description)) => "At most 4,000 characters.",
        (Code::TooLong, Some(Field::Password)) => "At most 128 characters.",
        (Code::TooLong, _) => "This is too long.",
        (Code::TooShort, Some(Field::Password)) => "At least 12 characters. Three or four random words are easy to remember.",
        (Code::TooShort, _) => "This is too short.",
        (Code::BadText, _) => "This holds invisible characters. Please type it by hand.",
        (Code::BadEmail, _) => "This is not an e-mail address. It looks like name@example.org.",
        (Code::EmailTaken, _) => "There is an account with this address already. Sign in instead.",
        (Code::WeakPassword, _) => "This password is among the first that others would guess. Choose another.",
        (Code::BadCategory, _) => "Choose a category from the list.",
        (Code::BadLanguage, _) => "Enter language tags such as en, es or pt-BR.",
        (Code::TooMany, _) => "At most five languages.",
        (Code::BadMedia, _) => "Choose among chat, voice and video.",
        (Code::BadRate, _) => "Enter an amount of this currency, such as 1.20. 0 is allowed.",
        (Code::RateTooHigh, _) => "The rate is above the highest that can be asked for a minute.",
        (Code::BadCurrency, _) => "Choose a currency from the list.",
        (Code::BadFreeSeconds, _) => "Enter whole seconds, from 0 to 3600.",
        (Code::BadMinutes, _) => "Choose 30 minutes, 1, 2, 4 or 8 hours.",
        (Code::Stale, _) => {
            "This offer was changed in another window. Your text is still here: compare it with the offer as it stands now, then save again."
        }
        (Code::NoListedOffers, _) => "You have no listed offer to hang out. Register or list one first.",
        (Code::BadOffers, _) => "Choose among your listed offers.",
        (Code::OfferLimit, _) => "You hold 50 offers, the most there can be. Retire one first.",
        (Code::BadSignIn, _) => "Address or password is wrong. Check both and try again.",
        (Code::WrongPassword, _) => "This is not your current password.",
        (Code::BadCap, _) => "Choose whole minutes, from 1 to 180, and not less than agreed.",
        (Code::BadAmount, _) => "Enter an amount above zero, such as 20.00, with no more decimal places than the currency has.",
        (Code::NoFunds, Some(Field::Cap)) => "Your wallet does not cover this much. Top it up on this page, or choose less time.",
        (Code::NoFunds, _) => "There is not enough money for this.",
        (Code::FundsGone, _) => "The caller's money went while it rang, so the request is taken back. You missed nothing.",
        (Code::PaymentRefused, _) => "The payment service refused this, and nothing was charged. Try another amount, or again later.",
        (Code::WalletFull, _) => "This is more than a wallet may hold here. Enter a smaller amount.",
        (Code::TooMuch, _) => "This is more than is left of the bill. Enter a smaller amount.",
        (Code::Frozen, _) => "The books of this site are being checked, and nothing new that costs money can begin. What runs goes on.",
        (Code::OtherPayload, _) => {
            "The page asked for another thing under the same number. Reload it and try again; nothing was charged twice."
        }
        (Code::GatewayDown, _) => {
            "The payment service does not answer. Nothing is lost: it is asked again by itself. Look into your wallet in a minute."
        }
        (Code::NotOffered, _) => "This site does not offer that.",
        (Code::BadReason, _) => "Choose one of the reasons.",
        (Code::NotOpen, _) => "The curtain is in by now. This person cannot be rung.",
        (Code::Busy, _) => "A guest is inside by now. Try again when they have finished.",
        (Code::Ringing, _) => "Somebody else is ringing just now. Try again in a minute.",
        (Code::OwnOffer, _) => "This is your own offer.",
        (Code::RequestOpen, _) => "You are asking somebody already. Finish that first.",
        (Code::ConditionsChanged, _) => "The conditions have changed meanwhile. Look at them again, then ask.",
        (Code::CoolingDown, _) => "Two rings were missed in a row. You can go online again 15 minutes after the last one.",
        (Code::Answered, _) => "This was answered already, on another device.",
        (Code::TooEarly, _) => "It is too early for this.",
        (Code::Over, _) => "This is over.",
        (Code::Interrupted, _) => "The other side is gone for a moment. It is sent when they are back.",
        (Code::KeyReused, _) => "The page mixed up two messages. Reload it; what was sent is kept.",
        (Code::LinkExpired, _) => "This link was used already or has expired. Ask for a new one.",
        (Code::TooManyTries, _) => "Too many tries. Wait a few minutes, then try again.",
        (Code::SignInRequired, _) => "Please sign in first. What you typed is kept.",
        (Code::Forbidden, _) => "You are not allowed to do this.",
        (Code::NotFound, _) => "There is no such thing, or it is not yours.",
        (Code::ForeignOrigin, _) => "This request came from another site and was refused.",
        (Code::TooLarge, _) => "This is more than the server takes at once.",
        (Code::BadRequest, _) => "The server could not understand this. Reload the page and try again.",
        (Code::Overloaded, _) => "The server is very busy. Try again in a moment; nothing you typed is lost.",
        (Code::Unavailable, _) => {
            "The server cannot reach its database just now, so nothing can be changed. Try again in a moment; nothing is lost."
        }
        (Code::Internal, _) => "Something broke on our side. Try again in a moment; nothing you typed is lost.",
        (Code::Network, _) => "The server could not be reached. Check your line and try again; nothing you typed is lost.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_on_the_wire_is_code_field_and_nothing_of_ours() {
        let one = AppError::from(Reject::field(Field::Title, Code::TooLong));
        assert_eq!(
            serde_json::to_string(&one).unwrap(),
            r#"{"code":"too_long","field":"title","fields":[{"field":"title","code":"too_long"}]}"#
        );
        assert_eq!((one.status(), one.of(Field::Title), one.of(Field::Email)), (422, Some(Code::TooLong), None));
        assert_eq!(serde_json::to_string(&AppError::from(Code::NotFound)).unwrap(), r#"{"code":"not_found"}"#);
        let broken = AppError { incident: Some("i7".into()), ..Code::Internal.into() };
        for error in [one, broken, Code::NotFound.into()] {
            assert_eq!(serde_json::from_str::<AppError>(&error.json()).unwrap(), error);
        }
    }

    #[test]
    fn every_code_has_words_and_a_status_of_its_class() {
        for code in Code::ALL {
            let status = AppError::from(*code).status();
            assert!(!words(None, *code).is_empty() && (400..=503).contains(&status), "{}", code.as_str());
            assert_eq!(
                status >= 500,
                matches!(code, Code::Internal | Code::Overloaded | Code::Unavailable | Code::Network | Code::Frozen | Code::GatewayDown),
                "{}",
                code.as_str()
            );
        }
    }
}
