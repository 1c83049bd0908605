//! Live streams: the hub with its board, the feed of the choices, the desk socket.

pub mod board;
pub mod choices;
pub mod desk;
pub mod hub;
pub mod ring;
