//! Key packages: the own one at the directory, changed weekly, and those of contacts who are added.

use std::{sync::Arc, time::Duration};

use sotto_keys::room::{KeyPackageHandle, RoomMember, key_package, verify_key_package};
use sotto_proto::{
    AccountId, Done, Timestamp,
    room::{AskKeyPackages, DeviceKeyPackage, PublishKeyPackage},
};

use super::{
    super::{Shared, clock::now, error::EngineError},
    groups::Stored,
};
use crate::transport::Link;

/// The setting that says when the own key package was published.
const PUBLISHED_AT: &str = "key_package_published_at";
/// How long a key package is the current one, in milliseconds.
const LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How often a long connection looks.
const INTERVAL: Duration = Duration::from_hours(6);

/// Keeps the directory supplied until the connection ends.
pub(in super::super) async fn supply(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    loop {
        let read = shared.keeper.read(|view| Ok(view.setting(PUBLISHED_AT)?));
        let published = read.await?.and_then(|text| text.parse().ok()).map(Timestamp);
        if published.is_none_or(|at| now().since(at) >= LIFETIME_MS) {
            let made =
                shared.keeper.write(|tx, own| Ok(key_package(&Stored(tx), &own.room_device())?));
            let key_package = made.await?;
            let _: Done = link.ask(PublishKeyPackage { key_package }).await?;
            let at = now().0.to_string();
            let job =
                shared.keeper.write(move |tx, _| Ok(tx.set_setting(PUBLISHED_AT, Some(&at))?));
            job.await?;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// A key package that holds.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) handle: KeyPackageHandle,
    pub(super) member: RoomMember,
}

/// The key packages of contacts, each under the identity key that is pinned.
pub(super) async fn of_contacts(
    shared: &Shared,
    link: &Link,
    people: &[AccountId],
) -> Result<Vec<Fetched>, EngineError> {
    let wanted = people.to_vec();
    let read = shared.keeper.read(move |view| {
        let contacts =
            wanted.iter().map(|account| view.contact(*account)?.ok_or(EngineError::NoSuchContact));
        contacts.collect::<Result<Vec<_>, EngineError>>()
    });
    let contacts = read.await?;
    if !contacts.iter().all(crate::model::Contact::may_send) {
        return Err(EngineError::NotAccepted);
    }
    let asked = AskKeyPackages { accounts: people.to_vec() };
    let packages: Vec<DeviceKeyPackage> = link.ask(asked).await?;
    let mut fetched = Vec::new();
    for contact in contacts {
        let before = fetched.len();
        for package in packages.iter().filter(|one| one.device.account == contact.account) {
            // One that does not hold is like none.
            let Ok((handle, member)) = verify_key_package(&package.key_package) else { continue };
            if member.address() == package.device && member.identity == contact.identity {
                fetched.push(Fetched { handle, member });
            }
        }
        if fetched.len() == before {
            return Err(EngineError::NoRoomDevice { name: contact.name().to_owned() });
        }
    }
    Ok(fetched)
}
