//! A network between people and their relay: UDP forwarded on loopback, recorded, and cut.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use sotto_proto::link::RelayLink;
use tokio::{
    net::UdpSocket,
    task::{JoinHandle, JoinSet},
};

/// A network that leads to a relay.
pub struct Network {
    link: RelayLink,
    wire: Arc<Mutex<Wire>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Wire {
    is_cut: bool,
    is_mute: bool,
    recorded: Vec<u8>,
    /// How many bytes clients have sent through it.
    up: usize,
    /// Who has sent: each address stands for one socket of a client.
    senders: Vec<SocketAddr>,
}

impl Network {
    /// A network that leads to the relay of `link`.
    pub async fn to(link: &RelayLink) -> Self {
        let relay = SocketAddr::new(link.at.host.parse().unwrap(), link.at.port);
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let mut there = link.clone();
        there.at.port = front.local_addr().unwrap().port();
        let wire = Arc::<Mutex<Wire>>::default();
        let task = tokio::spawn(forward(front, relay, Arc::clone(&wire)));
        Self { link: there, wire, task }
    }

    /// The relay's link through this network.
    pub const fn link(&self) -> &RelayLink {
        &self.link
    }

    /// Drops everything from now on, in both directions.
    pub fn cut(&self) {
        self.wire.lock().unwrap().is_cut = true;
    }

    /// Drops from now on what the relay says.
    pub fn mute(&self) {
        self.wire.lock().unwrap().is_mute = true;
    }

    /// Carries again.
    pub fn mend(&self) {
        self.wire.lock().unwrap().is_cut = false;
    }

    /// Every byte that went through, in both directions.
    pub fn recorded(&self) -> Vec<u8> {
        self.wire.lock().unwrap().recorded.clone()
    }

    /// How many bytes clients have sent through it, as UDP carries them.
    pub fn sent_up(&self) -> usize {
        self.wire.lock().unwrap().up
    }

    /// How many sockets have sent through it.
    pub fn senders(&self) -> usize {
        self.wire.lock().unwrap().senders.len()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// Whether a datagram gets through.
    fn carry(&mut self, datagram: &[u8]) -> bool {
        if !self.is_cut {
            self.recorded.extend_from_slice(datagram);
        }
        !self.is_cut
    }
}

async fn forward(front: Arc<UdpSocket>, relay: SocketAddr, wire: Arc<Mutex<Wire>>) {
    let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut back = JoinSet::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
        let way = match ways.entry(from) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let way = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                way.connect(relay).await.unwrap();
                back.spawn(answer(Arc::clone(&front), Arc::clone(&way), from, Arc::clone(&wire)));
                wire.lock().unwrap().senders.push(from);
                new.insert(way)
            }
        };
        let gets_through = {
            let mut wire = wire.lock().unwrap();
            wire.up += length;
            wire.carry(&buffer[..length])
        };
        if gets_through {
            // A relay that is not there is what a lost datagram is.
            let _ = way.send(&buffer[..length]).await;
        }
    }
}

async fn answer(
    front: Arc<UdpSocket>,
    way: Arc<UdpSocket>,
    to: SocketAddr,
    wire: Arc<Mutex<Wire>>,
) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok(length) = way.recv(&mut buffer).await else { continue };
        let gets_through = {
            let mut wire = wire.lock().unwrap();
            !wire.is_mute && wire.carry(&buffer[..length])
        };
        if gets_through {
            let _ = front.send_to(&buffer[..length], to).await;
        }
    }
}
