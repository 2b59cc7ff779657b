//! The relay's side of a room: who is in it, by public data alone.
//!
//! The roster verifies every commit before the relay stores it, so that no member is handed one that
//! it would refuse, and keeps the tree for those who come in. It never sees a secret of the room: the
//! membership tag and the confirmation tag of a commit are for the members to check.

mod shelf;

use openmls::{
    messages::group_info::VerifiableGroupInfo,
    prelude::{
        ConfirmationTag, LeafNodeIndex, OpenMlsProvider as _, OpenMlsSignaturePublicKey,
        ProcessedMessageContent, ProposalStore, ProtocolMessage, PublicGroup, Sender,
        SignatureScheme, StagedCommit, Verifiable as _,
    },
};
use openmls_rust_crypto::RustCrypto;
use sotto_proto::{DeviceAddress, RoomId};
use tls_codec::Serialize as _;

use self::shelf::Shelf;
use super::{
    commit::{self, Changed, CommitError},
    context,
    error::{Failure, MlsError, RosterError},
    member::{self, RoomMember},
    policy::RoomPolicy,
    provider::Provider,
    rules, wire,
};
use crate::stored::RestoreError;

/// What the relay may know of a room.
#[derive(Debug)]
pub struct Roster {
    group: PublicGroup,
    shelf: Shelf,
}

impl Roster {
    /// A new room, as its first member founded it.
    pub fn found(room: RoomId, group_info: &[u8], tree: &[u8]) -> Result<Self, RosterError> {
        let (info, tree) = (wire::group_info(group_info)?, wire::tree(tree)?);
        if context::room_id(info.group_id()) != Some(room) {
            return Err(RosterError::WrongRoom);
        }
        context::policy(info.group_context())?;
        if !has_external_key_alone(&info) {
            return Err(RosterError::GroupInfo);
        }
        if info.epoch().as_u64() != 0 || member::verify_tree(&tree)?.len() != 1 {
            return Err(RosterError::NotNew);
        }
        let shelf = Shelf::default();
        let provider = Provider::new(&shelf);
        let store = ProposalStore::new();
        let (group, _) = provider.outcome(PublicGroup::from_external(
            provider.crypto(),
            provider.storage(),
            tree,
            info,
            store,
        ))?;
        provider.write()?;
        Ok(Self { group, shelf })
    }

    /// Restores what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RosterError> {
        let (room, shelf) = Shelf::from_bytes(bytes)?;
        let provider = Provider::new(&shelf);
        let group =
            provider.outcome(PublicGroup::load(provider.storage(), &context::group_id(room)))?;
        Ok(Self { group: group.ok_or(RestoreError::Impossible)?, shelf })
    }

    /// The roster in the form that [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.shelf.to_bytes(self.group.group_id().as_slice())
    }

    /// Follows a commit that somebody sent: verifies it and holds it against the rules. `group_info`
    /// must be that of the new epoch, by the committer. `departed` says whether a device has left its
    /// account or asked to be taken out of the room.
    pub fn follow(
        &mut self,
        commit: &[u8],
        group_info: &[u8],
        departed: impl Fn(DeviceAddress) -> bool,
    ) -> Result<Changed, RosterError> {
        let (message, info) = (wire::commit(commit)?, wire::group_info(group_info)?);
        wire::place(
            (message.group_id(), message.epoch()),
            (self.group.group_id(), self.group.group_context().epoch()),
        )?;
        let tag = message.confirmation_tag().cloned().ok_or(CommitError::Forbidden)?;
        let provider = Provider::new(&self.shelf);
        let message = ProtocolMessage::from(message);
        let processed = provider.outcome(self.group.process_message(provider.crypto(), message))?;
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(CommitError::Forbidden.into());
        };
        let changed = commit::read(&self.group, &sender, &staged)?;
        rules::check(&self.members()?, &self.policy()?, &changed, &departed)?;
        let signer = provider.outcome(self.index(&sender, &staged))?;
        let expected = Expected { staged: &staged, tag, signer, by: &changed.by };
        if !expected.is_met(provider.crypto(), &info, group_info)? {
            return Err(RosterError::GroupInfo);
        }
        provider.outcome(self.group.merge_commit(provider.storage(), *staged))?;
        provider.write()?;
        Ok(changed)
    }

    /// How many commits were followed since the founding.
    pub fn epoch(&self) -> u64 {
        self.group.group_context().epoch().as_u64()
    }

    /// What the members have agreed on.
    pub fn policy(&self) -> Result<RoomPolicy, RosterError> {
        Ok(context::policy(self.group.group_context())?)
    }

    /// The devices in the room.
    pub fn members(&self) -> Result<Vec<RoomMember>, RosterError> {
        Ok(member::members(&self.group)?)
    }

    /// The tree, for those who come in.
    pub fn tree(&self) -> Result<Vec<u8>, RosterError> {
        let tree = self.group.export_ratchet_tree().tls_serialize_detached();
        Ok(tree.map_err(MlsError::new)?)
    }

    /// Whose leaf the committer's is after the commit.
    fn index(
        &self,
        sender: &Sender,
        staged: &StagedCommit,
    ) -> Result<LeafNodeIndex, openmls::prelude::LibraryError> {
        match sender {
            Sender::Member(index) => Ok(*index),
            _ => self.group.ext_commit_sender_index(staged),
        }
    }
}

/// Whether a group info carries the key by which one comes in, and no more.
fn has_external_key_alone(info: &VerifiableGroupInfo) -> bool {
    info.extensions().iter().count() == 1 && info.extensions().external_pub().is_some()
}

/// What the group info that goes with a commit must say.
struct Expected<'a> {
    staged: &'a StagedCommit,
    tag: ConfirmationTag,
    signer: LeafNodeIndex,
    by: &'a RoomMember,
}

impl Expected<'_> {
    fn is_met(
        &self,
        crypto: &RustCrypto,
        info: &VerifiableGroupInfo,
        bytes: &[u8],
    ) -> Result<bool, Failure> {
        if !has_external_key_alone(info) {
            return Ok(false);
        }
        let expected = VerifiableGroupInfo::new(
            self.staged.group_context().clone(),
            info.extensions().clone(),
            self.tag.clone(),
            self.signer,
            info.signature().clone(),
        );
        let key = OpenMlsSignaturePublicKey::new(
            self.by.certificate.signing.as_bytes().to_vec().into(),
            SignatureScheme::ED25519,
        );
        let key = key.map_err(|cause| Failure::Mls(MlsError::new(cause)))?;
        let Ok(expected) = expected.verify(crypto, &key) else { return Ok(false) };
        let expected = expected.tls_serialize_detached();
        let expected = expected.map_err(|cause| Failure::Mls(MlsError::new(cause)))?;
        // Before it stand the version and the kind of the message.
        Ok(bytes.get(4..) == Some(expected.as_slice()))
    }
}
