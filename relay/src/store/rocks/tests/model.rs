//! Any operations in any batches do what the simple store in memory does one after the other.

mod rooms;

use std::{collections::BTreeSet, future::Future, sync::Arc, sync::mpsc};

use futures_util::{FutureExt, future::join_all};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestCaseError};
use sotto_proto::{
    AccountId, BlobId, EnvelopeId, ErrorCode, IdentityKey, Timestamp,
    account::{AddressClass, LoginLine, LoginMeans},
    admin::AuditEntry,
    login::RegistrationPolicy,
};
use tempfile::TempDir;

use super::Hold;
use crate::store::{
    Change, MailboxQuota, REPEAT_MEMORY_MS, Store, StoreError, TooOld,
    conformance::samples::{
        NOW, Operated as _, account_id, address_of, blob, device, entry, envelope_to, invitation,
        new_account, new_device, prekeys,
    },
    memory::MemoryStore,
    rocks::RocksStore,
};

const ACCOUNTS: u8 = 3;
const DEVICES: u32 = 3;
const LIFETIME: u64 = REPEAT_MEMORY_MS / 2;
const QUOTA: MailboxQuota = MailboxQuota { entries: 6, bytes: 40 };

#[derive(Clone, Debug)]
enum Step {
    Secret(u8),
    Invite(u32),
    Register { seed: u8, name: u8, invited: bool, one_time: u32 },
    Enrol { seed: u8, number: u32, key: u8, replace: bool, one_time: u32 },
    Rename(u8, u8),
    Suspend(u8, bool),
    Delete(u8),
    Publish { seed: u8, number: u32, from: u32, one_time: u32 },
    Claim { seed: u8, only: Vec<u32> },
    Append(Vec<(u8, u8, u32, u8, usize)>),
    Consume(u8, u32, u64),
    Reserve { id: u8, owner: u8, size: u64, lifetime: u64 },
    Complete(u8),
    ExpireBlobs,
    Administer(Change),
    Announce,
    Audit(Option<u64>),
    NoteLogin { seed: u8, number: u32, refused: bool },
    NoteSeen(u8, u32),
    RemoveDevice(u8, u32),
    Forget(u64),
    Room(rooms::RoomStep),
}

fn steps() -> impl Strategy<Value = Step> {
    let seed = || 0..ACCOUNTS;
    let number = || 1..=DEVICES;
    let one_time = || select(vec![0u32, 1, 3, 60, 101]);
    let envelope = (seed(), seed(), number(), 0..12u8, 0..12usize);
    prop_oneof![
        1 => any::<u8>().prop_map(Step::Secret),
        1 => (0..3u32).prop_map(Step::Invite),
        3 => (seed(), 0..4u8, any::<bool>(), one_time())
            .prop_map(|(seed, name, invited, one_time)| Step::Register { seed, name, invited, one_time }),
        3 => (seed(), number(), 0..3u8, any::<bool>(), one_time())
            .prop_map(|(seed, number, key, replace, one_time)| Step::Enrol { seed, number, key, replace, one_time }),
        1 => (seed(), 0..9u8).prop_map(|(seed, name)| Step::Rename(seed, name)),
        1 => (seed(), any::<bool>()).prop_map(|(seed, suspended)| Step::Suspend(seed, suspended)),
        1 => seed().prop_map(Step::Delete),
        2 => (seed(), number(), 0..5u32, one_time())
            .prop_map(|(seed, number, from, one_time)| Step::Publish { seed, number, from, one_time }),
        3 => (seed(), vec(number(), 0..2)).prop_map(|(seed, only)| Step::Claim { seed, only }),
        8 => vec(envelope, 1..6).prop_map(Step::Append),
        4 => (seed(), number(), 0..12u64).prop_map(|(seed, number, up_to)| Step::Consume(seed, number, up_to)),
        2 => (0..4u8, seed(), 0..60u64, 0..3u64)
            .prop_map(|(id, owner, size, lifetime)| Step::Reserve { id, owner, size, lifetime }),
        1 => (0..4u8).prop_map(Step::Complete),
        1 => Just(Step::ExpireBlobs),
        3 => change().prop_map(Step::Administer),
        1 => Just(Step::Announce),
        1 => option::of(0..20u64).prop_map(Step::Audit),
        2 => (seed(), number(), any::<bool>())
            .prop_map(|(seed, number, refused)| Step::NoteLogin { seed, number, refused }),
        1 => (seed(), number()).prop_map(|(seed, number)| Step::NoteSeen(seed, number)),
        1 => (seed(), number()).prop_map(|(seed, number)| Step::RemoveDevice(seed, number)),
        1 => (0..3u64).prop_map(Step::Forget),
        24 => rooms::steps().prop_map(Step::Room),
    ]
}

/// Changes that name accounts by their seeds.
fn change() -> impl Strategy<Value = Change> {
    let id = || (0..ACCOUNTS).prop_map(account_id);
    let policy = select(vec![None, Some(RegistrationPolicy::Closed)]);
    prop_oneof![
        2 => id().prop_map(Change::Promote),
        2 => id().prop_map(Change::Demote),
        1 => (0..3u32).prop_map(|uses| Change::Invite(invitation("other", uses))),
        1 => Just(Change::Revoke("other".to_owned())),
        1 => policy.prop_map(Change::SetRegistration),
        1 => (0..4u64).prop_map(Change::Withdraw),
    ]
}

/// What the accounts are called at a step: an id is never given again.
#[derive(Clone, Copy)]
struct Accounts([u8; ACCOUNTS as usize]);

impl Accounts {
    fn id(self, seed: u8) -> AccountId {
        account_id(self.0[usize::from(seed)])
    }

    /// A change with the accounts' present ids in place of their seeds.
    fn named(self, change: Change) -> Change {
        let named = |id: AccountId| self.id(id.0[0]);
        match change {
            Change::Promote(id) => Change::Promote(named(id)),
            Change::Demote(id) => Change::Demote(named(id)),
            other => other,
        }
    }

    fn after(mut self, step: &Step) -> Self {
        if let Step::Delete(seed) = step {
            let label = &mut self.0[usize::from(*seed)];
            *label = label.wrapping_add(ACCOUNTS);
        }
        self
    }
}

/// Does a step; what came of it, as text.
async fn perform(store: &dyn Store, step: Step, accounts: Accounts, now: Timestamp) -> String {
    let account_id = |seed| accounts.id(seed);
    let address_of = |seed, number| address_of(accounts.0[usize::from(seed)], number);
    match step {
        Step::Secret(secret) => show(&store.secret("secret", vec![secret]).await),
        Step::Invite(uses) => show(&store.add_invitation("code", uses).await),
        Step::Register { seed, name, invited, one_time } => {
            let mut new = new_account(accounts.0[usize::from(seed)], &format!("name-{name}"));
            new.invitation = invited.then(|| "code".to_owned());
            new.appointment = Some(at(now));
            new.prekeys = prekeys(0..one_time);
            show(&store.register(new).await)
        }
        Step::Enrol { seed, number, key, replace, one_time } => {
            let mut new = new_device(accounts.0[usize::from(seed)], number, key);
            new.replace_devices = replace;
            new.identity = IdentityKey([key; 32]);
            new.backup = replace.then(|| vec![key]);
            new.prekeys = prekeys(0..one_time);
            show(&store.enrol(new).await)
        }
        Step::Rename(seed, name) => {
            let name = format!("Name {name}").parse().unwrap();
            show(&store.set_display_name(account_id(seed), name).await)
        }
        Step::Suspend(seed, suspended) => {
            show(&store.set_suspended(account_id(seed), suspended).await)
        }
        Step::Delete(seed) => show(&store.delete_account(account_id(seed)).await),
        Step::Publish { seed, number, from, one_time } => {
            let upload = prekeys(from..from + one_time);
            show(&store.publish_prekeys(address_of(seed, number), upload).await)
        }
        Step::Claim { seed, only } => {
            let only: Vec<_> = only.into_iter().map(device).collect();
            show(&store.claim_bundles(account_id(seed), &only).await)
        }
        Step::Append(envelopes) => {
            let batch = envelopes.into_iter().map(|(from, to, number, id, size)| {
                let sealed = vec![id; size];
                envelope_to(
                    accounts.0[usize::from(from)],
                    address_of(to, number),
                    EnvelopeId([id; 16]),
                    &sealed,
                )
            });
            show(&store.append(batch.collect(), QUOTA, now).await)
        }
        Step::Consume(seed, number, up_to) => {
            show(&store.consume(address_of(seed, number), up_to).await)
        }
        Step::Reserve { id, owner, size, lifetime } => {
            let mut record = blob(id, accounts.0[usize::from(owner)], size);
            record.expires_at = now.plus(lifetime * LIFETIME);
            show(&store.reserve_blob(record, 100).await)
        }
        Step::Complete(id) => show(&store.complete_blob(BlobId([id; 16])).await),
        Step::ExpireBlobs => {
            let gone = store.expire_blobs(now, 100).await;
            show(&gone.map(|gone| gone.into_iter().collect::<BTreeSet<_>>()))
        }
        Step::Administer(change) => show(&store.administer(accounts.named(change), at(now)).await),
        Step::Announce => show(&store.announce("hello".parse().unwrap(), at(now)).await),
        Step::Audit(before) => {
            show(&store.note_act(at(now)).await) + &show(&store.audit(before, 3).await.map(drop))
        }
        Step::NoteLogin { seed, number, refused } => {
            let line = LoginLine {
                at: now,
                means: LoginMeans::Device,
                from: AddressClass::Loopback,
                device: Some(device(number)),
                refused: refused.then_some(ErrorCode::BadSignature),
            };
            show(&store.note_login(account_id(seed), line).await)
        }
        Step::NoteSeen(seed, number) => show(&store.note_seen(address_of(seed, number), now).await),
        Step::RemoveDevice(seed, number) => {
            show(&store.remove_device(address_of(seed, number), NOW).await)
        }
        Step::Forget(lifetimes) => {
            let before = Timestamp(now.0 - lifetimes * LIFETIME);
            let too_old = TooOld { audit: before, logins: before, announcements: before };
            show(&store.forget(too_old, 1_000).await)
        }
        Step::Room(step) => rooms::perform(store, step, accounts, now).await,
    }
}

/// A line of the audit log of this time.
fn at(now: Timestamp) -> AuditEntry {
    AuditEntry { at: now, ..entry("model") }
}

fn show<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) -> String {
    format!("{outcome:?}")
}

/// Expires everything that is due, and returns what devices have left; the senders to wake.
async fn sweep(store: &dyn Store, now: Timestamp) -> BTreeSet<String> {
    let before = Timestamp(now.0 - LIFETIME);
    let mut woken = BTreeSet::new();
    loop {
        let mut senders = store.expire_mail(before, now, 2).await.unwrap();
        senders.extend(store.return_mail(now, 2).await.unwrap());
        if senders.is_empty() {
            return woken;
        }
        woken.extend(senders.iter().map(|sender| format!("{sender:?}")));
    }
}

/// Everything that can be asked of a store.
async fn everything(store: &dyn Store, accounts: Accounts) -> String {
    let mut all = vec![
        show(&store.list_users("", None, 100).await),
        show(&store.list_users("name", Some(&"name-1".parse().unwrap()), 1).await),
    ];
    let mut census = store.census().await.unwrap();
    census.disk_bytes = 0;
    all.push(format!("{census:?}"));
    all.push(show(&store.list_accounts("", None, 100).await));
    all.push(show(&store.list_accounts("name", Some(&"name-1".parse().unwrap()), 1).await));
    all.push(show(&store.audit(None, 1_000).await));
    all.push(show(&store.audit(Some(7), 2).await));
    all.push(show(&store.announcements(1, 2).await));
    all.push(show(&store.invitations(None, 5).await));
    all.push(show(&store.invitations(Some("code"), 5).await));
    all.push(show(&store.registration().await));
    let usage = store.usage().await.unwrap();
    all.push(format!("{} {}", usage.mailbox_bytes, usage.blob_bytes));
    for seed in accounts.0 {
        all.push(show(&store.logins(account_id(seed)).await));
        let account = store.account(account_id(seed)).await.unwrap();
        if let Some(account) = account {
            let by_name = store.account_by_name(&account.username).await.unwrap();
            assert!(by_name.as_ref() == Some(&account));
            all.push(format!(
                "{:?} {:?} {:?} {:?} {}",
                account.username,
                account.identity,
                account.backup,
                account.devices,
                account.suspended
            ));
        }
        for number in 1..=DEVICES {
            let address = address_of(seed, number);
            all.push(show(&store.count_prekeys(address).await));
            all.push(show(&store.read_mailbox(address, 0, 100, 10_000).await));
            all.push(show(&store.read_mailbox(address, 2, 2, 10_000).await));
        }
    }
    all.extend(rooms::everything(store, accounts).await);
    for id in 0..4 {
        all.push(show(&store.blob(BlobId([id; 16])).await));
    }
    all.join("\n")
}

/// Performs steps in one batch of the writer: it is held until all of them wait in their order.
async fn perform_together(
    rocks: &RocksStore,
    steps: &[(Step, Accounts)],
    now: Timestamp,
) -> Vec<String> {
    let (begun, _has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let hold = rocks.writer.perform(Hold { begun, release: released });
    let first = async { hold.await.map_or_else(|error| error.to_string(), |()| String::new()) };
    let store: &dyn Store = rocks;
    let last = async {
        release.send(()).unwrap();
        String::new()
    };
    let mut all: Vec<std::pin::Pin<Box<dyn Future<Output = String> + Send + '_>>> =
        vec![first.boxed()];
    all.extend(
        steps.iter().map(|(step, accounts)| perform(store, step.clone(), *accounts, now).boxed()),
    );
    all.push(last.boxed());
    let mut outcomes = join_all(all).await;
    outcomes.pop();
    outcomes.split_off(1)
}

async fn compare(batches: Vec<(u64, Vec<Step>)>) -> Result<(), TestCaseError> {
    let folder = TempDir::new().unwrap();
    let rocks = Arc::new(RocksStore::open(folder.path()).unwrap());
    let memory = MemoryStore::new();
    let mut now = NOW;
    let mut accounts = Accounts(std::array::from_fn(|seed| u8::try_from(seed).unwrap()));
    for (passed, steps) in batches {
        now = now.plus(passed * LIFETIME);
        let steps: Vec<_> = steps
            .into_iter()
            .map(|step| {
                let named = (step.clone(), accounts);
                accounts = accounts.after(&step);
                named
            })
            .collect();
        let together = perform_together(&rocks, &steps, now).await;
        for ((step, accounts), outcome) in steps.into_iter().zip(together) {
            let told = format!("{step:?}");
            prop_assert_eq!(perform(&memory, step, accounts, now).await, outcome, "{}", told);
        }
        prop_assert_eq!(everything(&memory, accounts).await, everything(&*rocks, accounts).await);
        prop_assert_eq!(sweep(&memory, now).await, sweep(&*rocks, now).await);
        prop_assert_eq!(everything(&memory, accounts).await, everything(&*rocks, accounts).await);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn batches_do_what_single_steps_do(
        batches in vec((0..3u64, vec(steps(), 1..12)), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(batches))?;
    }
}
