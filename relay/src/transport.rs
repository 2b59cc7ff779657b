//! The bounds of QUIC: what one connection may have open, in flight and in the relay's memory.
//!
//! A connection holds at most [`CONNECTION_MEMORY`] bytes of the relay's memory in buffers:
//! what it sent and was not read yet, what it was sent and has not acknowledged, a half-sent
//! request on each stream, and one batch on its way up and one on its way down.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use quinn::{
    EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt,
    crypto::rustls::QuicServerConfig,
};
use quinn_proto::HashedConnectionIdGenerator;
use sotto_proto::limits::{BATCH_MAX, FRAME_MAX};

use crate::config::Config;

/// Bytes that a connection may send ahead of being read, over all its streams.
const RECEIVE_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes that one stream may send ahead of being read.
const STREAM_RECEIVE_WINDOW: u32 = 2 * 1024 * 1024;
/// Bytes that the relay sends ahead of their acknowledgement.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;
/// Streams that a client may have open at once.
const STREAMS: u32 = 32;
/// Handshakes that wait for the accept loop.
const INCOMING: usize = 1024;
/// Bytes of early packets that one waiting handshake may hold, and all of them together.
const INCOMING_BYTES: u64 = 64 * 1024;
const INCOMING_BYTES_TOTAL: u64 = 16 * 1024 * 1024;

/// The most bytes of buffers that one connection pins: 19 MiB.
pub const CONNECTION_MEMORY: u64 =
    RECEIVE_WINDOW as u64 + SEND_WINDOW + STREAMS as u64 * FRAME_MAX as u64 + 3 * BATCH_MAX as u64;

/// The least time between two stateless resets.
const RESET_INTERVAL: Duration = Duration::from_millis(1);

/// What lets a relay that was started again tell the clients of its former life that their
/// connections are gone (stateless reset, RFC 9000 section 10.3), so that they come back at once
/// and not after their idle timeout.
pub(crate) struct ResetSecret([u8; Self::LEN]);

impl ResetSecret {
    /// The length in bytes.
    pub(crate) const LEN: usize = 40;

    /// The endpoint's configuration: connection ids and reset tokens that it knows again.
    pub(crate) fn endpoint_config(&self) -> EndpointConfig {
        let (token_key, id_key) = self.0.split_at(Self::LEN - size_of::<u64>());
        let id_key = id_key.iter().fold(0, |key, byte| key << 8 | u64::from(*byte));
        let mut config =
            EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, token_key)));
        config
            .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)))
            .min_reset_interval(RESET_INTERVAL);
        config
    }
}

impl TryFrom<Vec<u8>> for ResetSecret {
    type Error = Vec<u8>;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Vec<u8>> {
        Ok(Self(bytes.try_into()?))
    }
}

/// The configuration of the serving side.
pub(crate) fn server_config(config: &Config, crypto: QuicServerConfig) -> ServerConfig {
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server
        .transport_config(Arc::new(transport(config)))
        .max_incoming(INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL)
        .migration(true);
    server
}

fn transport(config: &Config) -> TransportConfig {
    let idle = u32::try_from(config.timeouts.idle().as_millis()).unwrap_or(u32::MAX);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_RECEIVE_WINDOW))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle))))
        .keep_alive_interval(Some(Duration::from_millis(u64::from(idle) / 3)));
    transport
}
