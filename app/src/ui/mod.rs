//! The pieces every screen is made of. Nothing in here knows a feature.

pub mod bell;
pub mod face;
pub mod field;
pub mod form;
pub mod js;
pub mod json;
pub mod list;
pub mod local;
pub mod page;
pub mod post;
pub mod problem;
pub mod said;
pub mod socket;
pub mod text;
pub mod time;
pub mod update;
pub mod view;
pub mod wake;
