//! The uplink of rooms: seals what waits for the epoch that a room's log has come to, carries it to the
//! relay in order and in batches, and records what became of it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use sotto_keys::room::{Room as Group, RoomError};
use sotto_proto::{
    EnvelopeId, ErrorClass, ErrorCode, RoomId,
    content::Typing,
    limits::BATCH_MAX,
    room::{OpenRoomUplink, Post, RoomAcknowledgement, RoomSignal, RoomSubmission},
};
use tokio::task::JoinSet;

use super::{
    super::{
        Engine, Shared, clock, clock::now, content, error::EngineError, event::Event, own::Own,
    },
    change::{Plan, change},
    groups::Stored,
};
use crate::{
    model::{FailReason, RoomState},
    transport::{FrameReader, FrameWriter, Link, TransportError},
    vault::{Tx, View},
};

/// Contents that are sealed in one go.
const BATCH: usize = 256;
/// The most ciphertext in one submission: room is left for the rest of its frame.
const SUBMISSION_BYTES: usize = BATCH_MAX - 64 * 1024;
/// How long to wait after the relay has refused for now, unless it says so.
const PAUSE: Duration = Duration::from_secs(1);

/// Carries posts until the connection ends.
pub(in super::super) async fn carry(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    let (writer, reader) = link.open(OpenRoomUplink {}).await?;
    // What the logs hold may say that this device must not seal anything any more.
    let mut caught_up = shared.rooms.caught_up.subscribe();
    caught_up.wait_for(|done| *done).await.map_err(|_| EngineError::ShutDown)?;
    let uplink = Uplink {
        shared,
        link,
        writer,
        reader,
        under_way: Vec::new(),
        stale: HashSet::new(),
        pause: None,
        cleaning: JoinSet::new(),
    };
    uplink.run().await
}

struct Uplink {
    shared: Arc<Shared>,
    link: Link,
    writer: FrameWriter,
    reader: FrameReader,
    /// The posts of the submission that is not answered.
    under_way: Vec<(EnvelopeId, u64)>,
    /// Posts that the relay refused because the room has gone on: the log is going to say so.
    stale: HashSet<(EnvelopeId, u64)>,
    pause: Option<Duration>,
    /// Removals of those who departed, which go before anything is said.
    cleaning: JoinSet<Result<(), EngineError>>,
}

impl Uplink {
    async fn run(mut self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut signals = shared.rooms.signal_queue.lock().await;
        // What was typed before this connection is no news.
        while signals.try_recv().is_ok() {}
        loop {
            self.seal().await?;
            self.submit().await?;
            let pause = self.pause;
            tokio::select! {
                answer = self.reader.receive::<RoomAcknowledgement>() => {
                    self.settle(answer?).await?;
                }
                signal = signals.recv() => self.send_signal(signal).await?,
                () = shared.rooms.posts.notified() => {}
                Some(cleaned) = self.cleaning.join_next() => {
                    if let Ok(Err(error)) = cleaned {
                        tracing::debug!(%error, "those who departed could not be removed");
                        self.pause = Some(PAUSE);
                    }
                }
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                    self.pause = None;
                }
            }
        }
    }

    /// Seals what waits, where nobody is to be removed first.
    async fn seal(&mut self) -> Result<(), EngineError> {
        let job = self.shared.keeper.run(|kept| {
            let waiting = kept.vault.read(View::waiting_rooms)?;
            if waiting.is_empty() {
                return Ok(Vec::new());
            }
            kept.write(|tx, own| {
                let mut crowded = Vec::new();
                for room in waiting {
                    if !seal_room(tx, own, room)? {
                        crowded.push(room);
                    }
                }
                Ok(crowded)
            })
        });
        let crowded = job.await?;
        if self.cleaning.is_empty() && self.pause.is_none() {
            for room in crowded {
                let (shared, link) = (Arc::clone(&self.shared), self.link.clone());
                self.cleaning.spawn(async move { remove_departed(&shared, &link, room).await });
            }
        }
        Ok(())
    }

    /// Submits what has gathered, unless a submission is under way.
    async fn submit(&mut self) -> Result<(), EngineError> {
        if !self.under_way.is_empty() || self.pause.is_some() {
            return Ok(());
        }
        let read = self.shared.keeper.read(|view| Ok(view.posts(0, BATCH, SUBMISSION_BYTES)?));
        let posts = read.await?;
        self.stale.retain(|known| posts.iter().any(|post| (post.envelope, post.epoch) == *known));
        // Behind a post that is to be sealed again, nothing of its room may pass it.
        let mut held: HashSet<RoomId> = HashSet::new();
        let mut submitted = Vec::new();
        for post in posts {
            let name = (post.envelope, post.epoch);
            if self.stale.contains(&name) || held.contains(&post.room) {
                held.insert(post.room);
                continue;
            }
            self.under_way.push(name);
            submitted.push(Post { id: post.envelope, room: post.room, sealed: post.sealed });
        }
        if !submitted.is_empty() {
            let submission = RoomSubmission { posts: submitted, signals: Vec::new() };
            self.writer.send(&submission).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, answer: RoomAcknowledgement) -> Result<(), EngineError> {
        let under_way = std::mem::take(&mut self.under_way);
        let is_in_step = answer.posts.len() == under_way.len()
            && answer.posts.iter().zip(&under_way).all(|(answer, (id, _))| answer.id == *id);
        if !is_in_step {
            return Err(TransportError::Unexpected("acknowledgement").into());
        }
        let (mut taken, mut failed) = (Vec::new(), Vec::new());
        for (answer, name) in answer.posts.into_iter().zip(under_way) {
            match answer.refused {
                None => taken.push(answer.id),
                Some(refusal) if refusal.code == ErrorCode::StaleEpoch => {
                    self.stale.insert(name);
                }
                Some(refusal)
                    if matches!(
                        refusal.code.class(),
                        ErrorClass::RateLimited | ErrorClass::Unavailable | ErrorClass::Internal
                    ) =>
                {
                    let wait = refusal.retry_after_ms.map_or(PAUSE, Duration::from_millis);
                    self.pause = Some(wait);
                }
                // The log says that the room is over.
                Some(refusal) if refusal.code == ErrorCode::NotAMember => {
                    self.stale.insert(name);
                }
                Some(refusal) => failed.push((answer.id, FailReason::from(&refusal))),
            }
        }
        let job = self.shared.keeper.write(move |tx, _| {
            let mut changed = Vec::new();
            for id in taken {
                changed.extend(tx.acknowledge_post(id, now())?);
            }
            for (id, why) in failed {
                changed.extend(tx.fail_post(id, &why)?);
            }
            Ok(changed)
        });
        let changed = job.await?;
        self.shared.tell_all(changed.into_iter().map(|message| Event::MessageChanged { message }));
        self.shared.wake.timers.notify_one();
        self.shared.progressed();
        Ok(())
    }

    async fn send_signal(&mut self, signal: Option<RoomSignal>) -> Result<(), EngineError> {
        if let Some(signal) = signal {
            let submission = RoomSubmission { posts: Vec::new(), signals: vec![signal] };
            self.writer.send(&submission).await?;
        }
        Ok(())
    }
}

/// Seals what waits for a room. False: devices that departed are to be removed first, so that they
/// could not read it.
fn seal_room(tx: &Tx<'_>, own: &mut Own, room: RoomId) -> Result<bool, EngineError> {
    let known = tx.room(room)?;
    let is_in = known.is_some_and(|known| known.state == RoomState::Joined);
    if !is_in || tx.is_lost(room)? || tx.commit(room)?.is_some() {
        return Ok(true);
    }
    let Some(mut group) = own.take_group(tx, room)? else { return Ok(true) };
    if !departed_leaves(tx, &group)?.is_empty() {
        own.keep_group(group);
        return Ok(false);
    }
    loop {
        let waiting = tx.waiting(room.into(), BATCH)?;
        if waiting.is_empty() {
            own.keep_group(group);
            return Ok(true);
        }
        for waiting in waiting {
            let envelope = waiting.envelope.unwrap_or_else(clock::envelope_id);
            let Ok(plaintext) = content::encode(&waiting.content) else {
                tx.post(waiting.position, envelope, group.epoch(), &[])?;
                tx.fail_post(envelope, &FailReason::TooLarge)?;
                continue;
            };
            match group.seal(&Stored(tx), &own.room_device(), &plaintext) {
                Ok(sealed) => tx.post(waiting.position, envelope, group.epoch(), &sealed)?,
                Err(RoomError::Padding(_)) => {
                    tx.post(waiting.position, envelope, group.epoch(), &[])?;
                    tx.fail_post(envelope, &FailReason::TooLarge)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The devices that have a leaf in the group and that the relay serves no longer.
fn departed_leaves(
    tx: &Tx<'_>,
    group: &Group,
) -> Result<Vec<sotto_proto::DeviceAddress>, EngineError> {
    let departed = tx.departed(group.id())?;
    if departed.is_empty() {
        return Ok(departed);
    }
    let members = group.members()?;
    let has_leaf = |device: &sotto_proto::DeviceAddress| {
        members.iter().any(|member| member.address() == *device)
    };
    Ok(departed.into_iter().filter(has_leaf).collect())
}

async fn remove_departed(
    shared: &Arc<Shared>,
    link: &Link,
    room: RoomId,
) -> Result<(), EngineError> {
    change(shared, link, room, |group, tx| {
        Ok(Plan { remove: departed_leaves(tx, group)?, ..Plan::default() })
    })
    .await
}

impl Engine {
    /// Shows a room that the owner types, or has stopped, if the preferences say so.
    pub(in super::super) async fn typing_in_room(
        &self,
        room: RoomId,
        active: bool,
    ) -> Result<(), EngineError> {
        if self.shared.link().is_err() || !*self.shared.rooms.caught_up.borrow() {
            return Ok(());
        }
        let job = self.shared.keeper.run(move |kept| {
            if !kept.vault.read(View::preferences)?.typing {
                return Ok(None);
            }
            let typing = content::new(Typing { active }, now(), None);
            kept.write(|tx, own| {
                let known = tx.room(room)?;
                if known.is_none_or(|known| known.state != RoomState::Joined)
                    || tx.is_lost(room)?
                    || tx.commit(room)?.is_some()
                {
                    return Ok(None);
                }
                let Some(mut group) = own.take_group(tx, room)? else { return Ok(None) };
                let plaintext = content::encode(&typing).map_err(|_| EngineError::TooLarge)?;
                let sealed = group.seal(&Stored(tx), &own.room_device(), &plaintext)?;
                own.keep_group(group);
                Ok(Some(RoomSignal { room, sealed }))
            })
        });
        if let Some(signal) = job.await? {
            // When the queue is full, typing is no news any more.
            let _ = self.shared.rooms.signals.try_send(signal);
        }
        Ok(())
    }
}
