//! Coming into a room: founding it, joining an open one, following an invitation, and joining again
//! after this device has lost its place.

use std::sync::Arc;

use sotto_keys::room::{Room as Group, RoomKind as PolicyKind, RoomPolicy};
use sotto_proto::{
    AccountId, DeviceAddress, ErrorCode, RoomId,
    content::RoomProfile,
    limits::TREE_MAX,
    room::{AskRoom, Committed, FoundRoom, ListedRoom, RoomFound, RoomPlace},
};

use super::{
    super::{
        Shared,
        clock::{envelope_id, now},
        error::EngineError,
        event::Event,
        own::Own,
    },
    change::pending,
    groups::Stored,
    leaving, people,
};
use crate::{
    model::{ContactState, ConversationEvent, Message, Room, RoomKind, RoomState},
    transport::{AskError, Link, TransportError, expect},
    vault::{CommitKind, Invite, NewRoom, PendingCommit, Tx},
};

/// How often an entry is made anew because another commit was first.
const ATTEMPTS: usize = 200;

/// How this device comes into a room, and what is told of it.
#[derive(Clone, Debug)]
pub(super) enum Entrance {
    /// It made the room, which looks so.
    Founded(RoomProfile),
    /// It joined an open room.
    Joined,
    /// It had lost its place.
    Rejoined,
    /// It had asked before the last connection ended.
    Resumed,
}

/// What the relay says of a room, with its tree.
struct Found {
    group_info: Option<Vec<u8>>,
    tree: Vec<u8>,
    departed: Vec<DeviceAddress>,
    listed: Option<ListedRoom>,
}

async fn ask(link: &Link, room: RoomId, epoch: Option<u64>) -> Result<Found, EngineError> {
    let (mut writer, mut reader) = link.open(AskRoom { room, epoch }).await?;
    writer.finish();
    let RoomFound { group_info, departed, listed, tree_size, .. } = expect(&mut reader).await?;
    let size = tree_size as usize;
    if size > TREE_MAX {
        return Err(TransportError::Unexpected("tree").into());
    }
    let mut tree = Vec::with_capacity(size);
    while tree.len() < size {
        let more = reader.receive_raw().await?.ok_or(TransportError::Ended)?;
        tree.extend_from_slice(&more);
    }
    tree.truncate(size);
    Ok(Found { group_info: group_info.map(serde_bytes::ByteBuf::into_vec), tree, departed, listed })
}

/// Founds the group of a room.
pub(super) async fn found(
    shared: &Shared,
    link: &Link,
    room: RoomId,
    policy: RoomPolicy,
    entrance: Entrance,
) -> Result<(), EngineError> {
    let made = shared.keeper.write(move |tx, own| {
        let (group, founding) = Group::found(&Stored(tx), &own.room_device(), room, &policy)?;
        own.keep_group(group);
        let (group_info, tree) = (founding.group_info, founding.tree);
        let pending = PendingCommit {
            room,
            id: envelope_id(),
            kind: CommitKind::Found,
            request: FoundRoom { room, group_info, tree }.into(),
            invited: Vec::new(),
            welcome: None,
            epoch: 0,
        };
        tx.put_commit(&pending)?;
        Ok(pending)
    });
    let pending = made.await?;
    match link.ask::<Committed>(pending.request.clone()).await {
        Ok(Committed { sequence }) => entered(shared, &pending, sequence, &entrance, &[]).await,
        Err(AskError::Refused(refusal)) => {
            give_up(shared, room).await?;
            Err(refusal.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Comes into a room without having been added to it.
pub(super) async fn enter(
    shared: &Shared,
    link: &Link,
    room: RoomId,
    entrance: Entrance,
) -> Result<(), EngineError> {
    for _ in 0..ATTEMPTS {
        let Found { group_info, tree, departed, listed } = ask(link, room, None).await?;
        let Some(info) = group_info else {
            match found(shared, link, room, open_policy(listed)?, entrance.clone()).await {
                // Somebody else founded it meanwhile.
                Err(EngineError::Refused(refusal)) if refusal.code == ErrorCode::RoomTaken => {
                    continue;
                }
                founded => return founded,
            }
        };
        let made = shared.keeper.write(move |tx, own| {
            let device = own.room_device();
            let (group, commitment) = Group::enter(&Stored(tx), &device, room, &info, &tree)?;
            let pending = pending(room, CommitKind::Enter, commitment, group.epoch());
            tx.put_commit(&pending)?;
            own.keep_group(group);
            Ok(pending)
        });
        let pending = made.await?;
        match link.ask::<Committed>(pending.request.clone()).await {
            Ok(Committed { sequence }) => {
                return entered(shared, &pending, sequence, &entrance, &departed).await;
            }
            Err(AskError::Refused(refusal)) if refusal.code == ErrorCode::StaleEpoch => {}
            Err(AskError::Refused(refusal)) => {
                give_up(shared, room).await?;
                return Err(refusal.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(EngineError::TimedOut)
}

/// The policy of an open room that nobody has founded: it has no admin of its own.
fn open_policy(listed: Option<ListedRoom>) -> Result<RoomPolicy, EngineError> {
    let ListedRoom { name, topic, .. } = listed.ok_or(EngineError::NoSuchRoom)?;
    let topic = topic.try_into().map_err(|_| EngineError::TooLarge)?;
    Ok(RoomPolicy { kind: PolicyKind::Open { name, topic }, admins: [].into() })
}

/// The relay did not let this device in.
pub(super) async fn give_up(shared: &Shared, room: RoomId) -> Result<(), EngineError> {
    let job = shared.keeper.write(move |tx, own| {
        tx.drop_commit(room)?;
        Ok(own.forget_group(tx, room)?)
    });
    job.await
}

/// The relay has let this device in, at a position of the log from which it follows it.
pub(super) async fn entered(
    shared: &Shared,
    pending: &PendingCommit,
    sequence: u64,
    entrance: &Entrance,
    departed: &[DeviceAddress],
) -> Result<(), EngineError> {
    let (room, kind) = (pending.room, pending.kind);
    let (entrance, departed) = (entrance.clone(), departed.to_vec());
    let job = shared.keeper.write(move |tx, own| {
        tx.drop_commit(room)?;
        let group = own.take_group(tx, room)?.ok_or(EngineError::NotInRoom)?;
        tx.forget_all_departed(room)?;
        departed.iter().try_for_each(|device| tx.note_departed(room, *device))?;
        let known = tx.room(room)?;
        let event = match (&entrance, kind, &known) {
            (Entrance::Founded(_), ..) => ConversationEvent::RoomCreated,
            (_, CommitKind::Enter, Some(known)) if known.state == RoomState::Joined => {
                ConversationEvent::Rejoined
            }
            _ => ConversationEvent::Joined { who: vec![own.account] },
        };
        let new = NewRoom { cursor: sequence, ..look(tx, own, &group, known, &entrance)? };
        settle(tx, own, &new, group, &event)
    });
    let (room, message) = job.await?;
    announce(shared, room, message, sequence);
    Ok(())
}

/// What a room looks like in which this device has just come.
fn look(
    tx: &Tx<'_>,
    own: &Own,
    group: &Group,
    known: Option<Room>,
    entrance: &Entrance,
) -> Result<NewRoom, EngineError> {
    let id = group.id();
    let (kind, profile) = match (group.policy()?.kind, entrance, &known) {
        (PolicyKind::Open { name, topic }, ..) => {
            let topic = topic.as_str().to_owned();
            (RoomKind::Open, RoomProfile { name, topic, picture: None })
        }
        (PolicyKind::Invite, Entrance::Founded(profile), _) => (RoomKind::Invite, profile.clone()),
        (PolicyKind::Invite, _, Some(known)) => {
            let picture = tx.room_picture(id)?.map(Into::into);
            let (name, topic) = (known.name.clone(), known.topic.clone());
            (RoomKind::Invite, RoomProfile { name, topic, picture })
        }
        (PolicyKind::Invite, _, None) => return Err(EngineError::NoSuchRoom),
    };
    Ok(NewRoom {
        id,
        kind,
        profile,
        state: RoomState::Joined,
        is_admin: group.admins()?.contains(&own.account),
        invited_by: known.and_then(|known| known.invited_by),
        cursor: 0,
        joined_at: Some(now()),
    })
}

/// Puts a room into the vault in which this device has just come.
fn settle(
    tx: &Tx<'_>,
    own: &mut Own,
    new: &NewRoom,
    group: Group,
    event: &ConversationEvent,
) -> Result<(Room, Message), EngineError> {
    let room = new.id;
    tx.put_room(new)?;
    tx.set_lost(room, false)?;
    people::sync(tx, room, &group)?;
    tx.settle_taken(room, now())?;
    tx.unpost(room, group.epoch())?;
    own.keep_group(group);
    let message = leaving::record(tx, room, event, now())?;
    Ok((tx.room(room)?.ok_or(EngineError::NoSuchRoom)?, message))
}

fn announce(shared: &Shared, room: Room, message: Message, sequence: u64) {
    shared.rooms.follow(RoomPlace { room: room.id, up_to: sequence });
    shared.rooms.name([room.id]);
    shared.tell(Event::Room { room });
    shared.tell(Event::Message { message });
    shared.rooms.wake_posts();
}

/// Follows invitations of contacts, and joins again where this device has lost its place, until the
/// connection ends.
pub(in super::super) async fn mend(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    loop {
        let invites = shared.keeper.read(|view| Ok(view.invites()?)).await?;
        for invite in invites {
            if look_at(&shared, &invite).await? {
                join(&shared, &link, invite).await?;
                shared.progressed();
            }
        }
        if *shared.rooms.caught_up.borrow() {
            for room in shared.keeper.read(|view| Ok(view.lost_rooms()?)).await? {
                rejoin(&shared, &link, room).await?;
            }
        }
        let mut caught_up = shared.rooms.caught_up.subscribe();
        tokio::select! {
            () = shared.rooms.entries.notified() => {}
            changed = caught_up.changed() => drop(changed),
        }
    }
}

/// Waits until the invitations of contacts that have arrived were followed.
pub(super) async fn invitations_followed(shared: &Shared) -> Result<(), EngineError> {
    let mut progress = shared.progress.subscribe();
    loop {
        let waiting = shared.keeper.read(|view| {
            let mut contacts = view.invites()?.into_iter().map(|invite| view.contact(invite.by));
            let is_one = contacts.any(|contact| {
                contact.is_ok_and(|found| {
                    found.is_some_and(|found| found.state == ContactState::Accepted)
                })
            });
            Ok(is_one)
        });
        if !waiting.await? {
            return Ok(());
        }
        progress.changed().await.map_err(|_| EngineError::ShutDown)?;
    }
}

async fn rejoin(shared: &Shared, link: &Link, room: RoomId) -> Result<(), EngineError> {
    match enter(shared, link, room, Entrance::Rejoined).await {
        Err(EngineError::Refused(refusal)) => {
            tracing::info!(
                code = refusal.code.number(),
                "a room does not let this device in again"
            );
            let is_over = matches!(refusal.code, ErrorCode::NoSuchRoom | ErrorCode::BadCommit);
            if is_over {
                shared.close_room(room, RoomState::Removed).await?;
            }
            Ok(())
        }
        Err(EngineError::Room(error)) => {
            tracing::warn!(%error, "a room could not be entered again");
            Ok(())
        }
        entered => entered,
    }
}

/// Whether an invitation is to be followed at once; one of somebody who is no contact waits for the
/// owner's word.
async fn look_at(shared: &Shared, invite: &Invite) -> Result<bool, EngineError> {
    let (by, room, profile) = (invite.by, invite.invite.room, invite.invite.profile.clone());
    let job = shared.keeper.write(move |tx, _| {
        let is_contact =
            tx.contact(by)?.is_some_and(|contact| contact.state == ContactState::Accepted);
        if is_contact || tx.room(room)?.is_some() {
            return Ok((is_contact, None));
        }
        let new = NewRoom {
            id: room,
            kind: RoomKind::Invite,
            profile,
            state: RoomState::Invited,
            is_admin: false,
            invited_by: Some(by),
            cursor: 0,
            joined_at: None,
        };
        Ok((false, Some(tx.put_room(&new)?)))
    });
    let (is_contact, room) = job.await?;
    shared.tell_all(room.map(|room| Event::Room { room }));
    Ok(is_contact)
}

/// Follows the invitations to a room on the owner's word.
pub(super) async fn accept(shared: &Shared, link: &Link, room: RoomId) -> Result<(), EngineError> {
    let invites = shared.keeper.read(|view| Ok(view.invites()?)).await?;
    let mut invites = invites.into_iter().filter(|invite| invite.invite.room == room);
    let invite = invites.next().ok_or(EngineError::NoSuchRoom)?;
    join(shared, link, invite).await
}

/// Comes into a room by the Welcome in an invitation.
async fn join(shared: &Shared, link: &Link, invite: Invite) -> Result<(), EngineError> {
    let (room, by) = (invite.invite.room, invite.by);
    let asked = ask(link, room, Some(invite.invite.epoch)).await;
    let found = match asked {
        Ok(found) => found,
        Err(EngineError::Refused(refusal)) => {
            tracing::info!(code = refusal.code.number(), "an invitation is of no use any more");
            return drop_invite(shared, room, by).await;
        }
        Err(error) => return Err(error),
    };
    let job = shared.keeper.write(move |tx, own| join_by_welcome(tx, own, &invite, &found));
    match job.await {
        Ok((room, message)) => announce(shared, room, message, 0),
        Err(EngineError::Room(error)) => {
            tracing::warn!(%error, "an invitation could not be followed");
            drop_invite(shared, room, by).await?;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn join_by_welcome(
    tx: &Tx<'_>,
    own: &mut Own,
    invite: &Invite,
    found: &Found,
) -> Result<(Room, Message), EngineError> {
    let Invite { by, invite, .. } = invite;
    let group = Group::join(&Stored(tx), &own.room_device(), &invite.welcome, &found.tree)?;
    if group.id() != invite.room {
        return Err(EngineError::NoSuchRoom);
    }
    tx.drop_invite(invite.room, *by)?;
    tx.drop_commit(invite.room)?;
    tx.forget_all_departed(invite.room)?;
    found.departed.iter().try_for_each(|device| tx.note_departed(invite.room, *device))?;
    let entrance = Entrance::Founded(invite.profile.clone());
    let known = tx.room(invite.room)?;
    let new = look(tx, own, &group, known, &entrance)?;
    // The relay says where this device begins to read.
    let new = NewRoom { invited_by: Some(*by), cursor: 0, ..new };
    settle(tx, own, &new, group, &ConversationEvent::Joined { who: vec![own.account] })
}

async fn drop_invite(shared: &Shared, room: RoomId, by: AccountId) -> Result<(), EngineError> {
    shared.keeper.write(move |tx, _| Ok(tx.drop_invite(room, by)?)).await
}

impl Shared {
    /// A room is over for this device, by another's doing.
    pub(super) async fn close_room(
        &self,
        room: RoomId,
        state: RoomState,
    ) -> Result<(), EngineError> {
        let job = self.keeper.write(move |tx, own| {
            if tx.room(room)?.is_none_or(|known| known.state != RoomState::Joined) {
                return Ok(None);
            }
            let failed = leaving::close(tx, own, room, state)?;
            Ok(Some((failed, tx.room(room)?.ok_or(EngineError::NoSuchRoom)?)))
        });
        if let Some((failed, room)) = job.await? {
            self.tell_all(failed.into_iter().map(|message| Event::MessageChanged { message }));
            self.tell(Event::Room { room });
        }
        Ok(())
    }
}
