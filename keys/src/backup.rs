//! The key backup: the identity secret, sealed under the export key that only the password gives
//! (OPAQUE, RFC 9807), so that the relay can keep it for the day when all devices are lost.

use rand_core::CryptoRng;
use sotto_proto::Username;
use zeroize::Zeroizing;

use crate::{
    identity::Identity,
    password::ExportKey,
    primitive::{Key, NONCE_LEN, Refused, TAG_LEN, derive, open, random_bytes, seal},
};

const FORMAT: u8 = 1;
const BACKUP_INFO: &[u8] = b"sotto/1 key backup";
const SECRET_LEN: usize = 32;
const BACKUP_LEN: usize = 1 + NONCE_LEN + SECRET_LEN + TAG_LEN;

/// Why a backup was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// It is of a newer version.
    #[error("the key backup has the unknown format {0}")]
    UnknownFormat(u8),
    /// It is cut off or too long.
    #[error("the key backup is malformed")]
    Malformed,
    /// It was changed, or is of another account or password.
    #[error("the key backup does not open with this password")]
    Refused,
}

/// Seals an identity for the account `username`.
pub fn seal_backup(
    rng: &mut (impl CryptoRng + ?Sized),
    export_key: &ExportKey,
    username: &Username,
    identity: &Identity,
) -> Vec<u8> {
    let nonce = random_bytes(rng);
    let mut secret = identity.to_secret_bytes();
    let tag = seal(&backup_key(export_key), &nonce, &aad(username), secret.as_mut_slice());
    [&[FORMAT], nonce.as_slice(), secret.as_slice(), &tag].concat()
}

/// Opens what [`seal_backup`] made.
pub fn open_backup(
    export_key: &ExportKey,
    username: &Username,
    sealed: &[u8],
) -> Result<Identity, BackupError> {
    match sealed.first() {
        Some(&FORMAT) if sealed.len() == BACKUP_LEN => {}
        Some(&FORMAT) | None => return Err(BackupError::Malformed),
        Some(other) => return Err(BackupError::UnknownFormat(*other)),
    }
    let parts = sealed.get(1..).and_then(|rest| {
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (secret, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        Some((nonce, <[u8; SECRET_LEN]>::try_from(secret).ok()?, tag))
    });
    let (nonce, secret, tag) = parts.ok_or(BackupError::Malformed)?;
    let mut secret = Zeroizing::new(secret);
    open(&backup_key(export_key), nonce, &aad(username), secret.as_mut_slice(), tag)
        .map_err(|Refused| BackupError::Refused)?;
    Ok(Identity::from_secret_bytes(&secret))
}

fn backup_key(export_key: &ExportKey) -> Key {
    derive(&[], export_key.as_bytes(), BACKUP_INFO)
}

fn aad(username: &Username) -> Vec<u8> {
    [&[FORMAT], username.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test_rng;

    #[test]
    fn only_the_right_key_and_name_open_a_backup() {
        let identity = Identity::from_secret_bytes(&[7; 32]);
        let (key, other) = (ExportKey::new([1; 64]), ExportKey::new([2; 64]));
        let (alice, bob): (Username, Username) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let sealed = seal_backup(&mut test_rng(1), &key, &alice, &identity);
        let opened = open_backup(&key, &alice, &sealed).unwrap();
        assert_eq!(opened.to_secret_bytes(), identity.to_secret_bytes());
        assert_eq!(open_backup(&other, &alice, &sealed).unwrap_err(), BackupError::Refused);
        assert_eq!(open_backup(&key, &bob, &sealed).unwrap_err(), BackupError::Refused);
    }

    #[test]
    fn damaged_backups_are_refused() {
        let identity = Identity::from_secret_bytes(&[7; 32]);
        let (key, name): (_, Username) = (ExportKey::new([1; 64]), "alice".parse().unwrap());
        let sealed = seal_backup(&mut test_rng(1), &key, &name, &identity);
        for length in 0..sealed.len() {
            assert_eq!(
                open_backup(&key, &name, &sealed[..length]).unwrap_err(),
                BackupError::Malformed
            );
        }
        for index in 1..sealed.len() {
            let mut bad = sealed.clone();
            bad[index] ^= 0x10;
            assert_eq!(open_backup(&key, &name, &bad).unwrap_err(), BackupError::Refused);
        }
        assert_eq!(open_backup(&key, &name, &[9, 9]).unwrap_err(), BackupError::UnknownFormat(9));
    }
}
