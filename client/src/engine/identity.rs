//! Being sure of a contact's identity key: safety numbers, changed keys, and the keys that there were.

use sotto_keys::SafetyNumber;
use sotto_proto::AccountId;

use super::{Engine, clock, clock::now, error::EngineError, event::Event, sealing::queue_receipts};
use crate::model::{Contact, KnownIdentity};

impl Engine {
    /// What the two people compare to be sure of each other's identity keys. With a pending
    /// identity key it is the number of that one: it is what the person is asked to look at.
    pub async fn safety_number(&self, contact: AccountId) -> Result<SafetyNumber, EngineError> {
        let me = self.me();
        let read = self.shared.keeper.read(move |view| {
            let contact = view.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            let identity = contact.pending_identity.unwrap_or(contact.identity);
            let mine = (&me.account, &me.identity);
            Ok(SafetyNumber::new(mine, (&contact.account, &identity)))
        });
        read.await
    }

    /// The safety number was compared, or is to be compared again.
    pub async fn mark_verified(
        &self,
        contact: AccountId,
        verified: bool,
    ) -> Result<Contact, EngineError> {
        self.change(contact, move |tx| Ok(tx.set_verified(contact, verified)?)).await
    }

    /// The owner has looked at a contact's new identity key: it is pinned, not verified, and what
    /// waits is sent.
    pub async fn acknowledge_identity(&self, contact: AccountId) -> Result<Contact, EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            let event = tx.acknowledge_identity(contact, clock::message_id(), now())?;
            if event.is_some() {
                tx.requeue_undelivered(contact)?;
                queue_receipts(tx, contact, now())?;
            }
            let contact = tx.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            Ok((contact, event))
        });
        let (acknowledged, event) = job.await?;
        self.shared.tell_all(event.map(|message| Event::Message { message }));
        self.shared.tell(Event::Contact { contact: acknowledged.clone() });
        self.shared.mark_stale(contact);
        Ok(acknowledged)
    }

    /// Every identity key that a contact has shown, the oldest first: those that were pinned, and
    /// those that never were.
    pub async fn identity_history(
        &self,
        contact: AccountId,
    ) -> Result<Vec<KnownIdentity>, EngineError> {
        let read = self.shared.keeper.read(move |view| {
            view.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            Ok(view.identities(contact)?)
        });
        read.await
    }
}
