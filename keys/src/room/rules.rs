//! The rules of rooms: which commit may do what. Members and the relay hold every commit against
//! this one function, so that none of them takes what another refuses.
//!
//! The rules know rooms, not MLS: what a commit does was read before (`commit.rs`).

use std::collections::{BTreeMap, BTreeSet};

use sotto_proto::{AccountId, DeviceAddress};

use super::{
    commit::Changed,
    member::RoomMember,
    policy::{RoomKind, RoomPolicy},
};

/// Which rule a commit breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Only admins add others.
    #[error("only an admin of the room may add somebody")]
    AddByNonAdmin,
    /// Only admins remove the devices of others, unless they have departed.
    #[error("only an admin of the room may remove somebody else")]
    RemoveByNonAdmin,
    /// Only admins change the policy.
    #[error("only an admin of the room may change its policy")]
    PolicyByNonAdmin,
    /// Open rooms stay open, invite rooms stay invite rooms.
    #[error("a room does not change its kind")]
    KindChanged,
    /// A stranger came into an invite room by itself.
    #[error("one comes into this room by invitation only")]
    NotInvited,
    /// Who came in by itself removed somebody else.
    #[error("who comes in may remove nobody else")]
    RemoveByEntrant,
    /// Who came in by itself changed the policy.
    #[error("who comes in may not change the policy")]
    PolicyByEntrant,
    /// A device would be in the room twice.
    #[error("a device is in a room once")]
    DoubleDevice,
    /// An account would be in the room under two identity keys.
    #[error("the devices of an account are in a room under one identity key")]
    TwoIdentities,
}

/// The people who count as admins. A room by invitation is never without one: when none is left, all
/// members are. An open room may be.
pub(super) fn admins(policy: &RoomPolicy, members: &[RoomMember]) -> BTreeSet<AccountId> {
    let mut admins = policy.admins.clone();
    let is_orphaned = policy.kind == RoomKind::Invite
        && !members.iter().any(|member| admins.contains(&member.account));
    if is_orphaned {
        admins.extend(members.iter().map(|member| member.account));
    }
    admins
}

/// Whether a room with these members and this policy may be changed so. `departed` says whether a
/// device has left its account or asked to be taken out of the room.
pub(super) fn check(
    members: &[RoomMember],
    policy: &RoomPolicy,
    change: &Changed,
    departed: &dyn Fn(DeviceAddress) -> bool,
) -> Result<(), RuleError> {
    if change.entered {
        check_entry(members, policy, change)?;
    } else {
        check_act(members, policy, change, departed)?;
    }
    check_result(members, change, departed)
}

/// What a member does.
fn check_act(
    members: &[RoomMember],
    policy: &RoomPolicy,
    change: &Changed,
    departed: &dyn Fn(DeviceAddress) -> bool,
) -> Result<(), RuleError> {
    let by = change.by.account;
    let admin = admins(policy, members).contains(&by);
    let may_remove =
        |member: &RoomMember| admin || member.account == by || departed(member.address());
    if !admin && !change.joined.is_empty() {
        return Err(RuleError::AddByNonAdmin);
    }
    if !change.left.iter().all(may_remove) {
        return Err(RuleError::RemoveByNonAdmin);
    }
    match &change.policy {
        Some(_) if !admin => Err(RuleError::PolicyByNonAdmin),
        Some(new) if !new.kind.is_like(&policy.kind) => Err(RuleError::KindChanged),
        _ => Ok(()),
    }
}

/// What somebody does who comes in without having been added.
fn check_entry(
    members: &[RoomMember],
    policy: &RoomPolicy,
    change: &Changed,
) -> Result<(), RuleError> {
    let by = &change.by;
    if change.policy.is_some() {
        return Err(RuleError::PolicyByEntrant);
    }
    if change.left.iter().any(|member| member.address() != by.address()) {
        return Err(RuleError::RemoveByEntrant);
    }
    let is_own =
        |member: &RoomMember| member.account == by.account && member.identity == by.identity;
    match policy.kind {
        RoomKind::Invite if !members.iter().any(is_own) => Err(RuleError::NotInvited),
        _ => Ok(()),
    }
}

/// What must hold of the members afterwards.
fn check_result(
    members: &[RoomMember],
    change: &Changed,
    departed: &dyn Fn(DeviceAddress) -> bool,
) -> Result<(), RuleError> {
    let left: BTreeSet<_> = change.left.iter().map(RoomMember::address).collect();
    let staying = members.iter().filter(|member| !left.contains(&member.address()));
    let mut devices = BTreeSet::new();
    let mut identities = BTreeMap::new();
    for member in staying {
        devices.insert(member.address());
        // The leaf of a departed device waits to be removed; its key binds nobody.
        if change.joined.iter().any(|new| new.account == member.account)
            && !departed(member.address())
        {
            identities.insert(member.account, member.identity);
        }
    }
    for member in &change.joined {
        if !devices.insert(member.address()) {
            return Err(RuleError::DoubleDevice);
        }
        if *identities.entry(member.account).or_insert(member.identity) != member.identity {
            return Err(RuleError::TwoIdentities);
        }
    }
    Ok(())
}
