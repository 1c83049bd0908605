//! The tables of Noren as sea-orm entities, one file a table, free of any driver. Times are UTC milliseconds, keys are UUIDs,
//! enumerations are text that a CHECK constraint guards; `server::store::rows` turns rows into domain types.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![expect(clippy::disallowed_methods, reason = "sea-orm derives code that begins transactions; nobody calls it")]

pub mod account;
pub mod agreement;
pub mod attachment;
pub mod block;
pub mod consultation;
pub mod desk_event;
pub mod feed;
pub mod feed_head;
pub mod mark;
pub mod node;
pub mod offer;
pub mod presence;
pub mod presence_offer;
pub mod proof;
pub mod rejected_form;
pub mod reset_link;
pub mod room_row;
pub mod seat;
pub mod segment;
pub mod setting;
pub mod sign_in;
pub mod signal;
