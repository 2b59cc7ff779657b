//! The engine: everything that a client of Sotto does, behind one handle for every face.
//!
//! All durable state (vault, secret keys) belongs to one thread, the [`keeper`]; what is done to it
//! is done there, one job after another, each in one transaction. Around it stand the tasks that
//! the network needs: [`connect`] keeps a connection, and on it [`outbox`] carries envelopes up,
//! [`inbox`] deliveries down, [`rooms`] what is said in rooms, [`upload`] files, [`presence`] who may
//! see whom, [`announcements`] what the relay's admins say; [`timers`] removes what disappears.
//! A face holds a cloneable [`Engine`], calls its methods, and hears [`Event`]s.
//!
//! A message is in the history and queued before a method returns, with or without a connection.
//! The engine asks nobody and shows nothing; it never trusts a changed identity key by itself.

mod account;
mod admin;
mod announcements;
mod backoff;
mod clock;
mod connect;
mod contacts;
mod content;
mod devices;
mod download;
mod error;
mod event;
mod export;
mod history;
mod identity;
mod inbox;
mod keeper;
mod messages;
mod opening;
mod outbox;
mod own;
mod passphrase;
mod prekeys;
mod presence;
mod reading;
mod refresh;
mod rooms;
mod sealing;
mod secret;
mod storage;
mod telling;
#[cfg(test)]
mod tests;
mod timers;
mod transfers;
mod upload;
mod window;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::AtomicBool},
    time::Duration,
};

use sotto_proto::{AccountId, mailbox::Signal, presence::PresenceState};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub use account::{ExistingAccount, NewAccount};
pub use devices::OwnDevice;
pub use error::{ConnectError, EngineError, OpenError, SignInError};
pub use event::{ConnectionState, Event, StopReason};
pub use export::ExportFormat;
pub use own::Me;
pub use rooms::NewRoom;
pub use secret::Secret;
pub use storage::StorageUsed;

use keeper::{Keeper, Kept};
use rooms::RoomTasks;
use transfers::Transfers;

use crate::{model::ConversationId, transport::Link};

/// Events that a slow listener may fall behind.
const EVENTS: usize = 4096;
/// Signals that wait to leave; more are dropped.
const SIGNALS: usize = 32;
/// How long a shutdown waits for the tasks.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle on a running engine. Clones are the same engine; when the last one goes, it stops.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    tracker: TaskTracker,
    /// Resolves when the vault is closed.
    closed: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
    _stop: Arc<DropGuard>,
}

/// How an outbox became empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Contacts for whom messages still wait: their identity key changed, and nobody has looked.
    pub held: Vec<AccountId>,
}

/// What the engine's tasks and its handles share.
struct Shared {
    keeper: Keeper,
    /// Where files of this account's own may lie.
    attachments: PathBuf,
    me: RwLock<Me>,
    events: broadcast::Sender<Event>,
    state: watch::Sender<ConnectionState>,
    /// The connection, while it is logged in.
    link: watch::Sender<Option<Link>>,
    /// Whether a connection is wanted; the number rises with each wish, so that a stopped engine
    /// tries again.
    wanted: watch::Sender<(bool, u64)>,
    /// Whether all that waited in the mailbox was taken in, on this connection.
    caught_up: watch::Sender<bool>,
    /// Rises when something left, failed or arrived.
    progress: watch::Sender<u64>,
    wake: Wake,
    signals: mpsc::Sender<Signal>,
    /// Taken by the outbox of each connection in its turn.
    signal_queue: tokio::sync::Mutex<mpsc::Receiver<Signal>>,
    /// Contacts whose devices the directory is to be asked for.
    stale: Mutex<HashSet<AccountId>>,
    presence: Mutex<HashMap<AccountId, PresenceState>>,
    /// Held by the one download that runs.
    downloading: tokio::sync::Mutex<()>,
    transfers: Transfers,
    rooms: RoomTasks,
    /// Whether the owner may administer the relay, as the relay said last.
    admin: AtomicBool,
    stop: CancellationToken,
}

/// What the tasks sleep on.
#[derive(Default)]
struct Wake {
    outbox: Notify,
    presence: Notify,
    uploads: Notify,
    timers: Notify,
    prekeys: Notify,
    announcements: Notify,
}

impl Engine {
    /// Starts the engine on an open vault.
    fn start(kept: Kept) -> std::io::Result<Self> {
        let relay = kept.vault.profile().info().relay.clone();
        let attachments = kept.vault.profile().attachments();
        let me = kept.own.me(relay);
        let admin = AtomicBool::new(admin::remembered(&kept));
        let (keeper, closed) = Keeper::start(kept)?;
        let (signals, signal_queue) = mpsc::channel(SIGNALS);
        let shared = Arc::new(Shared {
            keeper,
            attachments,
            me: RwLock::new(me),
            events: broadcast::channel(EVENTS).0,
            state: watch::Sender::new(ConnectionState::Offline),
            link: watch::Sender::new(None),
            wanted: watch::Sender::new((false, 0)),
            caught_up: watch::Sender::new(false),
            progress: watch::Sender::new(0),
            wake: Wake::default(),
            signals,
            signal_queue: tokio::sync::Mutex::new(signal_queue),
            stale: Mutex::default(),
            presence: Mutex::default(),
            downloading: tokio::sync::Mutex::default(),
            transfers: Transfers::default(),
            rooms: RoomTasks::default(),
            admin,
            stop: CancellationToken::new(),
        });
        let tracker = TaskTracker::new();
        let stop = shared.stop.clone();
        let stopped = |task| {
            let stop = stop.clone();
            async move {
                let _ = stop.run_until_cancelled_owned(task).await;
            }
        };
        tracker.spawn(connect::keep_connected(Arc::clone(&shared)));
        tracker.spawn(stopped(timers::purge(Arc::clone(&shared))));
        Ok(Self {
            tracker,
            closed: Arc::new(Mutex::new(Some(closed))),
            _stop: Arc::new(stop.clone().drop_guard()),
            shared,
        })
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// The account that this engine is of.
    pub fn me(&self) -> Me {
        self.shared.me()
    }

    /// Closes the connection and the vault, and waits for both. What is queued stays queued.
    pub async fn shutdown(self) {
        let link = self.shared.link.borrow().clone();
        self.shared.stop.cancel();
        self.tracker.close();
        // A task that hangs on a dead network is left behind.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tracker.wait()).await;
        if let Some(link) = link {
            link.close().await;
        }
        let closed = lock(&self.closed).take();
        self.shared.keeper.end().await;
        if let Some(closed) = closed {
            let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, closed).await;
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(..)")
    }
}

impl Shared {
    /// Tells the faces; nobody need be listening.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn tell_all(&self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.tell(event));
    }

    fn set_state(&self, state: ConnectionState) {
        self.state.send_replace(state.clone());
        self.tell(Event::Connection { state });
    }

    fn me(&self) -> Me {
        self.me.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change_me(&self, change: impl FnOnce(&mut Me)) {
        change(&mut self.me.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The connection that is logged in.
    fn link(&self) -> Result<Link, EngineError> {
        self.link.borrow().clone().ok_or(EngineError::NotConnected)
    }

    /// There is something to send to a conversation.
    fn wake_sender(&self, to: ConversationId) {
        match to {
            ConversationId::Contact(_) => self.wake.outbox.notify_one(),
            ConversationId::Room(_) => self.rooms.wake_posts(),
        }
    }

    /// Something left, failed or arrived.
    fn progressed(&self) {
        self.progress.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Has the directory asked for a contact's devices, as soon as there is a connection.
    fn mark_stale(&self, contact: AccountId) {
        lock(&self.stale).insert(contact);
        self.wake.outbox.notify_one();
    }
}

/// A lock of plain values, which no panic can leave half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
