//! People: finding and adding them, requests, blocking, and how they are listed.

use sotto_proto::{
    AccountId, DisplayName, Done, Username,
    content::{Accepted, ReceiptState},
    directory::{ListUsers, LookUp, SetProfile, User, Users},
    limits::USERS_PAGE_MAX,
    link::{ContactLink, RelayLink},
};

use super::{
    Engine, clock,
    clock::now,
    content,
    error::EngineError,
    event::Event,
    inbox::remove_files,
    sealing::{queue_receipts, seal_waiting},
};
use crate::{
    model::{Contact, ContactState, ConversationEvent, Message, MessageBody},
    vault::{NewContact, Observed, Page, Tx},
};

/// The most bytes of an alias.
const ALIAS_MAX: usize = 256;
/// The most messages of a request that are receipted when it is accepted.
const REQUEST_RECEIPTS_MAX: usize = 1000;

impl Engine {
    /// A page of the relay's usernames that start with `prefix`, behind `after`.
    pub async fn users(&self, prefix: &str, after: Option<Username>) -> Result<Users, EngineError> {
        let page = ListUsers { prefix: prefix.to_owned(), after, limit: USERS_PAGE_MAX };
        Ok(self.shared.link()?.ask(page).await?)
    }

    /// All contacts of all states, by username.
    pub async fn contacts(&self) -> Result<Vec<Contact>, EngineError> {
        self.shared.keeper.read(|view| Ok(view.contacts()?)).await
    }

    /// The contact with this username, else the one with this alias.
    pub async fn contact(&self, name: &str) -> Result<Contact, EngineError> {
        let name = name.trim().trim_start_matches('@').to_owned();
        let read = self.shared.keeper.read(move |view| {
            if let Ok(username) = name.parse()
                && let Some(contact) = view.contact_by_username(&username)?
            {
                return Ok(contact);
            }
            let mut contacts = view.contacts()?.into_iter();
            let named = contacts.find(|contact| contact.alias.as_deref() == Some(&name));
            named.ok_or(EngineError::NoSuchContact)
        });
        read.await
    }

    /// What others paste or scan to add this account, with its identity key.
    pub fn contact_link(&self) -> ContactLink {
        let me = self.me();
        ContactLink { at: me.relay.at, username: me.username, identity: Some(me.identity) }
    }

    /// Adds a person by username or by link (pasted, or out of a QR code), and pins the identity
    /// key. A link that names another key than the relay does is refused.
    pub async fn add_contact(&self, who: &str) -> Result<Contact, EngineError> {
        let me = self.me();
        let Wanted { username, identity } = parse_person(who, &me.relay)?;
        if username == me.username {
            return Err(EngineError::Yourself);
        }
        let user: User = self.shared.link()?.ask(LookUp::Username(username)).await?;
        if identity.is_some_and(|expected| expected != user.identity) {
            return Err(EngineError::WrongIdentity);
        }
        let job = self.shared.keeper.write(move |tx, _| add(tx, &user));
        let (contact, events) = job.await?;
        self.shared.tell_all(events);
        self.shared.wake.presence.notify_one();
        self.shared.mark_stale(contact.account);
        Ok(contact)
    }

    /// Calls a contact by an alias, or by its own name again.
    pub async fn rename(
        &self,
        contact: AccountId,
        alias: Option<&str>,
    ) -> Result<Contact, EngineError> {
        let alias = alias.map(str::trim).filter(|alias| !alias.is_empty()).map(str::to_owned);
        if alias.as_ref().is_some_and(|alias| alias.len() > ALIAS_MAX) {
            return Err(EngineError::TooLarge);
        }
        self.change(contact, move |tx| Ok(tx.set_alias(contact, alias.as_deref())?)).await
    }

    /// Drops from now on what a contact sends; it learns nothing.
    pub async fn block(&self, contact: AccountId) -> Result<Contact, EngineError> {
        self.set_contact_state(contact, block).await
    }

    /// Lets a blocked contact write again. One that was never accepted is not accepted by this: it
    /// is as if removed, and a new message makes a request.
    pub async fn unblock(&self, contact: AccountId) -> Result<Contact, EngineError> {
        self.set_contact_state(contact, unblock).await
    }

    /// Accepts a contact request: receipts and presence go out from now on.
    pub async fn accept_request(&self, contact: AccountId) -> Result<Contact, EngineError> {
        let job = self.shared.keeper.write(move |tx, _| accept(tx, contact));
        let (accepted, event) = job.await?;
        self.shared.tell_all(event.map(|message| Event::Message { message }));
        self.shared.tell(Event::Contact { contact: accepted.clone() });
        self.shared.wake.presence.notify_one();
        self.shared.mark_stale(contact);
        Ok(accepted)
    }

    /// Declines a contact request: its messages go, and the sender learns nothing. A new message
    /// makes a new request, unless `block` is set.
    pub async fn decline_request(
        &self,
        contact: AccountId,
        block: bool,
    ) -> Result<(), EngineError> {
        self.drop_contact(contact, block, true).await
    }

    /// Removes a contact, with or without the history.
    pub async fn remove(&self, contact: AccountId, with_history: bool) -> Result<(), EngineError> {
        self.drop_contact(contact, false, with_history).await
    }

    /// Changes how this account's owner is shown.
    pub async fn set_display_name(&self, name: DisplayName) -> Result<(), EngineError> {
        let request = SetProfile { display_name: name.clone() };
        let _: Done = self.shared.link()?.ask(request).await?;
        let stored = name.clone();
        let job = self.shared.keeper.write(move |tx, own| {
            tx.set_own_display_name(&stored)?;
            own.display_name = stored;
            Ok(())
        });
        job.await?;
        self.shared.change_me(|me| me.display_name = name);
        Ok(())
    }

    /// Finds the relay by another link from the next connection on.
    pub async fn set_relay(&self, relay: RelayLink) -> Result<(), EngineError> {
        let link = relay.clone();
        let job = self.shared.keeper.run(move |kept| {
            let profile = kept.vault.profile_mut();
            Ok(profile.set_relay(&link).map_err(crate::VaultError::from)?)
        });
        job.await?;
        self.shared.change_me(|me| me.relay = relay);
        Ok(())
    }

    async fn set_contact_state(
        &self,
        contact: AccountId,
        set: impl FnOnce(&Tx<'_>, &Contact) -> Result<(), EngineError> + Send + 'static,
    ) -> Result<Contact, EngineError> {
        let change = move |tx: &Tx<'_>| {
            let contact = tx.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            set(tx, &contact)
        };
        let changed = self.change(contact, change).await?;
        self.shared.wake.presence.notify_one();
        self.shared.wake.outbox.notify_one();
        Ok(changed)
    }

    /// Changes a contact and tells of it.
    pub(super) async fn change(
        &self,
        contact: AccountId,
        change: impl FnOnce(&Tx<'_>) -> Result<(), EngineError> + Send + 'static,
    ) -> Result<Contact, EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            tx.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            change(tx)?;
            tx.contact(contact)?.ok_or(EngineError::NoSuchContact)
        });
        let contact = job.await?;
        self.shared.tell(Event::Contact { contact: contact.clone() });
        Ok(contact)
    }

    async fn drop_contact(
        &self,
        contact: AccountId,
        and_block: bool,
        with_history: bool,
    ) -> Result<(), EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            let known = tx.contact(contact)?.ok_or(EngineError::NoSuchContact)?;
            if and_block {
                block(tx, &known)?;
            } else {
                tx.set_contact_state(contact, ContactState::Removed)?;
            }
            let files = if with_history { tx.remove_history(contact.into())? } else { Vec::new() };
            Ok((tx.contact(contact)?.ok_or(EngineError::NoSuchContact)?, files))
        });
        let (dropped, files) = job.await?;
        remove_files(files).await;
        if with_history {
            let gone = Event::MessagesGone { conversation: contact.into(), messages: Vec::new() };
            self.shared.tell(gone);
        }
        self.shared.tell(Event::Contact { contact: dropped });
        self.shared.wake.presence.notify_one();
        Ok(())
    }
}

/// Where it is kept that a blocked contact had been accepted.
fn was_accepted(contact: AccountId) -> String {
    format!("blocked/{contact}/was_accepted")
}

pub(super) fn block(tx: &Tx<'_>, contact: &Contact) -> Result<(), EngineError> {
    if contact.state == ContactState::Accepted {
        tx.set_setting(&was_accepted(contact.account), Some("yes"))?;
    }
    Ok(tx.set_contact_state(contact.account, ContactState::Blocked)?)
}

pub(super) fn unblock(tx: &Tx<'_>, contact: &Contact) -> Result<(), EngineError> {
    if contact.state != ContactState::Blocked {
        return Ok(());
    }
    let setting = was_accepted(contact.account);
    let state = match tx.setting(&setting)? {
        Some(_) => ContactState::Accepted,
        None => ContactState::Removed,
    };
    tx.set_setting(&setting, None)?;
    Ok(tx.set_contact_state(contact.account, state)?)
}

/// A person to add.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    username: Username,
    identity: Option<sotto_proto::IdentityKey>,
}

fn parse_person(who: &str, relay: &RelayLink) -> Result<Wanted, EngineError> {
    let who = who.trim();
    if !who.starts_with("sotto://") {
        let username = who.trim_start_matches('@').parse().map_err(EngineError::Username)?;
        return Ok(Wanted { username, identity: None });
    }
    let link: ContactLink = who.parse().map_err(EngineError::Link)?;
    if link.at != relay.at {
        return Err(EngineError::OtherRelay);
    }
    Ok(Wanted { username: link.username, identity: link.identity })
}

pub(super) fn add(tx: &Tx<'_>, user: &User) -> Result<(Contact, Vec<Event>), EngineError> {
    let was_request =
        tx.contact(user.account)?.is_some_and(|contact| contact.state == ContactState::Request);
    let mut events = Vec::new();
    if was_request {
        let (_, event) = accept(tx, user.account)?;
        events.extend(event.map(|message| Event::Message { message }));
    }
    let new = NewContact {
        account: user.account,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        identity: user.identity,
        state: ContactState::Accepted,
    };
    tx.add_contact(&new, now())?;
    // A contact that was known keeps its pinned key; another one is for the owner to look at.
    let observed = tx.observe_identity(user.account, user.identity, clock::message_id(), now())?;
    let contact = tx.contact(user.account)?.ok_or(EngineError::NoSuchContact)?;
    if let Observed::Changed(message) = observed {
        events.push(Event::Message { message: *message });
        events.push(Event::IdentityChanged { contact: contact.clone() });
    }
    events.push(Event::Contact { contact: contact.clone() });
    Ok((contact, events))
}

/// Accepts a request, if it is one; the event that says so.
pub(super) fn accept(
    tx: &Tx<'_>,
    account: AccountId,
) -> Result<(Contact, Option<Message>), EngineError> {
    let contact = tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
    if contact.state != ContactState::Request {
        return Ok((contact, None));
    }
    tx.set_contact_state(account, ContactState::Accepted)?;
    let accepted = content::new(Accepted {}, now(), None);
    let chat = account.into();
    let event = ConversationEvent::RequestAccepted { own: true };
    let event = tx.record_event(chat, accepted.id, &event, now())?;
    tx.queue_content(chat, &accepted)?;
    let arrived: Vec<_> = tx
        .history(chat, Page::Latest, REQUEST_RECEIPTS_MAX)?
        .into_iter()
        .filter(|message| !message.outgoing && !matches!(message.body, MessageBody::Event { .. }))
        .map(|message| message.id)
        .collect();
    tx.owe_receipts(chat, &arrived, ReceiptState::Delivered)?;
    queue_receipts(tx, chat, now())?;
    seal_waiting(tx, account)?;
    let contact = tx.contact(account)?.ok_or(EngineError::NoSuchContact)?;
    Ok((contact, Some(event)))
}

#[cfg(test)]
mod tests {
    use sotto_proto::IdentityKey;

    use super::*;

    #[test]
    fn a_person_is_named_by_username_or_link() {
        let relay: RelayLink = "sotto://relay.example:4433/".parse().unwrap();
        let parse = |who: &str| parse_person(who, &relay);
        let anna = |identity| Wanted { username: "anna".parse().unwrap(), identity };
        assert_eq!(parse(" @anna ").unwrap(), anna(None));
        assert_eq!(parse("sotto://relay.example/@anna").unwrap(), anna(None));
        let link = format!("sotto://relay.example:4433/@anna#{}", "07".repeat(32));
        assert_eq!(parse(&link).unwrap(), anna(Some(IdentityKey([7; 32]))));
        assert!(matches!(parse("Anna"), Err(EngineError::Username(_))));
        assert!(matches!(parse("sotto://relay.example/"), Err(EngineError::Link(_))));
        assert!(matches!(parse("sotto://other.example/@anna"), Err(EngineError::OtherRelay)));
    }
}
