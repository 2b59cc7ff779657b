//! What an account may know of itself on the relay: its devices and its login history.
//!
//! The same lines are what an admin sees of an account. An address never stands in them, only
//! what kind it was of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    error::ErrorCode,
    id::{DeviceId, Timestamp},
};

/// Asks for the devices of this account. Answered by the [`DeviceLine`]s, in the order of their
/// enrolment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskDevices {}

/// Asks for the login history of this account. Answered by the [`LoginLine`]s, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskLogins {}

/// Removes another device of this account: its connection is closed, and the mail that it had not
/// fetched goes back to its senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndDevice {
    /// Which; not the one that asks.
    pub device: DeviceId,
}

/// A device of an account, as the relay knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLine {
    /// Its number within the account.
    pub id: DeviceId,
    /// When it entered the account.
    pub enrolled_at: Timestamp,
    /// When it was last connected; none if it never was, as far as the relay knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Whether it is connected now.
    #[serde(default)]
    pub online: bool,
}

/// A login, or an attempt at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginLine {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub means: LoginMeans,
    /// From where, no closer than this.
    pub from: AddressClass,
    /// Which device, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// None: it succeeded. Else why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorCode>,
}

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMeans {
    /// A device by its signature.
    Device,
    /// A person by the password, who adds a device.
    Password,
}

impl fmt::Display for LoginMeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device",
            Self::Password => "password",
        })
    }
}

/// What kind of address a connection came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// The relay's own machine.
    Loopback,
    /// A network that is not routed on the internet: a home, an office, a VPN.
    Private,
    /// The internet, by IPv4.
    PublicIpv4,
    /// The internet, by IPv6.
    PublicIpv6,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Private => "private network",
            Self::PublicIpv4 => "internet (IPv4)",
            Self::PublicIpv6 => "internet (IPv6)",
        })
    }
}
