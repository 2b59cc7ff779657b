//! The keys of Sotto: who a person and a device are, how two devices agree on secrets, and how what
//! they say is sealed.
//!
//! Sans-IO: randomness is an argument, time is a [`sotto_proto::Timestamp`], everything else is
//! bytes. This crate opens no socket, reads no clock, writes no log, and has no primitive of its own
//! making. What goes over the wire or into storage is described byte by byte in PROTOCOL.md. Rooms
//! are the exception: OpenMLS takes its randomness from the operating system, see [`room`].
//!
//! ```
//! use rand_core::UnwrapErr;
//! use sotto_keys::{DeviceKeys, Identity, OwnDevice, PrekeySecrets, Sessions, verify_bundle};
//! use sotto_proto::{Bundle, DeviceId, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let number = DeviceId::new(1).ok_or("zero")?;
//! # let now = Timestamp(1_700_000_000_000);
//! let mut rng = UnwrapErr(rand::rngs::SysRng);
//!
//! // Each has an identity, and a device that the identity certifies.
//! let (alice, alice_keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
//! let alice_certificate = alice.certify(number, &alice_keys, now);
//! let (bob, bob_keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
//! let bob_certificate = bob.certify(number, &bob_keys, now);
//!
//! // Bob leaves prekeys with the directory, which hands a bundle to Alice.
//! let (mut bob_prekeys, upload) = PrekeySecrets::generate(&mut rng, &bob_keys, now, 1);
//! let (mut alice_prekeys, _) = PrekeySecrets::generate(&mut rng, &alice_keys, now, 1);
//! let bundle = Bundle {
//!     certificate: bob_certificate.clone(),
//!     signed_prekey: upload.signed.ok_or("no signed prekey")?,
//!     one_time_prekey: upload.one_time.into_iter().next(),
//!     kem_prekey: upload.one_time_kem.into_iter().next().ok_or("no prekey")?,
//! };
//!
//! // Alice writes while Bob is away.
//! let a = OwnDevice { identity: alice.public(), certificate: &alice_certificate, keys: &alice_keys };
//! let mut to_bob = Sessions::new(number);
//! to_bob.start(&mut rng, a, &verify_bundle(&bob.public(), &bundle)?)?;
//! let sealed = to_bob.seal(&mut rng, b"Are you there?")?;
//!
//! // Bob reads and answers.
//! let b = OwnDevice { identity: bob.public(), certificate: &bob_certificate, keys: &bob_keys };
//! let mut to_alice = Sessions::new(number);
//! let opened = to_alice.open(&mut rng, b, &mut bob_prekeys, None, &sealed)?;
//! assert_eq!(opened.plaintext.as_slice(), b"Are you there?");
//! assert_eq!(opened.peer_identity, alice.public());
//! let answer = to_alice.seal(&mut rng, b"I am.")?;
//! let opened = to_bob.open(&mut rng, a, &mut alice_prekeys, Some(&bob.public()), &answer)?;
//! assert_eq!(opened.plaintext.as_slice(), b"I am.");
//!
//! // Nothing is read twice.
//! assert!(to_alice.open(&mut rng, b, &mut bob_prekeys, None, &sealed).is_err());
//! # Ok(())
//! # }
//! ```

mod attachment;
mod backup;
mod bundle;
mod certificate;
mod handshake;
mod identity;
mod padding;
pub mod password;
mod prekeys;
mod primitive;
mod ratchet;
pub mod room;
mod safety_number;
mod session;
mod stored;
#[cfg(test)]
mod testing;
mod vault;

pub use attachment::{AttachmentError, AttachmentKey, BlobDigest, CHUNK_LEN, Layout};
pub use backup::{BackupError, open_backup, seal_backup};
pub use bundle::{BundleError, VerifiedBundle, verify_bundle, verify_prekeys};
pub use certificate::{CertificateError, LoginSignatureError, verify_certificate, verify_login};
pub use handshake::HandshakeError;
pub use identity::{DeviceKeys, Identity, OwnDevice};
pub use padding::PaddingError;
pub use password::ExportKey;
pub use prekeys::PrekeySecrets;
pub use safety_number::{NotASafetyNumber, SafetyNumber};
pub use session::{Introduction, OpenError, Opened, SealError, Sessions, StartError, inspect};
pub use stored::RestoreError;
pub use vault::{VAULT_SALT_LEN, VaultError, VaultKey, VaultParams, derive_vault_key};
