//! What the server and a provider's page say to each other over `/live/desk`: JSON texts, one message each.

use crate::consultation::{api::Paths, wire::RingView};
use domain::{
    environment::Environment,
    id::{AttachmentId, ConsultationId},
    presence::Desk,
};
use serde::{Deserialize, Serialize};

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromServer {
    /// The desk as it stands: on connecting, and on every change.
    Desk(Desk),
    /// How this terminal would find a consumer's: the page tries it, and tells what this terminal is and can do.
    Measure(Paths),
    /// The request that rings, and none when it rings no more.
    Ring(Option<Box<RingView>>),
    /// Asks whether the page is there; the page answers with the same number.
    Beat {
        /// The number to answer with.
        n: u64,
        /// The round trip of the beat before, once there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rtt_ms: Option<u32>,
        /// Which of the provider's pages this one is.
        page: AttachmentId,
    },
    /// This browser's sign-in has ended: do not come back.
    SignedOut {},
    /// The server goes; come back.
    Bye {
        /// How long to wait before.
        retry_ms: u64,
    },
}

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPage {
    /// The page is there.
    Beat {
        /// The number that was asked with.
        n: u64,
    },
    /// The page rings.
    Reached {
        /// For which request.
        ring: ConsultationId,
    },
    /// The page shows the request to somebody.
    Shown {
        /// Which.
        ring: ConsultationId,
    },
    /// What this terminal is and can do.
    Environment(Environment),
    /// The page goes: closed, reloaded, or left for another site.
    Leave {},
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> uuid::Uuid {
        "00000000-0000-0000-0000-000000000001".parse().unwrap()
    }

    #[test]
    fn travels_as_documented() {
        let beat = FromServer::Beat { n: 7, rtt_ms: Some(38), page: AttachmentId(page()) };
        assert_eq!(serde_json::to_string(&beat).unwrap(), r#"{"beat":{"n":7,"rtt_ms":38,"page":"00000000-0000-0000-0000-000000000001"}}"#);
        assert_eq!(serde_json::from_str::<FromServer>(r#"{"signed_out":{}}"#).unwrap(), FromServer::SignedOut {});
        assert_eq!(serde_json::from_str::<FromServer>(r#"{"bye":{"retry_ms":300}}"#).unwrap(), FromServer::Bye { retry_ms: 300 });
        assert_eq!(serde_json::to_string(&FromPage::Leave {}).unwrap(), r#"{"leave":{}}"#);
        let ring = ConsultationId(page());
        assert_eq!(serde_json::to_string(&FromPage::Reached { ring }).unwrap(), format!(r#"{{"reached":{{"ring":"{ring}"}}}}"#));
        assert_eq!(serde_json::from_str::<FromServer>(r#"{"ring":null}"#).unwrap(), FromServer::Ring(None));
    }
}
