//! Many devices that are cheap to have: each has an account, a key package and a connection, and takes
//! in what stands in its rooms without opening it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use quinn::{Endpoint, TransportConfig};
use sotto_keys::{
    OwnDevice,
    room::{RoomDevice, RoomStorage, RoomStorageError, key_package},
};
use sotto_proto::{
    AccountId, Answer, RoomId,
    link::RelayLink,
    room::{
        OpenRoomDownlink, PublishKeyPackage, RoomDelivery, RoomItem, RoomNotice, RoomPlace,
        RoomsConsumed,
    },
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use zeroize::Zeroizing;

use crate::{
    PATIENCE, Person, Stranger,
    stranger::{endpoint, next_frame, send_frame},
};

/// How many come at the same time.
const AT_ONCE: usize = 4;
/// One-time prekeys of each kind of a device: it is invited once to a session.
const ONE_TIME_PREKEYS: usize = 1;
/// How often a connection gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Many devices of as many people, connected.
pub struct Crowd {
    names: Vec<String>,
    heard: watch::Sender<Posts>,
    /// Ends with the crowd.
    _reading: JoinSet<()>,
}

/// How many posts were delivered to members of the crowd, by room and speaker.
type Posts = HashMap<(RoomId, AccountId), usize>;

impl Crowd {
    /// So many new people.
    pub async fn gather(link: &RelayLink, count: usize) -> Self {
        let names: Vec<String> = (0..count).map(|number| format!("one{number:04}")).collect();
        let (endpoint, waiting) = (endpoint(), Arc::new(Mutex::new(names.clone())));
        let heard = watch::Sender::<Posts>::default();
        let comers: Vec<JoinHandle<Vec<Stranger>>> = (0..AT_ONCE)
            .map(|_| tokio::spawn(arrive(endpoint.clone(), link.clone(), Arc::clone(&waiting))))
            .collect();
        let mut reading = JoinSet::new();
        for comers in comers {
            for one in comers.await.unwrap() {
                reading.spawn(read_along(one, heard.clone()));
            }
        }
        Self { names, heard, _reading: reading }
    }

    /// How many they are.
    #[expect(clippy::len_without_is_empty, reason = "a crowd of nobody is no crowd")]
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Makes the first so many of them contacts of somebody's.
    pub async fn meet(&self, person: &Person, count: usize) -> Vec<AccountId> {
        let mut met = Vec::new();
        for name in self.names.iter().take(count) {
            met.push(person.engine.add_contact(name).await.unwrap().account);
        }
        met
    }

    /// How many posts of one speaker in a room have been delivered, each counted for each device.
    pub fn heard(&self, room: RoomId, speaker: &Person) -> usize {
        self.heard.borrow().get(&(room, speaker.account())).copied().unwrap_or_default()
    }

    /// Waits until so many posts of one speaker in a room have been delivered, each counted for each
    /// device.
    pub async fn hears(&self, room: RoomId, speaker: &Person, deliveries: usize) {
        let (mut heard, said) = (self.heard.subscribe(), (room, speaker.account()));
        let enough = |posts: &Posts| posts.get(&said).copied().unwrap_or_default() >= deliveries;
        timeout(PATIENCE, heard.wait_for(enough)).await.expect("all hear it").unwrap();
    }
}

/// Registers and logs in those who wait, one after another.
async fn arrive(
    endpoint: Endpoint,
    link: RelayLink,
    waiting: Arc<Mutex<Vec<String>>>,
) -> Vec<Stranger> {
    let mut arrived = Vec::new();
    loop {
        let next = waiting.lock().unwrap().pop();
        let Some(name) = next else { return arrived };
        let mut transport = TransportConfig::default();
        transport.keep_alive_interval(Some(SIGN_OF_LIFE));
        let one = Stranger::connect_from(&endpoint, &link, transport).await.unwrap();
        let account = one.register_with(&name, ONE_TIME_PREKEYS).await;
        one.log_in(&account).await.unwrap();
        let device = OwnDevice {
            identity: account.identity.public(),
            certificate: &account.certificate,
            keys: &account.keys,
        };
        let key_package = published(account.account, device);
        let answer = one.ask(PublishKeyPackage { key_package }).await;
        assert!(matches!(answer, Some(Answer::Done(_))), "{answer:?}");
        arrived.push(one);
    }
}

/// A key package whose secrets nobody keeps.
fn published(account: AccountId, device: OwnDevice<'_>) -> Vec<u8> {
    key_package(&Forgetful::default(), &RoomDevice { account, device }).unwrap()
}

/// Follows every room that the device comes into, until the connection ends.
async fn read_along(one: Stranger, heard: watch::Sender<Posts>) {
    let Some((mut send, mut receive)) = one.open(OpenRoomDownlink::default()).await else { return };
    while let Some(delivery) = next_frame::<RoomDelivery>(&mut receive).await {
        let RoomDelivery { pages, notices, .. } = delivery;
        let mut places: Vec<RoomPlace> = notices
            .into_iter()
            .filter_map(|notice| match notice {
                RoomNotice::Waiting(place) => Some(place),
                RoomNotice::Ahead(_) | RoomNotice::Ended { .. } => None,
            })
            .collect();
        for page in pages {
            let up_to = page.entries.last().map_or(page.after, |entry| entry.sequence);
            places.push(RoomPlace { room: page.room, up_to });
            heard.send_modify(|heard| {
                for entry in &page.entries {
                    if let RoomItem::Post { from, .. } = &entry.item {
                        *heard.entry((page.room, from.account)).or_default() += 1;
                    }
                }
            });
        }
        if !places.is_empty()
            && send_frame(&mut send, &RoomsConsumed { rooms: places }).await.is_none()
        {
            return;
        }
    }
}

/// A storage for one operation.
#[derive(Default)]
struct Forgetful(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl RoomStorage for Forgetful {
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, RoomStorageError> {
        Ok(self.0.lock().unwrap().get(key).cloned().map(Zeroizing::new))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), RoomStorageError> {
        self.0.lock().unwrap().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), RoomStorageError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}
