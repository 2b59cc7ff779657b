//! What the tests of the vault share, and those of the vault as a whole: against a real file.

mod rooms;

use std::fs;

use sotto_keys::VaultParams;
use sotto_proto::{
    AccountId, DeviceAddress, DeviceId, EnvelopeId, IdentityKey, MessageId, RoomId, Timestamp,
    content::{Body, Content, RoomProfile, Text},
    mailbox::Envelope,
};

use super::*;
use crate::model::{ContactState, ConversationId, Message, RoomKind, RoomState};

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000);
pub(super) const ROOM: RoomId = RoomId([0xC0; 16]);
pub(super) const PASSPHRASE: &[u8] = b"correct horse";

/// A vault in a folder of its own.
pub(super) struct Fixture {
    pub(super) vault: Vault,
    pub(super) folder: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(new_profile(folder.path()), PASSPHRASE).unwrap();
        Self { vault, folder }
    }

    /// With Bob, account 1, who is accepted.
    pub(super) fn with_contact() -> Self {
        let mut fixture = Self::new();
        fixture.vault.write(|tx| tx.add_contact(&new_contact(1, "bob"), NOW)).unwrap();
        fixture
    }

    /// Of account 9, "me", in a room with Carol, account 2, who is its admin, and Dave, account 3.
    pub(super) fn with_room() -> Self {
        let mut fixture = Self::new();
        let own = OwnAccount {
            account: account(9),
            device: DeviceId::new(1).unwrap(),
            username: "myself".parse().unwrap(),
            display_name: "me".parse().unwrap(),
            identity: Zeroizing::new(Vec::new()),
            device_keys: Zeroizing::new(Vec::new()),
        };
        let names = [(2, "carol"), (3, "dave")].map(|(number, name)| MemberNames {
            account: account(number),
            username: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
        });
        let carol = NewMember { is_admin: true, ..new_member(2) };
        fixture
            .vault
            .write(|tx| {
                tx.set_own_account(&own)?;
                tx.put_room(&new_room())?;
                tx.set_room_members(ROOM, &[carol, new_member(3), new_member(9)])?;
                tx.set_member_names(ROOM, &names)
            })
            .unwrap();
        fixture
    }

    /// Closes the vault and opens it again.
    pub(super) fn reopen(&mut self) {
        let Self { vault, folder } = std::mem::replace(self, Self::new());
        let vault = Vault::open(vault.close().unwrap(), PASSPHRASE).unwrap();
        *self = Self { vault, folder };
    }
}

fn new_profile(folder: &Path) -> Profile {
    let stretching = Stretching { salt: [7; 16], params: VaultParams::MINIMUM };
    let link = "sotto://relay.example:4433/".parse().unwrap();
    Profile::create(&folder.join("anna"), &link, &"anna".parse().unwrap(), stretching).unwrap()
}

pub(super) fn account(number: u8) -> AccountId {
    AccountId([number; 16])
}

/// The direct chat with this account.
pub(super) fn chat(number: u8) -> ConversationId {
    account(number).into()
}

pub(super) fn address(number: u8, device: u32) -> DeviceAddress {
    DeviceAddress { account: account(number), device: DeviceId::new(device).unwrap() }
}

fn sixteen(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

pub(super) fn id(number: u32) -> MessageId {
    MessageId(sixteen(number))
}

pub(super) fn envelope(number: u32) -> EnvelopeId {
    EnvelopeId(sixteen(number))
}

pub(super) fn new_contact(number: u8, username: &str) -> NewContact {
    NewContact {
        account: account(number),
        username: username.parse().unwrap(),
        display_name: username.parse().unwrap(),
        identity: IdentityKey([number; 32]),
        state: ContactState::Accepted,
    }
}

pub(super) fn new_room() -> NewRoom {
    NewRoom {
        id: ROOM,
        kind: RoomKind::Invite,
        profile: RoomProfile {
            name: "Lighthouse".parse().unwrap(),
            topic: String::new(),
            picture: None,
        },
        state: RoomState::Joined,
        is_admin: false,
        invited_by: Some(account(2)),
        cursor: 3,
        joined_at: Some(NOW),
    }
}

pub(super) fn new_member(number: u8) -> NewMember {
    let identity = IdentityKey([number; 32]);
    NewMember { account: account(number), identity, is_admin: false, devices: 1 }
}

pub(super) fn content(number: u32, body: impl Into<Body>) -> Content {
    Content { id: id(number), sent_at: NOW, disappears_after: None, body: body.into() }
}

pub(super) fn text(number: u32, text: &str, sent_at: Timestamp) -> Content {
    let body = Text { text: text.to_owned(), reply_to: None, mentions: Vec::new() };
    Content { sent_at, ..content(number, body) }
}

/// Bob's content arrives.
pub(super) fn arrive(fixture: &mut Fixture, content: &Content) -> Recorded {
    fixture.vault.write(|tx| tx.record_content(chat(1), account(1), content, NOW)).unwrap()
}

/// Somebody's content arrives in the room.
pub(super) fn say(fixture: &mut Fixture, from: AccountId, content: &Content) -> Recorded {
    fixture.vault.write(|tx| tx.record_content(ROOM.into(), from, content, NOW)).unwrap()
}

/// A text for the room is queued.
pub(super) fn write_text(fixture: &mut Fixture, number: u32, words: &str) -> Message {
    let content = text(number, words, NOW);
    fixture.vault.write(|tx| tx.queue_message(ROOM.into(), &content, NOW)).unwrap()
}

/// A text for Bob is queued.
pub(super) fn queue_text(fixture: &mut Fixture, number: u32, words: &str) -> Message {
    let content = text(number, words, NOW);
    fixture.vault.write(|tx| tx.queue_message(chat(1), &content, NOW)).unwrap()
}

/// All that waits for Bob is sealed for his first device, in envelopes of the contents' numbers.
pub(super) fn seal_all(fixture: &mut Fixture) {
    fixture
        .vault
        .write(|tx| {
            for waiting in tx.waiting(chat(1), usize::MAX)? {
                let id = EnvelopeId(waiting.content.id.0);
                let sealed = Envelope { id, to: address(1, 1), sealed: b"sealed".to_vec() };
                tx.seal(waiting.position, &[sealed])?;
            }
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn another_passphrase_opens_nothing() {
    let fixture = Fixture::with_contact();
    let profile = fixture.vault.close().unwrap();
    let folder = profile.folder().to_owned();
    let refused = Vault::open(profile, b"correct mouse").unwrap_err();
    assert!(matches!(refused, VaultError::WrongPassphrase), "{refused:?}");
    let vault = Vault::open(Profile::open(&folder).unwrap(), PASSPHRASE).unwrap();
    assert!(vault.read(|view| view.contact(account(1))).unwrap().is_some());
}

#[test]
fn a_copied_vault_opens_with_its_own_passphrase_and_salt_alone() {
    let fixture = Fixture::with_contact();
    let file = fixture.vault.close().unwrap().vault_file();
    let thief = tempfile::tempdir().unwrap();
    let copy_beside = |salt: u8, passphrase: &[u8]| {
        let folder = thief.path().join(format!("{salt}-{}", passphrase.len()));
        let link = "sotto://relay.example:4433/".parse().unwrap();
        let stretching = Stretching { salt: [salt; 16], params: VaultParams::MINIMUM };
        let name = "anna".parse().unwrap();
        let profile = Profile::create(&folder, &link, &name, stretching).unwrap();
        fs::copy(&file, profile.vault_file()).unwrap();
        Vault::open(profile, passphrase)
    };
    assert!(matches!(copy_beside(7, b""), Err(VaultError::WrongPassphrase)));
    assert!(matches!(copy_beside(8, PASSPHRASE), Err(VaultError::WrongPassphrase)));
    assert!(copy_beside(7, PASSPHRASE).is_ok());
    assert!(
        rusqlite::Connection::open(&file)
            .and_then(|conn| conn.query_row("SELECT count(*) FROM messages", [], |_| Ok(())))
            .is_err()
    );
}

#[test]
fn the_files_show_no_plaintext() {
    let mut fixture = Fixture::with_contact();
    let secret = "an unmistakable sentence that nobody may read";
    arrive(&mut fixture, &text(1, secret, NOW));
    fixture
        .vault
        .write(|tx| {
            tx.set_session(address(1, 1), b"unmistakable session state")?;
            tx.set_alias(account(1), Some("unmistakable alias"))
        })
        .unwrap();
    let folder = fixture.vault.profile().folder().to_owned();
    // First with the log, then with everything in the database file.
    assert_ciphertext(&folder);
    drop(fixture.vault.close().unwrap());
    assert_ciphertext(&folder);
}

fn assert_ciphertext(folder: &Path) {
    let mut scanned = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        scanned += bytes.len();
        let name = path.file_name().unwrap().to_str().unwrap();
        for plain in [&b"unmistakable"[..], b"SQLite format 3", b"CREATE TABLE", PASSPHRASE, b"bob"]
        {
            assert!(!bytes.windows(plain.len()).any(|window| window == plain), "{name}");
        }
    }
    assert!(scanned > 50_000, "only {scanned} bytes were scanned");
}

#[cfg(unix)]
#[test]
fn others_may_not_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::with_contact();
    let mut seen = Vec::new();
    for entry in fs::read_dir(fixture.vault.profile().folder()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{:?}", entry.path());
        seen.push(entry.file_name().into_string().unwrap());
    }
    assert!(seen.contains(&"vault.db".to_owned()) && seen.contains(&"vault.db-wal".to_owned()));
}

#[test]
fn a_vault_is_made_once_and_not_out_of_nothing() {
    let fixture = Fixture::new();
    let profile = fixture.vault.close().unwrap();
    let folder = profile.folder().to_owned();
    assert!(matches!(Vault::create(profile, PASSPHRASE), Err(VaultError::Exists)));
    fs::write(folder.join("vault.db"), b"").unwrap();
    let empty = Vault::open(Profile::open(&folder).unwrap(), PASSPHRASE);
    assert!(matches!(empty, Err(VaultError::Missing)));
    assert!(Vault::create(Profile::open(&folder).unwrap(), PASSPHRASE).is_ok());
    fs::remove_file(folder.join("vault.db")).unwrap();
    let none = Vault::open(Profile::open(&folder).unwrap(), PASSPHRASE);
    assert!(matches!(none, Err(VaultError::Missing)));
}

#[test]
fn a_vault_of_a_newer_version_is_refused() {
    let fixture = Fixture::new();
    fixture.vault.view.conn.pragma_update(None, "user_version", 99).unwrap();
    let profile = fixture.vault.close().unwrap();
    let known = u32::try_from(schema::STEPS.len()).unwrap();
    match Vault::open(profile, PASSPHRASE).unwrap_err() {
        VaultError::NewerVersion { found: 99, known: said } => assert_eq!(said, known),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_settings_that_the_promise_rests_on_are_in_force() {
    let fixture = Fixture::new();
    let pragma = |name: &str| -> String {
        fixture
            .vault
            .view
            .conn
            .query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| {
                row.get(0)
            })
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2");
    assert_eq!(pragma("foreign_keys"), "1");
    assert_eq!(pragma("secure_delete"), "1");
    assert_eq!(pragma("temp_store"), "2");
    let cipher: String =
        fixture.vault.view.conn.query_row("PRAGMA cipher_version", [], |row| row.get(0)).unwrap();
    assert!(cipher.starts_with('4'), "{cipher}");
}

#[test]
fn a_transaction_happens_as_a_whole_or_not_at_all() {
    let mut fixture = Fixture::with_contact();
    let failed: Result<(), VaultError> = fixture.vault.write(|tx| {
        tx.note_envelope(address(1, 1), envelope(1), NOW)?;
        tx.record_content(chat(1), account(1), &text(1, "hello", NOW), NOW)?;
        tx.set_session(address(1, 1), b"advanced")?;
        tx.set_consumed(7)?;
        Err(VaultError::NoSuchMessage)
    });
    assert!(failed.is_err());
    fixture
        .vault
        .read(|view| {
            assert!(!view.is_seen(address(1, 1), envelope(1))?);
            assert_eq!(view.message(chat(1), id(1))?, None);
            assert_eq!(view.session(address(1, 1))?, None);
            assert_eq!(view.consumed()?, 0);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn nothing_is_written_behind_a_transaction_that_the_database_gave_up() {
    let mut fixture = Fixture::with_contact();
    let failed: Result<(), VaultError> = fixture.vault.write(|tx| {
        tx.set_session(address(1, 1), b"advanced")?;
        // As SQLite does on its own account when the disk is full.
        tx.conn.execute_batch("ROLLBACK")?;
        let content = text(1, "hello", NOW);
        assert!(matches!(tx.set_consumed(7), Err(VaultError::Interrupted)));
        let queued = tx.queue_message(chat(1), &content, NOW);
        assert!(matches!(queued, Err(VaultError::Interrupted)));
        let part = tx.attempt(|tx| tx.set_consumed(7));
        assert!(matches!(part, Err(VaultError::Interrupted)));
        Ok(())
    });
    assert!(failed.is_err());
    fixture.vault.write(|tx| tx.set_consumed(1)).unwrap();
    fixture
        .vault
        .read(|view| {
            assert_eq!(view.session(address(1, 1))?, None);
            assert_eq!(view.message(chat(1), id(1))?, None);
            assert_eq!(view.consumed()?, 1);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn a_part_that_fails_undoes_itself_alone() {
    let mut fixture = Fixture::with_contact();
    fixture
        .vault
        .write(|tx| {
            tx.record_content(chat(1), account(1), &text(1, "kept", NOW), NOW)?;
            let failed: Result<(), VaultError> = tx.attempt(|tx| {
                tx.set_session(address(1, 1), b"half")?;
                tx.attempt(|tx| tx.set_consumed(3))?;
                Err(VaultError::NotOwn)
            });
            assert!(matches!(failed, Err(VaultError::NotOwn)));
            tx.attempt(|tx| tx.set_session(address(1, 2), b"whole"))
        })
        .unwrap();
    fixture
        .vault
        .read(|view| {
            assert!(view.message(chat(1), id(1))?.is_some());
            assert_eq!(view.session(address(1, 1))?, None);
            assert_eq!(view.consumed()?, 0);
            assert!(view.session(address(1, 2))?.is_some());
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

/// The state of the disk at every commit, as a process that dies there leaves it: each copy must
/// open and hold exactly what was committed.
#[test]
fn after_a_crash_everything_committed_is_there_and_nothing_else() {
    let mut fixture = Fixture::with_contact();
    let folder = fixture.vault.profile().folder().to_owned();
    let crashes = tempfile::tempdir().unwrap();
    for number in 1..=20_u32 {
        let copy = crashes.path().join(number.to_string());
        fixture
            .vault
            .write(|tx| {
                tx.note_envelope(address(1, 1), envelope(number), NOW)?;
                tx.record_content(chat(1), account(1), &text(number, "hello", NOW), NOW)?;
                tx.set_session(address(1, 1), &number.to_be_bytes())?;
                tx.set_consumed(u64::from(number))?;
                // In the middle of a transaction: it must not be in this copy.
                copy_files(&folder, &copy);
                Ok::<_, VaultError>(())
            })
            .unwrap();
        assert_survived(&copy, number - 1);
        fs::remove_dir_all(&copy).unwrap();
        copy_files(&folder, &copy);
        assert_survived(&copy, number);
    }
}

pub(super) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn assert_survived(folder: &Path, count: u32) {
    let vault = Vault::open(Profile::open(folder).unwrap(), PASSPHRASE).unwrap();
    vault
        .read(|view| {
            let history = view.history(chat(1), Page::Latest, usize::MAX)?;
            let ids: Vec<_> = history.iter().map(|message| message.id).collect();
            assert_eq!(ids, (1..=count).map(id).collect::<Vec<_>>());
            assert_eq!(view.consumed()?, u64::from(count));
            let session = view.session(address(1, 1))?;
            let expected = (count > 0).then(|| count.to_be_bytes().to_vec());
            assert_eq!(session.map(|state| state.to_vec()), expected);
            assert!(!view.is_seen(address(1, 1), envelope(count + 1))?);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn the_vault_can_move_to_a_thread_of_its_own() {
    let fixture = Fixture::with_contact();
    let contacts =
        std::thread::spawn(move || fixture.vault.read(View::contacts).unwrap()).join().unwrap();
    assert_eq!(contacts.len(), 1);
}

/// `cargo test -p sotto-client --release -- --ignored --nocapture arrivals_in_one_batch`
#[test]
#[ignore = "a measurement"]
fn arrivals_in_one_batch_and_one_by_one() {
    const COUNT: u32 = 1000;
    let record = |tx: &Tx<'_>, number: u32| -> Result<(), VaultError> {
        assert!(tx.note_envelope(address(1, 1), envelope(number), NOW)?);
        tx.set_session(address(1, 1), &[1; 1000])?;
        tx.record_content(chat(1), account(1), &text(number, &"word ".repeat(20), NOW), NOW)?;
        tx.owe_receipts(chat(1), &[id(number)], sotto_proto::content::ReceiptState::Delivered)?;
        tx.set_consumed(u64::from(number))
    };
    let mut fixture = Fixture::with_contact();
    let start = std::time::Instant::now();
    fixture.vault.write(|tx| (0..COUNT).try_for_each(|number| record(tx, number))).unwrap();
    let batch = start.elapsed();
    let mut fixture = Fixture::with_contact();
    let start = std::time::Instant::now();
    for number in 0..COUNT {
        fixture.vault.write(|tx| record(tx, number)).unwrap();
    }
    let single = start.elapsed();
    let ratio = single.as_secs_f64() / batch.as_secs_f64();
    println!("{COUNT} arrivals: in one batch {batch:?}, one by one {single:?}, ratio {ratio:.1}");
    assert!(single > batch);
}
