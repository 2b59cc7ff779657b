//! Commits of those who do not keep to the rules: made with OpenMLS alone, around our own checks.

use openmls::{
    group::{CommitBuilder, Initial, MlsGroup},
    prelude::{LeafNodeParameters, OpenMlsProvider as _},
};

use super::world::{Device, Relay};
use crate::room::{Commitment, context, provider::Provider, wire};

/// Whatever a member can put into a commit.
pub(super) fn commit(
    by: &Device,
    change: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) -> Commitment {
    let mut room = by.room();
    let storage = by.storage.clone();
    let provider = Provider::new(&storage);
    let bundle = change(room.group.commit_builder())
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(provider.rand(), provider.crypto(), &by.own().signer(), |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    Commitment::from_messages(bundle.into_messages()).unwrap()
}

/// Coming in, allowed or not.
pub(super) fn entry(by: &Device, relay: &Relay) -> Commitment {
    let storage = by.storage.clone();
    let provider = Provider::new(&storage);
    let leaf = LeafNodeParameters::builder().with_capabilities(context::capabilities()).build();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(wire::tree(&relay.tree()).unwrap())
        .with_config(context::join_config())
        .build_group(
            &provider,
            wire::group_info(&relay.group_info).unwrap(),
            by.own().credential().unwrap(),
        )
        .unwrap()
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(provider.rand(), provider.crypto(), &by.own().signer(), |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    Commitment::from_messages(bundle.into_messages()).unwrap()
}
