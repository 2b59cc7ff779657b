//! The secret half of the prekeys that a device leaves with the directory.
//!
//! A one-time secret is forgotten when the first message made with it was opened; until then, and
//! whatever arrives, it stays.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use rand_core::CryptoRng;
use sotto_proto::{KemPrekey, OneTimePrekey, PrekeyId, PrekeyUpload, SignedPrekey, Timestamp};
use zeroize::Zeroizing;

use crate::{
    certificate::{kem_prekey_input, signed_prekey_input},
    handshake::InitialHeader,
    identity::DeviceKeys,
    primitive::{KEM_SEED_LEN, Key, Secret, exchange_public, kem_public},
    stored::{self, Reader, RestoreError, Sink},
};

/// A replaced signed prekey opens late first messages for 30 days.
const RETIRED_LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// One-time secrets kept of each kind: the directory holds 100, the others were handed out.
const ONE_TIME_SECRETS_MAX: usize = 1000;
/// Handshakes without a one-time prekey that are remembered against replay.
const SEEN_MAX: usize = 4096;
const FORMAT: u8 = 1;

type KemSeed = Secret<KEM_SEED_LEN>;

/// The secrets of a device's prekeys: the signed and last-resort ones, the previous ones for a
/// while, and the one-time ones.
pub struct PrekeySecrets {
    next_id: u32,
    /// The newest is last.
    lasting: Vec<Lasting>,
    one_time: BTreeMap<PrekeyId, Key>,
    one_time_kem: BTreeMap<PrekeyId, KemSeed>,
    /// The digests of the handshakes that used up no one-time prekey; the newest is last.
    seen: VecDeque<[u8; 32]>,
}

/// A signed prekey and the ML-KEM prekey of last resort that was made with it.
struct Lasting {
    signed: (PrekeyId, Key),
    last_resort: (PrekeyId, KemSeed),
    made_at: Timestamp,
    retired_at: Option<Timestamp>,
}

/// The secrets that a first message names.
pub(crate) struct Named<'a> {
    pub(crate) signed: &'a Key,
    pub(crate) one_time: Option<&'a Key>,
    pub(crate) kem: &'a KemSeed,
}

/// A first message names a prekey that is not here: it was used up, has expired or never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPrekey(pub(crate) PrekeyId);

impl PrekeySecrets {
    /// All that a new device uploads: a signed prekey, one of last resort, and `one_time` one-time
    /// prekeys of either kind.
    pub fn generate(
        rng: &mut (impl CryptoRng + ?Sized),
        keys: &DeviceKeys,
        now: Timestamp,
        one_time: usize,
    ) -> (Self, PrekeyUpload) {
        let mut secrets = Self {
            next_id: 1,
            lasting: Vec::new(),
            one_time: BTreeMap::new(),
            one_time_kem: BTreeMap::new(),
            seen: VecDeque::new(),
        };
        let lasting = secrets.rotate_signed(rng, keys, now);
        let refill = secrets.refill(rng, keys, one_time, one_time);
        let upload =
            PrekeyUpload { signed: lasting.signed, last_resort: lasting.last_resort, ..refill };
        (secrets, upload)
    }

    /// More one-time prekeys. Of those made long ago and never used, the oldest are forgotten.
    pub fn refill(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        keys: &DeviceKeys,
        one_time: usize,
        one_time_kem: usize,
    ) -> PrekeyUpload {
        let mut upload = PrekeyUpload::default();
        for _ in 0..one_time.min(ONE_TIME_SECRETS_MAX) {
            let (id, secret) = (self.take_id(), Key::random(rng));
            upload.one_time.push(OneTimePrekey { id, key: exchange_public(&secret) });
            self.one_time.insert(id, secret);
        }
        for _ in 0..one_time_kem.min(ONE_TIME_SECRETS_MAX) {
            let (id, seed) = (self.take_id(), KemSeed::random(rng));
            upload.one_time_kem.push(kem_prekey(keys, id, &seed));
            self.one_time_kem.insert(id, seed);
        }
        forget_oldest(&mut self.one_time);
        forget_oldest(&mut self.one_time_kem);
        upload
    }

    /// A new signed prekey and a new one of last resort; the previous ones are kept for 30 days.
    pub fn rotate_signed(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        keys: &DeviceKeys,
        now: Timestamp,
    ) -> PrekeyUpload {
        self.expire(now);
        if let Some(current) = self.lasting.last_mut() {
            current.retired_at = Some(now);
        }
        let (id, secret) = (self.take_id(), Key::random(rng));
        let key = exchange_public(&secret);
        let signature = keys.sign(&signed_prekey_input(id, &key));
        let (kem_id, seed) = (self.take_id(), KemSeed::random(rng));
        let last_resort = kem_prekey(keys, kem_id, &seed);
        self.lasting.push(Lasting {
            signed: (id, secret),
            last_resort: (kem_id, seed),
            made_at: now,
            retired_at: None,
        });
        PrekeyUpload {
            signed: Some(SignedPrekey { id, key, signature }),
            last_resort: Some(last_resort),
            ..PrekeyUpload::default()
        }
    }

    /// Forgets signed prekeys that were replaced more than 30 days ago.
    pub fn expire(&mut self, now: Timestamp) {
        self.lasting.retain(|lasting| {
            lasting.retired_at.is_none_or(|then| now.since(then) <= RETIRED_LIFETIME_MS)
        });
    }

    /// When the present signed prekey was made.
    pub fn signed_made_at(&self) -> Timestamp {
        self.lasting.last().map_or(Timestamp::default(), |lasting| lasting.made_at)
    }

    /// How many one-time secrets are here: X25519, ML-KEM.
    pub fn one_time_counts(&self) -> (usize, usize) {
        (self.one_time.len(), self.one_time_kem.len())
    }

    /// The secrets in the form that [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        stored::collect(|sink| self.write(sink))
    }

    /// Restores what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::new(bytes);
        stored::expect_format(&mut reader, FORMAT)?;
        let secrets = Self {
            next_id: reader.u32()?,
            lasting: read_many(&mut reader, Lasting::read)?,
            one_time: read_many(&mut reader, |r| Ok((PrekeyId(r.u32()?), read_secret(r)?)))?
                .into_iter()
                .collect(),
            one_time_kem: read_many(&mut reader, |r| Ok((PrekeyId(r.u32()?), read_secret(r)?)))?
                .into_iter()
                .collect(),
            seen: read_many(&mut reader, |r| Ok(*r.array()?))?.into(),
        };
        reader.end()?;
        Ok(secrets)
    }

    /// The secrets that a first message names, all of them or none.
    pub(crate) fn named(&self, header: &InitialHeader) -> Result<Named<'_>, UnknownPrekey> {
        let (signed_id, kem_id) = (header.signed_prekey, header.kem_prekey);
        let signed = self.lasting.iter().map(|lasting| &lasting.signed);
        let last_resort = self.lasting.iter().map(|lasting| &lasting.last_resort);
        Ok(Named {
            signed: find(signed, signed_id).ok_or(UnknownPrekey(signed_id))?,
            one_time: header
                .one_time_prekey
                .map(|id| self.one_time.get(&id).ok_or(UnknownPrekey(id)))
                .transpose()?,
            kem: self
                .one_time_kem
                .get(&kem_id)
                .or_else(|| find(last_resort, kem_id))
                .ok_or(UnknownPrekey(kem_id))?,
        })
    }

    /// Whether a handshake that used up nothing was seen before.
    pub(crate) fn has_seen(&self, header: &InitialHeader) -> bool {
        self.seen.contains(&header.digest())
    }

    /// Forgets the one-time secrets that a first message named, once it was opened. Whether there
    /// were any.
    pub(crate) fn consume(&mut self, header: &InitialHeader) -> bool {
        let one_time = header.one_time_prekey.and_then(|id| self.one_time.remove(&id)).is_some();
        let kem = self.one_time_kem.remove(&header.kem_prekey).is_some();
        if !one_time && !kem {
            self.seen.push_back(header.digest());
            if self.seen.len() > SEEN_MAX {
                self.seen.pop_front();
            }
        }
        one_time || kem
    }

    fn take_id(&mut self) -> PrekeyId {
        let id = PrekeyId(self.next_id);
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        id
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[FORMAT]);
        sink.put_u32(self.next_id);
        write_count(sink, self.lasting.len());
        self.lasting.iter().for_each(|lasting| lasting.write(sink));
        write_count(sink, self.one_time.len());
        for (id, secret) in &self.one_time {
            write_secret(sink, *id, secret);
        }
        write_count(sink, self.one_time_kem.len());
        for (id, secret) in &self.one_time_kem {
            write_secret(sink, *id, secret);
        }
        write_count(sink, self.seen.len());
        self.seen.iter().for_each(|digest| sink.put(digest));
    }
}

impl fmt::Debug for PrekeySecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrekeySecrets(..)")
    }
}

impl Lasting {
    fn write(&self, sink: &mut dyn Sink) {
        write_secret(sink, self.signed.0, &self.signed.1);
        write_secret(sink, self.last_resort.0, &self.last_resort.1);
        sink.put_u64(self.made_at.0);
        sink.put(&[u8::from(self.retired_at.is_some())]);
        sink.put_u64(self.retired_at.unwrap_or_default().0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RestoreError> {
        Ok(Self {
            signed: (PrekeyId(reader.u32()?), read_secret(reader)?),
            last_resort: (PrekeyId(reader.u32()?), read_secret(reader)?),
            made_at: Timestamp(reader.u64()?),
            retired_at: {
                let retired = reader.flag()?;
                let at = Timestamp(reader.u64()?);
                retired.then_some(at)
            },
        })
    }
}

fn kem_prekey(keys: &DeviceKeys, id: PrekeyId, seed: &KemSeed) -> KemPrekey {
    let key = kem_public(seed);
    KemPrekey { id, signature: keys.sign(&kem_prekey_input(id, &key)), key }
}

fn find<'a, S>(mut all: impl Iterator<Item = &'a (PrekeyId, S)>, id: PrekeyId) -> Option<&'a S> {
    all.find(|(found, _)| *found == id).map(|(_, secret)| secret)
}

fn forget_oldest<S>(secrets: &mut BTreeMap<PrekeyId, S>) {
    while secrets.len() > ONE_TIME_SECRETS_MAX {
        secrets.pop_first();
    }
}

fn write_secret<const N: usize>(sink: &mut dyn Sink, id: PrekeyId, secret: &Secret<N>) {
    sink.put_u32(id.0);
    sink.put(secret.as_bytes());
}

fn read_secret<const N: usize>(reader: &mut Reader<'_>) -> Result<Secret<N>, RestoreError> {
    Ok(Secret::new(*reader.array()?))
}

fn write_count(sink: &mut dyn Sink, count: usize) {
    sink.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
}

/// Reads a counted list. Memory grows with what is really there, not with what is announced.
fn read_many<T>(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, RestoreError>,
) -> Result<Vec<T>, RestoreError> {
    let count = reader.u32()?;
    (0..count).map(|_| read(reader)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Person;

    #[test]
    fn secrets_are_not_printed() {
        insta::assert_debug_snapshot!(Person::new(1).prekeys, @"PrekeySecrets(..)");
    }

    #[test]
    fn secrets_come_back() {
        let mut person = Person::new(1);
        person.prekeys.rotate_signed(&mut person.rng, &person.keys, Timestamp(5));
        let bytes = person.prekeys.to_bytes();
        let restored = PrekeySecrets::from_bytes(&bytes).unwrap();
        assert_eq!(restored.to_bytes(), bytes);
        for length in 0..bytes.len() {
            assert!(PrekeySecrets::from_bytes(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn replaced_prekeys_are_kept_for_thirty_days() {
        let mut person = Person::new(1);
        let day = 24 * 60 * 60 * 1000;
        person.prekeys.rotate_signed(&mut person.rng, &person.keys, Timestamp(day));
        assert_eq!(person.prekeys.signed_made_at(), Timestamp(day));
        person.prekeys.expire(Timestamp(31 * day));
        assert_eq!(person.prekeys.lasting.len(), 2);
        person.prekeys.expire(Timestamp(31 * day + 1));
        assert_eq!(person.prekeys.lasting.len(), 1);
    }

    #[test]
    fn unused_secrets_are_bounded() {
        let mut person = Person::new(1);
        let upload = person.prekeys.refill(&mut person.rng, &person.keys, 1000, 0);
        assert_eq!(upload.one_time.len(), 1000);
        assert_eq!(person.prekeys.one_time_counts().0, 1000);
        assert!(person.prekeys.one_time.contains_key(&upload.one_time[999].id));
    }
}
