//! The devices that are connected: one live connection a device, and what waits to be pushed to it.
//!
//! Pushes are for the moment: when a device does not keep up, the oldest signals are dropped, and of
//! what is known of somebody the newest is kept. Mail is not pushed from here; a wake-up only says
//! that the mailbox is worth reading.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sotto_proto::{
    AccountId, CloseCode, DeviceAddress, RoomId,
    directory::PrekeyCount,
    mailbox::{ArrivedSignal, Delivery, Notice},
    presence::PresenceState,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::rooms::RoomPushes;

/// The most signals that wait for one device.
const SIGNALS_MAX: usize = 64;

/// What waits to be pushed to a device.
#[derive(Debug, Default)]
struct Pushes {
    signals: VecDeque<ArrivedSignal>,
    prekeys_low: Option<PrekeyCount>,
    /// Of the accounts that are watched, and therefore bounded as they are.
    presence: HashMap<AccountId, PresenceState>,
    announced: Option<u64>,
    admin: Option<bool>,
}

impl Pushes {
    fn signal(&mut self, signal: ArrivedSignal) {
        if self.signals.len() == SIGNALS_MAX {
            self.signals.pop_front();
        }
        self.signals.push_back(signal);
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::PrekeysLow(count) => self.prekeys_low = Some(count),
            Notice::Presence { account, state } => drop(self.presence.insert(account, state)),
        }
    }

    fn into_delivery(self) -> Delivery {
        let presence = self.presence.into_iter();
        let presence = presence.map(|(account, state)| Notice::Presence { account, state });
        Delivery {
            signals: self.signals.into(),
            announced: self.announced,
            admin: self.admin,
            notices: self.prekeys_low.map(Notice::PrekeysLow).into_iter().chain(presence).collect(),
            ..Delivery::default()
        }
    }
}

/// A device with a connection.
#[derive(Debug)]
pub(crate) struct LiveDevice {
    pub(crate) address: DeviceAddress,
    connection: quinn::Connection,
    pushes: Mutex<Pushes>,
    wake: Notify,
    uplink: Mutex<CancellationToken>,
    downlink: Mutex<CancellationToken>,
    pub(crate) rooms: RoomPushes,
}

impl LiveDevice {
    /// The token of a new uplink; the one before ends.
    pub(crate) fn new_uplink(&self) -> CancellationToken {
        renew(&self.uplink)
    }

    /// The token of a new downlink; the one before ends.
    pub(crate) fn new_downlink(&self) -> CancellationToken {
        renew(&self.downlink)
    }

    /// Says that there may be something to deliver.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be something to deliver.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// A delivery of what waits to be pushed, without mail.
    pub(crate) fn take_pushes(&self) -> Delivery {
        std::mem::take(&mut *lock(&self.pushes)).into_delivery()
    }

    fn push(&self, add: impl FnOnce(&mut Pushes)) {
        add(&mut lock(&self.pushes));
        self.wake();
    }

    fn close(&self, code: CloseCode) {
        close(&self.connection, code);
    }
}

/// Closes a connection with a code and its sentence.
pub(crate) fn close(connection: &quinn::Connection, code: CloseCode) {
    connection.close(code.number().into(), code.to_string().as_bytes());
}

/// All devices with a connection.
#[derive(Debug, Default)]
pub(crate) struct Online {
    accounts: Mutex<HashMap<AccountId, Vec<Arc<LiveDevice>>>>,
}

/// A device's place among those online; dropping it leaves, unless a newer connection has it.
pub(crate) struct Presence {
    online: Arc<Online>,
    pub(crate) device: Arc<LiveDevice>,
    left: Option<Box<dyn FnOnce(AccountId) + Send>>,
}

impl Online {
    /// Enters a device; an older connection of it is closed. `left` runs when the account's last
    /// device has left.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: DeviceAddress,
        connection: quinn::Connection,
        left: impl FnOnce(AccountId) + Send + 'static,
    ) -> Presence {
        let device = Arc::new(LiveDevice {
            address,
            connection,
            pushes: Mutex::default(),
            wake: Notify::new(),
            uplink: Mutex::default(),
            downlink: Mutex::default(),
            rooms: RoomPushes::default(),
        });
        let mut accounts = lock(&self.accounts);
        let devices = accounts.entry(address.account).or_default();
        devices.retain(|older| {
            let stays = older.address != address;
            if !stays {
                older.close(CloseCode::Replaced);
            }
            stays
        });
        devices.push(Arc::clone(&device));
        Presence { online: Arc::clone(self), device, left: Some(Box::new(left)) }
    }

    /// Whether any device of the account is connected.
    pub(crate) fn is_online(&self, account: AccountId) -> bool {
        lock(&self.accounts).contains_key(&account)
    }

    /// Wakes a device, if it is connected.
    pub(crate) fn wake(&self, address: DeviceAddress) {
        self.with(address.account, |device| {
            if device.address == address {
                device.wake();
            }
        });
    }

    /// Tells a device, if it is connected, that there is something to read in a room.
    pub(crate) fn room_news(&self, address: DeviceAddress, room: RoomId) {
        self.with(address.account, |device| {
            if device.address == address {
                device.rooms.news(room);
            }
        });
    }

    /// Pushes a signal to a device, if it is connected.
    pub(crate) fn signal(&self, to: DeviceAddress, signal: ArrivedSignal) {
        let device = lock(&self.accounts)
            .get(&to.account)
            .and_then(|devices| devices.iter().find(|device| device.address == to).cloned());
        if let Some(device) = device {
            device.push(|pushes| pushes.signal(signal));
        }
    }

    /// Pushes a notice to all connected devices of an account.
    pub(crate) fn notify(&self, account: AccountId, notice: Notice) {
        self.with(account, |device| device.push(|pushes| pushes.notice(notice)));
    }

    /// Forgets what waits to be told to an account of others' presence.
    pub(crate) fn forget_presence(&self, account: AccountId) {
        self.with(account, |device| lock(&device.pushes).presence.clear());
    }

    /// Pushes a notice to one device.
    pub(crate) fn notify_device(&self, address: DeviceAddress, notice: Notice) {
        self.with(address.account, |device| {
            if device.address == address {
                device.push(|pushes| pushes.notice(notice));
            }
        });
    }

    /// Closes the connections of an account's devices but one.
    pub(crate) fn remove_others(&self, account: AccountId, kept: Option<DeviceAddress>) {
        self.with(account, |device| {
            if Some(device.address) != kept {
                device.close(CloseCode::DeviceRemoved);
            }
        });
    }

    /// Closes the connection of a device that was removed from its account.
    pub(crate) fn remove(&self, address: DeviceAddress) {
        self.with(address.account, |device| {
            if device.address == address {
                device.close(CloseCode::DeviceRemoved);
            }
        });
    }

    /// Tells the devices of an account whether its owner may administer the relay.
    pub(crate) fn tell_role(&self, account: AccountId, admin: bool) {
        self.with(account, |device| device.push(|pushes| pushes.admin = Some(admin)));
    }

    /// Tells all devices of a new announcement.
    pub(crate) fn announce(&self, number: u64) {
        let accounts: Vec<AccountId> = lock(&self.accounts).keys().copied().collect();
        for account in accounts {
            self.with(account, |device| device.push(|pushes| pushes.announced = Some(number)));
        }
    }

    /// Whether a device is connected.
    pub(crate) fn has(&self, address: DeviceAddress) -> bool {
        let accounts = lock(&self.accounts);
        let mut devices = accounts.get(&address.account).into_iter().flatten();
        devices.any(|device| device.address == address)
    }

    /// How many devices are connected.
    pub(crate) fn count(&self) -> usize {
        self.counts().0
    }

    /// How many devices are connected, of how many accounts.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let accounts = lock(&self.accounts);
        (accounts.values().map(Vec::len).sum(), accounts.len())
    }

    fn with(&self, account: AccountId, act: impl Fn(&LiveDevice)) {
        let devices = lock(&self.accounts).get(&account).cloned().unwrap_or_default();
        for device in devices {
            act(&device);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let account = self.device.address.account;
        let mut accounts = lock(&self.online.accounts);
        let mut last = false;
        if let Entry::Occupied(mut entry) = accounts.entry(account) {
            entry.get_mut().retain(|other| !Arc::ptr_eq(other, &self.device));
            if entry.get().is_empty() {
                entry.remove();
                last = true;
            }
        }
        drop(accounts);
        if last && let Some(left) = self.left.take() {
            left(account);
        }
    }
}

pub(crate) fn renew(token: &Mutex<CancellationToken>) -> CancellationToken {
    let new = CancellationToken::new();
    std::mem::replace(&mut *lock(token), new.clone()).cancel();
    new
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
