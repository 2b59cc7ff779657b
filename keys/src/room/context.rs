//! What every room has in common as an MLS group: ciphersuite, capabilities, what may stand in the
//! group context, and how messages are framed.
//!
//! Handshake messages are public messages, so that the relay can verify them and keep the tree.
//! What people say is always in private messages.

use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, Extension, ExtensionType, Extensions, GroupContext,
    GroupId, InvalidExtensionError, Lifetime, MlsGroupCreateConfig, MlsGroupJoinConfig,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProtocolVersion, RequiredCapabilitiesExtension,
    SenderRatchetConfiguration, UnknownExtension,
};
use sotto_proto::RoomId;

use super::policy::{PolicyError, RoomPolicy};

pub(super) const CIPHERSUITE: Ciphersuite =
    Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// The [`RoomPolicy`] in the group context; of the range for private use.
const POLICY_EXTENSION: u16 = 0xF050;

/// How far back a sender's post may come late. The relay keeps posts in order, so this is for posts
/// that were sealed in one order and sent in another.
const OUT_OF_ORDER: u32 = 32;

/// How many sealed posts of a sender may be lost in a row.
const FORWARD_DISTANCE: u32 = 4096;

/// Key packages do not expire: the relay hands out the newest, and a member that comes back after
/// years must still be able to follow. OpenMLS holds this against the system clock, which so never
/// decides anything.
pub(super) fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// Why a group context is not that of a room.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Its version, ciphersuite or id is not one that rooms have.
    #[error("this is not a group of the kind that rooms are")]
    NotARoom,
    /// Its extensions are others than the policy and what members must support.
    #[error("the room has other properties than rooms have")]
    Extensions,
    /// Its policy is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// OpenMLS does not take the extensions.
    #[error("the properties of the room cannot be written")]
    Unwritable(#[from] InvalidExtensionError),
}

pub(super) fn group_id(room: RoomId) -> GroupId {
    GroupId::from_slice(room.as_bytes())
}

pub(super) fn room_id(group: &GroupId) -> Option<RoomId> {
    RoomId::try_from(group.as_slice()).ok()
}

pub(super) fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[CIPHERSUITE]),
        Some(&[ExtensionType::Unknown(POLICY_EXTENSION), ExtensionType::LastResort]),
        None,
        Some(&[CredentialType::Basic]),
    )
}

fn required() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(POLICY_EXTENSION)],
        &[],
        &[CredentialType::Basic],
    )
}

/// The extensions of the group context under this policy.
pub(super) fn extensions(policy: &RoomPolicy) -> Result<Extensions<GroupContext>, ContextError> {
    Ok(Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required()),
        Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy.to_bytes()?)),
    ])?)
}

/// The policy in a group context that has nothing else than rooms have.
pub(super) fn policy(context: &GroupContext) -> Result<RoomPolicy, ContextError> {
    if context.ciphersuite() != CIPHERSUITE
        || context.protocol_version() != ProtocolVersion::Mls10
        || room_id(context.group_id()).is_none()
    {
        return Err(ContextError::NotARoom);
    }
    let extensions = context.extensions();
    if extensions.iter().count() != 2 || extensions.required_capabilities() != Some(&required()) {
        return Err(ContextError::Extensions);
    }
    let policy = extensions.unknown(POLICY_EXTENSION).ok_or(ContextError::Extensions)?;
    Ok(RoomPolicy::from_bytes(&policy.0)?)
}

fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD_DISTANCE)
}

// No past epochs: the relay puts posts and commits in one order and takes a post in the current
// epoch alone. No tree in group infos: the relay hands it out.

pub(super) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(ratchet())
        .build()
}

pub(super) fn create_config(policy: &RoomPolicy) -> Result<MlsGroupCreateConfig, ContextError> {
    Ok(MlsGroupCreateConfig::builder()
        .ciphersuite(CIPHERSUITE)
        .capabilities(capabilities())
        .lifetime(lifetime())
        .with_group_context_extensions(extensions(policy)?)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(ratchet())
        .build())
}
