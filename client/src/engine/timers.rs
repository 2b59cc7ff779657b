//! Removes messages whose time has come, and ids that are no longer needed.

use std::{sync::Arc, time::Duration};

use sotto_proto::Timestamp;

use super::{Shared, clock::now, error::EngineError, event::Event, inbox::remove_files};
use crate::vault::SEEN_KEPT_MS;

/// The longest sleep: the clock may be set meanwhile.
const INTERVAL: Duration = Duration::from_hours(1);
/// How often ids are forgotten, in milliseconds.
const FORGET_INTERVAL_MS: u64 = 24 * 60 * 60 * 1000;

/// Purges until the engine stops.
pub(super) async fn purge(shared: Arc<Shared>) {
    let mut forgotten_at = Timestamp(0);
    loop {
        if now().since(forgotten_at) >= FORGET_INTERVAL_MS {
            forgotten_at = now();
            let before = Timestamp(forgotten_at.0.saturating_sub(SEEN_KEPT_MS));
            let job = shared.keeper.write(move |tx, _| Ok(tx.forget_seen(before)?));
            if let Err(error) = job.await {
                tracing::warn!(%error, "old ids could not be forgotten");
            }
        }
        let next = match purge_due(&shared).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "messages could not be purged");
                None
            }
        };
        let wait = next.map_or(INTERVAL, |next| Duration::from_millis(next.since(now())));
        tokio::select! {
            () = shared.wake.timers.notified() => {}
            () = tokio::time::sleep(wait.min(INTERVAL)) => {}
        }
    }
}

/// Removes what is due, and says when the next message is.
async fn purge_due(shared: &Shared) -> Result<Option<Timestamp>, EngineError> {
    let next = shared.keeper.read(|view| Ok(view.next_disappearance()?)).await?;
    if next.is_none_or(|next| next > now()) {
        return Ok(next);
    }
    let job =
        shared.keeper.write(|tx, _| Ok((tx.purge_disappeared(now())?, tx.next_disappearance()?)));
    let (purged, next) = job.await?;
    for (conversation, message) in purged.messages {
        shared.tell(Event::MessagesGone { conversation, messages: vec![message] });
    }
    remove_files(purged.files).await;
    Ok(next)
}
