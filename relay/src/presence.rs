//! Presence: who may see that whom is online, and who asked to be told. In memory only.
//!
//! A sees B's presence if B shows it, A is in B's audience, and A shows its own: who hides
//! something does not see it of others either.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use sotto_proto::{
    AccountId, ErrorCode, Refusal, Timestamp,
    limits::PRESENCE_WATCH_MAX,
    mailbox::Notice,
    presence::{PresenceState, SetPresence, WatchPresence},
};

use crate::online::{Online, lock};

/// The accounts whose last settings are remembered after they went offline.
const REMEMBERED_MAX: usize = 100_000;

#[derive(Default)]
struct Shown {
    online: bool,
    last_seen: bool,
    audience: HashSet<AccountId>,
    seen_at: Option<Timestamp>,
}

#[derive(Default)]
struct Book {
    shown: HashMap<AccountId, Shown>,
    /// Who is told of whom: watched to watchers, and back.
    watchers: HashMap<AccountId, HashSet<AccountId>>,
    watching: HashMap<AccountId, Vec<AccountId>>,
}

/// The relay's knowledge of who shows what to whom.
#[derive(Default)]
pub(crate) struct PresenceBook(Mutex<Book>);

impl PresenceBook {
    /// Changes what an account shows, and tells its watchers.
    pub(crate) fn set(
        &self,
        account: AccountId,
        settings: SetPresence,
        online: &Online,
    ) -> Result<(), Refusal> {
        bounded(settings.audience.len())?;
        let mut book = lock(&self.0);
        if book.shown.len() >= REMEMBERED_MAX && !book.shown.contains_key(&account) {
            book.shown.retain(|known, _| online.is_online(*known));
        }
        let shown = book.shown.entry(account).or_default();
        shown.online = settings.online;
        shown.last_seen = settings.last_seen;
        shown.audience = settings.audience.into_iter().collect();
        // Its own switches also decide what it sees of others.
        let watched = book.watching.get(&account).cloned().unwrap_or_default();
        for other in watched {
            tell(&book, account, other, online);
        }
        book.tell_watchers(account, online);
        Ok(())
    }

    /// Replaces whom an account watches, and tells it how they are.
    pub(crate) fn watch(
        &self,
        account: AccountId,
        watch: WatchPresence,
        online: &Online,
    ) -> Result<(), Refusal> {
        bounded(watch.accounts.len())?;
        let mut book = lock(&self.0);
        book.unwatch(account);
        online.forget_presence(account);
        for other in &watch.accounts {
            book.watchers.entry(*other).or_default().insert(account);
        }
        for other in &watch.accounts {
            tell(&book, account, *other, online);
        }
        book.watching.insert(account, watch.accounts);
        Ok(())
    }

    /// The account's first device came.
    pub(crate) fn came(&self, account: AccountId, online: &Online) {
        lock(&self.0).tell_watchers(account, online);
    }

    /// The account's last device left.
    pub(crate) fn left(&self, account: AccountId, now: Timestamp, online: &Online) {
        let mut book = lock(&self.0);
        book.unwatch(account);
        if let Some(shown) = book.shown.get_mut(&account) {
            shown.seen_at = Some(now);
        }
        book.tell_watchers(account, online);
    }
}

fn bounded(count: usize) -> Result<(), Refusal> {
    if count > PRESENCE_WATCH_MAX {
        return Err(Refusal::new(
            ErrorCode::TooMany,
            format!("at most {PRESENCE_WATCH_MAX} accounts"),
        ));
    }
    Ok(())
}

impl Book {
    fn unwatch(&mut self, account: AccountId) {
        for other in self.watching.remove(&account).unwrap_or_default() {
            if let Some(watchers) = self.watchers.get_mut(&other) {
                watchers.remove(&account);
                if watchers.is_empty() {
                    self.watchers.remove(&other);
                }
            }
        }
    }

    fn tell_watchers(&self, account: AccountId, online: &Online) {
        for watcher in self.watchers.get(&account).into_iter().flatten() {
            tell(self, *watcher, account, online);
        }
    }

    /// What `viewer` may see of `account`.
    fn view(&self, viewer: AccountId, account: AccountId, is_online: bool) -> PresenceState {
        let (Some(own), Some(other)) = (self.shown.get(&viewer), self.shown.get(&account)) else {
            return PresenceState::Hidden;
        };
        if !other.audience.contains(&viewer) || !own.online || !other.online {
            return PresenceState::Hidden;
        }
        if is_online {
            return PresenceState::Online;
        }
        PresenceState::Offline(other.seen_at.filter(|_| own.last_seen && other.last_seen))
    }
}

fn tell(book: &Book, viewer: AccountId, account: AccountId, online: &Online) {
    let state = book.view(viewer, account, online.is_online(account));
    online.notify(viewer, Notice::Presence { account, state });
}
