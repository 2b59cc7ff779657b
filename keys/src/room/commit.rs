//! What a commit does to a room, read from MLS: who came, who went, what is agreed on from now on.
//!
//! Only what rooms know is let through: adding, removing, the policy, coming in. All of it stands in
//! the commit itself, by value.

use openmls::prelude::{
    Proposal, ProposalOrRefType, PublicGroup, QueuedProposal, Sender, StagedCommit,
};

use super::{
    context::{self, ContextError},
    member::{self, LeafError, RoomMember},
    policy::RoomPolicy,
};

/// What a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Whose commit it was.
    pub by: RoomMember,
    /// Who came in. Whether its account has this identity key is for the caller to ask the
    /// directory, before it keeps the change.
    pub joined: Vec<RoomMember>,
    /// Whose leaf was removed. A device that comes back after losing its state is in both lists.
    pub left: Vec<RoomMember>,
    /// The new policy, if there is one.
    pub policy: Option<RoomPolicy>,
    /// Whether `by` came in without having been added (an external commit).
    pub entered: bool,
    /// The epoch from now on.
    pub epoch: u64,
}

/// Why a commit is not one of a room.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It has a proposal that rooms do not know, or one by reference.
    #[error("the commit does something that rooms do not know")]
    Forbidden,
    /// It is not by a member, and not by somebody who comes in.
    #[error("the commit is by nobody who may commit")]
    Sender,
    /// The committer changed its own credential.
    #[error("the commit changes who its sender is")]
    CredentialChanged,
    /// A leaf in it is of no member.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The group context after it is not that of a room.
    #[error(transparent)]
    Context(#[from] ContextError),
}

/// Reads a commit that OpenMLS has verified and not yet merged into `group`.
pub(super) fn read(
    group: &PublicGroup,
    sender: &Sender,
    staged: &StagedCommit,
) -> Result<Changed, CommitError> {
    let path_leaf = staged.update_path_leaf_node();
    let (by, entered) = match sender {
        Sender::Member(index) => {
            let leaf = group.leaf(*index).ok_or(CommitError::Sender)?;
            if path_leaf.is_some_and(|new| new.credential() != leaf.credential()) {
                return Err(CommitError::CredentialChanged);
            }
            (member::decode(leaf.credential())?, false)
        }
        Sender::NewMemberCommit => {
            (member::verify_leaf(path_leaf.ok_or(CommitError::Sender)?)?, true)
        }
        _ => return Err(CommitError::Sender),
    };
    if !entered && let Some(leaf) = path_leaf {
        member::verify_leaf(leaf)?;
    }
    let mut changed = Changed {
        joined: if entered { vec![by.clone()] } else { Vec::new() },
        by,
        left: Vec::new(),
        policy: None,
        entered,
        epoch: staged.epoch().as_u64(),
    };
    for proposal in staged.queued_proposals() {
        changed.take(group, proposal)?;
    }
    let policy = context::policy(staged.group_context())?;
    if context::policy(group.group_context())? != policy {
        changed.policy = Some(policy);
    }
    Ok(changed)
}

impl Changed {
    fn take(&mut self, group: &PublicGroup, queued: &QueuedProposal) -> Result<(), CommitError> {
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
            return Err(CommitError::Forbidden);
        }
        match queued.proposal() {
            Proposal::Add(add) if !self.entered => {
                let key_package = add.key_package();
                if *key_package.life_time() != context::lifetime() {
                    return Err(LeafError::Unexpected.into());
                }
                self.joined.push(member::verify_leaf(key_package.leaf_node())?);
            }
            Proposal::Remove(remove) => {
                let removed = member::member(group, remove.removed())?;
                self.left.push(removed.ok_or(CommitError::Forbidden)?);
            }
            Proposal::GroupContextExtensions(_) if !self.entered => {}
            Proposal::ExternalInit(_) if self.entered => {}
            _ => return Err(CommitError::Forbidden),
        }
        Ok(())
    }
}
