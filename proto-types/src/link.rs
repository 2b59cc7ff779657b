//! Links that people paste or scan: to a relay, and to a person on a relay.
//!
//! `sotto://HOST:PORT/#FINGERPRINT` names a relay and the SHA-256 of its public key (64 hex
//! digits); without a fingerprint the relay is authenticated by WebPKI. `sotto://HOST:PORT/@NAME#IDENTITY`
//! names a person there and, where given, the identity key to expect.

use std::{fmt, net::Ipv6Addr, num::NonZeroU16, str::FromStr};

use crate::{IdentityKey, Username};

/// The port of a relay whose link names none.
pub const DEFAULT_PORT: u16 = 4433;

crate::id::byte_string!(
    /// SHA-256 of a relay's subject public key info (RFC 5280, DER).
    RelayFingerprint, 32
);

/// Where a relay is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayHost {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// UDP.
    pub port: u16,
}

/// A relay and how to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayLink {
    /// Where it is.
    pub at: RelayHost,
    /// Its pinned key; none where WebPKI vouches.
    pub fingerprint: Option<RelayFingerprint>,
}

/// A person on a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactLink {
    /// The relay.
    pub at: RelayHost,
    /// The person.
    pub username: Username,
    /// The identity key to expect.
    pub identity: Option<IdentityKey>,
}

/// Why a text is not a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Another scheme.
    #[error("a link starts with sotto://")]
    Scheme,
    /// No host, or a port that is not a number.
    #[error("the link names no host and port, as in sotto://relay.example:4433/")]
    Host,
    /// Not 64 hex digits.
    #[error("the part behind # is not 64 hex digits")]
    Fingerprint,
    /// A path that means nothing.
    #[error("the link has an unknown path")]
    Path,
    /// Not a username.
    #[error(transparent)]
    Username(#[from] crate::name::UsernameError),
}

struct Parts<'a> {
    at: RelayHost,
    path: &'a str,
    fragment: Option<[u8; 32]>,
}

fn split(text: &str) -> Result<Parts<'_>, LinkError> {
    let rest = text.trim().strip_prefix("sotto://").ok_or(LinkError::Scheme)?;
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) if !fragment.is_empty() => (rest, Some(parse_hex(fragment)?)),
        Some((rest, _)) => (rest, None),
        None => (rest, None),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(Parts { at: authority.parse()?, path, fragment })
}

fn parse_hex(text: &str) -> Result<[u8; 32], LinkError> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(LinkError::Fingerprint);
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| LinkError::Fingerprint)?;
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(LinkError::Fingerprint);
        }
        *byte = u8::from_str_radix(pair, 16).map_err(|_| LinkError::Fingerprint)?;
    }
    Ok(bytes)
}

impl FromStr for RelayHost {
    type Err = LinkError;

    fn from_str(authority: &str) -> Result<Self, LinkError> {
        let (host, rest) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or(LinkError::Host)?;
                host.parse::<Ipv6Addr>().map_err(|_| LinkError::Host)?;
                (host, rest)
            }
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let bad = |c: char| c.is_whitespace() || c.is_control() || "/@#?[]".contains(c);
        if host.is_empty() || host.contains(bad) {
            return Err(LinkError::Host);
        }
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse::<NonZeroU16>().map_err(|_| LinkError::Host)?.get(),
            None if rest.is_empty() => DEFAULT_PORT,
            None => return Err(LinkError::Host),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for RelayHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for RelayLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parts = split(text)?;
        if !parts.path.is_empty() {
            return Err(LinkError::Path);
        }
        Ok(Self { at: parts.at, fingerprint: parts.fragment.map(RelayFingerprint) })
    }
}

impl fmt::Display for RelayLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sotto://{}/", self.at)?;
        self.fingerprint.iter().try_for_each(|fingerprint| write!(f, "#{fingerprint}"))
    }
}

impl FromStr for ContactLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parts = split(text)?;
        let username = parts.path.strip_prefix('@').ok_or(LinkError::Path)?.parse()?;
        Ok(Self { at: parts.at, username, identity: parts.fragment.map(IdentityKey) })
    }
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sotto://{}/@{}", self.at, self.username)?;
        self.identity.iter().try_for_each(|identity| write!(f, "#{identity}"))
    }
}
