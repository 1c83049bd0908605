//! Typed ids. All are UUIDs (version 7 where the server mints them, so they sort by age).

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{borrow::Cow, fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(s: &str) -> Result<Self, BadId> {
                Uuid::try_parse(s).map($name).map_err(|_| BadId)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // Not through `Uuid`, whose errors in words are a kilobyte of WASM.
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|_| D::Error::custom("not an id"))
            }
        }
    )+};
}

id! {
    /// A person.
    AccountId,
    /// One page or device that proves that a provider is there.
    AttachmentId,
    /// An accepted request.
    ConsultationId,
    /// One life of the feed: a new one means that old cursors are worthless.
    Epoch,
    /// One life of a page in a room: a reload is another one.
    LifeId,
    /// The name that a sender's page gave a chat message: the same name is the same message.
    MessageKey,
    /// One running server process.
    NodeId,
    /// What a provider gives, at what price.
    OfferId,
    /// One movement of money through the gateway.
    OperationId,
    /// One browser that is signed in.
    SignInId,
    /// One tab of a browser; it outlives reloads.
    TabId,
}

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id")
    }
}

impl std::error::Error for BadId {}
