//! Groups: their founding, their commits, leaving them, and what it takes to join.
//!
//! A commit is checked over the roster of the epoch that it ends, apart from the async tasks; then the
//! store records it, if that epoch is still the present one.

use std::collections::BTreeSet;

use sotto_keys::room::{Changed, RoomKind, RoomMember, RoomPolicy, Roster, RosterError};
use sotto_proto::{
    AccountId, Answer, DeviceAddress, Done, ErrorCode, Refusal, RoomId,
    room::{AskRoom, CommitToRoom, Committed, FoundRoom, LeaveRoom, RoomFound},
};
use tracing::info;

use super::{no_such_room, not_a_member, stale};
use crate::{
    connection::{Talk, TalkError},
    server::{Shared, now},
    store::rooms::{CommitOutcome, Founding, Listing, RoomCommit, RoomGroup},
    stream,
};

/// A new room, or a group for an open room that has none.
pub(crate) async fn found(
    shared: &Shared,
    by: DeviceAddress,
    found: FoundRoom,
) -> Result<Answer, TalkError> {
    let FoundRoom { room, group_info, tree } = found;
    require_shown(shared, room)?;
    let info = group_info.clone();
    let checked = checking(move || {
        let roster = Roster::found(room, &info, &tree)?;
        let (members, policy) = (roster.members()?, roster.policy()?);
        Ok((members, policy, roster.to_bytes()))
    });
    let (members, policy, roster) = checked.await?;
    if members.iter().any(|member| member.address() != by) {
        return Err(bad_commit("the founder of a room is another device").into());
    }
    require_listed(shared, &members).await?;
    let known = shared.store.room(room).await?;
    if known.is_some_and(|known| known.listing.is_some() != listing(&policy).is_some()) {
        return Err(bad_commit("the room is of another kind").into());
    }
    let group = RoomGroup { epoch: 0, roster, group_info };
    let founding = Founding { room, by, group, listing: listing(&policy) };
    match shared.store.found_room(founding, now()).await? {
        CommitOutcome::At(sequence) | CommitOutcome::Repeat(sequence) => {
            shared.tell_room(room, &[by]);
            info!("a room was founded");
            Ok(Committed { sequence }.into())
        }
        CommitOutcome::Stale => {
            Err(Refusal::new(ErrorCode::RoomTaken, "the room has a group already").into())
        }
    }
}

/// A commit to a room.
pub(crate) async fn commit(
    shared: &Shared,
    from: DeviceAddress,
    commit: CommitToRoom,
) -> Result<Answer, TalkError> {
    let CommitToRoom { room, id, commit, group_info } = commit;
    require_shown(shared, room)?;
    let before = shared.store.group(room).await?.ok_or_else(no_such_room)?;
    let present: BTreeSet<DeviceAddress> =
        shared.store.room_devices(room).await?.into_iter().collect();
    let (bytes, info, devices) = (commit.clone(), group_info.clone(), present.len());
    let ends = before.epoch;
    let checked = checking(move || {
        let mut roster = Roster::from_bytes(&before.roster)?;
        let changed = roster.follow(&bytes, &info, |device| !present.contains(&device))?;
        let was_added = !changed.entered && !changed.joined.is_empty();
        let tree = was_added.then(|| roster.tree()).transpose()?;
        let policy = roster.policy()?;
        Ok((changed, policy, roster.to_bytes(), tree))
    });
    let outcome = match checked.await {
        Ok((changed, policy, roster, tree)) => {
            check_change(shared, from, &changed, devices).await?;
            let group = RoomGroup { epoch: changed.epoch, roster, group_info };
            let [left, joined] = [addresses(&changed.left), addresses(&changed.joined)];
            let told = joined.clone();
            let listing = listing(&policy);
            let commit =
                RoomCommit { room, from, id, commit, ends, group, left, joined, listing, tree };
            let outcome = shared.store.commit_room(commit, now()).await?;
            shared.tell_room(room, &told);
            outcome
        }
        // It may be one that was accepted before, and whose answer was lost.
        Err(refusal) if refusal.code == ErrorCode::StaleEpoch => {
            match shared.store.room_entry(room, id).await? {
                Some(sequence) => CommitOutcome::Repeat(sequence),
                None => CommitOutcome::Stale,
            }
        }
        Err(refusal) => return Err(refusal.into()),
    };
    match outcome {
        CommitOutcome::At(sequence) | CommitOutcome::Repeat(sequence) => {
            Ok(Committed { sequence }.into())
        }
        CommitOutcome::Stale => Err(stale().into()),
    }
}

/// An account leaves a room.
pub(crate) async fn leave(
    shared: &Shared,
    account: AccountId,
    leave: LeaveRoom,
) -> Result<Answer, TalkError> {
    if !shared.store.leave_room(leave.room, account, now()).await? {
        return Err(not_a_member().into());
    }
    shared.rooms.wake(leave.room);
    Ok(Done::default().into())
}

/// What it takes to join a room, or to come into it by a Welcome.
pub(crate) async fn ask(
    shared: &Shared,
    device: DeviceAddress,
    talk: &mut Talk,
    ask: AskRoom,
) -> Result<(), TalkError> {
    let AskRoom { room, epoch } = ask;
    require_shown(shared, room)?;
    let record = shared.store.room(room).await?.ok_or_else(no_such_room)?;
    if record.listing.is_none() && !is_of_member(shared, room, device).await? {
        return Err(no_such_room().into());
    }
    let kept = match epoch {
        Some(epoch) => shared.store.room_tree(room, epoch).await?,
        None => None,
    };
    let group = shared.store.group(room).await?;
    let present = shared.store.room_devices(room).await?;
    let sequence = record.last;
    let listed = super::listing::listed(record);
    let read = checking(move || match (epoch, kept, group) {
        (Some(_), Some(tree), group) => {
            let departed = group.map(|group| departed(&group, &present)).transpose()?;
            Ok(Some((None, tree, departed.unwrap_or_default())))
        }
        (Some(epoch), None, group) if group.as_ref().is_none_or(|now| now.epoch != epoch) => {
            Ok(None)
        }
        (_, _, Some(group)) => {
            let departed = departed(&group, &present)?;
            let tree = Roster::from_bytes(&group.roster)?.tree()?;
            Ok(Some((Some(group.group_info.into()), tree, departed)))
        }
        (_, _, None) => Ok(Some((None, Vec::new(), Vec::new()))),
    });
    let (group_info, tree, departed) = read.await?.ok_or_else(stale)?;
    let tree_size = u32::try_from(tree.len()).map_err(|_| internal())?;
    let found = RoomFound { group_info, sequence, departed, listed, tree_size };
    shared.pace(device.account, tree.len()).await;
    stream::send(&mut talk.send, &Answer::from(found)).await?;
    talk.send.write_all(&tree).await.map_err(stream::StreamError::from)?;
    // It fails only where the stream is closed already.
    let _ = talk.send.finish();
    Ok(())
}

/// The devices with a leaf in the group that are not in the room.
fn departed(
    group: &RoomGroup,
    present: &[DeviceAddress],
) -> Result<Vec<DeviceAddress>, RosterError> {
    let members = Roster::from_bytes(&group.roster)?.members()?;
    let leaves = members.iter().map(RoomMember::address);
    Ok(leaves.filter(|device| !present.contains(device)).collect())
}

/// Whether another device of the account is in the room, or this one.
async fn is_of_member(
    shared: &Shared,
    room: RoomId,
    device: DeviceAddress,
) -> Result<bool, TalkError> {
    let devices = shared.store.room_devices(room).await?;
    Ok(devices.iter().any(|known| known.account == device.account))
}

/// What the roster alone cannot say of a commit.
async fn check_change(
    shared: &Shared,
    from: DeviceAddress,
    changed: &Changed,
    devices: usize,
) -> Result<(), TalkError> {
    if changed.by.address() != from {
        return Err(bad_commit("the commit is by another device").into());
    }
    let after = devices + changed.joined.len();
    if changed.joined.len() > changed.left.len()
        && after > shared.config.quotas.room_devices as usize
    {
        return Err(
            Refusal::new(ErrorCode::TooMany, "the room has as many devices as it may").into()
        );
    }
    require_listed(shared, &changed.joined).await
}

/// Refuses members that are not what the directory says.
async fn require_listed(shared: &Shared, members: &[RoomMember]) -> Result<(), TalkError> {
    for member in members {
        let account = shared.store.account(member.account).await?;
        let is_listed = account.is_some_and(|account| {
            account.identity == member.identity
                && !account.suspended
                && account.devices.contains(&member.certificate)
        });
        if !is_listed {
            return Err(bad_commit("a device that joins is not in the directory").into());
        }
    }
    Ok(())
}

fn require_shown(shared: &Shared, room: RoomId) -> Result<(), Refusal> {
    if shared.hides_room(room) { Err(no_such_room()) } else { Ok(()) }
}

/// Checks apart from the async tasks.
async fn checking<T: Send + 'static>(
    check: impl FnOnce() -> Result<T, RosterError> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(check).await {
        Ok(Ok(checked)) => Ok(checked),
        Ok(Err(RosterError::StaleEpoch)) => Err(stale()),
        Ok(Err(error @ (RosterError::Restore(_) | RosterError::Stored(_)))) => {
            tracing::error!(%error, "what is stored of a room is damaged");
            Err(internal())
        }
        Ok(Err(error)) => Err(bad_commit(error.to_string())),
        Err(_) => Err(internal()),
    }
}

fn addresses(members: &[RoomMember]) -> Vec<DeviceAddress> {
    members.iter().map(RoomMember::address).collect()
}

fn listing(policy: &RoomPolicy) -> Option<Listing> {
    match &policy.kind {
        RoomKind::Open { name, topic } => {
            Some(Listing { name: name.clone(), topic: topic.as_str().to_owned() })
        }
        RoomKind::Invite => None,
    }
}

fn bad_commit(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::BadCommit, message)
}

fn internal() -> Refusal {
    Refusal::new(ErrorCode::Internal, "the relay failed; its operator can see why in its log")
}

impl Shared {
    /// Tells those who follow a room, and these devices, that there is something to read.
    fn tell_room(&self, room: RoomId, joined: &[DeviceAddress]) {
        self.rooms.wake(room);
        for device in joined {
            self.online.room_news(*device, room);
        }
    }

    /// Whether a room is the lobby of a relay that wants none.
    pub(crate) fn hides_room(&self, room: RoomId) -> bool {
        !self.config.lobby && room == self.lobby()
    }
}
