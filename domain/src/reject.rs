//! Why something was refused: a closed set of codes, never free text.
//!
//! A code travels in JSON answers and in pages; the words for it stand in one place, `app::error::words`.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All of them, for tests that must cover every one.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// The reason of a refusal.
    Code {
        /// The field is empty.
        Required = "required",
        /// The text is longer than the limit.
        TooLong = "too_long",
        /// The text is shorter than the limit.
        TooShort = "too_short",
        /// The text holds control characters.
        BadText = "bad_text",
        /// Not an e-mail address.
        BadEmail = "bad_email",
        /// An account with this address exists.
        EmailTaken = "email_taken",
        /// The password is on the list of the most common ones, or is the address itself.
        WeakPassword = "weak_password",
        /// No such category.
        BadCategory = "bad_category",
        /// Not a BCP 47 language tag.
        BadLanguage = "bad_language",
        /// More languages than the limit.
        TooMany = "too_many",
        /// Not one of chat, voice and video.
        BadMedia = "bad_media",
        /// Not an amount of this currency.
        BadRate = "bad_rate",
        /// The rate is above the limit.
        RateTooHigh = "rate_too_high",
        /// Not a currency that can be used.
        BadCurrency = "bad_currency",
        /// Not a number of seconds within the limit.
        BadFreeSeconds = "bad_free_seconds",
        /// Not one of the stretches that a provider can go online for.
        BadMinutes = "bad_minutes",
        /// Not a number of minutes within the limit, or less than what was agreed.
        BadCap = "bad_cap",
        /// Not an amount that can be moved: nothing, less, a fraction, or far too much.
        BadAmount = "bad_amount",
        /// There is not enough money.
        NoFunds = "no_funds",
        /// The caller's money went while it rang.
        FundsGone = "funds_gone",
        /// The payment service refused it; nothing has moved.
        PaymentRefused = "payment_refused",
        /// The wallet would hold more than it may.
        WalletFull = "wallet_full",
        /// More than is left to be given back.
        TooMuch = "too_much",
        /// The books are being checked, and nothing new begins.
        Frozen = "frozen",
        /// Another thing was asked for under the same key.
        OtherPayload = "other_payload",
        /// The gateway did not answer; it is tried on.
        GatewayDown = "gateway_down",
        /// The operator has not switched this on.
        NotOffered = "not_offered",
        /// Not one of the reasons for declining.
        BadReason = "bad_reason",
        /// The offer was changed elsewhere since the form was opened.
        Stale = "stale",
        /// There is no listed offer to hang out.
        NoListedOffers = "no_listed_offers",
        /// A chosen offer is not among the own listed ones.
        BadOffers = "bad_offers",
        /// The account holds as many offers as it can.
        OfferLimit = "offer_limit",
        /// The offer is not open now.
        NotOpen = "not_open",
        /// The provider is in a consultation.
        Busy = "busy",
        /// Somebody else rings the provider at this moment.
        Ringing = "ringing",
        /// The own offer cannot be asked for.
        OwnOffer = "own_offer",
        /// The consumer has an open request or consultation already.
        RequestOpen = "request_open",
        /// Conditions or environment are not those that were shown.
        ConditionsChanged = "conditions_changed",
        /// Two rings were missed in a row; the way back opens later.
        CoolingDown = "cooling_down",
        /// The request was answered already.
        Answered = "answered",
        /// The consultation has not come so far.
        TooEarly = "too_early",
        /// The request or consultation is over.
        Over = "over",
        /// The consultation is interrupted; send again when it goes on.
        Interrupted = "interrupted",
        /// Another message was sent under the same key.
        KeyReused = "key_reused",
        /// Address or password is wrong; which one is not said.
        BadSignIn = "bad_sign_in",
        /// The current password is wrong.
        WrongPassword = "wrong_password",
        /// The link was used or has expired.
        LinkExpired = "link_expired",
        /// Too many tries; wait.
        TooManyTries = "too_many_tries",
        /// Sign in first.
        SignInRequired = "sign_in_required",
        /// Signed in, but not allowed.
        Forbidden = "forbidden",
        /// No such thing, or not yours.
        NotFound = "not_found",
        /// The request came from another site.
        ForeignOrigin = "foreign_origin",
        /// The request is larger than the limit.
        TooLarge = "too_large",
        /// The request cannot be understood.
        BadRequest = "bad_request",
        /// The server has too much to do; try again.
        Overloaded = "overloaded",
        /// The database cannot be reached: what is shown may be old, and nothing can be changed.
        Unavailable = "unavailable",
        /// Something broke; an incident number is given.
        Internal = "internal",
        /// The line to the server failed (found by the browser).
        Network = "network",
    }
}

codes! {
    /// A field of a form. Texts are the names on the wire.
    Field {
        /// Display name.
        DisplayName = "display_name",
        /// E-mail address.
        Email = "email",
        /// Password.
        Password = "password",
        /// The password in force.
        CurrentPassword = "current_password",
        /// Title of an offer.
        Title = "title",
        /// Description of an offer.
        Description = "description",
        /// Category of an offer.
        Category = "category",
        /// Languages of an offer.
        Languages = "languages",
        /// Media of an offer.
        Media = "media",
        /// Rate a minute in minor units.
        RateMinor = "rate_minor",
        /// Currency of the rate.
        Currency = "currency",
        /// Free seconds at the start.
        FreeSeconds = "free_seconds",
        /// How long to be online.
        Minutes = "minutes",
        /// An amount in minor units.
        AmountMinor = "amount_minor",
        /// Whose money goes back.
        Borne = "borne",
        /// What was wrong.
        Complaint = "complaint",
        /// Which offers to hang out.
        Offers = "offers",
        /// What a consumer asks for.
        Question = "question",
        /// The medium that a consultation starts in.
        Medium = "medium",
        /// Most minutes of a consultation.
        Cap = "cap",
        /// The language of a consultation.
        Language = "language",
        /// Why a request is declined.
        Reason = "reason",
        /// The text of a chat message.
        Text = "text",
    }
}

/// One field and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// What is wrong.
    pub code: Code,
}

/// A refusal: at least one reason, some of them tied to fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// The whole request is refused.
    Whole(Code),
    /// Fields are wrong; never empty.
    Fields(Vec<FieldError>),
}

impl Reject {
    /// One wrong field.
    pub fn field(field: Field, code: Code) -> Self {
        Reject::Fields(vec![FieldError { field, code }])
    }

    /// The first reason.
    pub fn code(&self) -> Code {
        match self {
            Reject::Whole(code) => *code,
            Reject::Fields(fields) => fields.first().map_or(Code::BadRequest, |f| f.code),
        }
    }
}

impl From<Code> for Reject {
    fn from(code: Code) -> Self {
        Reject::Whole(code)
    }
}

/// Collects the wrong fields of a form, so that all of them are told at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// The value, or `None` with the problem noted.
    pub fn take<T>(&mut self, field: Field, result: Result<T, Code>) -> Option<T> {
        result.map_err(|code| self.0.push(FieldError { field, code })).ok()
    }

    /// The refusal of what was noted; a whole-form `BadRequest` if nothing was.
    pub fn into_reject(self) -> Reject {
        if self.0.is_empty() { Reject::Whole(Code::BadRequest) } else { Reject::Fields(self.0) }
    }
}
