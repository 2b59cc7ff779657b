//! What can go wrong in rooms, by operation. What OpenMLS has to say stays the cause.

use openmls::{
    framing::errors::MlsMessageError,
    prelude::{
        CommitBuilderStageError, CreateCommitError, CreateMessageError, CreationFromExternalError,
        CryptoError, ExportGroupInfoError, ExternalCommitBuilderError,
        ExternalCommitBuilderFinalizeError, KeyPackageNewError, KeyPackageVerifyError,
        LibraryError, MergeCommitError, MergePendingCommitError, NewGroupError,
        ProcessMessageError, PublicProcessMessageError, SignatureError, WelcomeError,
    },
};
use sotto_proto::DeviceAddress;

use super::{
    commit::CommitError,
    context::ContextError,
    member::LeafError,
    rules::RuleError,
    storage::{Halted, RoomStorageError},
    wire::{Malformed, Misplaced, NotAPost},
};
use crate::{padding::PaddingError, stored::RestoreError};

/// MLS does not allow it, or a message does not hold.
#[derive(Debug, thiserror::Error)]
#[error("MLS refuses it")]
pub struct MlsError(#[source] Box<Cause>);

impl MlsError {
    pub(super) fn new(cause: impl Into<Cause>) -> Self {
        Self(Box::new(cause.into()))
    }
}

/// The errors of OpenMLS, one an operation.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Cause {
    Founding(#[from] NewGroupError<Halted>),
    Joining(#[from] WelcomeError<Halted>),
    Entering(#[from] ExternalCommitBuilderError<Halted>),
    Entered(#[from] ExternalCommitBuilderFinalizeError<Halted>),
    Committing(#[from] CreateCommitError),
    Staging(#[from] CommitBuilderStageError<Halted>),
    Processing(#[from] ProcessMessageError<Halted>),
    Merging(#[from] MergeCommitError<Halted>),
    Confirming(#[from] MergePendingCommitError<Halted>),
    Sealing(#[from] CreateMessageError),
    Exporting(#[from] ExportGroupInfoError),
    Writing(#[from] MlsMessageError),
    Codec(#[from] tls_codec::Error),
    KeyPackage(#[from] KeyPackageNewError),
    KeyPackageCheck(#[from] KeyPackageVerifyError),
    Importing(#[from] CreationFromExternalError<Halted>),
    Following(#[from] PublicProcessMessageError),
    Signature(#[from] SignatureError),
    Crypto(#[from] CryptoError),
    Library(#[from] LibraryError),
    Storage(#[from] Halted),
}

/// OpenMLS did not do it: because of the storage, or by its own rules.
#[derive(Debug)]
pub(super) enum Failure {
    Storage(RoomStorageError),
    Mls(MlsError),
}

impl From<Failure> for RoomError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Storage(error) => Self::Storage(error),
            Failure::Mls(error) => Self::Mls(error),
        }
    }
}

impl From<Failure> for RosterError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Storage(error) => Self::Stored(error),
            Failure::Mls(error) => Self::Mls(error),
        }
    }
}

/// Why something did not come about in a room. The room and its storage are as they were, with two
/// exceptions. After [`Self::Storage`] the caller rolls its transaction back and loads the room anew.
/// A post that opens and then shows bad padding ([`Self::Padding`]) counts as opened.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The state was not read or written.
    #[error(transparent)]
    Storage(#[from] RoomStorageError),
    /// The message is not what it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The message is no sealed post.
    #[error(transparent)]
    NotAPost(#[from] NotAPost),
    /// The message is for another room.
    #[error("the message is for another room")]
    WrongRoom,
    /// The message is of an epoch that has passed.
    #[error("the message is of an epoch of the room that has passed")]
    StaleEpoch,
    /// The message is of an epoch that has not come: commits are missing here.
    #[error("the message is of an epoch of the room that is not known yet")]
    FutureEpoch,
    /// This device was removed.
    #[error("this device is no longer in the room")]
    Removed,
    /// A commit of this device waits for the relay's word.
    #[error("a change of the room is still under way")]
    Pending,
    /// No commit of this device waits for the relay's word.
    #[error("no change of the room is under way")]
    NothingPending,
    /// The device to be removed is not in the room.
    #[error("the device is not in the room")]
    NotInRoom(DeviceAddress),
    /// The keys of this device are not those of its leaf in the room.
    #[error("this device is in the room under another certificate")]
    OtherDevice,
    /// The post is this device's own, which cannot be opened.
    #[error("the post was sealed by this device")]
    OwnPost,
    /// The commit is not one of a room.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The commit breaks a rule of rooms.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A leaf is of no member.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The group is not a room, or its policy is malformed.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The content is too large, or its sender did not pad as it must.
    #[error(transparent)]
    Padding(#[from] PaddingError),
    /// MLS does not allow it.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

impl From<Misplaced> for RoomError {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Room => Self::WrongRoom,
            Misplaced::Earlier => Self::StaleEpoch,
            Misplaced::Later => Self::FutureEpoch,
        }
    }
}

/// Why a key package is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyPackageError {
    /// The bytes are no key package.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is for rooms of another kind than these.
    #[error("the key package is not for rooms")]
    NotForRooms,
    /// Its leaf is of no member.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// It does not hold.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// Why the relay does not take a room, or a change of it. The roster is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The message is not what it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// What was stored is not the roster of a room.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A part of what was stored is malformed.
    #[error("the stored roster of the room is malformed")]
    Stored(#[from] RoomStorageError),
    /// The message is for another room.
    #[error("the message is for another room")]
    WrongRoom,
    /// The commit is of an epoch that has passed: another one was first.
    #[error("the commit is of an epoch of the room that has passed")]
    StaleEpoch,
    /// The commit is of an epoch that has not come.
    #[error("the commit is of an epoch of the room that has not come")]
    FutureEpoch,
    /// A room begins with its first member alone, in its first epoch.
    #[error("the room is not a new one")]
    NotNew,
    /// The group info is not that of the new epoch, or not by the committer.
    #[error("the group info does not belong to the commit")]
    GroupInfo,
    /// The commit is not one of a room.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The commit breaks a rule of rooms.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A leaf is of no member.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The group is not a room, or its policy is malformed.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// MLS does not allow it.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

impl From<Misplaced> for RosterError {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Room => Self::WrongRoom,
            Misplaced::Earlier => Self::StaleEpoch,
            Misplaced::Later => Self::FutureEpoch,
        }
    }
}
