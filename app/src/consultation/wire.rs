//! What the server and the pages of a consultation say to each other over `/live/consultations/{id}`: JSON texts, one message each.

use domain::{
    agreement::Agreement,
    conditions::Cap,
    consultation::{Decline, EndReason, Stage},
    id::{AccountId, ConsultationId, LifeId, MessageKey},
    media::Medium,
    message::Marks,
    proof::Missing,
    reject::Code,
    side::Both,
    time::{Millis, Timestamp},
    timeline::Row,
};
use serde::{Deserialize, Serialize};

/// A person as the other side sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

/// A request that rings, as its provider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingView {
    /// The consultation that it would become.
    pub id: ConsultationId,
    /// Who asks.
    pub from: Person,
    /// The title of the offer.
    pub title: String,
    /// What the consumer wants to know; may be empty.
    pub question: String,
    /// What an accept would conclude.
    pub agreement: Agreement,
    /// When it times out.
    pub until: Timestamp,
    /// The server's clock.
    pub now: Timestamp,
}

/// How a consultation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomState {
    /// The name of the state.
    pub stage: Stage,
    /// When the ring, the coming together or the interruption ends if nothing happens.
    pub until: Option<Timestamp>,
    /// Whether both were asked what to do about an interruption.
    pub asked: bool,
    /// Whether the cap is used up: nothing is billed, and it ends unless the cap is raised.
    pub full: bool,
    /// Who does not prove to be there.
    pub missing: Option<Missing>,
    /// The medium at this moment.
    pub medium: Medium,
    /// Most time that is billed.
    pub cap: Cap,
    /// For how long both were there.
    pub proved: Millis,
    /// While both are there: the moment from which the time proved counts, so that it is `now` less this.
    pub counts_from: Option<Timestamp>,
    /// When it ends at the latest, as things stand.
    pub ends_by: Option<Timestamp>,
    /// Who is in the room.
    pub here: Both<bool>,
    /// The page of each side that is in the room.
    pub lives: Both<Option<LifeId>>,
    /// How far each side has got.
    pub marks: Both<Marks>,
    /// Why it ended; of a request that was taken back, whether for want of money.
    pub reason: Option<EndReason>,
    /// Why it was declined.
    pub decline: Option<Decline>,
    /// The number of the last row.
    pub head: u64,
    /// The server's clock.
    pub now: Timestamp,
}

/// How good a side's line is, as its own page finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Nothing is missing.
    Good,
    /// Some is lost or late.
    Fair,
    /// Much is lost or late.
    Poor,
    /// Nothing comes.
    Lost,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromServer {
    /// How it stands: on connecting, and on every change.
    Room(RoomState),
    /// Rows of the room, in order, after those that the page has.
    Rows(Vec<Row>),
    /// A message of this page has become that row.
    Posted {
        /// The page's name for it.
        key: MessageKey,
        /// The number of its row.
        n: u64,
    },
    /// Something that this page did was refused.
    Refused {
        /// The message that it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<MessageKey>,
        /// Why.
        code: Code,
    },
    /// A proof of this page could not be noted, since the server cannot reach its database.
    Unkept {},
    /// A signal from the page of the other side.
    Signal {
        /// Its number; the page connects again with the last one.
        n: u64,
        /// From which life of that page.
        life: LifeId,
        /// What it says.
        body: String,
    },
    /// A signal of this page was taken.
    Got {
        /// The page's number for it.
        k: u64,
    },
    /// The other side is typing.
    Typing {},
    /// How the other side finds its line.
    Line(Quality),
    /// This side sits in the room with another page; connect with `take=1` to continue here.
    Elsewhere {},
    /// This browser's sign-in has ended: do not come back.
    SignedOut {},
    /// The server goes; come back.
    Bye {
        /// How long to wait before.
        retry_ms: u64,
    },
    /// Asks whether the page is there; the page answers with the same number.
    Beat {
        /// The number.
        n: u64,
    },
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPage {
    /// Posts a message. Sent again after a drop under the same key.
    Say {
        /// The page's name for it.
        key: MessageKey,
        /// What was written.
        text: String,
    },
    /// Proves that this side is there.
    Proof {
        /// Whether sound or picture of the other side has arrived since the last proof.
        media: bool,
    },
    /// How far this side has got.
    Marks {
        /// The last row that the page has.
        delivered: u64,
        /// The last row that was seen.
        read: u64,
    },
    /// A signal for the page of the other side. Sent again after a drop under the same number.
    Signal {
        /// The page's number for it: 1, 2, 3 and so on.
        k: u64,
        /// What it says.
        body: String,
    },
    /// Moves the consultation to another medium.
    Medium {
        /// Which.
        medium: Medium,
    },
    /// Waits for the other side some more.
    Wait {},
    /// Raises the cap.
    Raise {
        /// To what.
        cap: Cap,
    },
    /// Somebody types here.
    Typing {},
    /// How this page finds its line.
    Line(Quality),
    /// The page goes.
    Leave {},
    /// Answers a beat.
    Beat {
        /// The number.
        n: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::json::read;
    use uuid::Uuid;

    #[test]
    fn travels_as_documented() {
        let key = MessageKey(Uuid::nil());
        for (message, text) in [
            (
                FromPage::Say { key, text: "Hi\n\"you\"".into() },
                r#"{"say":{"key":"00000000-0000-0000-0000-000000000000","text":"Hi\n\"you\""}}"#,
            ),
            (FromPage::Proof { media: true }, r#"{"proof":{"media":true}}"#),
            (FromPage::Marks { delivered: 4, read: 3 }, r#"{"marks":{"delivered":4,"read":3}}"#),
            (FromPage::Signal { k: 1, body: "x".into() }, r#"{"signal":{"k":1,"body":"x"}}"#),
            (FromPage::Medium { medium: Medium::Voice }, r#"{"medium":{"medium":"voice"}}"#),
            (FromPage::Wait {}, r#"{"wait":{}}"#),
            (FromPage::Raise { cap: Cap::minutes(45).unwrap() }, r#"{"raise":{"cap":2700000}}"#),
            (FromPage::Typing {}, r#"{"typing":{}}"#),
            (FromPage::Line(Quality::Poor), r#"{"line":"poor"}"#),
            (FromPage::Leave {}, r#"{"leave":{}}"#),
            (FromPage::Beat { n: 7 }, r#"{"beat":{"n":7}}"#),
        ] {
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            assert_eq!(serde_json::from_str::<FromPage>(text).unwrap(), message);
        }
    }

    #[test]
    fn the_browser_reads_what_the_server_says() {
        let room = RoomState {
            stage: Stage::Live,
            until: None,
            asked: false,
            full: true,
            missing: Some(Missing::Consumer),
            medium: Medium::Video,
            cap: Cap::minutes(30).unwrap(),
            proved: Millis(5_000),
            counts_from: Some(Timestamp(4)),
            ends_by: Some(Timestamp(9)),
            here: Both { consumer: true, provider: false },
            lives: Both { consumer: Some(LifeId(Uuid::nil())), provider: None },
            marks: Both::default(),
            reason: Some(EndReason::Lost),
            decline: None,
            head: 3,
            now: Timestamp(5),
        };
        let row = Row { n: 1, at: Timestamp(1), is: domain::timeline::Event::Shown };
        for message in [
            FromServer::Room(room),
            FromServer::Rows(vec![row]),
            FromServer::Posted { key: MessageKey(Uuid::nil()), n: 2 },
            FromServer::Refused { key: None, code: Code::Over },
            FromServer::Signal { n: 1, life: LifeId(Uuid::nil()), body: "{\"a\":\"é\u{1f3ee}\"}".into() },
            FromServer::Got { k: 1 },
            FromServer::Typing {},
            FromServer::Line(Quality::Good),
            FromServer::Elsewhere {},
            FromServer::SignedOut {},
            FromServer::Bye { retry_ms: 3 },
            FromServer::Beat { n: 1 },
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(read::<FromServer>(&text), Some(message), "{text}");
        }
    }
}
