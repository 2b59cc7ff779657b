//! Rooms of several devices, with an in-memory storage each, and the relay's roster beside them.

mod talk;
mod world;
