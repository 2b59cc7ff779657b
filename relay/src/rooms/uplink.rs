//! The uplink of rooms: posts come in batches, and are acknowledged once they are durable.

use std::sync::Arc;

use sotto_keys::room::post_header;
use sotto_proto::{
    DeviceAddress, ErrorCode, Refusal, Timestamp,
    limits::{SEALED_MAX, SIGNAL_MAX, SUBMISSION_MAX},
    mailbox::Submitted,
    room::{
        ArrivedRoomSignal, Post, RoomAcknowledgement, RoomEntry, RoomItem, RoomSignal,
        RoomSubmission,
    },
};

use super::{not_a_member, stale};
use crate::{
    connection::{Talk, TalkError, refusal},
    online::LiveDevice,
    server::{Shared, now},
    store::rooms::{NewPost, Posted},
    stream,
};

/// Serves the stream until it ends or the relay closes.
pub(crate) async fn uplink(
    shared: &Shared,
    device: &Arc<LiveDevice>,
    talk: &mut Talk,
) -> Result<(), TalkError> {
    let newer = device.rooms.new_uplink();
    loop {
        let submission: RoomSubmission = tokio::select! {
            submission = stream::receive(&mut talk.receive) => submission?,
            () = newer.cancelled() => return Ok(()),
            () = shared.closing.cancelled() => return Ok(()),
        };
        let RoomSubmission { posts, signals } = submission;
        if posts.len().max(signals.len()) > SUBMISSION_MAX {
            let message = format!("at most {SUBMISSION_MAX} posts at once");
            return Err(Refusal::new(ErrorCode::TooMany, message).into());
        }
        pass_signals(shared, device.address, signals).await;
        if !posts.is_empty() {
            let acknowledgement = accept(shared, device.address, posts).await;
            stream::send(&mut talk.send, &acknowledgement).await?;
        }
    }
}

async fn pass_signals(shared: &Shared, from: DeviceAddress, signals: Vec<RoomSignal>) {
    let bytes = signals.iter().map(|signal| signal.sealed.len()).sum();
    if signals.is_empty() || shared.limited_mail(from, signals.len(), bytes).is_err() {
        return;
    }
    for RoomSignal { room, sealed } in signals {
        let place = shared.store.room_place(room, from).await;
        let is_in = matches!(place, Ok(Some(place)) if place.until.is_none());
        if is_in && sealed.len() <= SIGNAL_MAX {
            shared.rooms.signal(&ArrivedRoomSignal { room, from, sealed });
        }
    }
}

async fn accept(shared: &Shared, from: DeviceAddress, posts: Vec<Post>) -> RoomAcknowledgement {
    let ids: Vec<_> = posts.iter().map(|post| post.id).collect();
    let refuse_all = |refusal: &Refusal| RoomAcknowledgement {
        posts: ids.iter().map(|id| Submitted { id: *id, refused: Some(refusal.clone()) }).collect(),
    };
    let bytes = posts.iter().map(|post| post.sealed.len()).sum();
    if let Err(refusal) = shared.limited_mail(from, posts.len(), bytes) {
        return refuse_all(&refusal);
    }
    let checked: Vec<_> = posts.into_iter().map(|post| check(from, post)).collect();
    let good: Vec<NewPost> = checked.iter().flatten().cloned().collect();
    let at = now();
    let posted = match shared.store.post_to_rooms(good.clone(), at).await {
        Ok(posted) => posted,
        Err(error) => return refuse_all(&refusal(&error)),
    };
    tell(shared, good, &posted, at);
    let mut posted = posted.into_iter();
    let outcome = |checked: Result<NewPost, Refusal>| match checked {
        Ok(_) => posted.next().and_then(|posted| refused(shared, posted)),
        Err(refusal) => Some(refusal),
    };
    let refusals: Vec<_> = checked.into_iter().map(outcome).collect();
    let posts = ids.into_iter().zip(refusals);
    RoomAcknowledgement { posts: posts.map(|(id, refused)| Submitted { id, refused }).collect() }
}

/// Passes on what is in the logs now.
fn tell(shared: &Shared, posts: Vec<NewPost>, posted: &[Posted], accepted_at: Timestamp) {
    for (post, posted) in posts.into_iter().zip(posted) {
        let NewPost { room, from, id, sealed, .. } = post;
        match *posted {
            Posted::At(sequence) => {
                let item = RoomItem::Post { from, id, sealed };
                shared.rooms.said(room, RoomEntry { sequence, accepted_at, item });
            }
            // Whoever was to pass it on the first time may have been cut off.
            Posted::Repeat => shared.rooms.wake(room),
            Posted::Stale | Posted::NotAMember => {}
        }
    }
}

/// The post, if its clear header says what the sender says.
fn check(from: DeviceAddress, post: Post) -> Result<NewPost, Refusal> {
    let Post { id, room, sealed } = post;
    if sealed.len() > SEALED_MAX {
        let message = format!("a post holds at most {SEALED_MAX} bytes");
        return Err(Refusal::new(ErrorCode::FrameTooLarge, message));
    }
    match post_header(&sealed) {
        Ok(header) if header.room == room => {
            Ok(NewPost { room, from, id, epoch: header.epoch, sealed })
        }
        Ok(_) => Err(Refusal::new(ErrorCode::OutOfBounds, "the post is sealed for another room")),
        Err(error) => Err(Refusal::new(ErrorCode::Malformed, error.to_string())),
    }
}

fn refused(shared: &Shared, posted: Posted) -> Option<Refusal> {
    let refusal = match posted {
        Posted::At(_) => {
            shared.metrics.posts_accepted.inc();
            return None;
        }
        Posted::Repeat => return None,
        Posted::Stale => stale(),
        Posted::NotAMember => not_a_member(),
    };
    shared.metrics.envelope_refused(refusal.code);
    Some(refusal)
}
