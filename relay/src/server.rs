//! The relay as a whole: binds the port, admits connections, and ends in good order.
//!
//! A [`Relay`] owns every task; dropping it ends them at once, [`Relay::shut_down`] in order.

mod operation;

use std::{
    collections::BTreeSet,
    io,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use quinn::{Endpoint, Incoming, crypto::rustls::QuicServerConfig};
use rand::{Rng as _, rand_core::UnwrapErr};
use sotto_keys::password::{PasswordError, RelaySetup};
use sotto_proto::{
    AccountId, DeviceAddress, Refusal, RoomId, Timestamp,
    admin::{Actor, Answer, AuditEntry, Command},
    link::{RelayFingerprint, RelayLink},
    login::RegistrationPolicy,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::operation::Operation;
pub use self::operation::SwitchError;
use crate::{
    admin::{self, Caller, Rates},
    blobs::BlobFolder,
    config::Config,
    connection, housekeeping,
    limits::Limiters,
    metrics::{Metrics, Outcome},
    online::Online,
    presence::PresenceBook,
    rooms::{self, RoomBook},
    store::{Store, StoreError},
    tls::{IdentityError, RelayIdentity},
    transport::{self, ResetSecret},
};

/// Registrations and logins by password that are worked on at once.
const PASSWORDS_AT_ONCE: usize = 4;
/// Unfinished handshakes above which a client's address is validated by Retry (RFC 9000 section 8.1.2).
const RETRY_ABOVE: usize = 64;

/// Why the relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// Another program has the port.
    #[error("UDP port {} of {} is taken by another program", .0.port(), .0.ip())]
    PortTaken(SocketAddr),
    /// The socket can't be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate can't be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The TLS configuration has no cipher suite that QUIC needs.
    #[error("the TLS configuration cannot be used for QUIC")]
    Quic(#[source] quinn::crypto::rustls::NoInitialCipherSuite),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The relay's OPAQUE secret does not parse.
    #[error("the relay's password secret in the database is damaged")]
    PasswordSecret(#[source] PasswordError),
    /// The secret behind stateless resets has another length.
    #[error("the relay's reset secret in the database is damaged")]
    ResetSecret,
    /// The folder for blobs can't be made.
    #[error("the folder for blobs cannot be made")]
    Blobs(#[source] io::Error),
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) fingerprint: RelayFingerprint,
    kept: RwLock<Kept>,
    pub(crate) password_places: Semaphore,
    pub(crate) online: Arc<Online>,
    pub(crate) presence: PresenceBook,
    pub(crate) rooms: RoomBook,
    pub(crate) limits: Limiters,
    pub(crate) metrics: Metrics,
    pub(crate) blobs: BlobFolder,
    /// Told when a device has left with mail in its mailbox.
    pub(crate) mail_left: Notify,
    accepting: AtomicBool,
    /// Whether the operator has stopped the work, with the token that ended the connections.
    operation: Mutex<Operation>,
    /// Held for reading by every conversation from its request on: who holds it for writing is alone with the store.
    pub(crate) working: tokio::sync::RwLock<()>,
    pub(crate) rates: Rates,
    pub(crate) started: Instant,
    /// Cancelled when the relay shuts down.
    pub(crate) closing: CancellationToken,
}

/// What the database that is open keeps for the relay itself.
struct Kept {
    passwords: Arc<RelaySetup>,
    lobby: RoomId,
}

impl Kept {
    /// What the database keeps, made where it is not there yet.
    async fn read(store: &dyn Store, config: &Config) -> Result<Self, SpawnError> {
        let passwords = Arc::new(password_secret(store).await?);
        Ok(Self { passwords, lobby: rooms::prepare_lobby(store, config.lobby).await? })
    }
}

impl Shared {
    /// The secret behind passwords.
    pub(crate) fn passwords(&self) -> Arc<RelaySetup> {
        Arc::clone(&self.kept().passwords)
    }

    /// The room that every relay has, shown or not.
    pub(crate) fn lobby(&self) -> RoomId {
        self.kept().lobby
    }

    fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who may register: what an admin has set, else what is configured.
    pub(crate) async fn registration(&self) -> Result<RegistrationPolicy, StoreError> {
        Ok(self.store.registration().await?.unwrap_or(self.config.registration))
    }
}

/// A running relay.
pub struct Relay {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    local: SocketAddr,
    link: RelayLink,
    tasks: TaskTracker,
}

impl Relay {
    /// Starts a relay. Must be called within a Tokio runtime.
    pub async fn spawn(
        config: Config,
        store: Arc<dyn Store>,
        identity: &RelayIdentity,
        metrics: Metrics,
        blobs: PathBuf,
    ) -> Result<Self, SpawnError> {
        let kept = Kept::read(&*store, &config).await?;
        let blobs = BlobFolder::open(blobs).map_err(SpawnError::Blobs)?;
        let server = transport::server_config(&config, quic_config(identity)?);
        let resets = reset_secret(&*store).await?;
        let endpoint = UdpSocket::bind(config.listen)
            .and_then(|socket| {
                let runtime = Arc::new(quinn::TokioRuntime);
                Endpoint::new(resets.endpoint_config(), Some(server), socket, runtime)
            })
            .map_err(|source| listen_error(config.listen, source))?;
        let local = endpoint
            .local_addr()
            .map_err(|source| SpawnError::Listen { address: config.listen, source })?;
        let shared = Arc::new(Shared {
            limits: Limiters::new(&config.limits),
            metrics,
            config,
            store,
            fingerprint: identity.fingerprint(),
            kept: RwLock::new(kept),
            password_places: Semaphore::new(PASSWORDS_AT_ONCE),
            online: Arc::default(),
            presence: PresenceBook::default(),
            rooms: RoomBook::default(),
            blobs,
            mail_left: Notify::new(),
            accepting: AtomicBool::new(true),
            operation: Mutex::default(),
            working: tokio::sync::RwLock::default(),
            rates: Rates::default(),
            started: Instant::now(),
            closing: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(accept(Arc::clone(&shared), endpoint.clone(), tasks.clone()));
        tasks.spawn(housekeeping::run(Arc::clone(&shared)));
        tasks.spawn(admin::sample(Arc::clone(&shared)));
        let link = identity.link(shared.config.public_address(local));
        Ok(Self { shared, endpoint, local, link, tasks })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The link that people paste or scan.
    pub const fn link(&self) -> &RelayLink {
        &self.link
    }

    /// The store that it stands on.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Whether new connections are admitted.
    pub fn is_accepting(&self) -> bool {
        self.shared.accepting.load(Ordering::Relaxed)
    }

    /// Admits new connections, or refuses them; those that there are go on.
    pub fn set_accepting(&self, accepting: bool) {
        self.shared.accepting.store(accepting, Ordering::Relaxed);
    }

    /// How many devices are connected.
    pub fn devices_online(&self) -> usize {
        self.shared.online.count()
    }

    /// Carries out a command of administration for the operator.
    pub async fn administer(&self, command: Command) -> Result<Answer, Refusal> {
        admin::carry_out(&self.shared, Caller::Operator, command).await
    }

    /// Writes into the audit log what the operator did beyond the commands of administration.
    pub async fn note_operation(&self, act: &str, target: Option<String>) {
        let (at, actor, act) = (now(), Actor::Operator, act.to_owned());
        admin::note(&self.shared, AuditEntry { at, actor, act, target, refused: None }).await;
    }

    /// Where the blobs lie.
    pub fn blobs(&self) -> PathBuf {
        self.shared.blobs.folder()
    }

    /// Ends in order: admits nobody, finishes what is under way for as long as the configuration
    /// says, tells the clients, makes everything durable and closes the store.
    pub async fn shut_down(self) -> Result<(), StoreError> {
        let drain = self.shared.config.timeouts.drain();
        self.shared.closing.cancel();
        self.tasks.close();
        // Connections watch the same deadline; this one is for those that hang all the same.
        let _ = timeout(drain + Duration::from_secs(1), self.tasks.wait()).await;
        self.endpoint.close(sotto_proto::CloseCode::ShuttingDown.number().into(), b"");
        let _ = timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await;
        self.shared.store.close().await
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.closing.cancel();
        self.endpoint.close(sotto_proto::CloseCode::ShuttingDown.number().into(), b"");
    }
}

impl Shared {
    /// The rooms that an account's devices are in.
    pub(crate) async fn rooms_of(
        &self,
        account: AccountId,
    ) -> Result<BTreeSet<RoomId>, StoreError> {
        let mut rooms = BTreeSet::new();
        let devices = self.store.account(account).await?.map(|account| account.devices);
        for certificate in devices.unwrap_or_default() {
            let device = DeviceAddress { account, device: certificate.device };
            let places = self.store.room_places(device).await?;
            rooms.extend(places.into_iter().map(|place| place.room));
        }
        Ok(rooms)
    }
}

fn quic_config(identity: &RelayIdentity) -> Result<QuicServerConfig, SpawnError> {
    identity.server_config()?.try_into().map_err(SpawnError::Quic)
}

/// The relay's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The operating system's randomness; the process can't go on without it.
pub(crate) fn rng() -> UnwrapErr<rand::rngs::SysRng> {
    UnwrapErr(rand::rngs::SysRng)
}

async fn password_secret(store: &dyn Store) -> Result<RelaySetup, SpawnError> {
    let fresh = RelaySetup::generate(&mut rng()).to_bytes().to_vec();
    let kept = store.secret("opaque", fresh).await?;
    RelaySetup::from_bytes(&kept).map_err(SpawnError::PasswordSecret)
}

async fn reset_secret(store: &dyn Store) -> Result<ResetSecret, SpawnError> {
    let mut fresh = vec![0; ResetSecret::LEN];
    rng().fill_bytes(&mut fresh);
    let kept = store.secret("stateless_reset", fresh).await?;
    kept.try_into().map_err(|_| SpawnError::ResetSecret)
}

fn listen_error(address: SocketAddr, source: io::Error) -> SpawnError {
    if source.kind() == io::ErrorKind::AddrInUse {
        SpawnError::PortTaken(address)
    } else {
        SpawnError::Listen { address, source }
    }
}

async fn accept(shared: Arc<Shared>, endpoint: Endpoint, tasks: TaskTracker) {
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = shared.closing.cancelled() => return,
        };
        let Some(incoming) = incoming else { return };
        if let Some(incoming) = admit(&shared, &endpoint, incoming) {
            match shared.limits.admit(incoming.remote_address().ip()) {
                Ok(place) => {
                    tasks.spawn(connection::serve(Arc::clone(&shared), incoming, place));
                }
                Err(exceeded) => {
                    shared.metrics.limited(exceeded);
                    incoming.refuse();
                }
            }
        }
    }
}

/// How many handshakes are under way.
fn unfinished(shared: &Shared, endpoint: &Endpoint) -> usize {
    let established = usize::try_from(shared.metrics.connections.get()).unwrap_or(0);
    endpoint.open_connections().saturating_sub(established)
}

/// The handshake, if it may go on.
fn admit(shared: &Shared, endpoint: &Endpoint, incoming: Incoming) -> Option<Incoming> {
    if !shared.accepting.load(Ordering::Relaxed) {
        incoming.refuse();
        return None;
    }
    if !incoming.remote_address_validated() && unfinished(shared, endpoint) > RETRY_ABOVE {
        shared.metrics.retries.inc();
        // A Retry costs the relay no state; `retry` fails only for a validated address.
        let _ = incoming.retry();
        return None;
    }
    if let Err(exceeded) = shared.limits.handshake(incoming.remote_address().ip()) {
        shared.metrics.limited(exceeded);
        shared.metrics.handshake(Outcome::Failed);
        incoming.refuse();
        return None;
    }
    Some(incoming)
}
