//! Questions to the directory: who is there, with which keys; and prekeys, each handed out once.

use sotto_keys::verify_prekeys;
use sotto_proto::{
    AccountId, Answer, DeviceAddress, ErrorCode, PrekeyUpload, Refusal,
    directory::{ClaimBundles, ListUsers, LookUp, PrekeyCount, User, Users},
    limits::{DEVICES_MAX, ONE_TIME_PREKEYS_LOW, USERS_PAGE_MAX},
    mailbox::Notice,
};

use crate::{
    connection::TalkError, registration::check_prekey_count, server::Shared, store::Account,
};

/// One user.
pub(crate) async fn look_up(shared: &Shared, who: LookUp) -> Result<Answer, TalkError> {
    let found = match who {
        LookUp::Username(username) => shared.store.account_by_name(&username).await?,
        LookUp::Account(account) => shared.store.account(account).await?,
    };
    let Account { id, username, display_name, identity, devices, .. } =
        found.ok_or_else(no_such_user)?;
    Ok(User { account: id, username, display_name, identity, devices }.into())
}

/// A page of users.
pub(crate) async fn list(shared: &Shared, page: ListUsers) -> Result<Answer, TalkError> {
    if !shared.config.listing {
        return Err(Refusal::new(ErrorCode::Disabled, "this relay does not list its users").into());
    }
    let limit = usize::from(page.limit.clamp(1, USERS_PAGE_MAX));
    let (users, more) = shared.store.list_users(&page.prefix, page.after.as_ref(), limit).await?;
    Ok(Users { users, more }.into())
}

/// A bundle of each device; the owner is told when few prekeys are left.
pub(crate) async fn claim(
    shared: &Shared,
    requester: AccountId,
    claim: ClaimBundles,
) -> Result<Answer, TalkError> {
    if claim.devices.len() > DEVICES_MAX {
        return Err(
            Refusal::new(ErrorCode::TooMany, format!("at most {DEVICES_MAX} devices")).into()
        );
    }
    let asked = claim.devices.len().max(1);
    shared.limited(shared.limits.claims(requester, claim.account, asked))?;
    let claimed = shared.store.claim_bundles(claim.account, &claim.devices).await?;
    let mut bundles = Vec::with_capacity(claimed.len());
    for (bundle, left) in claimed {
        if is_low(left) {
            let owner = DeviceAddress { account: claim.account, device: bundle.certificate.device };
            shared.online.notify_device(owner, Notice::PrekeysLow(left));
        }
        shared.metrics.claims.inc();
        bundles.push(bundle);
    }
    Ok(bundles.into())
}

/// Prekeys of a device.
pub(crate) async fn publish(
    shared: &Shared,
    device: DeviceAddress,
    prekeys: PrekeyUpload,
) -> Result<Answer, TalkError> {
    check_prekey_count(&prekeys)?;
    let account = shared.store.account(device.account).await?.ok_or_else(no_such_user)?;
    let certificate =
        account.devices.iter().find(|known| known.device == device.device).ok_or_else(|| {
            Refusal::new(ErrorCode::UnknownDevice, "this device is not one of the account's")
        })?;
    verify_prekeys(certificate, &prekeys).map_err(|_| {
        Refusal::new(ErrorCode::BadSignature, "the signature of a prekey does not verify")
    })?;
    Ok(shared.store.publish_prekeys(device, prekeys).await?.into())
}

fn is_low(left: PrekeyCount) -> bool {
    let low = |count: u32| (count as usize) < ONE_TIME_PREKEYS_LOW;
    low(left.one_time) || low(left.one_time_kem)
}

fn no_such_user() -> Refusal {
    Refusal::new(ErrorCode::NoSuchUser, "there is no such user on this relay")
}
