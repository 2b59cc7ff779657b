//! What the relay does of its own accord: lets old mail and blobs go, and forgets rested limits.

use std::{sync::Arc, time::Duration};

use sotto_proto::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::{
    server::{Shared, now},
    store::StoreError,
};

/// How often it looks.
const EVERY: Duration = Duration::from_mins(1);
/// How much it takes on in one step, so that others get their turn between.
const STEP: usize = 1000;

/// Runs until the relay closes.
pub(crate) async fn run(shared: Arc<Shared>) {
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
    let before = Timestamp(now().since(Timestamp(shared.config.quotas.envelope_lifetime_ms())));
    loop {
        let senders = shared.store.expire_mail(before, now(), STEP).await?;
        let is_last = senders.is_empty();
        shared.metrics.envelopes_expired.inc_by(senders.len() as u64);
        for sender in senders {
            shared.online.wake(sender);
        }
        if is_last {
            break;
        }
    }
    loop {
        let senders = shared.store.return_mail(now(), STEP).await?;
        let is_last = senders.is_empty();
        for sender in senders {
            shared.online.wake(sender);
        }
        if is_last {
            break;
        }
    }
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
