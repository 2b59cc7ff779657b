//! Registration, login by password (OPAQUE, RFC 9807) and login of a device.
//!
//! The password itself never travels: `opaque` fields hold the serialised OPAQUE messages.

use serde::{Deserialize, Serialize};

use crate::{
    codec::Frame,
    id::{AccountId, DeviceId, Timestamp},
    key::{DeviceCertificate, IdentityKey, PrekeyUpload, Signature},
    limits::FRAME_MAX,
    name::{DisplayName, Username},
};

/// Asks what relay this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskInfo {}

/// What a relay says of itself to anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayInfo {
    /// The name that its operator gave it.
    pub name: String,
    /// The version of its software.
    pub version: String,
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// Whether the directory may be listed.
    pub listing: bool,
}

/// Who may register on a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationPolicy {
    /// Anyone.
    Open,
    /// Who has an invitation code.
    Invitation,
    /// Nobody.
    Closed,
}

/// Starts a registration. The relay answers [`RegistrationChallenge`], the client sends
/// [`RegistrationFinish`], the relay answers [`Registered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The name wanted, as typed: checked by the relay, so that a bad one gets a typed error.
    pub username: String,
    /// Needed where the relay asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// OPAQUE `RegistrationRequest`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
}

/// The relay's part of the registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationChallenge {
    /// OPAQUE `RegistrationResponse`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
}

/// The account with its first device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationFinish {
    /// OPAQUE `RegistrationRecord`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
    /// How the person wants to be shown.
    pub display_name: DisplayName,
    /// The account and its first device.
    pub enrolment: Enrolment,
}

impl Frame for RegistrationFinish {
    const LIMIT: usize = FRAME_MAX;
}

/// A device enters an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The account's identity key. Another one than the directory holds is an identity change,
    /// which every contact is told of.
    pub identity: IdentityKey,
    /// The new device, certified by `identity`.
    pub certificate: DeviceCertificate,
    /// Its first prekeys; a signed prekey and one of last resort are needed.
    pub prekeys: PrekeyUpload,
    /// The key backup, sealed under OPAQUE's export key; none keeps the stored one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    pub backup: Option<Vec<u8>>,
    /// Whether all other devices leave the account, with their mailboxes.
    #[serde(default)]
    pub replace_devices: bool,
}

impl Frame for Enrolment {
    const LIMIT: usize = FRAME_MAX;
}

/// The account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// What the relay calls it from now on.
    pub account: AccountId,
}

/// Starts a login by password. The relay answers [`LoginChallenge`], the client sends
/// [`PasswordFinish`], the relay answers [`PasswordAccepted`], the client sends an [`Enrolment`]
/// for its new device, the relay answers [`Enrolled`]. An unknown username is answered like a
/// known one, up to the refusal of [`PasswordFinish`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInByPassword {
    /// As typed.
    pub username: String,
    /// OPAQUE `KE1`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
}

/// The relay's part of a login by password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginChallenge {
    /// OPAQUE `KE2`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
}

/// The client's proof that it knows the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordFinish {
    /// OPAQUE `KE3`.
    #[serde(with = "serde_bytes")]
    pub opaque: Vec<u8>,
}

impl Frame for PasswordFinish {
    const LIMIT: usize = FRAME_MAX;
}

/// What the account's owner needs to certify a new device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordAccepted {
    /// The account.
    pub account: AccountId,
    /// How the person is shown.
    pub display_name: DisplayName,
    /// The identity key in the directory.
    pub identity: IdentityKey,
    /// The devices in the account.
    pub devices: Vec<DeviceCertificate>,
    /// The sealed key backup.
    #[serde(with = "serde_bytes")]
    pub backup: Vec<u8>,
}

/// The new device is in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {}

/// This connection is this device: a signature over this connection's TLS exporter value and the
/// relay's public-key hash (see PROTOCOL.md), so that it can be replayed nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIn {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// By the device's signing key.
    pub signature: Signature,
}

/// The connection is logged in; an older connection of the same device is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The account's username.
    pub username: Username,
    /// The relay's clock.
    pub now: Timestamp,
    /// What is left of the device's one-time prekeys.
    pub prekeys: crate::directory::PrekeyCount,
    /// After how many milliseconds in a mailbox an envelope expires.
    pub envelope_lifetime_ms: u64,
    /// Whether the account's owner may administer the relay.
    #[serde(default)]
    pub admin: bool,
}
