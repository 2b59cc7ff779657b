//! Rooms: making, joining and leaving them, and who is in them.
//!
//! What a room says is taken in by [`downlink`], in the order of its log; what is said leaves by
//! [`uplink`], sealed for the epoch that the log has come to. A change of a room is a commit, which
//! counts when the relay has put it into the log; when another was first, it is made anew on what came
//! before it ([`change`]). A device that has lost its place joins again by itself ([`entry`]).

mod change;
mod downlink;
mod entry;
mod groups;
mod key_package;
mod leaving;
mod people;
mod taking;
mod uplink;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use rand::Rng as _;
use sotto_keys::room::{RoomKind as PolicyKind, RoomPolicy, RoomTopic};
use sotto_proto::{
    AccountId, Done, EnvelopeId, RoomId,
    content::RoomProfile,
    room::{LeaveRoom, ListRooms, RoomPlace, RoomSignal, Rooms},
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use self::{
    change::{Outcome, Plan},
    entry::Entrance,
};
pub(super) use self::{
    downlink::receive, entry::mend, groups::Groups, key_package::supply, people::keep_named,
    uplink::carry,
};
use super::{
    Engine, Shared, clock::now, content, error::EngineError, event::Event, inbox::remove_files,
    lock,
};
use crate::{
    model::{ConversationEvent, Room, RoomKind, RoomState},
    transport::Link,
    vault::Tx,
};

/// How many people at most are added by one commit: their Welcome has bounds.
const ADDED_AT_ONCE: usize = 32;
/// Signals that wait to leave; more are dropped.
const SIGNALS: usize = 32;

/// What the tasks for rooms share.
pub(super) struct RoomTasks {
    /// There is something to seal and to send.
    posts: Notify,
    /// There is something to join: an invitation, or a room that lost its place.
    entries: Notify,
    /// Somebody has no name.
    names: Notify,
    /// Positions to tell the relay of.
    follow: Mutex<Vec<RoomPlace>>,
    followed: Notify,
    /// Who waits for a commit of this device to come back.
    outcomes: Mutex<HashMap<EnvelopeId, oneshot::Sender<Outcome>>>,
    /// Whether all that stands in the logs is in the vault, on this connection.
    caught_up: watch::Sender<bool>,
    signals: mpsc::Sender<RoomSignal>,
    signal_queue: tokio::sync::Mutex<mpsc::Receiver<RoomSignal>>,
    /// Rooms whose people are to be named.
    nameless: Mutex<BTreeSet<RoomId>>,
}

impl Default for RoomTasks {
    fn default() -> Self {
        let (signals, signal_queue) = mpsc::channel(SIGNALS);
        Self {
            posts: Notify::new(),
            entries: Notify::new(),
            names: Notify::new(),
            follow: Mutex::default(),
            followed: Notify::new(),
            outcomes: Mutex::default(),
            caught_up: watch::Sender::new(false),
            signals,
            signal_queue: tokio::sync::Mutex::new(signal_queue),
            nameless: Mutex::default(),
        }
    }
}

impl RoomTasks {
    /// There is something to send to a room.
    pub(super) fn wake_posts(&self) {
        self.posts.notify_one();
    }

    /// There may be an invitation to look at.
    pub(super) fn wake_entries(&self) {
        self.entries.notify_one();
    }

    /// A connection has ended.
    pub(super) fn disconnected(&self) {
        self.caught_up.send_replace(false);
        lock(&self.outcomes).clear();
        lock(&self.follow).clear();
    }

    fn follow(&self, place: RoomPlace) {
        lock(&self.follow).push(place);
        self.followed.notify_one();
    }

    fn name(&self, rooms: impl IntoIterator<Item = RoomId>) {
        let mut nameless = lock(&self.nameless);
        let before = nameless.len();
        nameless.extend(rooms);
        if nameless.len() > before {
            self.names.notify_one();
        }
    }
}

/// A room to make.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// Who may join it.
    pub kind: RoomKind,
    /// What it looks like. The name and the topic of an open room are known to the relay.
    pub profile: RoomProfile,
    /// The contacts to add.
    pub people: Vec<AccountId>,
}

impl Engine {
    /// Makes a room with the owner as its admin, and adds people.
    pub async fn create_room(&self, new: NewRoom) -> Result<Room, EngineError> {
        if !new.profile.is_within_bounds() {
            return Err(EngineError::TooLarge);
        }
        let link = self.shared.link()?;
        let mut id = [0; RoomId::LEN];
        rand::rng().fill_bytes(&mut id);
        let room = RoomId(id);
        let admins = BTreeSet::from([self.me().account]);
        let policy = RoomPolicy { kind: policy_kind(new.kind, &new.profile)?, admins };
        let entrance = Entrance::Founded(new.profile);
        entry::found(&self.shared, &link, room, policy, entrance).await?;
        self.add_to_room(room, &new.people).await
    }

    /// A page of the relay's open rooms, behind `after`.
    pub async fn open_rooms(&self, after: Option<RoomId>) -> Result<Rooms, EngineError> {
        let limit = sotto_proto::limits::ROOMS_PAGE_MAX;
        Ok(self.shared.link()?.ask(ListRooms { after, limit }).await?)
    }

    /// Joins an open room.
    pub async fn join_room(&self, room: RoomId) -> Result<Room, EngineError> {
        let link = self.shared.link()?;
        let known = self.shared.keeper.read(move |view| Ok(view.room(room)?)).await?;
        if let Some(known) = known.filter(|known| known.state == RoomState::Joined) {
            return Ok(known);
        }
        entry::enter(&self.shared, &link, room, Entrance::Joined).await?;
        self.room(room).await
    }

    /// Adds contacts to a room, with all their devices. They read nothing earlier.
    pub async fn add_to_room(
        &self,
        room: RoomId,
        people: &[AccountId],
    ) -> Result<Room, EngineError> {
        let link = self.shared.link()?;
        for people in people.chunks(ADDED_AT_ONCE) {
            let packages = key_package::of_contacts(&self.shared, &link, people).await?;
            change::change(&self.shared, &link, room, move |group, _| {
                let members = group.members()?;
                let is_new = |device: &key_package::Fetched| {
                    !members.iter().any(|member| member.address() == device.member.address())
                };
                Ok(Plan {
                    add: packages.iter().filter(|one| is_new(one)).cloned().collect(),
                    ..Plan::default()
                })
            })
            .await?;
        }
        self.room(room).await
    }

    /// Removes somebody from a room, with all devices. They read nothing later.
    pub async fn remove_from_room(
        &self,
        room: RoomId,
        person: AccountId,
    ) -> Result<Room, EngineError> {
        let link = self.shared.link()?;
        change::change(&self.shared, &link, room, move |group, _| {
            let members = group.members()?.into_iter();
            let devices = members.filter(|member| member.account == person);
            let mut policy = group.policy()?;
            let was_admin = policy.admins.remove(&person);
            Ok(Plan {
                remove: devices.map(|member| member.address()).collect(),
                policy: was_admin.then_some(policy),
                ..Plan::default()
            })
        })
        .await?;
        self.room(room).await
    }

    /// Makes somebody an admin of a room, or takes that back.
    pub async fn set_room_admin(
        &self,
        room: RoomId,
        person: AccountId,
        admin: bool,
    ) -> Result<Room, EngineError> {
        let link = self.shared.link()?;
        change::change(&self.shared, &link, room, move |group, _| {
            let mut policy = group.policy()?;
            let changes =
                if admin { policy.admins.insert(person) } else { policy.admins.remove(&person) };
            Ok(Plan { policy: changes.then_some(policy), ..Plan::default() })
        })
        .await?;
        self.room(room).await
    }

    /// Changes what a room looks like, for all.
    pub async fn set_room_profile(
        &self,
        room: RoomId,
        profile: RoomProfile,
    ) -> Result<Room, EngineError> {
        if !profile.is_within_bounds() {
            return Err(EngineError::TooLarge);
        }
        let known = self.room(room).await?;
        if !known.is_admin {
            return Err(EngineError::NotRoomAdmin);
        }
        if known.kind == RoomKind::Open {
            let (link, kind) = (self.shared.link()?, policy_kind(RoomKind::Open, &profile)?);
            change::change(&self.shared, &link, room, move |group, _| {
                let before = group.policy()?;
                let policy = RoomPolicy { kind: kind.clone(), ..before.clone() };
                Ok(Plan { policy: (policy != before).then_some(policy), ..Plan::default() })
            })
            .await?;
            return self.room(room).await;
        }
        let queue = move |tx: &Tx<'_>| {
            let profile = content::new(profile, now(), None);
            let event = tx.queue_profile(room, &profile, now())?;
            Ok((event, tx.room(room)?.ok_or(EngineError::NoSuchRoom)?))
        };
        let (event, changed) = self.queue(room.into(), queue).await?;
        self.shared.tell_all(event.map(|message| Event::Message { message }));
        self.shared.tell(Event::Room { room: changed.clone() });
        Ok(changed)
    }

    /// Leaves a room. Its history stays.
    pub async fn leave_room(&self, room: RoomId) -> Result<(), EngineError> {
        let _: Done = self.shared.link()?.ask(LeaveRoom { room }).await?;
        let own = self.me().account;
        let job = self.shared.keeper.write(move |tx, own_device| {
            leaving::close(tx, own_device, room, RoomState::Left)?;
            let left = ConversationEvent::Left { who: vec![own] };
            let event = leaving::record(tx, room, &left, now())?;
            Ok((event, tx.room(room)?.ok_or(EngineError::NoSuchRoom)?))
        });
        let (message, room) = job.await?;
        self.shared.tell(Event::Message { message });
        self.shared.tell(Event::Room { room });
        Ok(())
    }

    /// Follows an invitation to a room by somebody who is no contact.
    pub async fn accept_room(&self, room: RoomId) -> Result<Room, EngineError> {
        let link = self.shared.link()?;
        entry::accept(&self.shared, &link, room).await?;
        self.room(room).await
    }

    /// Takes a room from the list with all that was said in it. An invitation is declined by it, and
    /// who invited learns nothing.
    ///
    /// # Errors
    /// [`EngineError::StillInRoom`] before this account has left it.
    pub async fn forget_room(&self, room: RoomId) -> Result<(), EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            let known = tx.room(room)?.ok_or(EngineError::NoSuchRoom)?;
            if known.state == RoomState::Joined {
                return Err(EngineError::StillInRoom);
            }
            for invite in tx.invites()? {
                if invite.invite.room == room {
                    tx.drop_invite(room, invite.by)?;
                }
            }
            Ok(tx.remove_room(room)?)
        });
        remove_files(job.await?).await;
        self.shared.tell(Event::MessagesGone { conversation: room.into(), messages: Vec::new() });
        Ok(())
    }

    /// A room.
    pub async fn room(&self, room: RoomId) -> Result<Room, EngineError> {
        let read = move |view: &crate::vault::View| view.room(room)?.ok_or(EngineError::NoSuchRoom);
        self.shared.keeper.read(read).await
    }

    /// Waits until all that stood in the logs of the rooms is in the vault, and the invitations of
    /// contacts that have arrived were followed.
    pub async fn sync_rooms(&self, timeout: std::time::Duration) -> Result<(), EngineError> {
        let mut caught_up = self.shared.rooms.caught_up.subscribe();
        let syncing = self.unless_off(async {
            caught_up.wait_for(|done| *done).await.map_err(|_| EngineError::ShutDown)?;
            entry::invitations_followed(&self.shared).await
        });
        tokio::time::timeout(timeout, syncing).await.map_err(|_| EngineError::TimedOut)?
    }
}

fn policy_kind(kind: RoomKind, profile: &RoomProfile) -> Result<PolicyKind, EngineError> {
    Ok(match kind {
        RoomKind::Invite => PolicyKind::Invite,
        RoomKind::Open => {
            let topic =
                RoomTopic::try_from(profile.topic.clone()).map_err(|_| EngineError::TooLarge)?;
            PolicyKind::Open { name: profile.name.clone(), topic }
        }
    })
}

/// Asks again what the relay was asked before the last connection ended.
pub(super) async fn resume(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    change::resume(&shared, &link).await
}
