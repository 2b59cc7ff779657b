//! Who is in a room, as its group says, and how they are called, as the relay says.

use std::{collections::BTreeMap, sync::Arc};

use sotto_keys::room::Room as Group;
use sotto_proto::{
    AccountId, RoomId,
    directory::{LookUp, User},
    limits::MEMBERS_PAGE_MAX,
    room::{ListMembers, ListedMember, Members},
};

use super::super::{Shared, error::EngineError, event::Event, lock};
use crate::{
    transport::{AskError, Link},
    vault::{MemberNames, NewMember, Tx},
};

/// How many people of a large room are asked for one by one; when more have no name, all are asked for.
const ONE_BY_ONE: usize = 8;

/// Brings the vault's list of a room's people up to date with its group: those who departed are not in
/// it any more, even while their leaf is.
pub(super) fn sync(tx: &Tx<'_>, room: RoomId, group: &Group) -> Result<(), EngineError> {
    let departed = tx.departed(room)?;
    let admins = group.admins()?;
    let mut people = BTreeMap::new();
    for member in group.members()? {
        if departed.contains(&member.address()) {
            continue;
        }
        let account = member.account;
        let identity = member.identity;
        let is_admin = admins.contains(&account);
        let person =
            people.entry(account).or_insert(NewMember { account, identity, is_admin, devices: 0 });
        person.devices += 1;
    }
    Ok(tx.set_room_members(room, &people.into_values().collect::<Vec<_>>())?)
}

/// Names people until the connection ends.
pub(in super::super) async fn keep_named(
    shared: Arc<Shared>,
    link: Link,
) -> Result<(), EngineError> {
    loop {
        let rooms = std::mem::take(&mut *lock(&shared.rooms.nameless));
        for room in rooms {
            name(&shared, &link, room).await?;
        }
        shared.rooms.names.notified().await;
    }
}

/// Asks how the people of a room are called. In a large room that is asked of those alone who have no
/// name yet: all of its devices ask when somebody joins.
async fn name(shared: &Shared, link: &Link, room: RoomId) -> Result<(), EngineError> {
    let read = shared.keeper.read(move |view| {
        let members = view.room(room)?.map_or(0, |room| room.members);
        Ok((members, view.nameless_members(room)?))
    });
    let (members, nameless) = read.await?;
    if members as usize > MEMBERS_PAGE_MAX && nameless.len() <= ONE_BY_ONE {
        return name_some(shared, link, room, nameless).await;
    }
    name_all(shared, link, room).await
}

async fn name_some(
    shared: &Shared,
    link: &Link,
    room: RoomId,
    people: Vec<AccountId>,
) -> Result<(), EngineError> {
    let mut names = Vec::new();
    for account in people {
        match link.ask::<User>(LookUp::Account(account)).await {
            Ok(User { username, display_name, .. }) => {
                names.push(MemberNames { account, username, display_name });
            }
            // The account may be gone by now.
            Err(AskError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    record(shared, room, names).await
}

async fn name_all(shared: &Shared, link: &Link, room: RoomId) -> Result<(), EngineError> {
    let mut after = None;
    loop {
        let page: Members = match link.ask(ListMembers { room, after }).await {
            Ok(page) => page,
            // It may be over for this device by now.
            Err(AskError::Refused(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        after = page.members.last().map(|member| member.account);
        let more = page.more && after.is_some();
        record(shared, room, page.members.into_iter().map(named).collect()).await?;
        if !more {
            return Ok(());
        }
    }
}

async fn record(shared: &Shared, room: RoomId, names: Vec<MemberNames>) -> Result<(), EngineError> {
    let job = shared.keeper.write(move |tx, _| {
        tx.set_member_names(room, &names)?;
        Ok(tx.room(room)?)
    });
    shared.tell_all(job.await?.map(|room| Event::Room { room }));
    Ok(())
}

fn named(member: ListedMember) -> MemberNames {
    let ListedMember { account, username, display_name } = member;
    MemberNames { account, username, display_name }
}
