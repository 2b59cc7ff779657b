//! The connection: made when wanted, logged in, kept, and made again when it breaks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sotto_keys::DeviceKeys;
use sotto_proto::{
    AccountId, CloseCode, ErrorCode,
    login::{AskInfo, LogIn, LoggedIn, RelayInfo},
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    Engine, Flushed, Shared, announcements,
    backoff::Backoff,
    error::{ConnectError, EngineError},
    event::{ConnectionState, StopReason},
    inbox, lock, outbox, prekeys, presence, rooms,
    sealing::may_hear,
    upload,
};
use crate::{
    model::MessageState,
    transport::{Link, TransportError},
};

impl Engine {
    /// Connects, and stays connected from now on. Ends with the first attempt: `Ok` if this
    /// device is logged in; else the reason, while further attempts follow unless it
    /// [is final](ConnectError::is_final).
    pub async fn connect(&self) -> Result<(), ConnectError> {
        let mut states = self.shared.state.subscribe();
        if *states.borrow_and_update() == ConnectionState::Online {
            return Ok(());
        }
        self.shared.set_state(ConnectionState::Connecting);
        self.shared.wanted.send_modify(|(wanted, wish)| {
            *wanted = true;
            *wish = wish.wrapping_add(1);
        });
        let settled = states.wait_for(|state| {
            !matches!(state, ConnectionState::Connecting | ConnectionState::Offline)
        });
        let mut wanted = self.shared.wanted.subscribe();
        let state = tokio::select! {
            state = settled => state.map_err(|_| ConnectError::GivenUp)?.clone(),
            _ = wanted.wait_for(|(wanted, _)| !wanted) => return Err(ConnectError::GivenUp),
            () = self.shared.stop.cancelled() => return Err(ConnectError::GivenUp),
        };
        match state {
            ConnectionState::Online => Ok(()),
            ConnectionState::Waiting { reason, .. } => Err(ConnectError::Waiting { reason }),
            ConnectionState::Stopped { reason } => Err(ConnectError::Stopped(reason)),
            ConnectionState::Offline | ConnectionState::Connecting => Err(ConnectError::GivenUp),
        }
    }

    /// Ends the connection, and makes no other.
    pub async fn disconnect(&self) {
        self.shared.wanted.send_modify(|(wanted, wish)| {
            *wanted = false;
            *wish = wish.wrapping_add(1);
        });
        let mut states = self.shared.state.subscribe();
        let is_off = |state: &ConnectionState| {
            matches!(state, ConnectionState::Offline | ConnectionState::Stopped { .. })
        };
        tokio::select! {
            _ = states.wait_for(is_off) => {}
            () = self.shared.stop.cancelled() => {}
        }
    }

    /// How the engine stands with its relay.
    pub fn connection(&self) -> ConnectionState {
        self.shared.state.borrow().clone()
    }

    /// What the relay says of itself.
    pub async fn relay_info(&self) -> Result<RelayInfo, EngineError> {
        Ok(self.shared.link()?.ask(AskInfo {}).await?)
    }

    /// Goes on with another UDP port under the living connection, as when a laptop changes
    /// networks.
    pub fn rebind(&self) -> Result<(), EngineError> {
        Ok(self.shared.link()?.rebind()?)
    }

    /// Waits until everything that may leave has left: is durable on the relay, or has failed.
    pub async fn flush(&self, timeout: Duration) -> Result<Flushed, EngineError> {
        let mut progress = self.shared.progress.subscribe();
        let flushing = async {
            loop {
                if let Some(flushed) = self.shared.flushed().await? {
                    return Ok(flushed);
                }
                self.unless_off(progress.changed()).await?;
            }
        };
        tokio::time::timeout(timeout, flushing).await.map_err(|_| EngineError::TimedOut)?
    }

    /// Waits until all that waits in the mailbox is in the vault.
    pub async fn sync(&self, timeout: Duration) -> Result<(), EngineError> {
        let mut caught_up = self.shared.caught_up.subscribe();
        let syncing = self.unless_off(caught_up.wait_for(|done| *done));
        tokio::time::timeout(timeout, syncing).await.map_err(|_| EngineError::TimedOut)?
    }

    /// Waits for something that needs a connection, unless none is wanted or to be had.
    pub(super) async fn unless_off<T, E>(
        &self,
        wait: impl Future<Output = Result<T, E>>,
    ) -> Result<(), EngineError> {
        let mut states = self.shared.state.subscribe();
        let off = states.wait_for(|state| {
            matches!(state, ConnectionState::Offline | ConnectionState::Stopped { .. })
        });
        tokio::select! {
            done = wait => done.map(drop).map_err(|_| EngineError::ShutDown),
            _ = off => Err(EngineError::NotConnected),
            () = self.shared.stop.cancelled() => Err(EngineError::ShutDown),
        }
    }
}

impl Shared {
    /// None while something is still to leave.
    async fn flushed(&self) -> Result<Option<Flushed>, EngineError> {
        let read = self.keeper.read(|view| {
            if !view.outbox(0, 1, 0)?.is_empty()
                || !view.posts(0, 1, 0)?.is_empty()
                || view.unfinished_transfers()?.iter().any(|job| job.outgoing)
            {
                return Ok(None);
            }
            for room in view.waiting_rooms()? {
                if may_hear(view, room.into())? {
                    return Ok(None);
                }
            }
            let mut held = Vec::new();
            for account in view.waiting_accounts()? {
                match view.contact(account)? {
                    Some(contact) if contact.may_send() => return Ok(None),
                    Some(contact) if contact.pending_identity.is_some() => held.push(account),
                    _ => {}
                }
            }
            Ok(Some(Flushed { held }))
        });
        read.await
    }
}

/// Makes connections while they are wanted, until the engine stops.
pub(super) async fn keep_connected(shared: Arc<Shared>) {
    let mut wanted = shared.wanted.subscribe();
    let mut backoff = Backoff::default();
    let keeping = async {
        loop {
            let wish = *wanted.borrow_and_update();
            let rest = if wish.0 {
                attempt(&shared, &mut wanted, wish, &mut backoff).await
            } else {
                backoff.reset();
                Some(ConnectionState::Offline)
            };
            // A wish that came in between wants to hear of itself alone.
            let Some(state) = rest.filter(|_| *wanted.borrow() == wish) else { continue };
            let wait = match state {
                ConnectionState::Waiting { retry_in_ms, .. } => Duration::from_millis(retry_in_ms),
                _ => Duration::MAX,
            };
            if *shared.state.borrow() != state {
                shared.set_state(state);
            }
            // Either way the next round looks at what is wanted.
            let _ = tokio::time::timeout(wait, wanted.changed()).await;
        }
    };
    shared.stop.run_until_cancelled(keeping).await;
}

/// Makes one connection and stays on it; in what state it leaves the engine. None if it was given
/// up because it is not wanted any more.
async fn attempt(
    shared: &Arc<Shared>,
    wanted: &mut watch::Receiver<(bool, u64)>,
    wish: (bool, u64),
    backoff: &mut Backoff,
) -> Option<ConnectionState> {
    if *shared.state.borrow() != ConnectionState::Connecting {
        shared.set_state(ConnectionState::Connecting);
    }
    let ended = tokio::select! {
        ended = connection(shared, backoff) => ended,
        _ = wanted.wait_for(|(wanted, _)| !wanted) => return None,
    };
    if *wanted.borrow() != wish {
        return None;
    }
    tracing::debug!(error = %ended, "the connection ended");
    Some(match stop_reason(&ended) {
        Some(reason) => ConnectionState::Stopped { reason },
        None => ConnectionState::Waiting {
            retry_in_ms: u64::try_from(backoff.next(rand::random()).as_millis())
                .unwrap_or(u64::MAX),
            reason: sentence(&ended),
        },
    })
}

/// One connection from its first packet to its end, and why it ended.
async fn connection(shared: &Arc<Shared>, backoff: &mut Backoff) -> EngineError {
    let relay = shared.me().relay;
    let link = match Link::dial(&relay).await {
        Ok(link) => link,
        Err(error) => return error.into(),
    };
    let guard = OnlineGuard { shared, link: &link };
    let logged_in = match log_in(shared, &link).await {
        Ok(logged_in) => logged_in,
        Err(error) => return error,
    };
    backoff.reset();
    if let Err(error) = shared.set_admin(logged_in.admin).await {
        return error;
    }
    guard.enter();
    let ended = run(shared, &link, &logged_in).await;
    drop(guard);
    ended
}

/// Takes the connection back when it ends, however that is.
struct OnlineGuard<'a> {
    shared: &'a Shared,
    link: &'a Link,
}

impl OnlineGuard<'_> {
    fn enter(&self) {
        self.shared.caught_up.send_replace(false);
        self.shared.link.send_replace(Some(self.link.clone()));
        self.shared.set_state(ConnectionState::Online);
    }
}

impl Drop for OnlineGuard<'_> {
    fn drop(&mut self) {
        self.shared.link.send_replace(None);
        self.shared.caught_up.send_replace(false);
        *lock(&self.shared.presence) = HashMap::new();
        self.shared.rooms.disconnected();
        self.link.end();
    }
}

async fn log_in(shared: &Shared, link: &Link) -> Result<LoggedIn, EngineError> {
    let (exporter, relay_key) = link.login_binding()?;
    let job = shared.keeper.run(move |kept| {
        let keys: &DeviceKeys = &kept.own.keys;
        let signature = keys.sign_login(&exporter, &relay_key);
        let device = kept.own.address();
        Ok(LogIn { account: device.account, device: device.device, signature })
    });
    Ok(link.ask(job.await?).await?)
}

/// Runs what a connection is for until it ends.
async fn run(shared: &Arc<Shared>, link: &Link, logged_in: &LoggedIn) -> EngineError {
    let engine = || Arc::clone(shared);
    let mut tasks = JoinSet::new();
    tasks.spawn(outbox::carry(engine(), link.clone()));
    tasks.spawn(inbox::receive(engine(), link.clone()));
    tasks.spawn(lasting(presence::announce(engine(), link.clone())));
    tasks.spawn(lasting(prekeys::supply(engine(), link.clone(), logged_in.prekeys)));
    tasks.spawn(lasting(upload::carry(engine(), link.clone())));
    tasks.spawn(lasting(announcements::follow(engine(), link.clone())));
    tasks.spawn(lasting(rooms::receive(engine(), link.clone())));
    tasks.spawn(lasting(rooms::carry(engine(), link.clone())));
    tasks.spawn(lasting(rooms::supply(engine(), link.clone())));
    tasks.spawn(lasting(rooms::keep_named(engine(), link.clone())));
    tasks.spawn(lasting(rooms::mend(engine(), link.clone())));
    if let Err(error) = rooms::resume(engine(), link.clone()).await {
        return error;
    }
    if let Err(error) = recheck(shared).await {
        return error;
    }
    let ended = tokio::select! {
        closed = link.closed() => closed.into(),
        Some(ended) = tasks.join_next() => match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) => TransportError::Ended.into(),
            Err(_) => EngineError::ShutDown,
        },
    };
    tasks.shutdown().await;
    ended
}

/// A task whose refusal by the relay does not end the connection.
async fn lasting(task: impl Future<Output = Result<(), EngineError>>) -> Result<(), EngineError> {
    match task.await {
        Err(EngineError::Refused(refusal)) => {
            tracing::warn!(code = refusal.code.number(), "the relay refused a standing request");
            std::future::pending().await
        }
        ended => ended,
    }
}

/// Has the directory asked for the contacts whose newest message is on the relay and no further:
/// their device may be another now.
async fn recheck(shared: &Shared) -> Result<(), EngineError> {
    let read = shared.keeper.read(|view| {
        let mut accounts: Vec<AccountId> = Vec::new();
        for conversation in view.conversations()? {
            let last = conversation.last.and_then(|last| last.state);
            let contact = conversation.with.contact().filter(|contact| contact.may_send());
            if last == Some(MessageState::Sent) {
                accounts.extend(contact.map(|contact| contact.account));
            }
        }
        Ok(accounts)
    });
    let accounts = read.await?;
    lock(&shared.stale).extend(accounts);
    shared.wake.outbox.notify_one();
    Ok(())
}

/// Why no further attempt is worth making, if it is not.
fn stop_reason(ended: &EngineError) -> Option<StopReason> {
    match ended {
        EngineError::Transport(TransportError::WrongRelayKey { .. }) => {
            Some(StopReason::WrongRelayKey)
        }
        EngineError::Transport(TransportError::Closed(CloseCode::Replaced)) => {
            Some(StopReason::Replaced)
        }
        EngineError::Transport(TransportError::Closed(CloseCode::DeviceRemoved)) => {
            Some(StopReason::DeviceRemoved)
        }
        EngineError::Refused(refusal) => match refusal.code {
            ErrorCode::UnknownDevice | ErrorCode::NoSuchUser => Some(StopReason::DeviceRemoved),
            ErrorCode::Suspended => Some(StopReason::Suspended),
            ErrorCode::BadSignature => Some(StopReason::Other { message: refusal.message.clone() }),
            _ => None,
        },
        EngineError::NoSuchUser => Some(StopReason::DeviceRemoved),
        EngineError::Transport(error) if error.is_final() => {
            Some(StopReason::Other { message: error.to_string() })
        }
        _ => None,
    }
}

/// An error and its causes, each once, as one sentence.
fn sentence(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use sotto_proto::Refusal;

    use super::*;

    #[test]
    fn only_what_time_mends_is_tried_again() {
        let refused = |code| stop_reason(&Refusal::new(code, "no").into());
        assert_eq!(refused(ErrorCode::UnknownDevice), Some(StopReason::DeviceRemoved));
        assert_eq!(refused(ErrorCode::Suspended), Some(StopReason::Suspended));
        assert_eq!(refused(ErrorCode::RateLimited), None);
        assert_eq!(refused(ErrorCode::Unavailable), None);
        let closed = |code| stop_reason(&TransportError::Closed(code).into());
        assert_eq!(closed(CloseCode::Replaced), Some(StopReason::Replaced));
        assert_eq!(closed(CloseCode::ShuttingDown), None);
        assert_eq!(stop_reason(&TransportError::Unreachable.into()), None);
        assert_eq!(stop_reason(&EngineError::ShutDown), None);
    }

    #[test]
    fn a_sentence_names_each_cause_once() {
        let refused = EngineError::from(Refusal::new(ErrorCode::Internal, "it failed"));
        assert_eq!(sentence(&refused), "it failed");
        let io = std::io::Error::other("no route");
        let error = EngineError::from(TransportError::Resolve(io));
        assert_eq!(sentence(&error), "the relay's host was not found: no route");
    }
}
