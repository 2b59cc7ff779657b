//! What this store promises beyond the trait: it survives a crash, it commits in groups, and it
//! opens only what is its to open.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use rocksdb::{DB, Options, statistics::Ticker};
use sotto_proto::{
    PrekeyId,
    account::{AddressClass, LoginLine, LoginMeans},
    directory::PrekeyCount,
};
use tempfile::TempDir;

use super::{
    OpenError, RocksStore,
    changes::Changes,
    database::{Database, database_options},
    schema::{ADMINS_KEY, SCHEMA_KEY, SCHEMA_VERSION},
    writer::Operation,
};
use crate::store::{
    Append, Appended, Change, Role, Store, StoreError,
    conformance::samples::{
        NOW, Operated as _, ROOMY, account_id, address, append, blob, entry, envelope,
        envelope_ids, fresh_id, invitation, mailbox, new_account, register, send,
    },
};

mod model;

mod conformance {
    crate::store::conformance::suite!(crate::store::rocks::tests::fresh);
}

/// A store in a folder of its own.
fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = TempDir::new().unwrap();
    (open(folder.path()), folder)
}

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(RocksStore::open(folder).unwrap())
}

/// Copies the files as they are at this moment, as a crash would leave them.
fn copy_as_it_is(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// The file that the log is written to, and its length.
fn log_file(folder: &Path) -> (PathBuf, u64) {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let newest = files.filter(is_log).max().unwrap();
    let length = newest.metadata().unwrap().len();
    (newest, length)
}

#[tokio::test]
async fn a_closed_store_opens_with_everything() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 3).await;
    store.consume(address(1), 1).await.unwrap();
    store.close().await.unwrap();
    drop(store);

    let store = open(folder.path());
    assert_eq!(envelope_ids(&mailbox(&store, 1).await), ids[1..]);
    assert!(store.account(account_id(2)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_dropped_store_opens_with_everything() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 3).await;
    drop(store);
    assert_eq!(envelope_ids(&mailbox(&open(folder.path()), 1).await), ids);
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("live"));
    let secret = store.secret("secret", vec![7; 32]).await.unwrap();
    register(&store, [1, 2]).await;
    store.add_invitation("twice", 2).await.unwrap();
    let mut invited = new_account(3, "carol");
    invited.invitation = Some("twice".to_owned());
    store.register(invited).await.unwrap();
    store.reserve_blob(blob(1, 1, 10), 100).await.unwrap();
    store.complete_blob(blob(1, 1, 10).id).await.unwrap();
    let claimed = store.claim_bundles(account_id(1), &[]).await.unwrap();
    let ids = send(&store, 2, 1, 20).await;
    copy_as_it_is(&folder.path().join("live"), &folder.path().join("crashed"));

    let after = open(&folder.path().join("crashed"));
    assert_eq!(after.secret("secret", vec![8; 32]).await.unwrap(), secret);
    assert_eq!(envelope_ids(&mailbox(&after, 1).await), ids);
    assert!(after.blob(blob(1, 1, 10).id).await.unwrap().unwrap().complete);
    assert_eq!(after.census().await.unwrap().accounts, 3);
    let next = after.claim_bundles(account_id(1), &[]).await.unwrap();
    let one_time = |claim: &[(sotto_proto::Bundle, PrekeyCount)]| {
        claim[0].0.one_time_prekey.as_ref().unwrap().id
    };
    assert_eq!((one_time(&claimed), one_time(&next)), (PrekeyId(1), PrekeyId(2)));
    assert_eq!(next[0].1, PrekeyCount { one_time: 1, one_time_kem: 1 });
    let repeat = envelope(2, 1, ids[0], b"x");
    assert_eq!(append(&after, repeat, ROOMY, NOW).await, Appended::Repeat);
    let mut again = new_account(4, "dave");
    again.invitation = Some("twice".to_owned());
    after.register(again.clone()).await.unwrap();
    again.account.id = account_id(5);
    again.account.username = "erin".parse().unwrap();
    assert!(matches!(after.register(again).await, Err(StoreError::Invitation)));
}

#[tokio::test]
async fn a_power_cut_takes_no_answered_envelope() {
    let folder = TempDir::new().unwrap();
    let live = folder.path().join("live");
    let store = open(&live);
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 10).await;
    let (_, synced) = log_file(&live);
    for up_to in 1..=5 {
        store.consume(address(1), up_to).await.unwrap();
    }
    let (log, written) = log_file(&live);
    assert!(written > synced);

    // Whatever was not synced may be lost from any byte on.
    for (round, length) in (synced..=written).step_by(7).chain([written]).enumerate() {
        let cut = folder.path().join(format!("cut-{round}"));
        copy_as_it_is(&live, &cut);
        let log = File::options().write(true).open(cut.join(log.file_name().unwrap())).unwrap();
        log.set_len(length).unwrap();
        let after = open(&cut);
        let left = envelope_ids(&mailbox(&after, 1).await);
        assert!((5..=10).contains(&left.len()), "{} at {length}", left.len());
        assert_eq!(left, ids[10 - left.len()..]);
        let next = append(&after, envelope(2, 1, fresh_id(), b"x"), ROOMY, NOW).await;
        assert_eq!(next, Appended::At(11));
        let census = after.census().await.unwrap();
        assert_eq!(census.entries, left.len() as u64 + 1);
    }
}

#[tokio::test]
async fn a_sequence_is_not_used_again_after_a_start() {
    let folder = TempDir::new().unwrap();
    for start in 0..3 {
        let store = open(folder.path());
        if start == 0 {
            register(&store, [1, 2]).await;
        }
        let next = append(&store, envelope(2, 1, fresh_id(), b"x"), ROOMY, NOW).await;
        assert_eq!(next, Appended::At(start + 1));
        store.consume(address(1), u64::MAX).await.unwrap();
    }
}

/// Keeps the writer busy until it is let go.
struct Hold {
    begun: mpsc::Sender<()>,
    release: mpsc::Receiver<()>,
}

impl Operation for Hold {
    type Output = ();

    fn apply(self, _changes: &mut Changes<'_>) -> Result<(), StoreError> {
        self.begun.send(()).unwrap();
        self.release.recv().unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn many_appends_share_one_sync() {
    const APPENDS: usize = 500;
    let folder = TempDir::new().unwrap();
    let mut options = database_options();
    options.enable_statistics();
    let counting = options.clone();
    let disk_syncs = || counting.get_ticker_count(Ticker::WalFileSynced);
    let database = Database::open_with(folder.path(), &options).unwrap();
    let rocks = Arc::new(RocksStore::start(database, folder.path()).unwrap());
    let store: Arc<dyn Store> = rocks.clone();
    register(&store, [1, 2]).await;

    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let hold = Hold { begun, release: released };
    let holding = tokio::spawn({
        let rocks = rocks.clone();
        async move { rocks.writer.perform(hold).await }
    });
    tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
    let appends: Vec<_> = (0..APPENDS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                append(&store, envelope(2, 1, fresh_id(), b"x"), ROOMY, NOW).await
            })
        })
        .collect();
    while rocks.writer.waiting() < APPENDS {
        tokio::task::yield_now().await;
    }
    let (before, disk_before) = (rocks.syncs(), disk_syncs());
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    for append in appends {
        assert!(matches!(append.await.unwrap(), Appended::At(_)));
    }
    assert_eq!(rocks.syncs() - before, 1);
    assert_eq!(disk_syncs() - disk_before, 1, "the database synced its log");
    assert_eq!(mailbox(&store, 1).await.len(), APPENDS);
}

#[tokio::test]
async fn consuming_and_repeats_cost_no_sync() {
    let folder = TempDir::new().unwrap();
    let rocks = Arc::new(RocksStore::open(folder.path()).unwrap());
    let store: Arc<dyn Store> = rocks.clone();
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 20).await;
    let before = rocks.syncs();
    for (up_to, id) in (1..).zip(ids) {
        store.consume(address(1), up_to).await.unwrap();
        let repeat = envelope(2, 1, id, b"x");
        assert_eq!(append(&store, repeat, ROOMY, NOW).await, Appended::Repeat);
    }
    assert_eq!(rocks.syncs(), before);
    send(&store, 2, 1, 1).await;
    assert_eq!(rocks.syncs(), before + 1);
}

#[tokio::test]
async fn a_failed_operation_leaves_the_others_of_its_batch() {
    let folder = TempDir::new().unwrap();
    let rocks = Arc::new(RocksStore::open(folder.path()).unwrap());
    let store: Arc<dyn Store> = rocks.clone();
    register(&store, [1]).await;
    let outcomes = register_at_once(&store, 20).await;
    let taken = |one: &&Result<(), StoreError>| matches!(one, Err(StoreError::UsernameTaken));
    assert_eq!(outcomes.iter().filter(taken).count(), 10);
    assert_eq!(store.census().await.unwrap().accounts, 11);
    let (users, _) = store.list_users("", None, 100).await.unwrap();
    assert_eq!(users.len(), 11);
}

/// Registers at once, every other one under a name that is taken.
async fn register_at_once(store: &Arc<dyn Store>, count: u8) -> Vec<Result<(), StoreError>> {
    let registering: Vec<_> = (0..count)
        .map(|number| {
            let name =
                if number % 2 == 0 { "user-001".to_owned() } else { format!("other-{number}") };
            let store = store.clone();
            tokio::spawn(async move { store.register(new_account(100 + number, &name)).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for one in registering {
        outcomes.push(one.await.unwrap().map(drop));
    }
    outcomes
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let folder = TempDir::new().unwrap();
    open(folder.path()).close().await.unwrap();
    let newer = SCHEMA_VERSION + 1;
    {
        let names = DB::list_cf(&Options::default(), folder.path()).unwrap();
        let mut db = DB::open_cf(&Options::default(), folder.path(), names).unwrap();
        db.put(SCHEMA_KEY, newer.to_be_bytes()).unwrap();
        // What a newer version adds must not get in the way of the sentence.
        create_table(&mut db);
    }
    let refused = RocksStore::open(folder.path()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found, .. } if found == newer));
    let sentence = refused.to_string();
    assert!(sentence.contains("newer version of the relay"), "{sentence}");
}

fn create_table(db: &mut DB) {
    db.create_cf("a table of the future", &Options::default()).unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let refused = RocksStore::open(folder.path()).err().unwrap();
    assert!(matches!(refused, OpenError::Locked { .. }));
    assert!(refused.to_string().contains("in use by another relay"));
    store.close().await.unwrap();
    open(folder.path());
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    File::create(&file).unwrap();
    let refused = RocksStore::open(&file.join("data")).err().unwrap();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused}");
}

#[tokio::test]
async fn a_backup_opens_with_everything() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("live"));
    register(&store, [1, 2]).await;
    let ids = send(&store, 2, 1, 5).await;
    let copy = folder.path().join("copy");
    store.backup(&copy).await.unwrap();
    send(&store, 2, 1, 5).await;
    assert!(matches!(store.backup(&copy).await, Err(StoreError::Database(_))));

    let restored = open(&copy);
    assert_eq!(envelope_ids(&mailbox(&restored, 1).await), ids);
    assert!(restored.census().await.unwrap().disk_bytes > 0);
}

#[tokio::test]
async fn an_answer_nobody_waits_for_is_no_harm() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    register(&store, [1, 2]).await;
    let batch: Vec<Append> = vec![envelope(2, 1, fresh_id(), b"x")];
    let waiting = tokio::spawn({
        let (store, batch) = (store.clone(), batch.clone());
        async move { store.append(batch, ROOMY, NOW).await }
    });
    waiting.abort();
    let _ = waiting.await;
    let outcome = store.append(batch, ROOMY, NOW).await.unwrap();
    assert!(matches!(outcome[0], Appended::At(1) | Appended::Repeat));
    assert_eq!(mailbox(&store, 1).await.len(), 1);
}

#[tokio::test]
async fn a_database_of_the_schema_before_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    register(&store, [1]).await;
    store.close().await.unwrap();
    drop(store);
    {
        // As the version before left it: no new tables, no counts, invitations as bare numbers.
        let names = DB::list_cf(&Options::default(), folder.path()).unwrap();
        let db = DB::open_cf(&Options::default(), folder.path(), names).unwrap();
        for table in ["audit", "announcements", "logins", "login_ages", "last_seen"] {
            db.drop_cf(table).unwrap();
        }
        db.delete(ADMINS_KEY).unwrap();
        let invitations = db.cf_handle("invitations").unwrap();
        db.put_cf(&invitations, "old", 2_u32.to_be_bytes()).unwrap();
        db.put(SCHEMA_KEY, 1_u32.to_be_bytes()).unwrap();
    }
    let store = open(folder.path());
    let (invitations, _) = store.invitations(None, 9).await.unwrap();
    assert_eq!(invitations, [invitation("old", 2)]);
    let mut invited = new_account(2, "invited");
    invited.invitation = Some("old".to_owned());
    // There was an account before: it is too late to be the first.
    invited.appointment = Some(entry("promote"));
    assert_eq!(store.register(invited).await.unwrap(), Role::Member);
    store.change(Change::Promote(account_id(1))).await.unwrap();
    let refused = store.change(Change::Demote(account_id(1))).await;
    assert!(matches!(refused, Err(StoreError::LastAdmin)));
    let line = store.account_line(account_id(1)).await.unwrap().unwrap();
    // The device's own word on its enrolment, where the relay has none.
    assert_eq!((line.devices[0].enrolled_at, line.devices[0].last_seen), (NOW, None));
    store.close().await.unwrap();
    drop(store);
    let again = open(folder.path());
    assert_eq!(again.invitations(None, 9).await.unwrap().0, [invitation("old", 1)]);
}

#[tokio::test]
async fn it_goes_on_in_another_folder_and_comes_back() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let rocks = Arc::new(RocksStore::open(&first).unwrap());
    let store: Arc<dyn Store> = rocks.clone();
    register(&store, [1]).await;
    rocks.switch(&second).unwrap();
    assert_eq!(rocks.folder(), Some(second.clone()));
    assert_eq!(store.census().await.unwrap().accounts, 0);
    register(&store, [2, 3]).await;

    // One that is in use, or no folder at all, leaves the one that is open.
    let other = RocksStore::open(&first).unwrap();
    assert!(matches!(rocks.switch(&first), Err(OpenError::Locked { .. })));
    let file = folder.path().join("file");
    File::create(&file).unwrap();
    assert!(matches!(rocks.switch(&file), Err(OpenError::NotWritable { .. })));
    assert_eq!(store.census().await.unwrap().accounts, 2);
    other.close().await.unwrap();
    drop(other);

    rocks.switch(&first).unwrap();
    assert_eq!(store.census().await.unwrap().accounts, 1);
    assert!(store.account(account_id(1)).await.unwrap().is_some());
    RocksStore::open(&second).unwrap();
}

#[tokio::test]
async fn a_login_costs_no_sync() {
    let folder = TempDir::new().unwrap();
    let rocks = Arc::new(RocksStore::open(folder.path()).unwrap());
    let store: Arc<dyn Store> = rocks.clone();
    register(&store, [1]).await;
    let before = rocks.syncs();
    let line = LoginLine {
        at: NOW,
        means: LoginMeans::Password,
        from: AddressClass::Loopback,
        device: None,
        refused: None,
    };
    for _ in 0..20 {
        store.note_login(account_id(1), line).await.unwrap();
        store.note_seen(address(1), NOW).await.unwrap();
    }
    assert_eq!(rocks.syncs(), before);
    assert_eq!(store.usage().await.unwrap().syncs, before);
}
