//! Questions to the directory of public keys.
//!
//! What the directory says is a claim; the client checks certificates and pins identities.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, DeviceId},
    key::{DeviceCertificate, IdentityKey, PrekeyUpload},
    name::{DisplayName, Username},
};

/// Asks for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUp {
    /// By name.
    Username(Username),
    /// By account.
    Account(AccountId),
}

/// What the directory holds of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What the relay calls it.
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person is shown.
    pub display_name: DisplayName,
    /// The identity key.
    pub identity: IdentityKey,
    /// Its devices.
    pub devices: Vec<DeviceCertificate>,
}

/// Asks for a page of usernames in alphabetical order. A relay may turn this off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUsers {
    /// What the names start with; empty for all.
    #[serde(default)]
    pub prefix: String,
    /// Only names behind this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Username>,
    /// How many at most, up to [`crate::limits::USERS_PAGE_MAX`].
    pub limit: u16,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedUser {
    /// The unique name.
    pub username: Username,
    /// How the person is shown.
    pub display_name: DisplayName,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// In alphabetical order of the usernames.
    pub users: Vec<ListedUser>,
    /// Whether names follow behind the last.
    pub more: bool,
}

/// Asks for a bundle of each of an account's devices. One-time prekeys are handed out once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimBundles {
    /// Whose.
    pub account: AccountId,
    /// Of which devices; empty for all.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
}

/// Leaves prekeys of this connection's device with the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPrekeys {
    /// What to replace and to add.
    pub prekeys: PrekeyUpload,
}

/// Asks how many prekeys of this connection's device are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountPrekeys {}

/// How many one-time prekeys are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyCount {
    /// X25519.
    pub one_time: u32,
    /// ML-KEM.
    pub one_time_kem: u32,
}

/// Changes how this account's person is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetProfile {
    /// The new name.
    pub display_name: DisplayName,
}
