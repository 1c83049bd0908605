//! What a room's feed holds: numbered rows, from the request to the end (design section 6, "a room is a small feed of its own").

use crate::{
    conditions::Cap,
    consultation::{Bound, Decline, EndReason},
    media::Medium,
    message::Message,
    proof::Missing,
    side::Side,
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};

/// One row of a room's feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number: 1, 2, 3 and so on, given under the consultation's row lock.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub is: Event,
}

/// What happens in a consultation, as both sides see it. On the wire `"shown"`, or `{"reached":{"devices":2}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The request was sent; it rings until then at the latest.
    Requested {
        /// When the ring times out.
        until: Timestamp,
    },
    /// So many devices of the provider have confirmed that they ring.
    Reached {
        /// How many.
        devices: usize,
    },
    /// A device shows the request.
    Shown,
    /// The provider accepted: the agreement is concluded.
    Accepted {
        /// Until when both must have proved that they are there.
        until: Timestamp,
    },
    /// The provider declined.
    Declined {
        /// Why.
        reason: Decline,
    },
    /// It rang, and nobody answered.
    Missed,
    /// It rang nowhere.
    Unreachable,
    /// The consumer took the request back.
    Cancelled,
    /// The consumer's money went while it rang, so nothing could be accepted.
    Unfunded,
    /// A side came into the room.
    Joined {
        /// Which.
        by: Side,
    },
    /// A side's last page left the room.
    Left {
        /// Which.
        by: Side,
    },
    /// Both proved that they are there: the meter runs.
    Began,
    /// A message.
    Message(Message),
    /// A side moved the consultation to another medium.
    Medium {
        /// Which side.
        by: Side,
        /// To which.
        medium: Medium,
    },
    /// The consumer raised the cap.
    Raised {
        /// To what.
        cap: Cap,
    },
    /// The end is near.
    Warned {
        /// Which bound it is.
        of: Bound,
        /// When it is reached if both go on.
        ends_at: Timestamp,
    },
    /// The cap is used up: nothing is billed, and both pages stop sending.
    Full {
        /// When it ends unless the cap is raised.
        until: Timestamp,
    },
    /// A side does not prove to be there: nothing is billed, and both pages stop sending.
    Interrupted {
        /// Which.
        missing: Missing,
        /// Until when it may come back before both are asked.
        until: Timestamp,
    },
    /// Both are asked: wait, chat on, or end.
    Asked {
        /// When the silence of both ends it.
        until: Timestamp,
    },
    /// A side wants to wait.
    Waiting {
        /// Which.
        by: Side,
        /// Until when, before both are asked again.
        until: Timestamp,
    },
    /// Both prove again: the meter runs on.
    Resumed,
    /// Both sides never came together; free.
    Failed,
    /// It is over.
    Ended {
        /// Why.
        reason: EndReason,
        /// For how long both were there.
        proved: Millis,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::MessageKey, text::MessageText};
    use uuid::Uuid;

    #[test]
    fn rows_travel_as_documented() {
        let (until, by) = (Timestamp(9), Side::Provider);
        let message = Message { by, key: MessageKey(Uuid::nil()), text: MessageText::parse("Hi\n\"there\"").unwrap() };
        for (is, json) in [
            (Event::Requested { until }, r#"{"requested":{"until":9}}"#),
            (Event::Reached { devices: 2 }, r#"{"reached":{"devices":2}}"#),
            (Event::Shown, r#""shown""#),
            (Event::Accepted { until }, r#"{"accepted":{"until":9}}"#),
            (Event::Declined { reason: Decline::InFiveMinutes }, r#"{"declined":{"reason":"in_five_minutes"}}"#),
            (Event::Missed, r#""missed""#),
            (Event::Unreachable, r#""unreachable""#),
            (Event::Cancelled, r#""cancelled""#),
            (Event::Unfunded, r#""unfunded""#),
            (Event::Joined { by }, r#"{"joined":{"by":"provider"}}"#),
            (Event::Left { by }, r#"{"left":{"by":"provider"}}"#),
            (Event::Began, r#""began""#),
            (
                Event::Message(message),
                r#"{"message":{"by":"provider","key":"00000000-0000-0000-0000-000000000000","text":"Hi\n\"there\""}}"#,
            ),
            (Event::Medium { by, medium: Medium::Voice }, r#"{"medium":{"by":"provider","medium":"voice"}}"#),
            (Event::Raised { cap: Cap::minutes(1).unwrap() }, r#"{"raised":{"cap":60000}}"#),
            (Event::Warned { of: Bound::TimeLimit, ends_at: until }, r#"{"warned":{"of":"time_limit","ends_at":9}}"#),
            (Event::Full { until }, r#"{"full":{"until":9}}"#),
            (Event::Interrupted { missing: Missing::Both, until }, r#"{"interrupted":{"missing":"both","until":9}}"#),
            (Event::Asked { until }, r#"{"asked":{"until":9}}"#),
            (Event::Waiting { by, until }, r#"{"waiting":{"by":"provider","until":9}}"#),
            (Event::Resumed, r#""resumed""#),
            (Event::Failed, r#""failed""#),
            (Event::Ended { reason: EndReason::Lost, proved: Millis(7) }, r#"{"ended":{"reason":"lost","proved":7}}"#),
        ] {
            let row = Row { n: 1, at: Timestamp(5), is };
            let text = serde_json::to_string(&row).unwrap();
            assert_eq!(text, format!(r#"{{"n":1,"at":5,"is":{json}}}"#));
            assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
        }
    }
}
