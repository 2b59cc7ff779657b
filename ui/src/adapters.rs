//! From the engine's values to what the Slint files show, and back: pure, without a window.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod ids;
pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod mention;
pub(crate) mod model;
pub(crate) mod problem;
