//! What OpenMLS keeps, as entities of [`Gathered`].
//!
//! Rooms have no proposals by reference, no pre-shared keys and no signature keys in the storage: to
//! keep one is refused, and there is none to be found.

use openmls_traits::storage::{CURRENT_VERSION as V, StorageProvider, traits};

use super::{Gathered, Halted, Kind, RoomStorageError};

/// Something came to be kept that rooms do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rooms keep nothing of this kind")]
struct NotKept;

/// The three methods of an entity that a group has one of.
macro_rules! one_a_group {
    ($kind:expr, $entity:ident: $write:ident, $read:ident, $delete:ident) => {
        fn $write<G: traits::GroupId<V>, E: traits::$entity<V>>(
            &self,
            group: &G,
            entity: &E,
        ) -> Result<(), Halted> {
            self.keep($kind, group, entity)
        }

        fn $read<G: traits::GroupId<V>, E: traits::$entity<V>>(
            &self,
            group: &G,
        ) -> Result<Option<E>, Halted> {
            self.find($kind, group)
        }

        fn $delete<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), Halted> {
            self.remove($kind, group)
        }
    };
}

impl Gathered<'_> {
    fn not_kept(&self) -> Result<(), Halted> {
        self.halting(|| Err(RoomStorageError::new(NotKept)))
    }
}

/// The key pairs of one epoch, and which epoch and leaf they are of, in CBOR.
type KeyPairs<T> = (Vec<u8>, Vec<T>);

impl StorageProvider<V> for Gathered<'_> {
    type Error = Halted;

    one_a_group!(
        Kind::Config, MlsGroupJoinConfig:
        write_mls_join_config, mls_group_join_config, delete_group_config
    );
    one_a_group!(Kind::Tree, TreeSync: write_tree, tree, delete_tree);
    one_a_group!(Kind::Context, GroupContext: write_context, group_context, delete_context);
    one_a_group!(
        Kind::InterimTranscriptHash, InterimTranscriptHash:
        write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash
    );
    one_a_group!(
        Kind::ConfirmationTag, ConfirmationTag:
        write_confirmation_tag, confirmation_tag, delete_confirmation_tag
    );
    one_a_group!(
        Kind::MessageSecrets, MessageSecrets:
        write_message_secrets, message_secrets, delete_message_secrets
    );
    one_a_group!(
        Kind::ResumptionSecrets, ResumptionPskStore:
        write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets
    );
    one_a_group!(
        Kind::OwnLeafIndex, LeafNodeIndex:
        write_own_leaf_index, own_leaf_index, delete_own_leaf_index
    );
    one_a_group!(
        Kind::EpochSecrets, GroupEpochSecrets:
        write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets
    );

    fn write_group_state<E: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        group: &G,
        state: &E,
    ) -> Result<(), Halted> {
        self.keep(Kind::State, group, state)
    }

    fn group_state<E: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        group: &G,
    ) -> Result<Option<E>, Halted> {
        self.find(Kind::State, group)
    }

    fn delete_group_state<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), Halted> {
        self.remove(Kind::State, group)
    }

    // The pairs of the newest epoch alone are kept: OpenMLS reads no others. So the key is the
    // group's, and forgetting a room finds them.

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        N: traits::EpochKey<V>,
        E: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &N,
        leaf: u32,
        pairs: &[E],
    ) -> Result<(), Halted> {
        let of = self.halting(|| Kind::EpochKeyPairs.key(&(epoch, leaf)))?;
        self.keep(Kind::EpochKeyPairs, group, &(of, pairs))
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        N: traits::EpochKey<V>,
        E: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &N,
        leaf: u32,
    ) -> Result<Vec<E>, Halted> {
        let of = self.halting(|| Kind::EpochKeyPairs.key(&(epoch, leaf)))?;
        let kept: Option<KeyPairs<E>> = self.find(Kind::EpochKeyPairs, group)?;
        Ok(kept.filter(|kept| kept.0 == of).map(|kept| kept.1).unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<V>, N: traits::EpochKey<V>>(
        &self,
        group: &G,
        epoch: &N,
        leaf: u32,
    ) -> Result<(), Halted> {
        let of = self.halting(|| Kind::EpochKeyPairs.key(&(epoch, leaf)))?;
        let kept: Option<KeyPairs<serde::de::IgnoredAny>> =
            self.find(Kind::EpochKeyPairs, group)?;
        match kept {
            Some(kept) if kept.0 == of => self.remove(Kind::EpochKeyPairs, group),
            _ => Ok(()),
        }
    }

    fn write_key_package<R: traits::HashReference<V>, E: traits::KeyPackage<V>>(
        &self,
        reference: &R,
        key_package: &E,
    ) -> Result<(), Halted> {
        self.keep(Kind::KeyPackage, reference, key_package)
    }

    fn key_package<R: traits::HashReference<V>, E: traits::KeyPackage<V>>(
        &self,
        reference: &R,
    ) -> Result<Option<E>, Halted> {
        self.find(Kind::KeyPackage, reference)
    }

    fn delete_key_package<R: traits::HashReference<V>>(&self, reference: &R) -> Result<(), Halted> {
        self.remove(Kind::KeyPackage, reference)
    }

    fn append_own_leaf_node<G: traits::GroupId<V>, E: traits::LeafNode<V>>(
        &self,
        _: &G,
        _: &E,
    ) -> Result<(), Halted> {
        self.not_kept()
    }

    fn own_leaf_nodes<G: traits::GroupId<V>, E: traits::LeafNode<V>>(
        &self,
        _: &G,
    ) -> Result<Vec<E>, Halted> {
        Ok(Vec::new())
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<V>>(&self, _: &G) -> Result<(), Halted> {
        Ok(())
    }

    fn queue_proposal<
        G: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        E: traits::QueuedProposal<V>,
    >(
        &self,
        _: &G,
        _: &R,
        _: &E,
    ) -> Result<(), Halted> {
        self.not_kept()
    }

    fn queued_proposal_refs<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
    ) -> Result<Vec<R>, Halted> {
        Ok(Vec::new())
    }

    fn queued_proposals<
        G: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        E: traits::QueuedProposal<V>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<(R, E)>, Halted> {
        Ok(Vec::new())
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
        _: &R,
    ) -> Result<(), Halted> {
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
    ) -> Result<(), Halted> {
        Ok(())
    }

    fn write_signature_key_pair<
        K: traits::SignaturePublicKey<V>,
        E: traits::SignatureKeyPair<V>,
    >(
        &self,
        _: &K,
        _: &E,
    ) -> Result<(), Halted> {
        self.not_kept()
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<V>, E: traits::SignatureKeyPair<V>>(
        &self,
        _: &K,
    ) -> Result<Option<E>, Halted> {
        Ok(None)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<V>>(
        &self,
        _: &K,
    ) -> Result<(), Halted> {
        Ok(())
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<V>, E: traits::HpkeKeyPair<V>>(
        &self,
        _: &K,
        _: &E,
    ) -> Result<(), Halted> {
        self.not_kept()
    }

    fn encryption_key_pair<E: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(
        &self,
        _: &K,
    ) -> Result<Option<E>, Halted> {
        Ok(None)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<V>>(&self, _: &K) -> Result<(), Halted> {
        Ok(())
    }

    fn write_psk<K: traits::PskId<V>, E: traits::PskBundle<V>>(
        &self,
        _: &K,
        _: &E,
    ) -> Result<(), Halted> {
        self.not_kept()
    }

    fn psk<E: traits::PskBundle<V>, K: traits::PskId<V>>(
        &self,
        _: &K,
    ) -> Result<Option<E>, Halted> {
        Ok(None)
    }

    fn delete_psk<K: traits::PskId<V>>(&self, _: &K) -> Result<(), Halted> {
        Ok(())
    }
}
