//! The devices of the own account, as the directory hands them out to others.

use serde::Serialize;
use sotto_proto::{DeviceCertificate, DeviceId, DeviceKey, IdentityKey, directory::User};

use super::{
    Engine,
    error::EngineError,
    refresh::{certified, look_up},
};

/// A device of the own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnDevice {
    /// Its number within the account.
    pub id: DeviceId,
    /// Whether it is the one that this engine runs on.
    pub is_this: bool,
    /// The key that it logs in and signs its prekeys with.
    pub signing_key: DeviceKey,
}

impl Engine {
    /// The devices of the own account that contacts seal messages for, by number: those in the
    /// directory that the own identity key has certified. One that the owner does not know reads
    /// what is sent to the account.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`]; [`EngineError::OwnIdentity`] if the directory names another
    /// identity key for the account; [`EngineError::NoSuchUser`] if it has no such account; what the
    /// relay refuses and how a connection fails.
    pub async fn devices(&self) -> Result<Vec<OwnDevice>, EngineError> {
        let (link, me) = (self.shared.link()?, self.me());
        let user = look_up(&link, me.account).await?.ok_or(EngineError::NoSuchUser)?;
        let own = self.shared.keeper.run(|kept| Ok(kept.own.certificate.clone()));
        own_devices(&user, &me.identity, &own.await?)
    }
}

fn own_devices(
    user: &User,
    identity: &IdentityKey,
    this: &DeviceCertificate,
) -> Result<Vec<OwnDevice>, EngineError> {
    if user.identity != *identity {
        return Err(EngineError::OwnIdentity);
    }
    let listed = certified(user).map(|device| OwnDevice {
        id: device.device,
        is_this: device == this,
        signing_key: device.signing,
    });
    let mut devices: Vec<_> = listed.collect();
    devices.sort_by_key(|device| device.id);
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use sotto_keys::{DeviceKeys, Identity};
    use sotto_proto::{AccountId, Timestamp};

    use super::super::tests::Offline;
    use super::*;

    fn certificate(identity: &Identity, device: u32, secret: u8) -> DeviceCertificate {
        let keys = DeviceKeys::from_secret_bytes(&[secret; 64]);
        identity.certify(DeviceId::new(device).unwrap(), &keys, Timestamp(1))
    }

    fn user(identity: &Identity, devices: Vec<DeviceCertificate>) -> User {
        User {
            account: AccountId([1; 16]),
            username: "anna".parse().unwrap(),
            display_name: "Anna".parse().unwrap(),
            identity: identity.public(),
            devices,
        }
    }

    #[test]
    fn the_devices_are_those_that_the_own_identity_has_certified() {
        let identity = Identity::from_secret_bytes(&[1; 32]);
        let foreign = certificate(&Identity::from_secret_bytes(&[2; 32]), 3, 3);
        let (this, other) = (certificate(&identity, 2, 2), certificate(&identity, 1, 1));
        let user = user(&identity, vec![this.clone(), foreign, other.clone()]);
        let listed = |device: &DeviceCertificate, is_this| OwnDevice {
            id: device.device,
            is_this,
            signing_key: device.signing,
        };
        let devices = own_devices(&user, &identity.public(), &this).unwrap();
        assert_eq!(devices, [listed(&other, false), listed(&this, true)]);
        // Another device that goes by the number of this one.
        let twin = certificate(&identity, 2, 4);
        let devices = own_devices(&user, &identity.public(), &twin).unwrap();
        assert!(devices.iter().all(|device| !device.is_this));
        let json = serde_json::to_value(&devices[0]).unwrap();
        assert_eq!(json["signing_key"], other.signing.to_string());
    }

    #[test]
    fn another_identity_in_the_directory_is_told() {
        let [own, other] = [1, 2].map(|number| Identity::from_secret_bytes(&[number; 32]));
        let this = certificate(&own, 1, 1);
        let user = user(&other, vec![certificate(&other, 1, 1)]);
        let refused = own_devices(&user, &own.public(), &this);
        assert!(matches!(refused, Err(EngineError::OwnIdentity)));
    }

    #[tokio::test]
    async fn without_a_connection_nobody_can_be_asked() {
        let Offline { engine, .. } = &Offline::new();
        assert!(matches!(engine.devices().await, Err(EngineError::NotConnected)));
    }
}
