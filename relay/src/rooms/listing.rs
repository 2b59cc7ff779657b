//! Lists: the open rooms, the people in a room, the key packages of those who are to be added.

use sotto_keys::room::verify_key_package;
use sotto_proto::{
    AccountId, Answer, DeviceAddress, Done, ErrorCode, Refusal,
    limits::{KEY_PACKAGE_MAX, KEY_PACKAGES_MAX, MEMBERS_PAGE_MAX, ROOMS_PAGE_MAX},
    room::{
        AskKeyPackages, DeviceKeyPackage, ListMembers, ListRooms, ListedMember, ListedRoom,
        Members, PublishKeyPackage, Rooms,
    },
};

use super::no_such_room;
use crate::{connection::TalkError, server::Shared, store::rooms::RoomRecord};

/// A page of the open rooms.
pub(crate) async fn list(shared: &Shared, page: ListRooms) -> Result<Answer, TalkError> {
    let limit = usize::from(page.limit.clamp(1, ROOMS_PAGE_MAX));
    let (records, more) = shared.store.list_rooms(page.after, limit, true).await?;
    let shown = records.into_iter().filter(|record| !shared.hides_room(record.id));
    Ok(Rooms { rooms: shown.filter_map(listed).collect(), more }.into())
}

pub(super) fn listed(record: RoomRecord) -> Option<ListedRoom> {
    let RoomRecord { id, listing, lobby, accounts, .. } = record;
    let listing = listing?;
    Some(ListedRoom {
        room: id,
        name: listing.name,
        topic: listing.topic,
        members: accounts,
        lobby,
    })
}

/// How the people in a room are called.
pub(crate) async fn members(
    shared: &Shared,
    asker: AccountId,
    page: ListMembers,
) -> Result<Answer, TalkError> {
    let record = shared.store.room(page.room).await?;
    let record = record.filter(|record| !shared.hides_room(record.id)).ok_or_else(no_such_room)?;
    let devices = shared.store.room_devices(page.room).await?;
    let mut accounts: Vec<AccountId> = devices.into_iter().map(|device| device.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    if record.listing.is_none() && accounts.binary_search(&asker).is_err() {
        return Err(no_such_room().into());
    }
    accounts.retain(|account| page.after.is_none_or(|after| *account > after));
    let more = accounts.len() > MEMBERS_PAGE_MAX;
    let mut members = Vec::new();
    for account in accounts.into_iter().take(MEMBERS_PAGE_MAX) {
        if let Some(found) = shared.store.account(account).await? {
            let (username, display_name) = (found.username, found.display_name);
            members.push(ListedMember { account, username, display_name });
        }
    }
    Ok(Members { members, more }.into())
}

/// A device's key package.
pub(crate) async fn publish_key_package(
    shared: &Shared,
    device: DeviceAddress,
    publish: PublishKeyPackage,
) -> Result<Answer, TalkError> {
    let bytes = publish.key_package;
    if bytes.len() > KEY_PACKAGE_MAX {
        return Err(Refusal::new(ErrorCode::TooMany, "the key package is too large").into());
    }
    let bad = |message: String| Refusal::new(ErrorCode::BadCommit, message);
    let (_, member) = verify_key_package(&bytes).map_err(|error| bad(error.to_string()))?;
    if member.address() != device {
        return Err(bad("the key package is of another device".to_owned()).into());
    }
    shared.store.set_key_package(device, bytes).await?;
    Ok(Done::default().into())
}

/// The key packages of accounts.
pub(crate) async fn ask_key_packages(
    shared: &Shared,
    ask: AskKeyPackages,
) -> Result<Answer, TalkError> {
    if ask.accounts.len() > KEY_PACKAGES_MAX {
        let message = format!("at most {KEY_PACKAGES_MAX} accounts");
        return Err(Refusal::new(ErrorCode::TooMany, message).into());
    }
    let mut found = Vec::new();
    for account in ask.accounts {
        for (device, key_package) in shared.store.key_packages(account).await? {
            found.push(DeviceKeyPackage { device, key_package });
        }
    }
    Ok(found.into())
}
