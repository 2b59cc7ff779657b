//! The way to the relay: one QUIC connection, authenticated by the relay's link, and the frames on
//! its streams.
//!
//! Nothing here decides what to send, keeps anything, or tries again: who calls sees every error.

mod dial;
mod error;
mod frame;
mod link;
mod tls;

pub(crate) use error::AskError;
pub use error::TransportError;
pub(crate) use frame::{FrameReader, FrameWriter};
pub(crate) use link::{Link, expect};
