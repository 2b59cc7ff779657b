//! A side's keys and chains, and the Diffie-Hellman ratchet that turns them.

use rand_core::CryptoRng;
use sotto_proto::ExchangeKey;

use super::{RatchetError, chain::ChainKey, header::HeaderKey};
use crate::{
    handshake::{InitialKeys, split},
    primitive::{Key, Refused, agree, derive, exchange_public},
    stored::{Reader, RestoreError, Sink},
};

const RATCHET_INFO: &[u8] = b"sotto/1 ratchet";

/// The part of a side's state that every turn replaces; each field with its name in the
/// specification.
#[derive(Clone)]
pub(super) struct Core {
    /// `RK`
    pub(super) root: Key,
    /// `DHs`
    pub(super) own: Key,
    pub(super) own_public: ExchangeKey,
    /// `CKs`, `HKs`, `Ns`
    pub(super) sending: Option<Chain>,
    /// `NHKs`
    pub(super) next_sending_header: HeaderKey,
    /// `CKr`, `HKr`, `Nr`
    pub(super) receiving: Option<Chain>,
    /// `NHKr`
    pub(super) next_receiving_header: HeaderKey,
    /// `PN`
    pub(super) previous: u32,
}

/// A chain of messages in one direction.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) key: ChainKey,
    pub(super) header: HeaderKey,
    /// The number of the next message.
    pub(super) next: u32,
}

impl Core {
    pub(super) fn initiator(
        rng: &mut (impl CryptoRng + ?Sized),
        keys: InitialKeys,
        signed_prekey: &ExchangeKey,
    ) -> Result<Self, Refused> {
        let own = Key::random(rng);
        let turned = turn_root(&keys.root, &agree(&own, signed_prekey)?);
        Ok(Self {
            root: turned.root,
            own_public: exchange_public(&own),
            own,
            sending: Some(Chain {
                key: turned.chain,
                header: HeaderKey::new(keys.initiator_header),
                next: 0,
            }),
            next_sending_header: turned.next_header,
            receiving: None,
            next_receiving_header: HeaderKey::new(keys.responder_header),
            previous: 0,
        })
    }

    pub(super) fn responder(keys: InitialKeys, signed_prekey: Key) -> Self {
        Self {
            root: keys.root,
            own_public: exchange_public(&signed_prekey),
            own: signed_prekey,
            sending: None,
            next_sending_header: HeaderKey::new(keys.responder_header),
            receiving: None,
            next_receiving_header: HeaderKey::new(keys.initiator_header),
            previous: 0,
        }
    }

    /// `DHRatchetHE`, on a key that the other side sent.
    pub(super) fn turn(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        peer: &ExchangeKey,
    ) -> Result<Self, RatchetError> {
        let small_order = |Refused| RatchetError::SmallOrder;
        let receiving = turn_root(&self.root, &agree(&self.own, peer).map_err(small_order)?);
        let own = Key::random(rng);
        let sending = turn_root(&receiving.root, &agree(&own, peer).map_err(small_order)?);
        Ok(Self {
            root: sending.root,
            own_public: exchange_public(&own),
            own,
            sending: Some(Chain {
                key: sending.chain,
                header: self.next_sending_header.clone(),
                next: 0,
            }),
            next_sending_header: sending.next_header,
            receiving: Some(Chain {
                key: receiving.chain,
                header: self.next_receiving_header.clone(),
                next: 0,
            }),
            next_receiving_header: receiving.next_header,
            previous: self.sending.as_ref().map_or(0, |chain| chain.next),
        })
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.root.as_bytes());
        sink.put(self.own.as_bytes());
        write_chain(sink, self.sending.as_ref());
        self.next_sending_header.write(sink);
        write_chain(sink, self.receiving.as_ref());
        self.next_receiving_header.write(sink);
        sink.put_u32(self.previous);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let (root, own) = (Key::new(*reader.array()?), Key::new(*reader.array()?));
        Ok(Self {
            root,
            own_public: exchange_public(&own),
            own,
            sending: read_chain(reader)?,
            next_sending_header: HeaderKey::read(reader)?,
            receiving: read_chain(reader)?,
            next_receiving_header: HeaderKey::read(reader)?,
            previous: reader.u32()?,
        })
    }
}

/// `KDF_RK_HE`.
fn turn_root(root: &Key, agreed: &Key) -> Turned {
    let [root, chain, next_header] =
        split(&derive(root.as_bytes(), agreed.as_bytes(), RATCHET_INFO));
    Turned { root, chain: ChainKey::new(chain), next_header: HeaderKey::new(next_header) }
}

struct Turned {
    root: Key,
    chain: ChainKey,
    next_header: HeaderKey,
}

fn write_chain(sink: &mut dyn Sink, chain: Option<&Chain>) {
    sink.put(&[u8::from(chain.is_some())]);
    if let Some(chain) = chain {
        chain.key.write(sink);
        chain.header.write(sink);
        sink.put_u32(chain.next);
    }
}

fn read_chain(reader: &mut Reader<'_>) -> Result<Option<Chain>, RestoreError> {
    if !reader.flag()? {
        return Ok(None);
    }
    let (key, header) = (ChainKey::read(reader)?, HeaderKey::read(reader)?);
    Ok(Some(Chain { key, header, next: reader.u32()? }))
}
