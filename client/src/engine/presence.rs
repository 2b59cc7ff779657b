//! Who may see that this account's owner is online, and whose presence is watched: that of the
//! accepted contacts, as the owner's preferences say. And typing, which is shown to those alone
//! who are online.

use std::sync::Arc;

use sotto_proto::{
    AccountId, Done,
    content::Typing,
    limits::PRESENCE_WATCH_MAX,
    presence::{PresenceState, SetPresence, WatchPresence},
};

use super::{Engine, Shared, clock::now, content, error::EngineError, lock, sealing::seal_signal};
use crate::{model::ConversationId, transport::Link, vault::View};

/// Keeps the relay told until the connection ends.
pub(super) async fn announce(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    loop {
        let read = shared.keeper.read(|view| Ok((view.preferences()?, view.accepted_accounts()?)));
        let (preferences, mut accounts) = read.await?;
        accounts.truncate(PRESENCE_WATCH_MAX);
        let (online, last_seen) = (preferences.show_online, preferences.show_last_seen);
        let audience = if online || last_seen { accounts.clone() } else { Vec::new() };
        let _: Done = link.ask(SetPresence { online, last_seen, audience }).await?;
        let watched = if online || last_seen { accounts } else { Vec::new() };
        let _: Done = link.ask(WatchPresence { accounts: watched }).await?;
        shared.wake.presence.notified().await;
    }
}

impl Engine {
    /// What is known of a contact's presence; none while there is no connection.
    pub fn presence(&self, contact: AccountId) -> Option<PresenceState> {
        lock(&self.shared.presence).get(&contact).copied()
    }

    /// Shows a contact that the owner types, or has stopped: if both want that and the contact is
    /// online; else, and in a room, nothing happens.
    pub async fn typing(
        &self,
        to: impl Into<ConversationId>,
        active: bool,
    ) -> Result<(), EngineError> {
        let to = match to.into() {
            ConversationId::Contact(account) => account,
            ConversationId::Room(room) => return self.typing_in_room(room, active).await,
        };
        let is_online = matches!(self.presence(to), Some(PresenceState::Online));
        if !is_online || self.shared.link().is_err() {
            return Ok(());
        }
        let job = self.shared.keeper.run(move |kept| {
            if !kept.vault.read(View::preferences)?.typing {
                return Ok(Vec::new());
            }
            let typing = content::new(Typing { active }, now(), None);
            kept.write(|tx, _| seal_signal(tx, to, &typing))
        });
        for signal in job.await? {
            // When the queue is full, typing is no news any more.
            let _ = self.shared.signals.try_send(signal);
        }
        Ok(())
    }
}
