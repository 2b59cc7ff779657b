//! The downlink: what a mailbox holds, in order, as fast as the device takes it.
//!
//! Each batch is read from the store when the stream has room for it, so a slow reader costs disk
//! and not memory. A wake-up is a hint; what is delivered next is what the store holds behind the
//! last delivered position.

use std::sync::Arc;

use sotto_proto::{
    limits::BATCH_MAX,
    mailbox::{Consumed, Mail, MailboxEntry},
};

use crate::{
    connection::{Talk, TalkError},
    online::LiveDevice,
    server::Shared,
    stream,
};

/// The most entries of one delivery.
const ENTRIES: usize = 256;
/// About the most bytes of mail in one delivery: one more entry, and all that may wait to be pushed,
/// still fit the frame.
const BYTES: usize = BATCH_MAX / 4;
/// The most entries that are delivered ahead of their consumption.
const AHEAD: u64 = 2048;

/// Serves the stream until it ends or the relay closes.
pub(crate) async fn downlink(
    shared: &Shared,
    device: &Arc<LiveDevice>,
    talk: &mut Talk,
) -> Result<(), TalkError> {
    let consumed = tokio::sync::watch::Sender::new(0);
    let newer = device.new_downlink();
    tokio::select! {
        ended = deliver(shared, device, &mut talk.send, consumed.subscribe()) => ended,
        ended = consume(shared, device, &mut talk.receive, &consumed) => ended,
        () = newer.cancelled() => Ok(()),
        () = shared.closing.cancelled() => Ok(()),
    }
}

async fn deliver(
    shared: &Shared,
    device: &LiveDevice,
    send: &mut quinn::SendStream,
    mut consumed: tokio::sync::watch::Receiver<u64>,
) -> Result<(), TalkError> {
    let mut delivered = 0;
    let mut ahead = 0;
    let mut was_caught_up = false;
    loop {
        let mut delivery = device.take_pushes();
        if ahead < AHEAD {
            delivery.entries =
                shared.store.read_mailbox(device.address, delivered, ENTRIES, BYTES).await?;
            delivery.caught_up = delivery.entries.is_empty();
        }
        if let Some(MailboxEntry { sequence, .. }) = delivery.entries.last() {
            delivered = *sequence;
            ahead += delivery.entries.len() as u64;
            shared.metrics.deliveries.inc_by(delivery.entries.len() as u64);
            shared.pace(device.address.account, delivery.entries.iter().map(weight).sum()).await;
        }
        let has_news = !(delivery.entries.is_empty()
            && delivery.signals.is_empty()
            && delivery.notices.is_empty()
            && delivery.announced.is_none()
            && delivery.admin.is_none());
        if has_news || (delivery.caught_up && !was_caught_up) {
            stream::send(send, &delivery).await?;
        }
        was_caught_up = delivery.caught_up;
        if !delivery.entries.is_empty() {
            continue;
        }
        tokio::select! {
            () = device.woken() => {}
            changed = consumed.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
            }
        }
        if *consumed.borrow_and_update() >= delivered {
            ahead = 0;
        }
    }
}

/// The bytes of ciphertext of an entry.
const fn weight(entry: &MailboxEntry) -> usize {
    match &entry.mail {
        Mail::Envelope { sealed, .. } => sealed.len(),
        Mail::Expired { .. } | Mail::Returned { .. } => 0,
    }
}

async fn consume(
    shared: &Shared,
    device: &LiveDevice,
    receive: &mut quinn::RecvStream,
    consumed: &tokio::sync::watch::Sender<u64>,
) -> Result<(), TalkError> {
    loop {
        let Consumed { up_to } = stream::receive(receive).await?;
        shared.store.consume(device.address, up_to).await?;
        consumed.send_replace(up_to);
    }
}
