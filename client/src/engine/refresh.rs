//! Asking the directory for a contact's devices, and starting sessions with them.
//!
//! What the directory says is a claim: certificates are checked, and an identity key other than
//! the pinned one stops sending. Devices that it lists no longer are sent nothing more, and what
//! they were sent and had not delivered is sealed anew for those that it lists.

use std::collections::HashMap;

use sotto_keys::{verify_bundle, verify_certificate};
use sotto_proto::{
    AccountId, Bundle, DeviceAddress, DeviceCertificate, DeviceId, ErrorCode,
    directory::{ClaimBundles, LookUp, User},
};

use super::{
    Shared,
    clock::{self, now},
    error::EngineError,
    event::Event,
    own::Own,
    sealing::{Sealed, Standing, Stored, seal_waiting},
};
use crate::{
    model::FailReason,
    transport::{AskError, Link},
    vault::{Observed, Tx},
};

/// Brings this vault up to date with a contact's devices, and seals what waits for it.
pub(super) async fn refresh(
    shared: &Shared,
    link: &Link,
    contact: AccountId,
) -> Result<(), EngineError> {
    let Some(user) = look_up(link, contact).await? else {
        return give_up(shared, contact, FailReason::NoSuchUser).await;
    };
    let has_device = certified(&user).next().is_some();
    let Comparison { events, missing } =
        shared.keeper.write(move |tx, _| compare(tx, &user)).await?;
    shared.tell_all(events);
    let Some(missing) = missing else { return Ok(()) };
    if !has_device {
        return give_up(shared, contact, FailReason::NoDevice).await;
    }
    let bundles = if missing.is_empty() {
        Vec::new()
    } else {
        link.ask::<Vec<Bundle>>(ClaimBundles { account: contact, devices: missing }).await?
    };
    let sealed = shared.keeper.write(move |tx, own| start_sessions(tx, own, contact, &bundles));
    if sealed.await? == Sealed::NoSession {
        return give_up(shared, contact, FailReason::NoDevice).await;
    }
    shared.wake.outbox.notify_one();
    Ok(())
}

/// What the directory's word changed here.
pub(super) struct Comparison {
    pub(super) events: Vec<Event>,
    /// Devices without a session; none if nothing may be sent.
    pub(super) missing: Option<Vec<DeviceId>>,
}

/// The devices that the user's identity has certified.
pub(super) fn certified(user: &User) -> impl Iterator<Item = &DeviceCertificate> {
    user.devices.iter().filter(|device| verify_certificate(&user.identity, device).is_ok())
}

pub(super) fn compare(tx: &Tx<'_>, user: &User) -> Result<Comparison, EngineError> {
    let contact = tx.contact(user.account)?.ok_or(EngineError::NoSuchContact)?;
    let mut events = Vec::new();
    if contact.username != user.username || contact.display_name != user.display_name {
        tx.set_contact_names(user.account, &user.username, &user.display_name)?;
    }
    let observed = tx.observe_identity(user.account, user.identity, clock::message_id(), now())?;
    let current = tx.contact(user.account)?.ok_or(EngineError::NoSuchContact)?;
    if let Observed::Changed(event) = &observed {
        events.push(Event::Message { message: (**event).clone() });
        events.push(Event::IdentityChanged { contact: current.clone() });
    }
    if current != contact {
        events.push(Event::Contact { contact: current });
    }
    let missing = match observed {
        Observed::Same => Some(compare_devices(tx, user)?),
        Observed::Changed(_) | Observed::StillPending => None,
    };
    Ok(Comparison { events, missing })
}

/// Retires the devices that are not listed, and gives those that a session is to be started with.
fn compare_devices(tx: &Tx<'_>, user: &User) -> Result<Vec<DeviceId>, EngineError> {
    let mut missing: Vec<_> = certified(user).map(|device| device.device).collect();
    let mut any_retired = false;
    for device in tx.session_devices(user.account)? {
        let with = DeviceAddress { account: user.account, device };
        let Some(mut stored) = Stored::load(tx, with)? else { continue };
        let certificate = stored.sessions.peer_certificate();
        let is_listed = user.devices.iter().any(|listed| Some(listed) == certificate)
            && stored.sessions.peer_identity() == Some(user.identity);
        let standing = match (is_listed, stored.standing) {
            (true, Standing::Broken) => continue,
            (true, _) => Standing::Current,
            (false, _) => Standing::Retired,
        };
        if is_listed {
            missing.retain(|listed| *listed != device);
        }
        if stored.standing != standing {
            any_retired |= standing == Standing::Retired;
            stored.standing = standing;
            stored.save(tx, with)?;
        }
    }
    if any_retired {
        tx.requeue_undelivered(user.account)?;
    }
    Ok(missing)
}

pub(super) fn start_sessions(
    tx: &Tx<'_>,
    own: &Own,
    account: AccountId,
    bundles: &[Bundle],
) -> Result<Sealed, EngineError> {
    let contact = tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
    for bundle in bundles {
        // A bundle that does not hold is like none; a device without a session gets nothing.
        let Ok(bundle) = verify_bundle(&contact.identity, bundle) else {
            tracing::warn!("the directory handed out a bundle that does not verify");
            continue;
        };
        let device = bundle.certificate().device;
        let with = DeviceAddress { account, device };
        let mut stored = Stored::load(tx, with)?.unwrap_or(Stored::new(device));
        if stored.sessions.start(&mut rand::rng(), own.device(), &bundle).is_ok() {
            stored.standing = Standing::Current;
            stored.save(tx, with)?;
        }
    }
    seal_waiting(tx, account)
}

async fn give_up(shared: &Shared, to: AccountId, why: FailReason) -> Result<(), EngineError> {
    let give_up = move |tx: &Tx<'_>| {
        if why == FailReason::NoSuchUser {
            // Nobody is left who could fetch what the relay has accepted.
            tx.requeue_undelivered(to)?;
        }
        Ok(tx.fail_waiting(to.into(), &why)?)
    };
    let failed = shared.keeper.write(move |tx, _| give_up(tx)).await?;
    shared.tell_all(failed.into_iter().map(|message| Event::MessageChanged { message }));
    shared.progressed();
    Ok(())
}

/// What the directory holds of an account; none if there is no such account.
pub(super) async fn look_up(link: &Link, account: AccountId) -> Result<Option<User>, EngineError> {
    match link.ask::<User>(LookUp::Account(account)).await {
        Ok(user) => Ok(Some(user).filter(|user| user.account == account)),
        Err(AskError::Refused(refusal)) if refusal.code == ErrorCode::NoSuchUser => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The users behind strangers' accounts; those that are no more are left out.
pub(super) async fn look_up_strangers(
    link: &Link,
    strangers: Vec<AccountId>,
) -> Result<HashMap<AccountId, User>, EngineError> {
    let mut users = HashMap::new();
    for account in strangers {
        if let Some(user) = look_up(link, account).await? {
            users.insert(account, user);
        }
    }
    Ok(users)
}
