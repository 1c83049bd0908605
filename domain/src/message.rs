//! Chat messages of a room, and how far each side has got in its rows (issue "The consultation", part Room).

use crate::{
    id::MessageKey,
    reject::{Code, codes},
    side::Side,
    text::MessageText,
};
use serde::{Deserialize, Serialize};

/// A chat message. Its place in the room is the number of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who wrote it.
    pub by: Side,
    /// The name that the sender's page gave it, kept while it is sent again after a drop.
    pub key: MessageKey,
    /// What was written.
    pub text: MessageText,
}

impl Message {
    /// Judges a message whose sender has used the key before: the same message is acknowledged with the number that it has, and not posted again.
    /// Errors: `KeyReused`.
    pub fn repeats(&self, known: &Message) -> Result<(), Code> {
        if self == known { Ok(()) } else { Err(Code::KeyReused) }
    }
}

codes! {
    /// How far a message has come.
    Mark {
        /// The room has it.
        Sent = "sent",
        /// A page of the other side has it.
        Delivered = "delivered",
        /// The other side has seen it.
        Read = "read",
    }
}

/// How far one side has got: the numbers of the last rows that its pages have, and that it has seen. `read` is never beyond `delivered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    delivered: u64,
    read: u64,
}

impl Marks {
    /// The marks moved to what a page reports: never back, never beyond the last row of the room (`head`), and what was read was delivered.
    #[must_use]
    pub fn moved(self, delivered: u64, read: u64, head: u64) -> Self {
        let read = self.read.max(read.min(head));
        Marks { delivered: self.delivered.max(delivered.min(head)).max(read), read }
    }

    /// The last row that its pages have.
    pub const fn delivered(self) -> u64 {
        self.delivered
    }

    /// The last row that it has seen.
    pub const fn read(self) -> u64 {
        self.read
    }

    /// How far a row of the other side has come, by these marks of the reader.
    pub const fn mark(self, n: u64) -> Mark {
        if n <= self.read {
            Mark::Read
        } else if n <= self.delivered {
            Mark::Delivered
        } else {
            Mark::Sent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn the_same_key_is_the_same_message() {
        let message = Message { by: Side::Consumer, key: MessageKey(Uuid::nil()), text: MessageText::parse("Hello").unwrap() };
        assert_eq!(message.repeats(&message), Ok(()));
        let other = Message { text: MessageText::parse("Hallo").unwrap(), ..message.clone() };
        assert_eq!(other.repeats(&message), Err(Code::KeyReused));
    }

    #[test]
    fn a_row_is_sent_then_delivered_then_read() {
        let marks = Marks::default().moved(2, 1, 3);
        assert_eq!([1, 2, 3].map(|n| marks.mark(n)), [Mark::Read, Mark::Delivered, Mark::Sent]);
    }

    proptest! {
        #[test]
        fn marks_only_move_forward_and_come_in_any_order(reports in prop::collection::vec((0u64..20, 0u64..20), 0..8), head in 0u64..15) {
            let all = |reports: &[(u64, u64)]| reports.iter().fold(Marks::default(), |marks, (d, r)| marks.moved(*d, *r, head));
            let marks = all(&reports);
            prop_assert!(marks.read <= marks.delivered && marks.delivered <= head);
            for (delivered, read) in &reports {
                prop_assert_eq!(marks.moved(*delivered, *read, head), marks, "a report that comes again changes nothing");
            }
            let mut turned = reports;
            turned.reverse();
            prop_assert_eq!(all(&turned), marks);
        }
    }
}
