//! People, their command lines and engines, and a real relay between them, on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod admin;
mod attachments;
mod away;
mod block;
mod command_line;
mod console;
mod crowded;
mod directory;
mod expiry;
mod hostile;
mod identity;
mod limits;
mod mailbox_full;
mod moving;
mod operator;
mod restore;
mod room_commands;
mod rooms;
mod secrecy;
mod sign_in;
mod talk;
