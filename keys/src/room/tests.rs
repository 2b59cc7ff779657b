//! Rooms of several devices, with an in-memory storage each, and the relay's roster beside them.

mod entry;
mod forge;
mod hostile;
mod model;
mod rules;
mod storage;
mod talk;
pub(super) mod world;
