//! What the unit tests of several modules need: people with devices, and repeatable randomness.

use rand::{SeedableRng, rngs::StdRng};
use sotto_proto::{Bundle, DeviceCertificate, DeviceId, KemPrekey, PrekeyUpload, Timestamp};

use crate::{DeviceKeys, Identity, PrekeySecrets};

pub(crate) fn test_rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Somebody with a device, and the directory's copy of their prekeys.
pub(crate) struct Person {
    pub(crate) rng: StdRng,
    pub(crate) identity: Identity,
    pub(crate) keys: DeviceKeys,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) prekeys: PrekeySecrets,
    directory: PrekeyUpload,
}

impl Person {
    /// Everyone's device has the number 1; people differ by `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_prekeys(seed, 2)
    }

    pub(crate) fn with_prekeys(seed: u64, one_time: usize) -> Self {
        let mut rng = test_rng(seed);
        let (identity, keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
        let certificate = identity.certify(DeviceId::new(1).unwrap(), &keys, Timestamp(1));
        let (prekeys, directory) = PrekeySecrets::generate(&mut rng, &keys, Timestamp(1), one_time);
        Self { rng, identity, keys, certificate, prekeys, directory }
    }

    /// What the directory hands out: each one-time prekey once.
    pub(crate) fn bundle(&mut self) -> Bundle {
        let last_resort: KemPrekey = self.directory.last_resort.clone().unwrap();
        Bundle {
            certificate: self.certificate.clone(),
            signed_prekey: self.directory.signed.clone().unwrap(),
            one_time_prekey: self.directory.one_time.pop(),
            kem_prekey: self.directory.one_time_kem.pop().unwrap_or(last_resort),
        }
    }
}
