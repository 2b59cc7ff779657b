//! The sessions with other devices, as opaque states.

use rusqlite::params;
use sotto_proto::{AccountId, DeviceAddress, DeviceId};
use zeroize::Zeroizing;

use super::{Tx, VaultError, View, value::Columns};

impl View {
    /// The state of the session with a device.
    pub fn session(&self, with: DeviceAddress) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        self.row(
            "SELECT state FROM sessions WHERE account = ?1 AND device = ?2",
            params![with.account.0, with.device.number()],
            |row| Ok(Zeroizing::new(row.get(0)?)),
        )
    }

    /// The devices of an account with which there are sessions, by number.
    pub fn session_devices(&self, account: AccountId) -> Result<Vec<DeviceId>, VaultError> {
        self.rows(
            "SELECT device FROM sessions WHERE account = ?1 ORDER BY device",
            [account.0],
            |row| row.device("device"),
        )
    }
}

impl Tx<'_> {
    /// Sets or replaces the state of the session with a device.
    pub fn set_session(&self, with: DeviceAddress, state: &[u8]) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO sessions VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET state = excluded.state",
            params![with.account.0, with.device.number(), state],
        )?;
        Ok(())
    }

    /// Forgets the session with a device.
    pub fn remove_session(&self, with: DeviceAddress) -> Result<(), VaultError> {
        self.change(
            "DELETE FROM sessions WHERE account = ?1 AND device = ?2",
            params![with.account.0, with.device.number()],
        )?;
        Ok(())
    }

    /// Forgets the sessions with all devices of an account.
    pub fn remove_sessions(&self, account: AccountId) -> Result<(), VaultError> {
        self.change("DELETE FROM sessions WHERE account = ?1", [account.0])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, account, address};
    use super::*;

    #[test]
    fn each_device_has_a_session_of_its_own() {
        let mut fixture = Fixture::new();
        fixture
            .vault
            .write(|tx| {
                tx.set_session(address(1, 2), b"second")?;
                tx.set_session(address(1, 1), b"old")?;
                tx.set_session(address(1, 1), b"first")?;
                tx.set_session(address(2, 1), b"other")?;
                let devices = tx.session_devices(account(1))?;
                assert_eq!(devices, [address(1, 1).device, address(1, 2).device]);
                assert_eq!(tx.session(address(1, 1))?.unwrap().as_slice(), b"first");
                tx.remove_session(address(1, 1))?;
                assert_eq!(tx.session(address(1, 1))?, None);
                tx.remove_sessions(account(1))?;
                assert!(tx.session_devices(account(1))?.is_empty());
                assert_eq!(tx.session(address(2, 1))?.unwrap().as_slice(), b"other");
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
