//! The two sides of a consultation.

use crate::reject::codes;
use serde::{Deserialize, Serialize};

codes! {
    /// One side of a consultation (design section 1).
    Side {
        /// Who asked.
        Consumer = "consumer",
        /// Who gives.
        Provider = "provider",
    }
}

impl Side {
    /// The other side.
    pub const fn other(self) -> Self {
        match self {
            Side::Consumer => Side::Provider,
            Side::Provider => Side::Consumer,
        }
    }
}

/// One thing of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Both<T> {
    /// The consumer's.
    pub consumer: T,
    /// The provider's.
    pub provider: T,
}

impl<T> Both<T> {
    /// That of one side.
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Consumer => &self.consumer,
            Side::Provider => &self.provider,
        }
    }

    /// That of one side, to change it.
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Consumer => &mut self.consumer,
            Side::Provider => &mut self.provider,
        }
    }
}
