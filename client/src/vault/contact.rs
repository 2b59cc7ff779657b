//! Contacts, and the identity key that is pinned for each.

use rusqlite::{Row, params};
use sotto_proto::{AccountId, DisplayName, IdentityKey, MessageId, Timestamp, Username};

use super::{
    Tx, VaultError, View,
    value::{Columns, contact_state, millis},
};
use crate::model::{Contact, ContactState, ConversationEvent, KnownIdentity, Message};

/// A contact to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// What the relay calls it.
    pub account: AccountId,
    /// The unique name.
    pub username: Username,
    /// How the person wants to be shown.
    pub display_name: DisplayName,
    /// The identity key to pin.
    pub identity: IdentityKey,
    /// Where the two stand.
    pub state: ContactState,
}

/// A query of whole contacts.
macro_rules! select_contacts {
    ($rest:literal) => {
        concat!(
            "SELECT c.*, v.muted, v.pinned FROM contacts c
             JOIN conversations v ON v.id = c.account ",
            $rest
        )
    };
}

/// What an identity key that showed up means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// It is the pinned one.
    Same,
    /// It is another one; sending stops. The event stands in the conversation.
    Changed(Box<Message>),
    /// It is another one, and the owner has been told of it before.
    StillPending,
}

impl View {
    /// A contact.
    pub fn contact(&self, account: AccountId) -> Result<Option<Contact>, VaultError> {
        self.row(select_contacts!("WHERE c.account = ?1"), [account.0], read_contact)
    }

    /// The contact with this username; of several the one added last, since a relay may hand out
    /// the name of a deleted account again.
    pub fn contact_by_username(&self, name: &Username) -> Result<Option<Contact>, VaultError> {
        self.row(
            select_contacts!("WHERE c.username = ?1 ORDER BY c.added_at DESC LIMIT 1"),
            [name.as_str()],
            read_contact,
        )
    }

    /// All contacts of all states, by username.
    pub fn contacts(&self) -> Result<Vec<Contact>, VaultError> {
        self.rows(select_contacts!("ORDER BY c.username, c.added_at"), [], read_contact)
    }

    /// The accepted contacts: those who may see the owner's presence.
    pub fn accepted_accounts(&self) -> Result<Vec<AccountId>, VaultError> {
        let sql = "SELECT account FROM contacts WHERE state = 'accepted' ORDER BY added_at";
        self.rows(sql, [], |row| row.id("account"))
    }

    /// Every identity key that a contact has shown, the oldest first. A contact that there is not
    /// has shown none.
    pub fn identities(&self, account: AccountId) -> Result<Vec<KnownIdentity>, VaultError> {
        self.rows(
            "SELECT identity, seen_at, accepted_at FROM contact_identities WHERE account = ?1
             ORDER BY seen_at, accepted_at IS NULL, accepted_at",
            [account.0],
            |row| {
                Ok(KnownIdentity {
                    identity: row.identity("identity")?,
                    seen_at: row.time("seen_at")?,
                    accepted_at: row.optional_time("accepted_at")?,
                })
            },
        )
    }

    pub(super) fn require_contact(&self, account: AccountId) -> Result<Contact, VaultError> {
        self.contact(account)?.ok_or(VaultError::NoSuchContact)
    }
}

impl Tx<'_> {
    /// Adds a contact. One that is known keeps its pinned identity, alias and verification and gets
    /// the new names and state; but a request does not undo an acceptance or a block.
    pub fn add_contact(&self, new: &NewContact, now: Timestamp) -> Result<Contact, VaultError> {
        self.change(
            "INSERT INTO contacts (account, username, display_name, identity, state, added_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET
                username = excluded.username,
                display_name = excluded.display_name,
                state = CASE
                    WHEN excluded.state = 'request' AND state IN ('accepted', 'blocked') THEN state
                    ELSE excluded.state END",
            params![
                new.account.0,
                new.username.as_str(),
                new.display_name.as_str(),
                new.identity.0,
                contact_state(new.state),
                millis(now),
            ],
        )?;
        self.insert_conversation(new.account.into())?;
        let contact = self.require_contact(new.account)?;
        self.change(
            "INSERT INTO contact_identities VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING",
            params![contact.account.0, contact.identity.0, millis(now)],
        )?;
        Ok(contact)
    }

    /// What the owner calls the contact; none to call it by its own name.
    pub fn set_alias(&self, account: AccountId, alias: Option<&str>) -> Result<(), VaultError> {
        self.change_contact(
            "UPDATE contacts SET alias = ?2 WHERE account = ?1",
            params![account.0, alias],
        )
    }

    /// Accepts, blocks or removes a contact. Nothing of its history goes.
    pub fn set_contact_state(
        &self,
        account: AccountId,
        state: ContactState,
    ) -> Result<(), VaultError> {
        self.change_contact(
            "UPDATE contacts SET state = ?2 WHERE account = ?1",
            params![account.0, contact_state(state)],
        )
    }

    /// What the directory says that the contact is called.
    pub fn set_contact_names(
        &self,
        account: AccountId,
        username: &Username,
        display_name: &DisplayName,
    ) -> Result<(), VaultError> {
        self.change_contact(
            "UPDATE contacts SET username = ?2, display_name = ?3 WHERE account = ?1",
            params![account.0, username.as_str(), display_name.as_str()],
        )
    }

    /// Whether the owner has compared the safety number of the pinned identity.
    pub fn set_verified(&self, account: AccountId, verified: bool) -> Result<(), VaultError> {
        self.change_contact(
            "UPDATE contacts SET verified = ?2 WHERE account = ?1",
            params![account.0, verified],
        )
    }

    /// An identity key showed up, in the directory or with a message. Another one than the pinned
    /// becomes the pending one and is told by the event `event`; the pinned one ends the wait.
    pub fn observe_identity(
        &self,
        account: AccountId,
        identity: IdentityKey,
        event: MessageId,
        now: Timestamp,
    ) -> Result<Observed, VaultError> {
        let contact = self.require_contact(account)?;
        let pending = (identity != contact.identity).then_some(identity);
        if pending != contact.pending_identity {
            self.change(
                "UPDATE contacts SET pending_identity = ?2 WHERE account = ?1",
                params![account.0, pending.map(|key| key.0)],
            )?;
        }
        let Some(key) = pending else { return Ok(Observed::Same) };
        if pending == contact.pending_identity {
            return Ok(Observed::StillPending);
        }
        // One that comes back keeps what is known of it.
        self.change(
            "INSERT INTO contact_identities VALUES (?1, ?2, ?3, NULL) ON CONFLICT DO NOTHING",
            params![account.0, key.0, millis(now)],
        )?;
        let event =
            self.record_event(account.into(), event, &ConversationEvent::IdentityChanged, now)?;
        Ok(Observed::Changed(Box::new(event)))
    }

    /// The owner has looked at the pending identity: it is pinned, and not verified. Gives the
    /// event; none if nothing was pending.
    pub fn acknowledge_identity(
        &self,
        account: AccountId,
        event: MessageId,
        now: Timestamp,
    ) -> Result<Option<Message>, VaultError> {
        let Some(pending) = self.require_contact(account)?.pending_identity else {
            return Ok(None);
        };
        self.change(
            "INSERT INTO contact_identities VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT DO UPDATE SET accepted_at = excluded.accepted_at",
            params![account.0, pending.0, millis(now)],
        )?;
        self.change(
            "UPDATE contacts SET identity = pending_identity, pending_identity = NULL, verified = 0
             WHERE account = ?1",
            [account.0],
        )?;
        self.record_event(account.into(), event, &ConversationEvent::IdentityAcknowledged, now)
            .map(Some)
    }

    fn change_contact(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), VaultError> {
        match self.change(sql, params)? {
            0 => Err(VaultError::NoSuchContact),
            _ => Ok(()),
        }
    }
}

fn read_contact(row: &Row<'_>) -> Result<Contact, VaultError> {
    let pending_identity = row.optional_identity("pending_identity")?;
    Ok(Contact {
        account: row.id("account")?,
        username: row.username("username")?,
        display_name: row.display_name("display_name")?,
        alias: row.get("alias")?,
        identity: row.identity("identity")?,
        // The flag belongs to the pinned key; it counts again if the other key goes away.
        verified: row.get("verified")? && pending_identity.is_none(),
        pending_identity,
        state: row.contact_state("state")?,
        added_at: row.time("added_at")?,
        muted: row.get("muted")?,
        pinned: row.get("pinned")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, account, chat, id, new_contact};
    use super::*;
    use crate::model::MessageBody;

    #[test]
    fn a_contact_is_found_by_account_and_by_name() {
        let mut fixture = Fixture::new();
        fixture
            .vault
            .write(|tx| {
                let bob = tx.add_contact(&new_contact(1, "bob"), NOW)?;
                tx.add_contact(&new_contact(2, "anna"), NOW)?;
                assert_eq!(tx.contact(account(1))?, Some(bob.clone()));
                assert_eq!(tx.contact_by_username(&bob.username)?, Some(bob));
                let names: Vec<_> = tx.contacts()?.into_iter().map(|c| c.username).collect();
                assert_eq!(names, ["anna".parse().unwrap(), "bob".parse().unwrap()]);
                assert_eq!(tx.contact(account(3))?, None);
                let refused = tx.set_alias(account(3), None).unwrap_err();
                assert!(matches!(refused, VaultError::NoSuchContact));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_known_contact_keeps_what_was_decided() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.set_alias(account(1), Some("Bobby"))?;
                tx.set_verified(account(1), true)?;
                let again = NewContact {
                    display_name: "Robert".parse().unwrap(),
                    identity: IdentityKey([9; 32]),
                    state: ContactState::Request,
                    ..new_contact(1, "bob")
                };
                let contact = tx.add_contact(&again, NOW)?;
                assert_eq!(contact.name(), "Bobby");
                assert_eq!(contact.display_name.as_str(), "Robert");
                assert_eq!(contact.identity, new_contact(1, "bob").identity);
                assert!(contact.verified);
                assert_eq!(contact.state, ContactState::Accepted);
                tx.set_contact_state(account(1), ContactState::Removed)?;
                assert!(tx.accepted_accounts()?.is_empty());
                assert_eq!(tx.add_contact(&again, NOW)?.state, ContactState::Request);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn another_identity_stops_sending_until_the_owner_has_looked() {
        let mut fixture = Fixture::with_contact();
        let pinned = new_contact(1, "bob").identity;
        let other = IdentityKey([9; 32]);
        fixture
            .vault
            .write(|tx| {
                tx.set_verified(account(1), true)?;
                assert_eq!(tx.observe_identity(account(1), pinned, id(1), NOW)?, Observed::Same);
                let Observed::Changed(event) =
                    tx.observe_identity(account(1), other, id(2), NOW)?
                else {
                    panic!("the change was not seen");
                };
                let event_body = MessageBody::Event { event: ConversationEvent::IdentityChanged };
                assert_eq!(event.body, event_body);
                let contact = tx.require_contact(account(1))?;
                assert!(!contact.may_send() && !contact.verified);
                let again = tx.observe_identity(account(1), other, id(3), NOW)?;
                assert_eq!(again, Observed::StillPending);
                assert!(tx.acknowledge_identity(account(1), id(4), NOW)?.is_some());
                let contact = tx.require_contact(account(1))?;
                assert!(contact.may_send() && !contact.verified);
                assert_eq!(contact.identity, other);
                assert!(tx.acknowledge_identity(account(1), id(5), NOW)?.is_none());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn every_identity_that_showed_up_is_known_with_its_times() {
        let mut fixture = Fixture::with_contact();
        let first = new_contact(1, "bob").identity;
        let [second, third] = [8, 9].map(|number| IdentityKey([number; 32]));
        let known = |identity, seen, accepted: Option<u64>| KnownIdentity {
            identity,
            seen_at: NOW.plus(seen),
            accepted_at: accepted.map(|later| NOW.plus(later)),
        };
        fixture
            .vault
            .write(|tx| {
                tx.add_contact(&NewContact { identity: third, ..new_contact(1, "bob") }, NOW)?;
                assert_eq!(tx.identities(account(1))?, [known(first, 0, Some(0))]);
                tx.observe_identity(account(1), second, id(1), NOW.plus(1))?;
                tx.observe_identity(account(1), third, id(2), NOW.plus(2))?;
                tx.acknowledge_identity(account(1), id(3), NOW.plus(3))?;
                let [pinned, passed] = [known(first, 0, Some(0)), known(second, 1, None)];
                let accepted = known(third, 2, Some(3));
                assert_eq!(tx.identities(account(1))?, [pinned, passed.clone(), accepted.clone()]);
                // The first one comes back.
                tx.observe_identity(account(1), first, id(4), NOW.plus(4))?;
                tx.acknowledge_identity(account(1), id(5), NOW.plus(5))?;
                let again = known(first, 0, Some(5));
                assert_eq!(tx.identities(account(1))?, [again, passed, accepted]);
                assert!(tx.identities(account(2))?.is_empty());
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn a_contact_is_muted_and_pinned_until_it_is_not() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.set_muted(chat(1), true)?;
                tx.set_pinned(chat(1), true)?;
                let contact = tx.add_contact(&new_contact(1, "bob"), NOW)?;
                assert!(contact.muted && contact.pinned);
                tx.set_muted(chat(1), false)?;
                let contact = tx.require_contact(account(1))?;
                assert!(!contact.muted && contact.pinned);
                let refused = tx.set_pinned(chat(2), true).unwrap_err();
                assert!(matches!(refused, VaultError::NoSuchContact));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn the_return_of_the_pinned_identity_ends_the_wait() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.set_verified(account(1), true)?;
                tx.observe_identity(account(1), IdentityKey([9; 32]), id(1), NOW)?;
                let pinned = new_contact(1, "bob").identity;
                assert_eq!(tx.observe_identity(account(1), pinned, id(2), NOW)?, Observed::Same);
                let contact = tx.require_contact(account(1))?;
                assert!(contact.may_send() && contact.verified);
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
