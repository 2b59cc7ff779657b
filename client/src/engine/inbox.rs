//! The downlink: takes deliveries into the vault, and only then tells the relay so.

use std::sync::Arc;

use sotto_proto::mailbox::{Consumed, Delivery, Notice, OpenDownlink};

use super::{
    Shared, clock::now, error::EngineError, event::Event, lock, opening, refresh::look_up_strangers,
};
use crate::transport::{FrameWriter, Link};

/// Takes deliveries until the connection ends.
pub(super) async fn receive(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    let (mut writer, mut reader) = link.open(OpenDownlink {}).await?;
    loop {
        let delivery: Delivery = reader.receive().await?;
        take_in(&shared, &link, &mut writer, delivery).await?;
    }
}

async fn take_in(
    shared: &Shared,
    link: &Link,
    writer: &mut FrameWriter,
    delivery: Delivery,
) -> Result<(), EngineError> {
    let Delivery { entries, signals, notices, announced, admin, caught_up } = delivery;
    if let Some(up_to) = entries.last().map(|entry| entry.sequence) {
        let (entries, unknown) = shared
            .keeper
            .read(move |view| {
                let unknown = opening::strangers(view, &entries)?;
                Ok((entries, unknown))
            })
            .await?;
        let strangers = look_up_strangers(link, unknown).await?;
        let job =
            shared.keeper.write(move |tx, own| opening::take(tx, own, &entries, &strangers, now()));
        let taken = job.await?;
        writer.send(&Consumed { up_to }).await?;
        after(shared, taken).await;
    }
    for signal in signals {
        let taken = shared.keeper.write(move |tx, own| opening::take_signal(tx, own, &signal));
        shared.tell_all(taken.await?);
    }
    for notice in notices {
        heed(shared, notice);
    }
    if announced.is_some() {
        shared.wake.announcements.notify_one();
    }
    if let Some(admin) = admin {
        shared.set_admin(admin).await?;
    }
    if caught_up && !shared.caught_up.send_replace(true) {
        shared.tell(Event::CaughtUp);
    }
    Ok(())
}

/// What follows once a delivery is in the vault.
async fn after(shared: &Shared, taken: opening::Taken) {
    lock(&shared.stale).extend(taken.stale);
    shared.tell_all(taken.events);
    remove_files(taken.files).await;
    shared.wake.outbox.notify_one();
    shared.rooms.wake_entries();
    shared.wake.timers.notify_one();
    shared.progressed();
}

/// Deletes files that no message has any more.
pub(super) async fn remove_files(files: Vec<std::path::PathBuf>) {
    for file in files {
        if let Err(error) = tokio::fs::remove_file(&file).await {
            tracing::warn!(%error, "a file of a message that is gone could not be deleted");
        }
    }
}

fn heed(shared: &Shared, notice: Notice) {
    match notice {
        Notice::PrekeysLow(_) => shared.wake.prekeys.notify_one(),
        Notice::Presence { account, state } => {
            lock(&shared.presence).insert(account, state);
            shared.tell(Event::Presence { account, state });
        }
    }
}
