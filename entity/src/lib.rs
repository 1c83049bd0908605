//! The tables of Noren as sea-orm entities, one file a table, free of any driver. Times are UTC milliseconds, keys are UUIDs,
//! enumerations are text that a CHECK constraint guards; `server::store::rows` turns rows into domain types.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![expect(clippy::disallowed_methods, reason = "sea-orm derives code that begins transactions; nobody calls it")]

pub mod account;
pub mod agreement;
pub mod attachment;
pub mod balance;
pub mod block;
pub mod clearing;
pub mod complaint;
pub mod consultation;
pub mod counter;
pub mod desk_event;
pub mod entry;
pub mod feed;
pub mod feed_head;
pub mod gateway_event;
pub mod head;
pub mod hold;
pub mod hold_end;
pub mod holding;
pub mod line;
pub mod mark;
pub mod node;
pub mod offer;
pub mod once;
pub mod operation;
pub mod presence;
pub mod presence_offer;
pub mod proof;
pub mod receipt;
pub mod rejected_form;
pub mod reset_link;
pub mod room_row;
pub mod seal;
pub mod seat;
pub mod segment;
pub mod setting;
pub mod sign_in;
pub mod signal;
pub mod unsealed;
