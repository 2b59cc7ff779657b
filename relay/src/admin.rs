//! Administration: one function that carries out every command, for an admin's device and for the
//! operator alike.
//!
//! What changes something is one step of the store together with its line in the audit log. Who is
//! no admin is refused, and that too is written down. Nothing here resets a password or a key:
//! the relay has none.

mod rates;
mod rooms;

use rand::{
    distr::{Distribution, slice::Choose},
    rng,
};
use sotto_proto::{
    AccountId, Done, ErrorCode, Refusal, Timestamp, Username,
    admin::{
        Account, AccountLine, Accounts, AccountsPage, Actor, Answer, Audit, AuditEntry, AuditPage,
        Command, Figures, Invitation, Invitations, InvitationsPage, Invite, Made, Registration,
    },
    limits::{
        ADMIN_PAGE_MAX, ANNOUNCEMENT_DAYS, ANNOUNCEMENTS_PAGE, INVITATION_MAX, INVITATION_USES_MAX,
    },
};

pub(crate) use self::rates::{Rates, sample};
use crate::{
    account,
    connection::refusal,
    server::{Shared, now},
    store::{Change, Role, StoreError},
};

/// The characters of an invitation code: none is mistaken for another.
const CODE_ALPHABET: &[char] = &[
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
];
/// The length of an invitation code: about 99 bits.
const CODE_LENGTH: usize = 20;
/// How much of a code stands in the audit log: enough to tell codes apart, too little to use one.
const CODE_SHOWN: usize = 4;

/// Who asks for a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    /// A device of this account, which may be no admin's.
    Account(AccountId),
    /// Whoever may open the control socket.
    Operator,
}

/// Carries out a command, if the caller may, and sees that the audit log says so.
pub(crate) async fn carry_out(
    shared: &Shared,
    caller: Caller,
    command: Command,
) -> Result<Answer, Refusal> {
    let (actor, may) = who(shared, caller).await?;
    let entry = AuditEntry {
        at: now(),
        actor,
        act: command.kind().to_owned(),
        target: target(&command),
        refused: None,
    };
    if !may {
        return Err(refuse(shared, caller, entry).await);
    }
    let is_noted = command.is_noted();
    let done = act(shared, command, entry.clone()).await;
    if let Err(refusal) = &done
        && is_noted
    {
        note(shared, AuditEntry { refused: Some(refusal.code), ..entry }).await;
    }
    done
}

/// Writes a line that says what happened; a store that fails says so in the relay's own log.
pub(crate) async fn note(shared: &Shared, entry: AuditEntry) {
    if let Err(error) = shared.store.note_act(entry).await {
        tracing::error!(%error, "a line of the audit log was lost");
    }
}

/// Who the caller is, and whether it may administer.
async fn who(shared: &Shared, caller: Caller) -> Result<(Actor, bool), Refusal> {
    match caller {
        Caller::Operator => Ok((Actor::Operator, true)),
        Caller::Account(id) => {
            let found = shared.store.account(id).await.map_err(|error| refusal(&error))?;
            let account = found.ok_or_else(|| no_such_user(None))?;
            let may = account.role == Role::Admin && !account.suspended;
            Ok((Actor::Account(account.username), may))
        }
    }
}

/// Refuses somebody who is no admin; who goes on asking is told to wait, and fills no log.
async fn refuse(shared: &Shared, caller: Caller, entry: AuditEntry) -> Refusal {
    if let Caller::Account(id) = caller
        && let Err(refusal) = shared.limited(shared.limits.refused_command(id))
    {
        return refusal;
    }
    note(shared, AuditEntry { refused: Some(ErrorCode::NotAdmin), ..entry }).await;
    Refusal::new(ErrorCode::NotAdmin, "only an admin of this relay may do this")
}

/// To whom or what a command is.
fn target(command: &Command) -> Option<String> {
    match command {
        Command::Account(named)
        | Command::Suspend(named)
        | Command::Restore(named)
        | Command::Delete(named)
        | Command::Promote(named)
        | Command::Demote(named) => Some(named.username.to_string()),
        Command::Invite(Invite { uses, .. }) => Some(format!("{uses} uses")),
        Command::Revoke(revoked) => Some(shortened(&revoked.code)),
        Command::SetRegistration(set) => Some(match set.policy {
            None => "as configured".to_owned(),
            Some(policy) => format!("{policy:?}").to_lowercase(),
        }),
        Command::DeleteRoom(deleted) => Some(deleted.room.to_string()),
        Command::Withdraw(withdrawn) => Some(withdrawn.number.to_string()),
        Command::Accounts(_)
        | Command::Invitations(_)
        | Command::Registration(_)
        | Command::Rooms(_)
        | Command::Announce(_)
        | Command::Announcements(_)
        | Command::Figures(_)
        | Command::Audit(_) => None,
    }
}

fn shortened(code: &str) -> String {
    code.chars().filter(|letter| !letter.is_control()).take(CODE_SHOWN).chain(['…']).collect()
}

async fn act(shared: &Shared, command: Command, entry: AuditEntry) -> Result<Answer, Refusal> {
    let store = &shared.store;
    let told = |error: StoreError| refusal(&error);
    Ok(match command {
        Command::Accounts(page) => accounts(shared, page).await.map_err(told)?,
        Command::Account(named) => {
            let answer = account_with_logins(shared, &named.username).await?;
            store.note_act(entry).await.map_err(told)?;
            answer
        }
        Command::Suspend(named) => {
            let id = change(shared, &named.username, Change::Suspend, entry).await?;
            shared.online.remove_others(id, None);
            done()
        }
        Command::Restore(named) => {
            change(shared, &named.username, Change::Restore, entry).await?;
            done()
        }
        Command::Delete(named) => {
            let id = find(shared, &named.username).await?;
            let rooms = shared.rooms_of(id).await.map_err(told)?;
            store.administer(Change::Delete(id), entry).await.map_err(told)?;
            shared.rooms.wake_all(rooms);
            shared.online.remove_others(id, None);
            shared.mail_left.notify_one();
            done()
        }
        Command::Promote(named) => {
            let id = change(shared, &named.username, Change::Promote, entry).await?;
            shared.online.tell_role(id, true);
            done()
        }
        Command::Demote(named) => {
            let id = change(shared, &named.username, Change::Demote, entry).await?;
            shared.online.tell_role(id, false);
            done()
        }
        Command::Invite(invite) => self::invite(shared, invite, entry).await?,
        Command::Invitations(page) => invitations(shared, page).await.map_err(told)?,
        Command::Revoke(revoked) => {
            store.administer(Change::Revoke(revoked.code), entry).await.map_err(told)?;
            done()
        }
        Command::Registration(_) => registration(shared).await.map_err(told)?,
        Command::SetRegistration(set) => {
            store.administer(Change::SetRegistration(set.policy), entry).await.map_err(told)?;
            registration(shared).await.map_err(told)?
        }
        Command::Rooms(page) => rooms::list(shared, page).await.map_err(told)?,
        Command::DeleteRoom(room) => rooms::delete(shared, room, entry).await?,
        Command::Announce(announce) => {
            let posted = store.announce(announce.text, entry).await.map_err(told)?;
            shared.online.announce(posted.number);
            Answer::Announced(posted)
        }
        Command::Announcements(_) => {
            let all = store.announcements(0, ANNOUNCEMENTS_PAGE).await.map_err(told)?;
            Answer::Announcements(all)
        }
        Command::Withdraw(withdrawn) => {
            store.administer(Change::Withdraw(withdrawn.number), entry).await.map_err(told)?;
            done()
        }
        Command::Figures(_) => figures(shared).await.map_err(told)?,
        Command::Audit(page) => audit(shared, page).await.map_err(told)?,
    })
}

const fn done() -> Answer {
    Answer::Done(Done {})
}

fn no_such_user(username: Option<&Username>) -> Refusal {
    let message = username.map_or_else(
        || "there is no such account".to_owned(),
        |username| format!("there is no account {username}"),
    );
    Refusal::new(ErrorCode::NoSuchUser, message)
}

async fn find(shared: &Shared, username: &Username) -> Result<AccountId, Refusal> {
    let found = shared.store.account_by_name(username).await.map_err(|error| refusal(&error))?;
    found.map(|account| account.id).ok_or_else(|| no_such_user(Some(username)))
}

/// Changes an account; which it was.
async fn change(
    shared: &Shared,
    username: &Username,
    change: fn(AccountId) -> Change,
    entry: AuditEntry,
) -> Result<AccountId, Refusal> {
    let id = find(shared, username).await?;
    match shared.store.administer(change(id), entry).await {
        Ok(()) => Ok(id),
        Err(error) => Err(refusal(&error)),
    }
}

async fn accounts(shared: &Shared, page: AccountsPage) -> Result<Answer, StoreError> {
    let AccountsPage { prefix, after, limit } = page;
    let (mut accounts, more) =
        shared.store.list_accounts(&prefix, after.as_ref(), page_size(limit)).await?;
    for line in &mut accounts {
        if let Some(account) = shared.store.account_by_name(&line.username).await? {
            mark_online(shared, account.id, line);
        }
    }
    Ok(Answer::Accounts(Accounts { accounts, more }))
}

fn mark_online(shared: &Shared, id: AccountId, line: &mut AccountLine) {
    account::mark_online(shared, id, &mut line.devices);
    if line.devices.iter().any(|device| device.online) {
        line.last_seen = Some(now());
    }
}

fn page_size(limit: u16) -> usize {
    usize::from(limit.clamp(1, ADMIN_PAGE_MAX))
}

async fn account_with_logins(shared: &Shared, username: &Username) -> Result<Answer, Refusal> {
    let id = find(shared, username).await?;
    let told = |error: StoreError| refusal(&error);
    let found = shared.store.account_line(id).await.map_err(told)?;
    let mut account = found.ok_or_else(|| no_such_user(Some(username)))?;
    mark_online(shared, id, &mut account);
    let logins = shared.store.logins(id).await.map_err(told)?;
    Ok(Answer::Account(Account { account, logins }))
}

async fn invite(shared: &Shared, invite: Invite, entry: AuditEntry) -> Result<Answer, Refusal> {
    let Invite { uses, note } = invite;
    if !(1..=INVITATION_USES_MAX).contains(&uses) {
        let message = format!("an invitation is good for 1 to {INVITATION_USES_MAX} registrations");
        return Err(Refusal::new(ErrorCode::OutOfBounds, message));
    }
    let letters = Choose::new(CODE_ALPHABET)
        .map_err(|_| Refusal::new(ErrorCode::Internal, "no invitation could be made"))?;
    let code: String = letters.sample_iter(rng()).take(CODE_LENGTH.min(INVITATION_MAX)).collect();
    let made = Some(Made { at: entry.at, by: entry.actor.clone() });
    let invitation = Invitation { code, uses_left: uses, note, made };
    let change = Change::Invite(invitation.clone());
    shared.store.administer(change, entry).await.map_err(|error| refusal(&error))?;
    Ok(Answer::Invitation(invitation))
}

async fn invitations(shared: &Shared, page: InvitationsPage) -> Result<Answer, StoreError> {
    let limit = usize::from(ADMIN_PAGE_MAX);
    let (invitations, more) = shared.store.invitations(page.after.as_deref(), limit).await?;
    Ok(Answer::Invitations(Invitations { invitations, more }))
}

async fn registration(shared: &Shared) -> Result<Answer, StoreError> {
    let set = shared.store.registration().await?;
    let configured = shared.config.registration;
    Ok(Answer::Registration(Registration {
        policy: set.unwrap_or(configured),
        configured,
        overridden: set.is_some(),
    }))
}

async fn audit(shared: &Shared, page: AuditPage) -> Result<Answer, StoreError> {
    let (lines, more) = shared.store.audit(page.before, page_size(page.limit)).await?;
    Ok(Answer::Audit(Audit { lines, more }))
}

async fn figures(shared: &Shared) -> Result<Answer, StoreError> {
    let census = shared.store.census().await?;
    let usage = shared.store.usage().await?;
    let (devices_online, accounts_online) = shared.online.counts();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(Answer::Figures(Figures {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: shared.started.elapsed().as_secs(),
        connections: u64::try_from(shared.metrics.connections.get()).unwrap_or(0),
        devices_online: count(devices_online),
        accounts_online: count(accounts_online),
        accounts: census.accounts,
        devices: census.devices,
        last_10_s: shared.rates.over(&shared.metrics, 10),
        last_60_s: shared.rates.over(&shared.metrics, 60),
        mailbox_entries: census.entries,
        mailbox_bytes: usage.mailbox_bytes,
        blobs: census.blobs,
        blob_bytes: usage.blob_bytes,
        database_bytes: census.disk_bytes,
        free_bytes: free_bytes(shared),
        syncs: usage.syncs,
    }))
}

/// What is free on the disk of the blobs, which are most of what grows; zero if it is not known.
fn free_bytes(shared: &Shared) -> u64 {
    rustix::fs::statvfs(shared.blobs.folder())
        .map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// From when announcements are still told.
pub(crate) fn announcements_since() -> Timestamp {
    Timestamp(now().since(Timestamp(ANNOUNCEMENT_DAYS * 24 * 60 * 60 * 1000)))
}
