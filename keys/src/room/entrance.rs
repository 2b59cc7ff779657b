//! How a device comes into a room: it founds it, is welcomed, or enters by itself.
//!
//! Who comes in verifies every leaf of the tree. Later only the leaves that come new are verified.

use openmls::{
    messages::group_info::VerifiableGroupInfo,
    prelude::{LeafNodeParameters, MlsGroup, MlsMessageOut, OpenMlsProvider as _, StagedWelcome},
};
use sotto_proto::RoomId;
use tls_codec::Serialize as _;

use super::{
    Commitment, Founding, Room,
    commit::Changed,
    context::{self, ContextError},
    error::{MlsError, RoomError},
    member::{self, RoomDevice, RoomMember},
    policy::RoomPolicy,
    provider::Provider,
    rules,
    storage::RoomStorage,
    wire,
};

impl Room {
    /// Founds a room with this device alone in it. What is returned goes to the relay. Old state of
    /// a room of this id is overwritten.
    pub fn found(
        storage: &dyn RoomStorage,
        own: &RoomDevice<'_>,
        room: RoomId,
        policy: &RoomPolicy,
    ) -> Result<(Self, Founding), RoomError> {
        let provider = Provider::new(storage);
        provider.outcome(provider.storage().forget(room))?;
        let group = provider.outcome(MlsGroup::new_with_group_id(
            &provider,
            &own.signer(),
            &context::create_config(policy)?,
            context::group_id(room),
            own.credential()?,
        ))?;
        let info = group.export_group_info(provider.crypto(), &own.signer(), false);
        let group_info = provider.outcome(provider.outcome(info)?.to_bytes())?;
        let tree = provider.outcome(group.export_ratchet_tree().tls_serialize_detached())?;
        provider.write()?;
        Ok((Self { id: room, group }, Founding { group_info, tree }))
    }

    /// Comes into a room by a welcome. The tree comes from the relay; it must be the one that the
    /// welcome names. Old state of the room is overwritten.
    pub fn join(
        storage: &dyn RoomStorage,
        own: &RoomDevice<'_>,
        welcome: &[u8],
        tree: &[u8],
    ) -> Result<Self, RoomError> {
        let (welcome, tree) = (wire::welcome(welcome)?, wire::tree(tree)?);
        member::verify_tree(&tree)?;
        let provider = Provider::new(storage);
        let builder = provider.outcome(StagedWelcome::build_from_welcome(
            &provider,
            &context::join_config(),
            welcome,
        ))?;
        let staged = provider.outcome(
            builder.with_ratchet_tree(tree).skip_lifetime_validation().replace_old_group().build(),
        )?;
        context::policy(staged.group_context())?;
        let group = provider.outcome(staged.into_group(&provider))?;
        let room = Self::of(group)?;
        room.expect_own(own)?;
        provider.write()?;
        Ok(room)
    }

    /// Comes into a room without having been added (an external commit): an open one, or one in
    /// which this account has a device, or has this very device, which lost its state. Old state of
    /// the room is overwritten: the room stands as if the relay had accepted the commit. Should it
    /// not, then what is returned here is of no use, and the device enters again.
    pub fn enter(
        storage: &dyn RoomStorage,
        own: &RoomDevice<'_>,
        room: RoomId,
        group_info: &[u8],
        tree: &[u8],
    ) -> Result<(Self, Commitment), RoomError> {
        let (info, tree) = (wire::group_info(group_info)?, wire::tree(tree)?);
        if context::room_id(info.group_id()) != Some(room) {
            return Err(RoomError::WrongRoom);
        }
        check_entry(own.member(), &member::verify_tree(&tree)?, &info)?;
        let provider = Provider::new(storage);
        provider.outcome(provider.storage().forget(room))?;
        let builder = provider.outcome(
            MlsGroup::external_commit_builder()
                .with_ratchet_tree(tree)
                .with_config(context::join_config())
                .skip_lifetime_validation()
                .build_group(&provider, info, own.credential()?),
        )?;
        let leaf = LeafNodeParameters::builder().with_capabilities(context::capabilities()).build();
        let builder = builder.leaf_node_parameters(leaf);
        let builder = provider.outcome(builder.load_psks(provider.storage()))?;
        let built = provider.outcome(builder.create_group_info(true).build(
            provider.rand(),
            provider.crypto(),
            &own.signer(),
            |_| true,
        ))?;
        let (group, bundle) = provider.outcome(built.finalize(&provider))?;
        let commitment = Commitment::from_messages(bundle.into_messages())?;
        provider.write()?;
        Ok((Self { id: room, group }, commitment))
    }
}

/// Holds entering against the rules, with what can be known from outside.
fn check_entry(
    by: RoomMember,
    members: &[RoomMember],
    info: &VerifiableGroupInfo,
) -> Result<(), RoomError> {
    let policy = context::policy(info.group_context())?;
    let change = Changed {
        joined: vec![by.clone()],
        left: members.iter().filter(|old| old.address() == by.address()).cloned().collect(),
        by,
        policy: None,
        entered: true,
        epoch: info.epoch().as_u64().saturating_add(1),
    };
    // Whether other devices of the account have departed is for the others to know.
    Ok(rules::check(members, &policy, &change, &|_| true)?)
}

impl Commitment {
    /// The commit, the welcome and the group info, as OpenMLS gives them.
    pub(super) fn from_messages(
        (commit, welcome, group_info): (
            MlsMessageOut,
            Option<MlsMessageOut>,
            Option<MlsMessageOut>,
        ),
    ) -> Result<Self, RoomError> {
        let bytes = |message: MlsMessageOut| message.to_bytes().map_err(MlsError::new);
        Ok(Self {
            commit: bytes(commit)?,
            group_info: bytes(group_info.ok_or(ContextError::NotARoom)?)?,
            welcome: welcome.map(bytes).transpose()?,
        })
    }
}
