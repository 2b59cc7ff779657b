//! Changes of a room: a commit is made on what the log has come to, sent, and counts when the log
//! brings it back. When another was first, it is made anew.

use std::{sync::Arc, time::Duration};

use sotto_keys::room::{Commitment, Room as Group, RoomChange, RoomPolicy};
use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, ErrorClass, ErrorCode, RoomId,
    room::{CommitToRoom, Committed},
};
use tokio::sync::oneshot;

use super::{
    super::{Shared, clock, error::EngineError, lock, own::Own},
    entry,
    groups::Stored,
    key_package::Fetched,
};
use crate::{
    transport::{AskError, Link},
    vault::{CommitKind, PendingCommit, Tx},
};

/// How often a change is made anew because another was first.
const ATTEMPTS: usize = 200;
/// How long the log may take to bring what the relay has accepted.
const LOG_TIMEOUT: Duration = Duration::from_mins(1);

/// What became of a commit of this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The log has brought it.
    Done,
    /// Another one was first.
    Superseded,
}

/// What to change; nothing at all is no change.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) add: Vec<Fetched>,
    pub(super) remove: Vec<DeviceAddress>,
    pub(super) policy: Option<RoomPolicy>,
}

/// Changes a room as `plan` says of the group that the log has come to.
pub(super) async fn change(
    shared: &Arc<Shared>,
    link: &Link,
    room: RoomId,
    plan: impl Fn(&Group, &Tx<'_>) -> Result<Plan, EngineError> + Send + Sync + 'static,
) -> Result<(), EngineError> {
    let plan = Arc::new(plan);
    for _ in 0..ATTEMPTS {
        shared.rooms_caught_up().await?;
        let plan = Arc::clone(&plan);
        let made = shared.keeper.write(move |tx, own| make(tx, own, room, &*plan)).await?;
        match made {
            Made::Nothing => return Ok(()),
            Made::Busy(id) => shared.commit_settled(id).await?,
            Made::Commit(pending) => {
                if submit(shared, link, *pending).await? == Outcome::Done {
                    return Ok(());
                }
            }
        }
    }
    Err(EngineError::TimedOut)
}

enum Made {
    Nothing,
    /// Another change of this device is under way.
    Busy(EnvelopeId),
    Commit(Box<PendingCommit>),
}

fn make(
    tx: &Tx<'_>,
    own: &mut Own,
    room: RoomId,
    plan: &dyn Fn(&Group, &Tx<'_>) -> Result<Plan, EngineError>,
) -> Result<Made, EngineError> {
    if let Some(pending) = tx.commit(room)? {
        return Ok(Made::Busy(pending.id));
    }
    let mut group = own.take_group(tx, room)?.ok_or(EngineError::NotInRoom)?;
    let Plan { add, remove, policy } = plan(&group, tx)?;
    if add.is_empty() && remove.is_empty() && policy.is_none() {
        own.keep_group(group);
        return Ok(Made::Nothing);
    }
    let handles: Vec<_> = add.iter().map(|one| one.handle.clone()).collect();
    let change = RoomChange { add: &handles, remove: &remove, policy: policy.as_ref() };
    let made = group.propose(&Stored(tx), &own.room_device(), &change)?;
    let mut invited: Vec<AccountId> = add.iter().map(|one| one.member.account).collect();
    invited.sort_unstable();
    invited.dedup();
    let pending = PendingCommit {
        invited,
        welcome: made.welcome.clone().map(Into::into),
        ..pending(room, CommitKind::Change, made, group.epoch() + 1)
    };
    tx.put_commit(&pending)?;
    own.keep_group(group);
    Ok(Made::Commit(Box::new(pending)))
}

/// What the relay is asked for a commit.
pub(super) fn pending(
    room: RoomId,
    kind: CommitKind,
    made: Commitment,
    epoch: u64,
) -> PendingCommit {
    let Commitment { commit, group_info, .. } = made;
    let id = clock::envelope_id();
    let request = CommitToRoom { room, id, commit, group_info }.into();
    PendingCommit { room, id, kind, request, invited: Vec::new(), welcome: None, epoch }
}

/// Sends a commit and waits for the log to bring it, or another one.
async fn submit(
    shared: &Arc<Shared>,
    link: &Link,
    pending: PendingCommit,
) -> Result<Outcome, EngineError> {
    let (room, id) = (pending.room, pending.id);
    let outcome = shared.await_outcome(id);
    // The log may have brought another one before anybody waited.
    let kept = shared.keeper.read(move |view| Ok(view.commits()?)).await?;
    if !kept.iter().any(|kept| kept.id == id) {
        lock(&shared.rooms.outcomes).remove(&id);
        return Ok(Outcome::Superseded);
    }
    loop {
        match link.ask::<Committed>(pending.request.clone()).await {
            Ok(_) => break,
            Err(AskError::Refused(refusal)) if refusal.code == ErrorCode::StaleEpoch => break,
            Err(AskError::Refused(refusal)) if refusal.code.class() == ErrorClass::RateLimited => {
                let wait = refusal.retry_after_ms.unwrap_or(1000);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Err(AskError::Refused(refusal)) => {
                withdraw(shared, room, id).await?;
                return Err(refusal.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    match tokio::time::timeout(LOG_TIMEOUT, outcome).await {
        Ok(Ok(outcome)) => Ok(outcome),
        // The connection has ended; it is gone on with on the next.
        Ok(Err(_)) => Err(EngineError::NotConnected),
        Err(_) => Err(EngineError::TimedOut),
    }
}

/// The relay will never take it.
async fn withdraw(shared: &Shared, room: RoomId, id: EnvelopeId) -> Result<(), EngineError> {
    let job = shared.keeper.write(move |tx, own| {
        if tx.commit(room)?.is_none_or(|pending| pending.id != id) {
            return Ok(());
        }
        tx.drop_commit(room)?;
        if let Some(mut group) = own.take_group(tx, room)? {
            group.withdraw(&Stored(tx))?;
            own.keep_group(group);
        }
        Ok(())
    });
    job.await?;
    shared.tell_outcome(id, Outcome::Superseded);
    Ok(())
}

/// Asks again what was asked before the last connection ended.
pub(super) async fn resume(shared: &Arc<Shared>, link: &Link) -> Result<(), EngineError> {
    let pending = shared.keeper.read(|view| Ok(view.commits()?)).await?;
    for pending in pending {
        match (pending.kind, link.ask::<Committed>(pending.request.clone()).await) {
            // The log brings it, or what was first.
            (CommitKind::Change, Ok(_)) => {}
            (_, Ok(Committed { sequence })) => {
                entry::entered(shared, &pending, sequence, &entry::Entrance::Resumed, &[]).await?;
            }
            (CommitKind::Change, Err(AskError::Refused(refusal))) => {
                if refusal.code != ErrorCode::StaleEpoch {
                    withdraw(shared, pending.room, pending.id).await?;
                }
            }
            (_, Err(AskError::Refused(_))) => entry::give_up(shared, pending.room).await?,
            (_, Err(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Shared {
    /// Waits until what stands in the logs is in the vault.
    pub(super) async fn rooms_caught_up(&self) -> Result<(), EngineError> {
        let mut caught_up = self.rooms.caught_up.subscribe();
        let wait = tokio::time::timeout(LOG_TIMEOUT, caught_up.wait_for(|done| *done));
        wait.await.map_err(|_| EngineError::TimedOut)?.map_err(|_| EngineError::ShutDown)?;
        Ok(())
    }

    fn await_outcome(&self, id: EnvelopeId) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.rooms.outcomes).insert(id, sender);
        receiver
    }

    /// Tells whoever waits for a commit of this device what became of it.
    pub(super) fn tell_outcome(&self, id: EnvelopeId, outcome: Outcome) {
        if let Some(waiting) = lock(&self.rooms.outcomes).remove(&id) {
            // Whoever stopped waiting does not want to know.
            let _ = waiting.send(outcome);
        }
        self.progressed();
        self.rooms.wake_posts();
    }

    /// Waits until another commit of this device is settled.
    async fn commit_settled(&self, id: EnvelopeId) -> Result<(), EngineError> {
        let mut progress = self.progress.subscribe();
        let settling = async {
            loop {
                let read = self.keeper.read(|view| Ok(view.commits()?));
                if !read.await?.iter().any(|pending| pending.id == id) {
                    return Ok(());
                }
                progress.changed().await.map_err(|_| EngineError::ShutDown)?;
            }
        };
        tokio::time::timeout(LOG_TIMEOUT, settling).await.map_err(|_| EngineError::TimedOut)?
    }
}
