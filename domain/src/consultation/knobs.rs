//! How long everything lasts.

use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// The times of design sections 4 and 6. All are configuration keys, all longer than nothing; these are the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// How long a request rings.
    pub ring: Millis,
    /// A ring whose end is noticed so much later was not served, so it is no miss.
    pub ring_late: Millis,
    /// How long the ring of a provider who missed two in a row is out of reach.
    pub cool_down: Millis,
    /// How long both have to prove that they are there, after the accept.
    pub connect: Millis,
    /// How often a page proves that its side is there.
    pub prove: Millis,
    /// How far apart proofs of one side are joined.
    pub join: Millis,
    /// How long an interruption lasts until both are asked.
    pub interrupted: Millis,
    /// How long both have to answer.
    pub answer: Millis,
    /// How much longer an interruption lasts when a side wants to wait.
    pub wait: Millis,
    /// How long the consumer can still raise the cap once it is used up. Nothing is billed meanwhile.
    pub extend: Millis,
    /// How long a consultation can last, from the accept.
    pub limit: Millis,
    /// How long before the limit both are warned.
    pub warn_limit: Millis,
    /// How long before the cap both are warned.
    pub warn_cap: Millis,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            ring: Millis::seconds(45),
            ring_late: Millis::seconds(10),
            cool_down: Millis::minutes(15),
            connect: Millis::seconds(60),
            prove: Millis::seconds(5),
            join: Millis::seconds(15),
            interrupted: Millis::seconds(60),
            answer: Millis::seconds(60),
            wait: Millis::seconds(120),
            extend: Millis::seconds(30),
            limit: Millis::minutes(180),
            warn_limit: Millis::minutes(10),
            warn_cap: Millis::minutes(5),
        }
    }
}
