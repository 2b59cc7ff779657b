//! MLS messages as bytes: each is parsed once, as a whole, and must be of the kind that its place
//! asks for.

use openmls::{
    messages::group_info::VerifiableGroupInfo,
    prelude::{
        ContentType, GroupEpoch, GroupId, MlsMessageBodyIn, MlsMessageIn, ProtocolMessage,
        PublicMessageIn, RatchetTreeIn, Welcome,
    },
};
use sotto_proto::RoomId;
use tls_codec::Deserialize as _;

use super::context;

/// Bytes that are not the message that they should be.
#[derive(Debug, thiserror::Error)]
#[error("the {what} is malformed")]
pub struct Malformed {
    what: &'static str,
    #[source]
    cause: Option<tls_codec::Error>,
}

/// Bytes that are no sealed post.
#[derive(Debug, thiserror::Error)]
pub enum NotAPost {
    /// They are no MLS message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is a message of another kind, or for a group that is no room.
    #[error("the message is not a sealed post of a room")]
    OtherKind,
}

/// What a sealed post says in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostHeader {
    /// The room that it is for.
    pub room: RoomId,
    /// The epoch that it was sealed in.
    pub epoch: u64,
}

/// Room and epoch of a sealed post, read from its clear header. Whether it opens is not known.
pub fn post_header(sealed: &[u8]) -> Result<PostHeader, NotAPost> {
    let message = post(sealed)?;
    let room = context::room_id(message.group_id()).ok_or(NotAPost::OtherKind)?;
    Ok(PostHeader { room, epoch: message.epoch().as_u64() })
}

/// A sealed post.
pub(super) fn post(sealed: &[u8]) -> Result<ProtocolMessage, NotAPost> {
    match body("post", sealed)? {
        MlsMessageBodyIn::PrivateMessage(message)
            if message.content_type() == ContentType::Application =>
        {
            Ok(message.into())
        }
        _ => Err(NotAPost::OtherKind),
    }
}

/// A commit, in the clear.
pub(super) fn commit(bytes: &[u8]) -> Result<PublicMessageIn, Malformed> {
    match body("commit", bytes)? {
        MlsMessageBodyIn::PublicMessage(message)
            if message.content_type() == ContentType::Commit =>
        {
            Ok(message)
        }
        _ => Err(other_kind("commit")),
    }
}

pub(super) fn welcome(bytes: &[u8]) -> Result<Welcome, Malformed> {
    match body("welcome", bytes)? {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(other_kind("welcome")),
    }
}

pub(super) fn group_info(bytes: &[u8]) -> Result<VerifiableGroupInfo, Malformed> {
    match body("group info", bytes)? {
        MlsMessageBodyIn::GroupInfo(info) => Ok(info),
        _ => Err(other_kind("group info")),
    }
}

pub(super) fn tree(bytes: &[u8]) -> Result<RatchetTreeIn, Malformed> {
    RatchetTreeIn::tls_deserialize_exact(bytes)
        .map_err(|cause| Malformed { what: "tree", cause: Some(cause) })
}

pub(super) fn body(what: &'static str, bytes: &[u8]) -> Result<MlsMessageBodyIn, Malformed> {
    MlsMessageIn::tls_deserialize_exact(bytes)
        .map(MlsMessageIn::extract)
        .map_err(|cause| Malformed { what, cause: Some(cause) })
}

pub(super) const fn other_kind(what: &'static str) -> Malformed {
    Malformed { what, cause: None }
}

/// Why a message is not of the room and the epoch in which it was to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misplaced {
    Room,
    Earlier,
    Later,
}

/// Whether a message for this group and epoch is of the room as it stands.
pub(super) fn place(
    (group, epoch): (&GroupId, GroupEpoch),
    (own_group, own_epoch): (&GroupId, GroupEpoch),
) -> Result<(), Misplaced> {
    if group != own_group {
        return Err(Misplaced::Room);
    }
    match epoch.cmp(&own_epoch) {
        std::cmp::Ordering::Less => Err(Misplaced::Earlier),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Misplaced::Later),
    }
}
