//! The downlink of rooms: takes what stands in their logs into the vault, and only then tells the relay
//! so.

use std::sync::Arc;

use sotto_proto::room::{
    OpenRoomDownlink, RoomDelivery, RoomEnd, RoomNotice, RoomPlace, RoomsConsumed,
};

use super::{
    super::{Shared, clock::now, error::EngineError, inbox::remove_files, lock},
    taking,
};
use crate::{
    model::RoomState,
    transport::{FrameWriter, Link},
};

/// Takes deliveries until the connection ends.
pub(in super::super) async fn receive(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    let cursors = shared.keeper.read(|view| Ok(view.room_cursors()?)).await?;
    let rooms = cursors.into_iter().map(|(room, up_to)| RoomPlace { room, up_to }).collect();
    let (mut writer, mut reader) = link.open(OpenRoomDownlink { rooms }).await?;
    loop {
        tokio::select! {
            delivery = reader.receive::<RoomDelivery>() => {
                take_in(&shared, &mut writer, delivery?).await?;
            }
            () = shared.rooms.followed.notified() => {
                let rooms = std::mem::take(&mut *lock(&shared.rooms.follow));
                if !rooms.is_empty() {
                    writer.send(&RoomsConsumed { rooms }).await?;
                }
            }
        }
    }
}

async fn take_in(
    shared: &Shared,
    writer: &mut FrameWriter,
    delivery: RoomDelivery,
) -> Result<(), EngineError> {
    let RoomDelivery { pages, signals, notices, caught_up } = delivery;
    for notice in notices {
        heed(shared, notice).await?;
    }
    if !pages.is_empty() {
        let job = shared.keeper.write(move |tx, own| taking::take(tx, own, &pages, now()));
        let taken = job.await?;
        if !taken.places.is_empty() {
            writer.send(&RoomsConsumed { rooms: taken.places.clone() }).await?;
        }
        after(shared, taken).await;
    }
    for signal in signals {
        let taken = shared
            .keeper
            .write(move |tx, own| taking::take_signal(tx, own, signal.room, &signal.sealed));
        shared.tell_all(taken.await?);
    }
    if caught_up {
        shared.rooms.caught_up.send_if_modified(|known| !std::mem::replace(known, true));
    }
    Ok(())
}

/// What follows once a delivery is in the vault.
async fn after(shared: &Shared, taken: taking::Taken) {
    shared.tell_all(taken.events);
    for (id, outcome) in taken.outcomes {
        shared.tell_outcome(id, outcome);
    }
    remove_files(taken.files).await;
    shared.rooms.name(taken.nameless);
    if taken.lost {
        shared.rooms.wake_entries();
    }
    if taken.invited {
        shared.wake.outbox.notify_one();
    }
    shared.rooms.wake_posts();
    shared.wake.timers.notify_one();
    shared.progressed();
}

async fn heed(shared: &Shared, notice: RoomNotice) -> Result<(), EngineError> {
    match notice {
        // An invitation to it comes through the mailbox.
        RoomNotice::Waiting(_) => {}
        RoomNotice::Ahead(place) => {
            let job = shared.keeper.write(move |tx, _| Ok(tx.set_lost(place.room, true)?));
            job.await?;
            shared.rooms.wake_entries();
        }
        RoomNotice::Ended { room, why } => {
            let state = match why {
                RoomEnd::NotAMember => RoomState::Removed,
                RoomEnd::Deleted => RoomState::Gone,
            };
            shared.close_room(room, state).await?;
        }
    }
    Ok(())
}
