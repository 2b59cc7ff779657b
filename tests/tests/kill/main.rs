//! SIGKILL at random moments, again and again: what was acknowledged is delivered, nothing is shown
//! twice, no one-time prekey is handed out twice. `SOTTO_KILL_ROUNDS` asks for more rounds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod client;
mod client_room;
mod doomed;
mod relay;
mod room;

/// Rounds where nobody asks for more.
const ROUNDS: usize = 50;
