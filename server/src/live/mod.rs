//! Live streams: the hub with its board, the feed of the choices, the sockets of desks and rooms.

pub mod board;
pub mod choices;
pub mod desk;
pub mod hub;
pub mod reactor;
pub mod ring;
pub mod room;
pub mod socket;
pub mod views;
