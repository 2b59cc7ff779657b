//! Rooms: group conversations by MLS (RFC 9420), by the crate `openmls`.
//!
//! A [`Room`] is a member's side and holds secrets; a [`Roster`] is the relay's side and holds what
//! is public. Both hold every commit against the same rules. A change of a room is *proposed*, sent
//! to the relay, and *confirmed* or *withdrawn* by its answer; the others *follow*. The relay takes
//! one commit an epoch, so all see the same changes in the same order.
//!
//! The rest of this crate takes randomness and time from outside. Here it cannot: OpenMLS and its
//! backend draw their randomness from the operating system, and OpenMLS reads the system's clock to
//! check the lifetime of key packages. The lifetime of ours has no end, so that the clock decides
//! nothing. OpenMLS writes its own refusals to the `log` facade; no secret is among them.
//!
//! A room may stay loaded. It is in step with its storage until an operation ends in
//! [`RoomError::Storage`] or the caller rolls its transaction back: then it is loaded anew.
//!
//! ```
//! use std::{cell::RefCell, collections::BTreeMap};
//!
//! use rand_core::UnwrapErr;
//! use sotto_keys::{DeviceKeys, Identity, OwnDevice, room::*};
//! use sotto_proto::{AccountId, DeviceId, RoomId, Timestamp};
//! use zeroize::Zeroizing;
//!
//! #[derive(Default)]
//! struct Memory(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);
//!
//! impl RoomStorage for Memory {
//!     fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
//!         Ok(self.0.borrow().get(key).cloned().map(Zeroizing::new))
//!     }
//!     fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
//!         self.0.borrow_mut().insert(key.to_vec(), value.to_vec());
//!         Ok(())
//!     }
//!     fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
//!         self.0.borrow_mut().remove(key);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let number = DeviceId::new(1).ok_or("zero")?;
//! # let mut rng = UnwrapErr(rand::rngs::SysRng);
//! # let (a, a_keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
//! # let (b, b_keys) = (Identity::generate(&mut rng), DeviceKeys::generate(&mut rng));
//! # let a_certificate = a.certify(number, &a_keys, Timestamp(1));
//! # let b_certificate = b.certify(number, &b_keys, Timestamp(1));
//! # let own = OwnDevice { identity: a.public(), certificate: &a_certificate, keys: &a_keys };
//! let (alices, bobs) = (Memory::default(), Memory::default());
//! let alice = RoomDevice { account: AccountId([1; 16]), device: own };
//! # let own = OwnDevice { identity: b.public(), certificate: &b_certificate, keys: &b_keys };
//! let bob = RoomDevice { account: AccountId([2; 16]), device: own };
//!
//! // Alice founds a room, of which the relay learns who is in it.
//! let (id, policy) = (RoomId([7; 16]), RoomPolicy {
//!     kind: RoomKind::Invite,
//!     admins: [alice.account].into(),
//! });
//! let (mut room, founding) = Room::found(&alices, &alice, id, &policy)?;
//! let mut roster = Roster::found(id, &founding.group_info, &founding.tree)?;
//!
//! // Bob left a key package with the directory, by which Alice adds him.
//! let (bobs_package, member) = verify_key_package(&key_package(&bobs, &bob)?)?;
//! assert_eq!(member.account, bob.account);
//! let change = RoomChange { add: &[bobs_package], ..RoomChange::default() };
//! let made = room.propose(&alices, &alice, &change)?;
//!
//! // It counts once the relay has taken it.
//! roster.follow(&made.commit, &made.group_info, |_| false)?;
//! room.confirm(&alices)?;
//! let welcome = made.welcome.ok_or("nobody was added")?;
//! let mut bobs_room = Room::join(&bobs, &bob, &welcome, &roster.tree()?)?;
//!
//! let sealed = room.seal(&alices, &alice, b"Welcome, Bob!")?;
//! assert_eq!(post_header(&sealed)?, PostHeader { room: id, epoch: 1 });
//! let (from, text) = bobs_room.open(&bobs, &sealed)?;
//! assert_eq!((from.account, text.as_slice()), (alice.account, b"Welcome, Bob!".as_slice()));
//! # Ok(())
//! # }
//! ```

mod commit;
mod context;
mod entrance;
mod error;
mod key_package;
mod member;
mod policy;
mod provider;
mod roster;
mod rules;
mod storage;
#[cfg(test)]
mod tests;
mod wire;

use std::{collections::BTreeSet, fmt};

use openmls::prelude::{
    LeafNodeIndex, MlsGroup, OpenMlsProvider as _, ProcessedMessageContent, ProtocolMessage,
    Sender, StagedCommit,
};
use sotto_proto::{AccountId, DeviceAddress, RoomId};
use zeroize::Zeroizing;

use self::provider::Provider;
pub use self::{
    commit::{Changed, CommitError},
    context::ContextError,
    error::{KeyPackageError, MlsError, RoomError, RosterError},
    key_package::{KeyPackageHandle, key_package, verify_key_package},
    member::{LeafError, RoomDevice, RoomMember},
    policy::{PolicyError, RoomKind, RoomPolicy, RoomTopic, RoomTopicError},
    roster::Roster,
    rules::RuleError,
    storage::{RoomStorage, RoomStorageError},
    wire::{Malformed, NotAPost, PostHeader, post_header},
};
use crate::padding::{pad_onto, padded_len, unpad};

/// A room as one of its devices has it. What changes it writes the change to the storage.
pub struct Room {
    id: RoomId,
    group: MlsGroup,
}

/// What the relay needs to know of a new room; both are public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// The group info of the first epoch.
    pub group_info: Vec<u8>,
    /// The tree of the first epoch.
    pub tree: Vec<u8>,
}

/// A change of a room, as it goes to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// For the relay and all members.
    pub commit: Vec<u8>,
    /// The group info of the new epoch, for the relay to hand out.
    pub group_info: Vec<u8>,
    /// For those who are added, the same for all of them.
    pub welcome: Option<Vec<u8>>,
}

/// What is to be changed. Nothing at all is a change too: this device's keys are made new.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoomChange<'a> {
    /// Whom to add.
    pub add: &'a [KeyPackageHandle],
    /// Whom to remove; not this device, which only others can remove.
    pub remove: &'a [DeviceAddress],
    /// What to agree on.
    pub policy: Option<&'a RoomPolicy>,
}

impl Room {
    /// The room as the storage has it, if this device is or was in it.
    pub fn load(storage: &dyn RoomStorage, room: RoomId) -> Result<Option<Self>, RoomError> {
        let provider = Provider::new(storage);
        let group =
            provider.outcome(MlsGroup::load(provider.storage(), &context::group_id(room)))?;
        group.map(Self::of).transpose()
    }

    /// Deletes everything that the storage has of the room.
    pub fn forget(storage: &dyn RoomStorage, room: RoomId) -> Result<(), RoomError> {
        let provider = Provider::new(storage);
        provider.outcome(provider.storage().forget(room))?;
        Ok(provider.write()?)
    }

    /// Which room it is.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// How many commits were merged since the founding.
    pub fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    /// What the members have agreed on.
    pub fn policy(&self) -> Result<RoomPolicy, RoomError> {
        Ok(context::policy(self.group.public_group().group_context())?)
    }

    /// The devices in it.
    pub fn members(&self) -> Result<Vec<RoomMember>, RoomError> {
        Ok(member::members(self.group.public_group())?)
    }

    /// The people who may add and remove others and change the policy.
    pub fn admins(&self) -> Result<BTreeSet<AccountId>, RoomError> {
        Ok(rules::admins(&self.policy()?, &self.members()?))
    }

    /// Whether this device is still in it.
    pub fn is_active(&self) -> bool {
        self.group.is_active()
    }

    /// Whether a commit of this device waits for the relay's word.
    pub fn has_pending(&self) -> bool {
        self.group.pending_commit().is_some()
    }

    /// Makes a commit, which stays pending: it counts when the relay has accepted it and
    /// [`Self::confirm`] was called. Whether a device that this account may not remove has departed
    /// is for those to know who follow.
    pub fn propose(
        &mut self,
        storage: &dyn RoomStorage,
        own: &RoomDevice<'_>,
        change: &RoomChange<'_>,
    ) -> Result<Commitment, RoomError> {
        self.expect_active()?;
        self.expect_own(own)?;
        if self.has_pending() {
            return Err(RoomError::Pending);
        }
        let removed = self.indices(change.remove)?;
        let extensions = change.policy.map(context::extensions).transpose()?;
        let is_empty = change.add.is_empty() && removed.is_empty() && extensions.is_none();
        let provider = Provider::new(storage);
        let mut builder = self
            .group
            .commit_builder()
            .force_self_update(is_empty)
            .propose_adds(change.add.iter().map(|handle| handle.0.clone()))
            .propose_removals(removed);
        if let Some(extensions) = extensions {
            builder = provider.outcome(builder.propose_group_context_extensions(extensions))?;
        }
        let builder = provider.outcome(builder.load_psks(provider.storage()))?;
        let built = provider.outcome(builder.create_group_info(true).build(
            provider.rand(),
            provider.crypto(),
            &own.signer(),
            |_| true,
        ))?;
        let bundle = provider.outcome(built.stage_commit(&provider))?;
        let made =
            self.check_pending().and_then(|()| Commitment::from_messages(bundle.into_messages()));
        if made.is_err() {
            provider.outcome(self.group.clear_pending_commit(provider.storage()))?;
        } else {
            provider.write()?;
        }
        made
    }

    /// The relay accepted the pending commit: merges it.
    pub fn confirm(&mut self, storage: &dyn RoomStorage) -> Result<Changed, RoomError> {
        self.expect_active()?;
        let changed = self.pending_change()?;
        let provider = Provider::new(storage);
        provider.outcome(self.group.merge_pending_commit(&provider))?;
        provider.write()?;
        Ok(changed)
    }

    /// The relay did not accept the pending commit: drops it.
    pub fn withdraw(&mut self, storage: &dyn RoomStorage) -> Result<(), RoomError> {
        let provider = Provider::new(storage);
        provider.outcome(self.group.clear_pending_commit(provider.storage()))?;
        Ok(provider.write()?)
    }

    /// Follows a commit from the relay: verifies it, holds it against the rules, merges it. A
    /// pending commit of this device is dropped, or confirmed if it is the very one. `departed` says
    /// whether a device has left its account or asked to be taken out of the room.
    pub fn follow(
        &mut self,
        storage: &dyn RoomStorage,
        commit: &[u8],
        departed: impl Fn(DeviceAddress) -> bool,
    ) -> Result<Changed, RoomError> {
        self.expect_active()?;
        let message = wire::commit(commit)?;
        wire::place(
            (message.group_id(), message.epoch()),
            (self.group.group_id(), self.group.epoch()),
        )?;
        let provider = Provider::new(storage);
        let processed = provider
            .outcome(self.group.process_message(&provider, ProtocolMessage::from(message)))?;
        let sender = processed.sender().clone();
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
            ProcessedMessageContent::OwnPendingCommit => return self.confirm(storage),
            _ => return Err(CommitError::Forbidden.into()),
        };
        let changed = self.judged(&sender, &staged, &departed)?;
        provider.outcome(self.group.merge_staged_commit(&provider, staged))?;
        provider.write()?;
        Ok(changed)
    }

    /// Pads and seals a post.
    pub fn seal(
        &mut self,
        storage: &dyn RoomStorage,
        own: &RoomDevice<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, RoomError> {
        self.expect_active()?;
        self.expect_own(own)?;
        let mut padded = Zeroizing::new(Vec::with_capacity(padded_len(plaintext.len())?));
        pad_onto(&mut padded, plaintext)?;
        let provider = Provider::new(storage);
        let message =
            provider.outcome(self.group.create_message(&provider, &own.signer(), &padded))?;
        let sealed = provider.outcome(message.to_bytes())?;
        provider.write()?;
        Ok(sealed)
    }

    /// Opens a post of the current epoch; whose leaf it is from is returned with it. A post is opened
    /// once.
    pub fn open(
        &mut self,
        storage: &dyn RoomStorage,
        sealed: &[u8],
    ) -> Result<(DeviceAddress, Zeroizing<Vec<u8>>), RoomError> {
        self.expect_active()?;
        let message = wire::post(sealed)?;
        wire::place(
            (message.group_id(), message.epoch()),
            (self.group.group_id(), self.group.epoch()),
        )?;
        let provider = Provider::new(storage);
        let processed = provider.outcome(self.group.process_message(&provider, message))?;
        let Sender::Member(index) = *processed.sender() else {
            return Err(CommitError::Sender.into());
        };
        let mut plaintext = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                Zeroizing::new(message.into_bytes())
            }
            ProcessedMessageContent::OwnPrivateMessage => return Err(RoomError::OwnPost),
            _ => return Err(NotAPost::OtherKind.into()),
        };
        provider.write()?;
        let sender = member::member(self.group.public_group(), index)?;
        unpad(&mut plaintext)?;
        Ok((sender.ok_or(CommitError::Sender)?.address(), plaintext))
    }

    fn of(group: MlsGroup) -> Result<Self, RoomError> {
        let id = context::room_id(group.group_id()).ok_or(ContextError::NotARoom)?;
        Ok(Self { id, group })
    }

    fn expect_active(&self) -> Result<(), RoomError> {
        if self.is_active() { Ok(()) } else { Err(RoomError::Removed) }
    }

    /// The keys given for this device must be those of its leaf, or others would refuse what is
    /// signed with them.
    fn expect_own(&self, own: &RoomDevice<'_>) -> Result<(), RoomError> {
        let leaf = member::member(self.group.public_group(), self.group.own_leaf_index())?;
        if leaf == Some(own.member()) { Ok(()) } else { Err(RoomError::OtherDevice) }
    }

    fn indices(&self, devices: &[DeviceAddress]) -> Result<Vec<LeafNodeIndex>, RoomError> {
        let mut indices = Vec::with_capacity(devices.len());
        let leaves: Vec<_> = self.group.treesync().full_leaves().collect();
        let members = self.members()?;
        for device in devices {
            let position = members.iter().position(|member| member.address() == *device);
            let leaf = position.and_then(|position| leaves.get(position));
            indices.push(leaf.ok_or(RoomError::NotInRoom(*device))?.0);
        }
        Ok(indices)
    }

    fn pending_change(&self) -> Result<Changed, RoomError> {
        let pending = self.group.pending_commit().ok_or(RoomError::NothingPending)?;
        let sender = Sender::Member(self.group.own_leaf_index());
        Ok(commit::read(self.group.public_group(), &sender, pending)?)
    }

    fn check_pending(&self) -> Result<(), RoomError> {
        let changed = self.pending_change()?;
        Ok(rules::check(&self.members()?, &self.policy()?, &changed, &|_| true)?)
    }

    /// What a commit changes, if the rules allow it.
    fn judged(
        &self,
        sender: &Sender,
        staged: &StagedCommit,
        departed: &dyn Fn(DeviceAddress) -> bool,
    ) -> Result<Changed, RoomError> {
        let changed = commit::read(self.group.public_group(), sender, staged)?;
        rules::check(&self.members()?, &self.policy()?, &changed, departed)?;
        Ok(changed)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}
