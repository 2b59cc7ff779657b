//! What an account sees of itself: its devices, its login history; and the end of a device.
//!
//! Of the address of a login only its class is kept.

use std::{net::IpAddr, sync::Arc};

use sotto_proto::{
    AccountId, Answer, DeviceAddress, DeviceId, Done, ErrorCode, Refusal,
    account::{AddressClass, DeviceLine, LoginLine, LoginMeans},
    announcement::AskAnnouncements,
    limits::ANNOUNCEMENTS_PAGE,
};

use crate::{
    admin,
    connection::TalkError,
    server::{Shared, now},
    store::StoreError,
};

/// The devices of an account.
pub(crate) async fn devices(shared: &Shared, account: AccountId) -> Result<Answer, TalkError> {
    let line = shared.store.account_line(account).await?.ok_or(StoreError::NotFound)?;
    let mut devices = line.devices;
    mark_online(shared, account, &mut devices);
    Ok(devices.into())
}

/// The login history of an account.
pub(crate) async fn logins(shared: &Shared, account: AccountId) -> Result<Answer, TalkError> {
    Ok(shared.store.logins(account).await?.into())
}

/// The announcements that a device has not seen.
pub(crate) async fn announcements(
    shared: &Shared,
    ask: AskAnnouncements,
) -> Result<Answer, TalkError> {
    let mut newest = shared.store.announcements(ask.after, ANNOUNCEMENTS_PAGE).await?;
    let since = admin::announcements_since();
    newest.retain(|one| one.at >= since);
    Ok(newest.into())
}

/// Removes another device of the account that asks.
pub(crate) async fn end_device(
    shared: &Shared,
    own: DeviceAddress,
    device: DeviceId,
) -> Result<Answer, TalkError> {
    if device == own.device {
        let message = "this is the device that you use; end it from another one";
        return Err(Refusal::new(ErrorCode::OutOfBounds, message).into());
    }
    let ended = DeviceAddress { account: own.account, device };
    let rooms = shared.rooms_of(own.account).await?;
    match shared.store.remove_device(ended, now()).await {
        Ok(()) => {}
        Err(StoreError::NotFound) => {
            let message = "the account has no such device";
            return Err(Refusal::new(ErrorCode::NoSuchDevice, message).into());
        }
        Err(error) => return Err(error.into()),
    }
    shared.rooms.wake_all(rooms);
    shared.online.remove(ended);
    shared.mail_left.notify_one();
    Ok(Done {}.into())
}

/// Marks the devices that are connected.
pub(crate) fn mark_online(shared: &Shared, account: AccountId, devices: &mut [DeviceLine]) {
    for line in devices {
        line.online = shared.online.has(DeviceAddress { account, device: line.id });
        if line.online {
            line.last_seen = Some(now());
        }
    }
}

/// Somebody who logs in, or tries to.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    /// To which account.
    pub(crate) account: AccountId,
    /// By what.
    pub(crate) means: LoginMeans,
    /// From where.
    pub(crate) from: IpAddr,
    /// With which device, where that is known.
    pub(crate) device: Option<DeviceId>,
}

impl Attempt {
    /// Writes a success into the account's login history.
    pub(crate) async fn succeeded(self, shared: &Shared) {
        self.note(shared, None).await;
    }

    /// Writes a failure into it. Nobody waits for it, so that an answer takes the same time
    /// whether or not there is an account.
    pub(crate) fn failed(self, shared: &Arc<Shared>, code: ErrorCode) {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { self.note(&shared, Some(code)).await });
    }

    async fn note(self, shared: &Shared, refused: Option<ErrorCode>) {
        let line = LoginLine {
            at: now(),
            means: self.means,
            from: class(self.from),
            device: self.device,
            refused,
        };
        match shared.store.note_login(self.account, line).await {
            Ok(()) | Err(StoreError::NotFound | StoreError::Closed) => {}
            Err(error) => tracing::error!(%error, "a line of a login history was lost"),
        }
    }
}

/// What kind of address it is.
fn class(address: IpAddr) -> AddressClass {
    match address.to_canonical() {
        address if address.is_loopback() => AddressClass::Loopback,
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Behind a provider's translation (RFC 6598) is no place of its own on the internet.
            let is_shared = first == 100 && (64..128).contains(&second);
            if address.is_private() || address.is_link_local() || is_shared {
                AddressClass::Private
            } else {
                AddressClass::PublicIpv4
            }
        }
        IpAddr::V6(address) if address.is_unique_local() || address.is_unicast_link_local() => {
            AddressClass::Private
        }
        IpAddr::V6(_) => AddressClass::PublicIpv6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_its_class_is_told() {
        for (address, expected) in [
            ("127.0.0.1", AddressClass::Loopback),
            ("::1", AddressClass::Loopback),
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("192.168.1.7", AddressClass::Private),
            ("::ffff:10.0.0.1", AddressClass::Private),
            ("100.64.0.1", AddressClass::Private),
            ("169.254.3.4", AddressClass::Private),
            ("fd00::1", AddressClass::Private),
            ("fe80::1", AddressClass::Private),
            ("100.128.0.1", AddressClass::PublicIpv4),
            ("203.0.113.7", AddressClass::PublicIpv4),
            ("2001:db8::1", AddressClass::PublicIpv6),
        ] {
            assert_eq!(class(address.parse().unwrap()), expected, "{address}");
        }
    }
}
