//! This account and this device: what the engine is and signs with.

use std::collections::HashMap;

use serde::Serialize;
use sotto_keys::{DeviceKeys, Identity, OwnDevice, PrekeySecrets};
use sotto_proto::{
    AccountId, DeviceAddress, DeviceCertificate, DeviceId, DisplayName, IdentityKey, Timestamp,
    Username, link::RelayLink,
};
use zeroize::Zeroizing;

use super::rooms::Groups;
use crate::vault::{OwnAccount, Tx, VaultError, View};

/// The bytes of a device's secret keys, before its certificate in the vault.
const DEVICE_SECRET_LEN: usize = 64;
/// How often sessions with one device may be started anew, in milliseconds.
const RENEWAL_INTERVAL_MS: u64 = 60 * 60 * 1000;

/// The account that a profile is of, as a face shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Me {
    /// What the relay calls it.
    #[serde(serialize_with = "display")]
    pub account: AccountId,
    /// This device.
    pub device: DeviceId,
    /// The unique name.
    pub username: Username,
    /// How the owner is shown.
    pub display_name: DisplayName,
    /// The identity key that others pin.
    #[serde(serialize_with = "display")]
    pub identity: IdentityKey,
    /// The relay.
    #[serde(serialize_with = "display")]
    pub relay: RelayLink,
}

fn display<S: serde::Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The account with its secrets.
pub(super) struct Own {
    pub(super) account: AccountId,
    pub(super) username: Username,
    pub(super) display_name: DisplayName,
    pub(super) identity: Identity,
    pub(super) keys: DeviceKeys,
    pub(super) certificate: DeviceCertificate,
    pub(super) prekeys: PrekeySecrets,
    /// When sessions were last started anew because something could not be opened.
    renewed: HashMap<DeviceAddress, Timestamp>,
    /// The groups of the rooms, as far as they were loaded.
    pub(super) groups: Groups,
}

impl Own {
    /// The account in a vault; none if there is none yet.
    pub(super) fn load(view: &View) -> Result<Option<Self>, VaultError> {
        let (Some(own), Some(prekeys)) = (view.own_account()?, view.prekeys()?) else {
            return Ok(None);
        };
        let identity: &[u8; 32] =
            own.identity.as_slice().try_into().map_err(|_| VaultError::Damaged("identity"))?;
        let (keys, certificate) = split_device(&own.device_keys)?;
        Ok(Some(Self {
            account: own.account,
            username: own.username,
            display_name: own.display_name,
            identity: Identity::from_secret_bytes(identity),
            keys,
            certificate,
            prekeys: PrekeySecrets::from_bytes(&prekeys)
                .map_err(|_| VaultError::Damaged("prekeys"))?,
            renewed: HashMap::new(),
            groups: Groups::default(),
        }))
    }

    /// An account that has just got this device.
    pub(super) fn new(
        (account, username, display_name): (AccountId, Username, DisplayName),
        identity: Identity,
        (keys, certificate): (DeviceKeys, DeviceCertificate),
        prekeys: PrekeySecrets,
    ) -> Self {
        Self {
            account,
            username,
            display_name,
            identity,
            keys,
            certificate,
            prekeys,
            renewed: HashMap::new(),
            groups: Groups::default(),
        }
    }

    /// Puts the account into a vault.
    pub(super) fn store(&self, tx: &Tx<'_>) -> Result<(), VaultError> {
        tx.set_own_account(&OwnAccount {
            account: self.account,
            device: self.certificate.device,
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            identity: Zeroizing::new(self.identity.to_secret_bytes().to_vec()),
            device_keys: join_device(&self.keys, &self.certificate)?,
        })?;
        tx.set_prekeys(&self.prekeys.to_bytes())
    }

    /// Whether sessions with a device may be started anew: rarely, so that nobody can make this
    /// device use up another's prekeys.
    pub(super) fn may_renew(&mut self, with: DeviceAddress, now: Timestamp) -> bool {
        let last = self.renewed.get(&with);
        let may = last.is_none_or(|last| now.since(*last) >= RENEWAL_INTERVAL_MS);
        if may {
            self.renewed.insert(with, now);
        }
        may
    }

    /// What a session needs of this device.
    pub(super) fn device(&self) -> OwnDevice<'_> {
        OwnDevice {
            identity: self.identity.public(),
            certificate: &self.certificate,
            keys: &self.keys,
        }
    }

    /// The same and the prekeys apart, for opening.
    pub(super) fn device_and_prekeys(&mut self) -> (OwnDevice<'_>, &mut PrekeySecrets) {
        let device = OwnDevice {
            identity: self.identity.public(),
            certificate: &self.certificate,
            keys: &self.keys,
        };
        (device, &mut self.prekeys)
    }

    pub(super) const fn address(&self) -> DeviceAddress {
        DeviceAddress { account: self.account, device: self.certificate.device }
    }

    pub(super) fn me(&self, relay: RelayLink) -> Me {
        Me {
            account: self.account,
            device: self.certificate.device,
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            identity: self.identity.public(),
            relay,
        }
    }
}

fn join_device(
    keys: &DeviceKeys,
    certificate: &DeviceCertificate,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    // Room for all of it at once, so that growing leaves no copy of the secret behind.
    let mut joined = Zeroizing::new(Vec::with_capacity(1024));
    joined.extend_from_slice(&*keys.to_secret_bytes());
    ciborium::into_writer(certificate, &mut *joined)
        .map_err(|_| VaultError::Unstorable("certificate"))?;
    Ok(joined)
}

fn split_device(joined: &[u8]) -> Result<(DeviceKeys, DeviceCertificate), VaultError> {
    let (secret, certificate) = joined
        .split_first_chunk::<DEVICE_SECRET_LEN>()
        .ok_or(VaultError::Damaged("device keys"))?;
    let certificate =
        ciborium::from_reader(certificate).map_err(|_| VaultError::Damaged("certificate"))?;
    Ok((DeviceKeys::from_secret_bytes(secret), certificate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_stored_with_its_certificate() {
        let identity = Identity::from_secret_bytes(&[1; 32]);
        let keys = DeviceKeys::from_secret_bytes(&[2; 64]);
        let certificate = identity.certify(DeviceId::new(3).unwrap(), &keys, Timestamp(4));
        let joined = join_device(&keys, &certificate).unwrap();
        let (restored, same) = split_device(&joined).unwrap();
        assert_eq!(restored.signing_key(), keys.signing_key());
        assert_eq!(same, certificate);
        assert!(split_device(&joined[..63]).is_err());
        assert!(split_device(&joined[..70]).is_err());
    }
}
