//! What the relay does of its own accord: lets old mail, blobs and records go, and forgets rested
//! limits.

use std::{sync::Arc, time::Duration};

use sotto_proto::{DeviceAddress, Timestamp};
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::{
    admin::announcements_since,
    server::{Shared, now},
    store::{StoreError, TooOld, rooms::RoomRetention},
};

/// How often it looks.
const EVERY: Duration = Duration::from_mins(1);
/// How much it takes on in one step, so that others get their turn between.
const STEP: usize = 1000;

/// Runs until the relay closes.
pub(crate) async fn run(shared: Arc<Shared>) {
    if let Err(error) = delete_orphans(&shared).await {
        error!(%error, "what is left of old blobs could not be deleted");
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.mail_left.notified() => {}
            () = shared.closing.cancelled() => return,
        }
        if let Err(error) = sweep(&shared).await {
            error!(%error, "old mail and blobs could not be let go");
        }
        shared.limits.tidy();
    }
}

async fn sweep(shared: &Shared) -> Result<(), StoreError> {
    let lifetime = shared.config.quotas.envelope_lifetime_ms();
    let before = Timestamp(now().since(Timestamp(lifetime)));
    while tell(shared, &shared.store.expire_mail(before, now(), STEP).await?) {}
    while tell(shared, &shared.store.return_mail(now(), STEP).await?) {}
    let mut room = None;
    while let Some(swept) = shared.store.expire_room(room, retention(shared), now(), STEP).await? {
        room = Some(swept);
    }
    let quotas = &shared.config.quotas;
    let too_old = TooOld {
        audit: Timestamp(now().since(Timestamp(quotas.audit_lifetime_ms()))),
        logins: Timestamp(now().since(Timestamp(quotas.login_lifetime_ms()))),
        announcements: announcements_since(),
    };
    while shared.store.forget(too_old, STEP).await? {}
    loop {
        let blobs = shared.store.expire_blobs(now(), STEP).await?;
        let is_last = blobs.len() < STEP;
        for blob in blobs {
            shared.blobs.delete(blob).await;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn retention(shared: &Shared) -> RoomRetention {
    let quotas = &shared.config.quotas;
    RoomRetention {
        read_ms: quotas.room_lifetime_ms(),
        read_bytes: quotas.room_bytes,
        unread_ms: quotas.room_unread_lifetime_ms(),
        unread_bytes: quotas.room_unread_bytes,
    }
}

/// Wakes the senders of what was not fetched; whether there were any.
fn tell(shared: &Shared, senders: &[DeviceAddress]) -> bool {
    shared.metrics.senders_told.inc_by(senders.len() as u64);
    for sender in senders {
        shared.online.wake(*sender);
    }
    !senders.is_empty()
}

/// Deletes what a crash left of blobs that are no longer on the books.
async fn delete_orphans(shared: &Shared) -> Result<(), StoreError> {
    for blob in shared.blobs.list().await.unwrap_or_default() {
        if shared.store.blob(blob).await?.is_none() {
            shared.blobs.delete(blob).await;
        }
    }
    Ok(())
}
