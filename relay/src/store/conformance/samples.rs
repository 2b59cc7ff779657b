//! Accounts, keys and envelopes to test with: well-formed, with keys that are no keys.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sotto_proto::{
    AccountId, BlobId, DeviceAddress, DeviceCertificate, DeviceId, DeviceKey, EnvelopeId,
    ExchangeKey, IdentityKey, KemKey, KemPrekey, OneTimePrekey, PrekeyId, PrekeyUpload, Signature,
    SignedPrekey, Timestamp,
    admin::{Actor, AuditEntry, Invitation},
    mailbox::{Envelope, Mail, MailboxEntry},
};

use crate::store::{
    Account, Append, Appended, BlobRecord, Change, MailboxQuota, NewAccount, NewDevice, Role,
    Store, StoreError,
};

/// The store under test.
pub(crate) type Tested = Arc<dyn Store>;

/// Room enough.
pub(crate) const ROOMY: MailboxQuota = MailboxQuota { entries: 1_000_000, bytes: 1 << 40 };

/// The time of everything that does not depend on it.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn device(number: u32) -> DeviceId {
    DeviceId::new(number).unwrap()
}

pub(crate) fn account_id(seed: u8) -> AccountId {
    AccountId([seed; 16])
}

/// The first device of the account with this seed.
pub(crate) fn address(seed: u8) -> DeviceAddress {
    address_of(seed, 1)
}

pub(crate) fn address_of(seed: u8, number: u32) -> DeviceAddress {
    DeviceAddress { account: account_id(seed), device: device(number) }
}

pub(crate) fn certificate(number: u32, key: u8) -> DeviceCertificate {
    DeviceCertificate {
        device: device(number),
        signing: DeviceKey([key; 32]),
        exchange: ExchangeKey([key; 32]),
        issued_at: NOW,
        signature: Signature([key; 64]),
    }
}

pub(crate) fn new_account(seed: u8, username: &str) -> NewAccount {
    NewAccount {
        account: Account {
            id: account_id(seed),
            username: username.parse().unwrap(),
            display_name: format!("{username} the {seed}th").parse().unwrap(),
            identity: IdentityKey([seed; 32]),
            password_record: vec![seed; 192],
            backup: vec![seed; 100],
            devices: vec![certificate(1, seed)],
            role: Role::Member,
            suspended: false,
            created_at: NOW,
        },
        prekeys: prekeys(1..=3),
        invitation: None,
        appointment: None,
    }
}

pub(crate) fn new_device(seed: u8, number: u32, key: u8) -> NewDevice {
    NewDevice {
        account: account_id(seed),
        identity: IdentityKey([seed; 32]),
        certificate: certificate(number, key),
        prekeys: prekeys(1..=3),
        backup: None,
        replace_devices: false,
        enrolled_at: NOW,
    }
}

/// A signed prekey, one of last resort, and one-time prekeys of both kinds with these ids.
pub(crate) fn prekeys(ids: impl Iterator<Item = u32> + Clone) -> PrekeyUpload {
    PrekeyUpload {
        signed: Some(SignedPrekey {
            id: PrekeyId(1000),
            key: ExchangeKey([7; 32]),
            signature: Signature([7; 64]),
        }),
        last_resort: Some(kem_prekey(2000)),
        one_time: ids.clone().map(one_time_prekey).collect(),
        one_time_kem: ids.map(kem_prekey).collect(),
    }
}

pub(crate) fn one_time_prekey(id: u32) -> OneTimePrekey {
    OneTimePrekey { id: PrekeyId(id), key: ExchangeKey([8; 32]) }
}

pub(crate) fn kem_prekey(id: u32) -> KemPrekey {
    KemPrekey {
        id: PrekeyId(id),
        key: KemKey(Box::new([9; KemKey::LEN])),
        signature: Signature([9; 64]),
    }
}

/// A line of the audit log about something that the operator did.
pub(crate) fn entry(act: &str) -> AuditEntry {
    let (actor, act) = (Actor::Operator, act.to_owned());
    AuditEntry { at: NOW, actor, act, target: None, refused: None }
}

pub(crate) fn invitation(code: &str, uses_left: u32) -> Invitation {
    Invitation { code: code.to_owned(), uses_left, note: None, made: None }
}

/// What the operator does, in a word each.
#[async_trait::async_trait]
pub(crate) trait Operated {
    /// Makes a change that stands in the audit log under the name of a test.
    async fn change(&self, change: Change) -> Result<(), StoreError>;

    async fn set_suspended(&self, id: AccountId, suspended: bool) -> Result<(), StoreError> {
        self.change(if suspended { Change::Suspend(id) } else { Change::Restore(id) }).await
    }

    async fn delete_account(&self, id: AccountId) -> Result<(), StoreError> {
        self.change(Change::Delete(id)).await
    }

    async fn add_invitation(&self, code: &str, uses: u32) -> Result<(), StoreError> {
        self.change(Change::Invite(invitation(code, uses))).await
    }
}

#[async_trait::async_trait]
impl Operated for dyn Store {
    async fn change(&self, change: Change) -> Result<(), StoreError> {
        self.administer(change, entry("test")).await
    }
}

/// Registers accounts with these seeds under made-up names.
pub(crate) async fn register(store: &Tested, seeds: impl IntoIterator<Item = u8>) {
    for seed in seeds {
        store.register(new_account(seed, &format!("user-{seed:03}"))).await.unwrap();
    }
}

/// An id that no other call has given.
pub(crate) fn fresh_id() -> EnvelopeId {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut id = [0xE0; 16];
    id[..4].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    EnvelopeId(id)
}

pub(crate) fn envelope(from: u8, to: u8, id: EnvelopeId, sealed: &[u8]) -> Append {
    envelope_to(from, address(to), id, sealed)
}

pub(crate) fn envelope_to(from: u8, to: DeviceAddress, id: EnvelopeId, sealed: &[u8]) -> Append {
    let envelope = Envelope { id, to, sealed: sealed.to_vec() };
    Append { from: address(from), envelope }
}

/// Appends one envelope at a time; what became of it.
pub(crate) async fn append(
    store: &Tested,
    append: Append,
    quota: MailboxQuota,
    now: Timestamp,
) -> Appended {
    let outcome = store.append(vec![append], quota, now).await.unwrap();
    assert_eq!(outcome.len(), 1);
    outcome[0]
}

/// Sends `count` envelopes of one byte each; their ids.
pub(crate) async fn send(store: &Tested, from: u8, to: u8, count: usize) -> Vec<EnvelopeId> {
    let ids: Vec<EnvelopeId> = std::iter::repeat_with(fresh_id).take(count).collect();
    let batch = ids.iter().map(|id| envelope(from, to, *id, b"x")).collect();
    let outcome = store.append(batch, ROOMY, NOW).await.unwrap();
    assert!(outcome.iter().all(|one| matches!(one, Appended::At(_))), "{outcome:?}");
    ids
}

/// Everything in the mailbox of an account's first device.
pub(crate) async fn mailbox(store: &Tested, of: u8) -> Vec<MailboxEntry> {
    store.read_mailbox(address(of), 0, usize::MAX, usize::MAX).await.unwrap()
}

/// The ids of the envelopes among these entries.
pub(crate) fn envelope_ids(entries: &[MailboxEntry]) -> Vec<EnvelopeId> {
    entries
        .iter()
        .filter_map(|entry| match &entry.mail {
            Mail::Envelope { id, .. } => Some(*id),
            Mail::Expired { .. } | Mail::Returned { .. } => None,
        })
        .collect()
}

pub(crate) fn blob(seed: u8, owner: u8, size: u64) -> BlobRecord {
    BlobRecord {
        id: BlobId([seed; 16]),
        owner: account_id(owner),
        size,
        digest: [seed; 32],
        complete: false,
        expires_at: NOW.plus(1000),
    }
}
