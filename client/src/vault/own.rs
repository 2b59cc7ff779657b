//! The owner's account on this device: its secrets, the place in the mailbox, and the settings.

use std::fmt;

use rusqlite::params;
use sotto_proto::{AccountId, DeviceId, DisplayName, Username};
use zeroize::Zeroizing;

use super::{
    Tx, VaultError, View,
    value::{Columns, from_json, integer, to_json},
};
use crate::model::Preferences;

const PREFERENCES: &str = "preferences";

/// The account that this vault is of. The secrets are as `sotto-keys` encodes them.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// What the relay calls it.
    pub account: AccountId,
    /// This device.
    pub device: DeviceId,
    /// The unique name.
    pub username: Username,
    /// How the owner is shown.
    pub display_name: DisplayName,
    /// The secret identity key.
    pub identity: Zeroizing<Vec<u8>>,
    /// The secret keys of this device, with its certificate.
    pub device_keys: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for OwnAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnAccount").field("device", &self.device).finish_non_exhaustive()
    }
}

impl View {
    /// The own account, once it is registered or logged in.
    pub fn own_account(&self) -> Result<Option<OwnAccount>, VaultError> {
        self.row("SELECT * FROM own_account", [], |row| {
            Ok(OwnAccount {
                account: row.id("account")?,
                device: row.device("device")?,
                username: row.username("username")?,
                display_name: row.display_name("display_name")?,
                identity: Zeroizing::new(row.get("identity")?),
                device_keys: Zeroizing::new(row.get("device_keys")?),
            })
        })
    }

    /// Which account the own one is.
    pub(super) fn own_id(&self) -> Result<Option<AccountId>, VaultError> {
        self.row("SELECT account FROM own_account", [], |row| row.id("account"))
    }

    /// Whether this is the own account.
    pub(super) fn is_own(&self, account: AccountId) -> Result<bool, VaultError> {
        Ok(self.own_id()? == Some(account))
    }

    /// The state of the own prekeys, with their secrets.
    pub fn prekeys(&self) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        self.row("SELECT state FROM own_prekeys", [], |row| Ok(Zeroizing::new(row.get(0)?)))
    }

    /// Up to which sequence the mailbox is in this vault; zero at first.
    pub fn consumed(&self) -> Result<u64, VaultError> {
        let consumed = self.row("SELECT consumed FROM mailbox", [], |row| row.count("consumed"))?;
        Ok(consumed.unwrap_or(0))
    }

    /// The value of a setting of the engine or a face.
    pub fn setting(&self, key: &str) -> Result<Option<String>, VaultError> {
        self.row("SELECT value FROM settings WHERE key = ?1", [key], |row| Ok(row.get(0)?))
    }

    /// What the owner lets others see.
    pub fn preferences(&self) -> Result<Preferences, VaultError> {
        match self.setting(PREFERENCES)? {
            Some(text) => from_json(&text, PREFERENCES),
            None => Ok(Preferences::default()),
        }
    }
}

impl Tx<'_> {
    /// Sets the own account. Another device than before (after a login by password into this
    /// vault) has a new mailbox, no sessions and no place in any room's group: what the former one had
    /// sealed and not sent waits to be sealed again.
    pub fn set_own_account(&self, own: &OwnAccount) -> Result<(), VaultError> {
        let before = self.own_account()?;
        if before
            .is_some_and(|b| (b.device, b.device_keys) != (own.device, own.device_keys.clone()))
        {
            self.change("DELETE FROM mailbox", [])?;
            self.change("DELETE FROM sessions", [])?;
            self.change("DELETE FROM room_state", [])?;
            self.requeue_outbox()?;
            self.requeue_posts()?;
        }
        self.change(
            "INSERT OR REPLACE INTO own_account VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                own.account.0,
                own.device.number(),
                own.username.as_str(),
                own.display_name.as_str(),
                own.identity.as_slice(),
                own.device_keys.as_slice(),
            ],
        )?;
        Ok(())
    }

    /// The owner wants to be shown by another name.
    pub fn set_own_display_name(&self, name: &DisplayName) -> Result<(), VaultError> {
        self.change("UPDATE own_account SET display_name = ?1", [name.as_str()])?;
        Ok(())
    }

    /// Replaces the state of the own prekeys.
    pub fn set_prekeys(&self, state: &[u8]) -> Result<(), VaultError> {
        self.change("INSERT OR REPLACE INTO own_prekeys VALUES (1, ?1)", [state])?;
        Ok(())
    }

    /// The mailbox is in this vault up to `sequence`; a lower one than before changes nothing.
    pub fn set_consumed(&self, sequence: u64) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO mailbox VALUES (1, ?1)
             ON CONFLICT DO UPDATE SET consumed = max(consumed, excluded.consumed)",
            [integer(sequence)?],
        )?;
        Ok(())
    }

    /// Sets a setting, or removes it.
    pub fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), VaultError> {
        match value {
            Some(value) => {
                self.change("INSERT OR REPLACE INTO settings VALUES (?1, ?2)", [key, value])?
            }
            None => self.change("DELETE FROM settings WHERE key = ?1", [key])?,
        };
        Ok(())
    }

    /// Sets what the owner lets others see.
    pub fn set_preferences(&self, preferences: &Preferences) -> Result<(), VaultError> {
        self.set_setting(PREFERENCES, Some(&to_json(preferences)?))
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::EnvelopeId;

    use super::super::tests::{
        Fixture, NOW, ROOM, account, address, chat, envelope, id, queue_text, seal_all, write_text,
    };
    use super::*;

    fn own() -> OwnAccount {
        OwnAccount {
            account: account(1),
            device: DeviceId::new(3).unwrap(),
            username: "anna".parse().unwrap(),
            display_name: "Anna".parse().unwrap(),
            identity: Zeroizing::new(vec![1, 2, 3]),
            device_keys: Zeroizing::new(vec![4, 5, 6]),
        }
    }

    #[test]
    fn the_account_and_its_secrets_outlive_the_process() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.vault.read(View::own_account).unwrap(), None);
        fixture
            .vault
            .write(|tx| {
                tx.set_own_account(&own())?;
                tx.set_own_display_name(&"Anna B.".parse().unwrap())?;
                tx.set_prekeys(b"old")?;
                tx.set_prekeys(b"prekeys")?;
                tx.set_setting("face", Some("dark"))
            })
            .unwrap();
        fixture.reopen();
        fixture
            .vault
            .read(|view| {
                let expected = OwnAccount { display_name: "Anna B.".parse().unwrap(), ..own() };
                assert_eq!(view.own_account()?, Some(expected));
                assert_eq!(view.prekeys()?.unwrap().as_slice(), b"prekeys");
                assert_eq!(view.setting("face")?.as_deref(), Some("dark"));
                Ok::<_, VaultError>(())
            })
            .unwrap();
        assert_eq!(format!("{:?}", own()), "OwnAccount { device: DeviceId(3), .. }");
    }

    #[test]
    fn another_device_begins_anew_and_seals_again_what_had_not_left() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        seal_all(&mut fixture);
        queue_text(&mut fixture, 2, "hello");
        fixture
            .vault
            .write(|tx| {
                tx.set_own_account(&own())?;
                tx.set_consumed(9)?;
                tx.set_session(address(1, 1), b"session")?;
                tx.set_own_account(&own())?;
                assert!(tx.session(address(1, 1))?.is_some());
                assert_eq!(tx.outbox(0, 9, usize::MAX)?.len(), 1);

                tx.set_own_account(&OwnAccount { device: DeviceId::new(4).unwrap(), ..own() })?;
                assert_eq!(tx.consumed()?, 0);
                assert_eq!(tx.session(address(1, 1))?, None);
                assert!(tx.outbox(0, 9, usize::MAX)?.is_empty());
                let waiting = tx.waiting(chat(1), 9)?;
                let ids: Vec<_> = waiting.iter().map(|waiting| waiting.content.id).collect();
                assert_eq!(ids, [id(1), id(2)]);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn another_device_seals_again_what_the_rooms_had_not_taken() {
        let mut fixture = Fixture::with_room();
        for number in 1..=3 {
            write_text(&mut fixture, number, "hello");
        }
        fixture
            .vault
            .write(|tx| {
                for waiting in tx.waiting(ROOM.into(), 2)? {
                    tx.post(waiting.position, EnvelopeId(waiting.content.id.0), 1, b"sealed")?;
                }
                tx.acknowledge_post(envelope(1), NOW)?;
                tx.set_group_state(b"key", b"value")?;
                tx.set_own_account(&OwnAccount { account: account(9), ..own() })?;
                assert!(tx.posts(0, 9, usize::MAX)?.is_empty());
                assert_eq!(tx.group_state(b"key")?, None);
                let waiting = tx.waiting(ROOM.into(), 9)?;
                let kept: Vec<_> = waiting.iter().map(|waiting| waiting.envelope).collect();
                assert_eq!(kept, [Some(envelope(2)), None]);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn the_place_in_the_mailbox_only_rises() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.vault.read(View::consumed).unwrap(), 0);
        for (sequence, expected) in [(5, 5), (3, 5), (9, 9)] {
            fixture.vault.write(|tx| tx.set_consumed(sequence)).unwrap();
            assert_eq!(fixture.vault.read(View::consumed).unwrap(), expected);
        }
        let refused = fixture.vault.write(|tx| tx.set_consumed(u64::MAX)).unwrap_err();
        assert!(matches!(refused, VaultError::Unstorable(_)));
    }

    #[test]
    fn preferences_begin_open_and_are_kept() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.vault.read(View::preferences).unwrap(), Preferences::default());
        let shy = Preferences { show_online: false, ..Preferences::default() };
        fixture.vault.write(|tx| tx.set_preferences(&shy)).unwrap();
        assert_eq!(fixture.vault.read(View::preferences).unwrap(), shy);
        fixture.vault.write(|tx| tx.set_setting(PREFERENCES, None)).unwrap();
        assert_eq!(fixture.vault.read(View::preferences).unwrap(), Preferences::default());
    }
}
