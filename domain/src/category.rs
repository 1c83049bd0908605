//! What an offer is about.

use crate::reject::{Code, codes};
use serde::{Deserialize, Serialize};

codes! {
    /// The category of an offer; texts are those of the address and the wire.
    Category {
        /// Learning and practising a language.
        Languages = "languages",
        /// Interpreting between languages.
        Interpreting = "interpreting",
        /// School and university subjects.
        Tutoring = "tutoring",
        /// Work and applications.
        Careers = "careers",
        /// Running a business.
        Business = "business",
        /// Law.
        Legal = "legal",
        /// Body and mind.
        Health = "health",
        /// Fortune telling.
        Fortune = "fortune",
        /// Computers and software.
        Technology = "technology",
        /// Mending things.
        Repair = "repair",
        /// Music, drawing, writing.
        Arts = "arts",
        /// Anything else.
        Other = "other",
    }
}

impl Category {
    /// The category of that name. Errors: `Required`, `BadCategory`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        match raw.trim() {
            "" => Err(Code::Required),
            text => Category::ALL.iter().copied().find(|c| c.as_str() == text).ok_or(Code::BadCategory),
        }
    }

    /// The name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Category::Languages => "Languages",
            Category::Interpreting => "Interpreting",
            Category::Tutoring => "Tutoring",
            Category::Careers => "Careers",
            Category::Business => "Business",
            Category::Legal => "Legal",
            Category::Health => "Health",
            Category::Fortune => "Fortune telling",
            Category::Technology => "Technology",
            Category::Repair => "Repair",
            Category::Arts => "Arts",
            Category::Other => "Something else",
        }
    }
}
