//! Becoming somebody on a relay: registration, login by password, opening a profile.
//!
//! The password goes into OPAQUE (RFC 9807) and nowhere else; the passphrase opens the vault.

use std::path::{Path, PathBuf};

use rand::Rng as _;
use sotto_keys::{
    DeviceKeys, ExportKey, Identity, PrekeySecrets, VaultParams, open_backup,
    password::{Login, Registration},
    seal_backup,
};
use sotto_proto::{
    AccountId, DeviceCertificate, DeviceId, DisplayName, PrekeyUpload, Username,
    link::RelayLink,
    login::{
        Enrolled, Enrolment, LogInByPassword, LoginChallenge, PasswordAccepted, PasswordFinish,
        Register, Registered, RegistrationChallenge, RegistrationFinish,
    },
};

use super::{
    Engine,
    clock::now,
    error::{OpenError, SignInError},
    keeper::Kept,
    own::Own,
    prekeys::ONE_TIME,
    secret::Secret,
};
use crate::{
    profile::{Profile, ProfileError, Stretching},
    transport::{FrameReader, FrameWriter, Link, expect},
    vault::{Tx, Vault, VaultError},
};

/// An account to register.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The folder of its profile: not there, or empty.
    pub folder: PathBuf,
    /// On which relay.
    pub relay: RelayLink,
    /// The unique name.
    pub username: Username,
    /// How the owner is shown.
    pub display_name: DisplayName,
    /// Of the account.
    pub password: Secret,
    /// Of the vault here.
    pub passphrase: Secret,
    /// Where the relay asks for one.
    pub invitation: Option<String>,
}

/// An account to log in to with a new device.
#[derive(Clone, Debug)]
pub struct ExistingAccount {
    /// The folder of its profile. A profile of this account that is there keeps its history.
    pub folder: PathBuf,
    /// On which relay.
    pub relay: RelayLink,
    /// The unique name.
    pub username: Username,
    /// Of the account.
    pub password: Secret,
    /// Of the vault here.
    pub passphrase: Secret,
    /// Whether to replace the identity key, which every contact will be told of; else it comes
    /// back from the key backup.
    pub new_identity: bool,
}

/// A device that is about to enter an account.
struct Newcomer {
    identity: Identity,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    prekeys: PrekeySecrets,
    upload: PrekeyUpload,
}

impl Engine {
    /// Registers an account with this as its first device. On failure the profile is gone again.
    pub async fn register(new: NewAccount) -> Result<Self, SignInError> {
        let link = Link::dial(&new.relay).await?;
        let (registration, opaque) =
            Registration::start(&mut rand::rng(), new.password.as_bytes())?;
        let request = Register {
            username: new.username.to_string(),
            invitation: new.invitation.clone(),
            opaque,
        };
        let (writer, mut reader) = link.open(request).await?;
        let challenge: RegistrationChallenge = expect(&mut reader).await?;
        let username = new.username.clone();
        let (record, export_key) = blocking(move || {
            registration.finish(&mut rand::rng(), username.as_str(), &challenge.opaque)
        })
        .await??;
        let newcomer = Newcomer::with_identity(Identity::generate(&mut rand::rng()), FIRST_DEVICE);
        // The vault is there before the account: the keys of an account are never without a place.
        let vault = create_vault(&new.folder, &new.relay, &new.username, &new.passphrase).await?;
        let finish = RegistrationFinish {
            opaque: record,
            display_name: new.display_name.clone(),
            enrolment: newcomer.enrolment(Some((&export_key, &new.username)), false),
        };
        let registered = match finish_registration(writer, reader, &finish).await {
            Ok(registered) => registered,
            Err(error) => {
                vault.close()?.discard()?;
                return Err(error);
            }
        };
        link.close().await;
        let own = newcomer.own(registered.account, new.username, new.display_name);
        Self::settle(vault, own, |_| Ok(()))
    }

    /// Logs in with the password, which makes this the account's one device.
    pub async fn log_in(account: ExistingAccount) -> Result<Self, SignInError> {
        let link = Link::dial(&account.relay).await?;
        let (login, opaque) = Login::start(&mut rand::rng(), account.password.as_bytes())?;
        let request = LogInByPassword { username: account.username.to_string(), opaque };
        let (mut writer, mut reader) = link.open(request).await?;
        let challenge: LoginChallenge = expect(&mut reader).await?;
        let username = account.username.clone();
        let (opaque, export_key) =
            blocking(move || login.finish(&mut rand::rng(), username.as_str(), &challenge.opaque))
                .await??;
        writer.send(&PasswordFinish { opaque }).await?;
        let accepted: PasswordAccepted = expect(&mut reader).await?;
        let identity = own_identity(&account, &accepted, &export_key)?;
        let newcomer = Newcomer::with_identity(identity, next_device(&accepted.devices)?);
        let (vault, is_new) = vault_for(&account).await?;
        let backup = account.new_identity.then_some((&export_key, &account.username));
        if let Err(error) = enrol(writer, reader, &newcomer.enrolment(backup, true)).await {
            let profile = vault.close()?;
            if is_new {
                profile.discard()?;
            }
            return Err(error);
        }
        link.close().await;
        let own = newcomer.own(accepted.account, account.username, accepted.display_name);
        // The sessions of the device that this one replaces are of no more use.
        Self::settle(vault, own, |tx| {
            tx.contacts()?.iter().try_for_each(|contact| {
                tx.remove_sessions(contact.account)?;
                tx.requeue_undelivered(contact.account).map(drop)
            })
        })
    }

    /// Opens a profile, without a connection.
    pub async fn open(folder: &Path, passphrase: Secret) -> Result<Self, OpenError> {
        let folder = folder.to_owned();
        let opening = blocking(move || {
            let vault = Vault::open(Profile::open(&folder)?, passphrase.as_bytes())?;
            let own = vault.read(Own::load)?.ok_or(OpenError::NoAccount)?;
            Ok::<_, OpenError>(Kept { vault, own })
        });
        Self::start(opening.await.map_err(OpenError::Start)??).map_err(OpenError::Start)
    }

    /// Puts the account into its vault and starts on it.
    fn settle(
        mut vault: Vault,
        own: Own,
        prepare: impl FnOnce(&Tx<'_>) -> Result<(), VaultError>,
    ) -> Result<Self, SignInError> {
        vault.write(|tx| {
            prepare(tx)?;
            own.store(tx)
        })?;
        Self::start(Kept { vault, own }).map_err(SignInError::Start)
    }
}

/// The number of an account's first device.
const FIRST_DEVICE: DeviceId = match DeviceId::new(1) {
    Some(device) => device,
    None => unreachable!(),
};

impl Newcomer {
    fn with_identity(identity: Identity, device: DeviceId) -> Self {
        let mut rng = rand::rng();
        let keys = DeviceKeys::generate(&mut rng);
        let certificate = identity.certify(device, &keys, now());
        let (prekeys, upload) = PrekeySecrets::generate(&mut rng, &keys, now(), ONE_TIME);
        Self { identity, keys, certificate, prekeys, upload }
    }

    fn enrolment(
        &self,
        backup_for: Option<(&ExportKey, &Username)>,
        replace_devices: bool,
    ) -> Enrolment {
        let backup = backup_for.map(|(export_key, username)| {
            seal_backup(&mut rand::rng(), export_key, username, &self.identity)
        });
        Enrolment {
            identity: self.identity.public(),
            certificate: self.certificate.clone(),
            prekeys: self.upload.clone(),
            backup,
            replace_devices,
        }
    }

    fn own(self, account: AccountId, username: Username, display_name: DisplayName) -> Own {
        let Self { identity, keys, certificate, prekeys, .. } = self;
        let person = (account, username, display_name);
        Own::new(person, identity, (keys, certificate), prekeys)
    }
}

async fn finish_registration(
    mut writer: FrameWriter,
    mut reader: FrameReader,
    finish: &RegistrationFinish,
) -> Result<Registered, SignInError> {
    writer.send(finish).await?;
    writer.finish();
    Ok(expect(&mut reader).await?)
}

async fn enrol(
    mut writer: FrameWriter,
    mut reader: FrameReader,
    enrolment: &Enrolment,
) -> Result<(), SignInError> {
    writer.send(enrolment).await?;
    writer.finish();
    let _: Enrolled = expect(&mut reader).await?;
    Ok(())
}

fn own_identity(
    account: &ExistingAccount,
    accepted: &PasswordAccepted,
    export_key: &ExportKey,
) -> Result<Identity, SignInError> {
    if account.new_identity {
        return Ok(Identity::generate(&mut rand::rng()));
    }
    let identity = open_backup(export_key, &account.username, &accepted.backup)
        .map_err(SignInError::Backup)?;
    if identity.public() == accepted.identity {
        Ok(identity)
    } else {
        Err(SignInError::BackupMismatch)
    }
}

/// A number that no device of the account has, and none of the listed ones has had.
fn next_device(devices: &[DeviceCertificate]) -> Result<DeviceId, SignInError> {
    let highest = devices.iter().map(|known| known.device.number()).max().unwrap_or(0);
    highest.checked_add(1).and_then(DeviceId::new).ok_or(SignInError::TooManyDevices)
}

async fn create_vault(
    folder: &Path,
    relay: &RelayLink,
    username: &Username,
    passphrase: &Secret,
) -> Result<Vault, SignInError> {
    let (folder, relay) = (folder.to_owned(), relay.clone());
    let (username, passphrase) = (username.clone(), passphrase.clone());
    blocking(move || {
        let mut salt = [0; sotto_keys::VAULT_SALT_LEN];
        rand::rng().fill_bytes(&mut salt);
        let stretching = Stretching { salt, params: VaultParams::default() };
        let profile = Profile::create(&folder, &relay, &username, stretching)?;
        Ok(Vault::create(profile, passphrase.as_bytes())?)
    })
    .await?
}

/// The vault of a profile of this account, or a new one; and whether it is new.
async fn vault_for(account: &ExistingAccount) -> Result<(Vault, bool), SignInError> {
    let (folder, username) = (account.folder.clone(), account.username.clone());
    let (relay, passphrase) = (account.relay.clone(), account.passphrase.clone());
    let opened = blocking(move || {
        let mut profile = match Profile::open(&folder) {
            Err(ProfileError::Missing) => return Ok(None),
            opened => opened?,
        };
        if profile.info().username != username {
            return Err(SignInError::OtherAccount);
        }
        profile.set_relay(&relay)?;
        Ok(Some(Vault::open(profile, passphrase.as_bytes())?))
    });
    if let Some(vault) = opened.await?? {
        return Ok((vault, false));
    }
    let ExistingAccount { folder, relay, username, passphrase, .. } = account;
    Ok((create_vault(folder, relay, username, passphrase).await?, true))
}

/// Runs what takes long (Argon2id, the disk) apart from the async tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, std::io::Error> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)
}

impl From<std::io::Error> for SignInError {
    fn from(error: std::io::Error) -> Self {
        Self::Start(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_device_gets_a_number_of_its_own() {
        let number = |devices: &[DeviceCertificate]| next_device(devices).map(DeviceId::number);
        assert_eq!(number(&[]).unwrap(), 1);
        let identity = Identity::from_secret_bytes(&[1; 32]);
        let first = Newcomer::with_identity(identity, DeviceId::new(6).unwrap()).certificate;
        assert_eq!(number(std::slice::from_ref(&first)).unwrap(), 7);
        let last = DeviceCertificate { device: DeviceId::new(u32::MAX).unwrap(), ..first };
        assert!(matches!(number(&[last]), Err(SignInError::TooManyDevices)));
    }
}
