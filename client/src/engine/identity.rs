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
                queue_receipts(tx, contact.into(), now())?;
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

#[cfg(test)]
mod tests {
    use sotto_proto::IdentityKey;

    use super::super::tests::Offline;
    use super::*;

    #[tokio::test]
    async fn a_changed_identity_stands_in_the_history_before_it_is_accepted() {
        let Offline { engine, bob, .. } = &Offline::new();
        let bob = *bob;
        let other = IdentityKey([9; 32]);
        let observe = engine
            .shared
            .keeper
            .write(move |tx, _| Ok(tx.observe_identity(bob, other, clock::message_id(), now())?));
        observe.await.unwrap();
        let accepted = |known: Vec<KnownIdentity>| {
            known.iter().map(|known| known.accepted_at.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(accepted(engine.identity_history(bob).await.unwrap()), [true, false]);
        engine.acknowledge_identity(bob).await.unwrap();
        let history = engine.identity_history(bob).await.unwrap();
        assert_eq!(history[1].identity, other);
        assert_eq!(accepted(history), [true, true]);
        let nobody = engine.identity_history(AccountId([9; 16])).await;
        assert!(matches!(nobody, Err(EngineError::NoSuchContact)));
    }
}
