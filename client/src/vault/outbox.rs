//! The outbox: sealed envelopes in the order in which they leave, until the relay has them.
//!
//! A resend reads the same rows and so sends the same ids and ciphertexts.

use rusqlite::params;
use sotto_proto::{DeviceAddress, EnvelopeId, MessageId, Timestamp, mailbox::Envelope};

use super::{
    Tx, VaultError, View,
    message::{Reached, rows},
    value::{Columns, from_json, integer, millis, to_json},
};
use crate::model::{ConversationId, FailReason, Message};

/// An envelope on its way to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place; rises, and is never used twice.
    pub position: u64,
    /// What to send.
    pub envelope: Envelope,
    /// The message whose state hangs on it.
    pub message: Option<(ConversationId, MessageId)>,
}

/// What the relay finally said to an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable there.
    Accepted,
    /// It will not be taken. (A refusal that may pass, like a rate limit, is no outcome.)
    Refused(FailReason),
}

impl View {
    /// The first envelopes behind `after` (zero for all): at most `max_count`, and no more than
    /// `max_bytes` of ciphertext unless the first alone has more.
    pub fn outbox(
        &self,
        after: u64,
        max_count: usize,
        max_bytes: usize,
    ) -> Result<Vec<OutboxEntry>, VaultError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT o.position, o.envelope, o.account, o.device, o.sealed, m.conversation, m.id
             FROM outbox o LEFT JOIN messages m ON m.position = o.message
             WHERE o.position > ?1 ORDER BY o.position LIMIT ?2",
        )?;
        let mut found = statement.query(params![integer(after)?, rows(max_count)])?;
        let mut entries: Vec<OutboxEntry> = Vec::new();
        let mut bytes = 0_usize;
        while let Some(row) = found.next()? {
            let sealed: Vec<u8> = row.get("sealed")?;
            bytes = bytes.saturating_add(sealed.len());
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            let to = DeviceAddress { account: row.id("account")?, device: row.device("device")? };
            entries.push(OutboxEntry {
                position: row.count("position")?,
                envelope: Envelope { id: row.id("envelope")?, to, sealed },
                message: match row.optional_id("id")? {
                    Some(id) => Some((row.conversation("conversation")?, id)),
                    None => None,
                },
            });
        }
        Ok(entries)
    }
}

impl Tx<'_> {
    /// The relay has answered to these envelopes: they leave the outbox. Gives the messages whose
    /// state changed by it, as they are now. An envelope that is not in the outbox is passed over.
    pub fn record_submitted(
        &self,
        outcomes: &[(EnvelopeId, Outcome)],
        now: Timestamp,
    ) -> Result<Vec<Message>, VaultError> {
        let mut changed = Vec::new();
        for (envelope, outcome) in outcomes {
            let sql = "DELETE FROM outbox WHERE envelope = ?1 RETURNING message";
            let removed =
                self.change_rows(sql, [envelope.0], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
            let Some(position) = removed.into_iter().flatten().next() else { continue };
            self.note_outcome(position, *envelope, outcome, now)?;
            if self.conclude(position, now)? {
                changed.push(self.message_at(position)?);
            }
        }
        Ok(changed)
    }

    fn note_outcome(
        &self,
        position: i64,
        envelope: EnvelopeId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        match outcome {
            Outcome::Accepted => {
                self.change("UPDATE messages SET submitted = 1 WHERE position = ?1", [position])?;
                self.change(
                    "INSERT INTO sent_envelopes VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![envelope.0, position, millis(now)],
                )?;
            }
            Outcome::Refused(reason) => {
                self.change(
                    "UPDATE messages SET failure = ?2 WHERE position = ?1 AND state = 'queued'",
                    params![position, to_json(reason)?],
                )?;
            }
        }
        Ok(())
    }

    /// Once no device's envelope is outstanding, a message that one device at least will get is
    /// sent, and one that none will get has failed.
    fn conclude(&self, position: i64, now: Timestamp) -> Result<bool, VaultError> {
        let settled = self.row(
            "SELECT submitted, failure FROM messages m WHERE position = ?1
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.position)
             AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.message = m.position)",
            [position],
            |row| Ok((row.get::<_, bool>(0)?, row.get::<_, Option<String>>(1)?)),
        )?;
        match settled {
            None | Some((false, None)) => Ok(false),
            Some((true, _)) => self.raise_state(position, Reached::Relay, now),
            Some((false, Some(failure))) => {
                self.set_failed(position, &from_json::<FailReason>(&failure, "failure")?)
            }
        }
    }

    /// An envelope grew too old in its recipient's mailbox: its message has failed, unless it was
    /// delivered or another device may still get it.
    pub fn record_expired(&self, envelope: EnvelopeId) -> Result<Option<Message>, VaultError> {
        let sql = "DELETE FROM sent_envelopes WHERE envelope = ?1 RETURNING message";
        let removed = self.change_rows(sql, [envelope.0], |row| Ok(row.get::<_, i64>(0)?))?;
        let Some(position) = removed.first().copied() else { return Ok(None) };
        let outstanding =
            self.row("SELECT 1 FROM sent_envelopes WHERE message = ?1", [position], |_| Ok(()))?;
        if outstanding.is_some() || !self.set_failed(position, &FailReason::Expired)? {
            return Ok(None);
        }
        self.message_at(position).map(Some)
    }

    /// An own message will not be delivered: it leaves the queue and the outbox. None if it has
    /// been delivered, or failed before.
    pub fn fail_message(
        &self,
        to: ConversationId,
        id: MessageId,
        why: &FailReason,
    ) -> Result<Option<Message>, VaultError> {
        let position = self.require_own(to, id)?;
        if !self.set_failed(position, why)? {
            return Ok(None);
        }
        self.change("DELETE FROM waiting WHERE message = ?1", [position])?;
        self.change("DELETE FROM outbox WHERE message = ?1", [position])?;
        self.change("DELETE FROM posts WHERE message = ?1", [position])?;
        self.message_at(position).map(Some)
    }

    /// Drops what is in the outbox for a device that is no more. Gives the messages whose state
    /// changed: a message that no other device gets has failed.
    pub fn drop_outbox(
        &self,
        device: DeviceAddress,
        now: Timestamp,
    ) -> Result<Vec<Message>, VaultError> {
        let dropped = self.rows(
            "SELECT envelope FROM outbox WHERE account = ?1 AND device = ?2 ORDER BY position",
            params![device.account.0, device.device.number()],
            |row| Ok((row.id("envelope")?, Outcome::Refused(FailReason::NoDevice))),
        )?;
        self.record_submitted(&dropped, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, address, chat, envelope, id, queue_text, seal_all};
    use super::*;
    use crate::model::MessageState;

    fn outbox(fixture: &Fixture) -> Vec<OutboxEntry> {
        fixture.vault.read(|view| view.outbox(0, 99, usize::MAX)).unwrap()
    }

    fn submit(fixture: &mut Fixture, outcomes: &[(EnvelopeId, Outcome)]) -> Vec<Message> {
        fixture.vault.write(|tx| tx.record_submitted(outcomes, NOW)).unwrap()
    }

    #[test]
    fn a_resend_sends_the_same_bytes_in_the_same_order() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=3 {
            queue_text(&mut fixture, number, "hello");
        }
        seal_all(&mut fixture);
        let before = outbox(&fixture);
        fixture.reopen();
        assert_eq!(outbox(&fixture), before);
        let ids: Vec<_> = before.iter().map(|entry| entry.envelope.id).collect();
        assert_eq!(ids, [envelope(1), envelope(2), envelope(3)]);
        assert_eq!(before[0].message, Some((chat(1), id(1))));
        let size = before[0].envelope.sealed.len();
        fixture
            .vault
            .read(|view| {
                assert_eq!(view.outbox(before[0].position, 99, usize::MAX)?, before[1..]);
                assert_eq!(view.outbox(0, 1, usize::MAX)?, before[..1]);
                assert_eq!(view.outbox(0, 99, 2 * size)?, before[..2]);
                assert_eq!(view.outbox(0, 99, 0)?, before[..1]);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_message_is_sent_when_the_relay_has_it() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        seal_all(&mut fixture);
        let changed = submit(&mut fixture, &[(envelope(1), Outcome::Accepted)]);
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].state, Some(MessageState::Sent));
        assert!(outbox(&fixture).is_empty());
        assert!(submit(&mut fixture, &[(envelope(1), Outcome::Accepted)]).is_empty());
    }

    #[test]
    fn of_many_devices_one_is_enough() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        let to = |number| Envelope {
            id: envelope(number),
            to: address(1, number),
            sealed: b"sealed".to_vec(),
        };
        fixture
            .vault
            .write(|tx| {
                let first = tx.waiting(chat(1), 1)?.remove(0);
                tx.seal(first.position, &[to(1), to(2), to(3)])
            })
            .unwrap();
        let full = || Outcome::Refused(FailReason::MailboxFull);
        assert!(submit(&mut fixture, &[(envelope(1), full())]).is_empty());
        assert!(submit(&mut fixture, &[(envelope(2), Outcome::Accepted)]).is_empty());
        let changed = submit(&mut fixture, &[(envelope(3), full())]);
        assert_eq!(changed[0].state, Some(MessageState::Sent));
    }

    #[test]
    fn a_refusal_fails_the_message_with_its_reason() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "hello");
        seal_all(&mut fixture);
        let full = Outcome::Refused(FailReason::MailboxFull);
        let changed = submit(&mut fixture, &[(envelope(1), full)]);
        let failed = MessageState::Failed { reason: FailReason::MailboxFull };
        assert_eq!(changed[0].state, Some(failed));
    }

    #[test]
    fn an_expired_envelope_fails_what_was_not_delivered() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=2 {
            queue_text(&mut fixture, number, "hello");
        }
        seal_all(&mut fixture);
        submit(&mut fixture, &[1, 2].map(|number| (envelope(number), Outcome::Accepted)));
        let (expired, delivered) = fixture
            .vault
            .write(|tx| {
                let second = tx.find(chat(1), id(2))?.position;
                tx.raise_state(second, Reached::Vault, NOW)?;
                Ok::<_, VaultError>((
                    tx.record_expired(envelope(1))?,
                    tx.record_expired(envelope(2))?,
                ))
            })
            .unwrap();
        let failed = MessageState::Failed { reason: FailReason::Expired };
        assert_eq!(expired.unwrap().state, Some(failed));
        assert_eq!(delivered, None);
    }

    #[test]
    fn a_message_that_is_given_up_does_not_leave() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=2 {
            queue_text(&mut fixture, number, "hello");
        }
        seal_all(&mut fixture);
        let given_up = fixture
            .vault
            .write(|tx| tx.fail_message(chat(1), id(1), &FailReason::Cancelled))
            .unwrap();
        assert!(given_up.is_some());
        assert_eq!(outbox(&fixture).len(), 1);
        let dropped = fixture.vault.write(|tx| tx.drop_outbox(address(1, 1), NOW)).unwrap();
        let failed = MessageState::Failed { reason: FailReason::NoDevice };
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].state, Some(failed));
        assert!(outbox(&fixture).is_empty());
    }
}
