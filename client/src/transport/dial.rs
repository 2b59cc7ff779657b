//! Reaching a relay: addresses, a UDP socket, the handshake.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quinn::{
    ClientConfig, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime,
    TransportConfig, VarInt,
};
use sotto_proto::link::RelayLink;

use super::{TransportError, tls::RelayVerifier};

/// How long one address has to answer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a silent connection is believed in, in milliseconds.
const IDLE_TIMEOUT_MS: u32 = 30_000;
/// How often a silent connection is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Received and unread bytes on one stream: somewhat more than the largest frame.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// Received and unread bytes on all streams.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// Written and unacknowledged bytes on all streams.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;

/// A connection to the relay that `link` names, proven to be that relay.
pub(super) async fn dial(
    link: &RelayLink,
) -> Result<(Endpoint, quinn::Connection), TransportError> {
    let host = (link.at.host.as_str(), link.at.port);
    let addresses = tokio::net::lookup_host(host).await.map_err(TransportError::Resolve)?;
    let mut failure = TransportError::Unreachable;
    for address in addresses {
        match dial_address(link, address).await {
            Ok(connected) => return Ok(connected),
            // Whoever has a wrong key at one address is not outvoted by silence at another.
            Err(error) if error.is_final() => return Err(error),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_address(
    link: &RelayLink,
    address: SocketAddr,
) -> Result<(Endpoint, quinn::Connection), TransportError> {
    let verifier = RelayVerifier::new(link.fingerprint)?;
    let mut config = ClientConfig::new(Arc::new(verifier.config()?));
    config.transport_config(Arc::new(transport_config()));
    let endpoint = endpoint(address)?;
    let connecting = endpoint
        .connect_with(config, address, &link.at.host)
        .map_err(|_| TransportError::Unreachable)?;
    let connected = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting).await;
    match connected {
        Ok(Ok(connection)) => Ok((endpoint, connection)),
        Ok(Err(error)) => Err(verifier.refusal().unwrap_or_else(|| match error {
            ConnectionError::TimedOut => TransportError::Unreachable,
            error => error.into(),
        })),
        Err(_) => Err(TransportError::Unreachable),
    }
}

fn endpoint(towards: SocketAddr) -> Result<Endpoint, TransportError> {
    let socket = socket(towards.is_ipv6())?;
    Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
        .map_err(TransportError::Bind)
}

/// A socket on a port of the system's choice.
pub(super) fn socket(ipv6: bool) -> Result<UdpSocket, TransportError> {
    let any: SocketAddr =
        if ipv6 { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() };
    UdpSocket::bind(any).map_err(TransportError::Bind)
}

fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        // The relay opens no streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None);
    config
}
