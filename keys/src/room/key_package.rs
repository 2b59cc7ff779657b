//! Key packages: what a device leaves with the directory, so that others can add it to rooms while
//! it is away.
//!
//! There is one at a time and it may be used by many (a key package of last resort), until the
//! device leaves a new one. The one before it is kept, for those who fetched it just before.

use openmls::prelude::{
    KeyPackage, KeyPackageBundle, KeyPackageRef, MlsMessageBodyIn, MlsMessageOut, ProtocolVersion,
};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::{OpenMlsProvider as _, storage::StorageProvider as _};

use super::{
    context,
    error::{KeyPackageError, MlsError, RoomError},
    member::{self, RoomDevice, RoomMember},
    provider::Provider,
    storage::{Kind, RoomStorage},
    wire,
};

/// Key packages whose private part is kept: the newest and the one before.
const KEPT: usize = 2;

/// Names the list of the device's key packages.
const ALL: () = ();

/// A key package that holds, ready to be added to a room.
#[derive(Clone, Debug)]
pub struct KeyPackageHandle(pub(super) KeyPackage);

/// Makes a key package for the directory and keeps its private part; one from before the previous
/// one is given up.
pub fn key_package(storage: &dyn RoomStorage, own: &RoomDevice<'_>) -> Result<Vec<u8>, RoomError> {
    let provider = Provider::new(storage);
    let made: KeyPackageBundle = provider.outcome(
        KeyPackage::builder()
            .key_package_lifetime(context::lifetime())
            .leaf_node_capabilities(context::capabilities())
            .mark_as_last_resort()
            .build(context::CIPHERSUITE, &provider, &own.signer(), own.credential()?),
    )?;
    let key_package = made.key_package();
    let reference = provider.outcome(key_package.hash_ref(provider.crypto()))?;
    replace(&provider, reference)?;
    let bytes = provider.outcome(MlsMessageOut::from(key_package.clone()).to_bytes())?;
    provider.write()?;
    Ok(bytes)
}

fn replace(provider: &Provider<'_>, newest: KeyPackageRef) -> Result<(), RoomError> {
    let storage = provider.storage();
    let kept: Option<Vec<KeyPackageRef>> =
        provider.outcome(storage.find(Kind::KeyPackages, &ALL))?;
    let mut kept = kept.unwrap_or_default();
    kept.insert(0, newest);
    for old in kept.drain(KEPT.min(kept.len())..) {
        provider.outcome(storage.delete_key_package(&old))?;
    }
    Ok(provider.outcome(storage.keep(Kind::KeyPackages, &ALL, &kept))?)
}

/// Checks a key package that the directory handed out, and says whose it is. That this is the device
/// that was asked for is for the caller to see.
pub fn verify_key_package(bytes: &[u8]) -> Result<(KeyPackageHandle, RoomMember), KeyPackageError> {
    let MlsMessageBodyIn::KeyPackage(unverified) = wire::body("key package", bytes)? else {
        return Err(wire::other_kind("key package").into());
    };
    let key_package = unverified
        .validate(&RustCrypto::default(), ProtocolVersion::Mls10)
        .map_err(MlsError::new)?;
    if key_package.ciphersuite() != context::CIPHERSUITE
        || *key_package.life_time() != context::lifetime()
        || *key_package.leaf_node().capabilities() != context::capabilities()
    {
        return Err(KeyPackageError::NotForRooms);
    }
    let member = member::verify_leaf(key_package.leaf_node())?;
    Ok((KeyPackageHandle(key_package), member))
}
