//! The relay of Sotto: keeps accounts, a directory of public keys and offline mailboxes, and
//! carries envelopes between devices over QUIC.
//!
//! It never sees a password, a private key or the text of a message. [`Relay::spawn`] starts it;
//! everything that it remembers goes through the [`store::Store`].

mod account;
mod admin;
mod blobs;
pub mod config;
mod connection;
pub mod control;
mod directory;
mod housekeeping;
pub mod http;
pub mod limits;
mod login;
mod mailbox;
pub mod metrics;
mod online;
mod presence;
mod registration;
mod rooms;
mod server;
pub mod store;
mod stream;
pub mod tls;
pub mod transport;

pub use server::{Relay, SpawnError, SwitchError};
