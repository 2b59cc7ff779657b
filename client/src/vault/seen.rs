//! The ids of what arrived, by which a repeat is known.

use rusqlite::params;
use sotto_proto::{AccountId, DeviceAddress, EnvelopeId, MessageId, Timestamp};

use super::{Tx, VaultError, View, value::millis};

/// How long the ids of what arrived are kept to know a repeat by: longer than any relay keeps an
/// envelope, in milliseconds.
pub const SEEN_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1000;

impl View {
    /// Whether this envelope arrived before.
    pub fn is_seen(&self, from: DeviceAddress, envelope: EnvelopeId) -> Result<bool, VaultError> {
        let found = self.row(
            "SELECT 1 FROM seen_envelopes WHERE account = ?1 AND device = ?2 AND envelope = ?3",
            params![from.account.0, from.device.number(), envelope.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

impl Tx<'_> {
    /// Remembers that an envelope arrived; false if it had before, and is to be skipped.
    pub fn note_envelope(
        &self,
        from: DeviceAddress,
        envelope: EnvelopeId,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let noted = self.change(
            "INSERT INTO seen_envelopes VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![from.account.0, from.device.number(), envelope.0, millis(now)],
        )?;
        Ok(noted > 0)
    }

    /// Forgets the ids of what arrived, and of envelopes that were sent, before `before`.
    pub fn forget_seen(&self, before: Timestamp) -> Result<(), VaultError> {
        let before = [millis(before)];
        self.change("DELETE FROM seen_envelopes WHERE seen_at < ?1", before)?;
        self.change("DELETE FROM seen_contents WHERE seen_at < ?1", before)?;
        self.change("DELETE FROM sent_envelopes WHERE sent_at < ?1", before)?;
        Ok(())
    }

    /// Remembers that somebody's content arrived; false if it had before.
    pub(super) fn note_content(
        &self,
        from: AccountId,
        id: MessageId,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let noted = self.change(
            "INSERT INTO seen_contents VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![from.0, id.0, millis(now)],
        )?;
        Ok(noted > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, address, envelope};
    use super::*;

    #[test]
    fn an_envelope_counts_once_a_device() {
        let mut fixture = Fixture::new();
        fixture
            .vault
            .write(|tx| {
                let from = address(1, 1);
                assert!(!tx.is_seen(from, envelope(1))?);
                assert!(tx.note_envelope(from, envelope(1), NOW)?);
                assert!(!tx.note_envelope(from, envelope(1), NOW)?);
                assert!(tx.is_seen(from, envelope(1))?);
                assert!(tx.note_envelope(address(1, 2), envelope(1), NOW)?);
                assert!(tx.note_envelope(address(2, 1), envelope(1), NOW)?);
                tx.forget_seen(NOW)?;
                assert!(tx.is_seen(from, envelope(1))?);
                tx.forget_seen(NOW.plus(1))?;
                assert!(!tx.is_seen(from, envelope(1))?);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
