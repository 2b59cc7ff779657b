//! One connection: the handshake, a stream of requests before login, then those of a device.
//!
//! A connection that does not log in in time, or sends more than a stranger may, is closed.

use std::{
    future::pending,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quinn::{Connection, Incoming, RecvStream, SendStream};
use sotto_proto::{
    AccountId, Answer, CloseCode, DeviceAddress, ErrorCode, Refusal, Request,
    codec::{Frame, HEADER_LEN},
};
use tokio::{
    sync::watch,
    time::{Duration, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use crate::{
    account,
    admin::{self, Caller},
    blobs, directory,
    limits::{Admission, Exceeded},
    login, mailbox,
    metrics::Outcome,
    online::{self, LiveDevice},
    registration, rooms,
    server::{Shared, now},
    store::StoreError,
    stream::{self, StreamError},
};

/// How long a request may take to arrive.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// One client's connection.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    from: IpAddr,
    login: watch::Sender<Option<Arc<LiveDevice>>>,
    anonymous_bytes: AtomicU64,
    /// Cancelled when the relay's operator stops its work.
    halt: CancellationToken,
}

/// A stream that the client opened.
pub(crate) struct Talk {
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
}

/// Why a conversation ended without its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    /// The stream broke, or a frame did.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The relay refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<StoreError> for TalkError {
    fn from(error: StoreError) -> Self {
        Self::Refused(refusal(&error))
    }
}

/// What a failure of the store means to a client.
pub(crate) fn refusal(error: &StoreError) -> Refusal {
    let code = match error {
        StoreError::UsernameTaken => ErrorCode::UsernameTaken,
        StoreError::Invitation => ErrorCode::InvitationRequired,
        StoreError::DeviceTaken => ErrorCode::DeviceTaken,
        StoreError::TooMany => ErrorCode::TooMany,
        StoreError::NotFound => ErrorCode::NoSuchUser,
        StoreError::LastAdmin => ErrorCode::LastAdmin,
        StoreError::NoSuchInvitation => ErrorCode::NoSuchInvitation,
        StoreError::NoSuchAnnouncement => ErrorCode::NoSuchAnnouncement,
        StoreError::Closed => ErrorCode::Unavailable,
        StoreError::Corrupt(_) | StoreError::Database(_) => {
            tracing::error!(%error, "the store failed");
            return Refusal::new(
                ErrorCode::Internal,
                "the relay failed; its operator can see why in its log",
            );
        }
    };
    Refusal::new(code, error.to_string())
}

/// Serves a connection to its end.
pub(crate) async fn serve(shared: Arc<Shared>, incoming: Incoming, _admission: Admission) {
    let from = incoming.remote_address().ip();
    let Ok(connecting) = incoming.accept() else { return };
    let connection = match timeout(shared.config.timeouts.handshake(), connecting).await {
        Ok(Ok(connection)) => connection,
        failed => {
            shared.metrics.handshake(Outcome::Failed);
            return debug!(late = failed.is_err(), "a handshake failed");
        }
    };
    shared.metrics.handshake(Outcome::Ok);
    let metrics = shared.metrics.clone();
    metrics.connections.inc();
    let session = Arc::new(Session {
        halt: shared.halt(),
        shared,
        connection,
        from,
        login: watch::Sender::new(None),
        anonymous_bytes: AtomicU64::new(0),
    });
    session.run().await;
    metrics.connections.dec();
}

impl Shared {
    /// Counts bytes of an account, and waits where it has had too many of late.
    pub(crate) async fn pace(&self, account: AccountId, bytes: usize) {
        while let Err(exceeded) = self.limits.bytes(account, bytes) {
            self.metrics.limited(exceeded);
            sleep(Duration::from_millis(exceeded.retry_after_ms.max(1))).await;
        }
    }

    /// Counts a limit that was met.
    pub(crate) fn limited(&self, taken: Result<(), Exceeded>) -> Result<(), Refusal> {
        taken.map_err(|exceeded| {
            self.metrics.limited(exceeded);
            exceeded.into()
        })
    }
}

impl Session {
    async fn run(self: Arc<Self>) {
        let talks = TaskTracker::new();
        let late = self.late();
        tokio::pin!(late);
        loop {
            let opened = tokio::select! {
                opened = self.connection.accept_bi() => opened,
                () = &mut late => return online::close(&self.connection, CloseCode::LoginTimeout),
                () = self.halt.cancelled() => {
                    return online::close(&self.connection, CloseCode::Stopped);
                }
                () = self.shared.closing.cancelled() => break,
            };
            let Ok((send, receive)) = opened else { return };
            let session = Arc::clone(&self);
            talks.spawn(async move { session.converse(Talk { send, receive }).await });
        }
        talks.close();
        let _ = timeout(self.shared.config.timeouts.drain(), talks.wait()).await;
        online::close(&self.connection, CloseCode::ShuttingDown);
    }

    /// Ends when the connection should have logged in and has not.
    async fn late(&self) {
        let mut login = self.login.subscribe();
        let logged_in = login.wait_for(Option::is_some);
        if timeout(self.shared.config.timeouts.login(), logged_in).await.is_ok() {
            pending::<()>().await;
        }
    }

    /// The device that this connection is, once it has logged in.
    pub(crate) fn device(&self) -> Option<Arc<LiveDevice>> {
        self.login.borrow().clone()
    }

    /// Where requests of this connection come from.
    pub(crate) const fn from(&self) -> IpAddr {
        self.from
    }

    /// Makes this connection that device's.
    pub(crate) fn log_in(&self, address: DeviceAddress) {
        let shared = Arc::clone(&self.shared);
        let presence = self.shared.online.enter(address, self.connection.clone(), move |account| {
            shared.presence.left(account, now(), &shared.online);
        });
        self.login.send_replace(Some(Arc::clone(&presence.device)));
        self.shared.presence.came(address.account, &self.shared.online);
        let (connection, metrics) = (self.connection.clone(), self.shared.metrics.clone());
        metrics.devices_online.inc();
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            connection.closed().await;
            drop(presence);
            metrics.devices_online.dec();
            if let Err(error) = shared.store.note_seen(address, now()).await {
                debug!(%error, "when a device was last seen was not written down");
            }
        });
        // It may have been stopped while this device was logging in.
        if self.shared.is_stopped() {
            online::close(&self.connection, CloseCode::Stopped);
        }
    }

    async fn converse(self: Arc<Self>, mut talk: Talk) {
        let refusal = match self.answer(&mut talk).await {
            Ok(()) => return,
            Err(TalkError::Refused(refusal)) => refusal,
            Err(TalkError::Stream(error)) => match error.refusal() {
                Some(refusal) => refusal,
                None => return,
            },
        };
        self.shared.metrics.refusal(refusal.code);
        // What the client still sends on this stream is of no use.
        let _ = talk.receive.stop(0u32.into());
        let _ = stream::conclude(&mut talk.send, Answer::from(refusal)).await;
    }

    async fn answer(&self, talk: &mut Talk) -> Result<(), TalkError> {
        let Some(device) = self.device() else {
            let request = self.receive_counted(talk).await?;
            let _working = self.shared.working.read().await;
            if self.shared.is_stopped() && !matches!(request, Request::Info(_)) {
                return Err(stopped().into());
            }
            return self.answer_stranger(talk, request).await;
        };
        let arriving = stream::receive(&mut talk.receive);
        let request =
            timeout(REQUEST_PATIENCE, arriving).await.map_err(|_| StreamError::Gone)??;
        let _working = self.shared.working.read().await;
        self.shared.limited(self.shared.limits.request(device.address.account))?;
        self.answer_device(talk, &device, request).await
    }

    async fn answer_stranger(&self, talk: &mut Talk, request: Request) -> Result<(), TalkError> {
        match request {
            Request::Info(_) => {
                Ok(stream::conclude(&mut talk.send, login::info(&self.shared).await?).await?)
            }
            Request::Register(register) => registration::register(self, talk, register).await,
            Request::LogInByPassword(start) => login::by_password(self, talk, start).await,
            Request::LogIn(device) => login::device(self, talk, device).await,
            _ => Err(Refusal::new(ErrorCode::LoginRequired, "log in first").into()),
        }
    }

    /// The next frame of a stranger, counted before it is read.
    pub(crate) async fn receive_counted<F: Frame>(&self, talk: &mut Talk) -> Result<F, TalkError> {
        let length = stream::length::<F>(&mut talk.receive).await?;
        self.count_anonymous(HEADER_LEN + length)?;
        Ok(stream::body(&mut talk.receive, length).await?)
    }

    /// Counts what a stranger sends; too much ends the connection.
    fn count_anonymous(&self, bytes: usize) -> Result<(), Refusal> {
        let bytes = bytes as u64;
        let before = self.anonymous_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.shared.config.limits.anonymous_bytes {
            online::close(&self.connection, CloseCode::TooMany);
            return Err(Refusal::new(ErrorCode::TooMany, "too much before login"));
        }
        Ok(())
    }

    async fn answer_device(
        &self,
        talk: &mut Talk,
        device: &Arc<LiveDevice>,
        request: Request,
    ) -> Result<(), TalkError> {
        let (shared, account) = (&self.shared, device.address.account);
        let answer = match request {
            Request::Uplink(_) => return mailbox::uplink(shared, device, talk).await,
            Request::Downlink(_) => return mailbox::downlink(shared, device, talk).await,
            Request::PutBlob(put) => return blobs::put(shared, account, talk, put).await,
            Request::GetBlob(get) => return blobs::get(shared, account, talk, get).await,
            Request::RoomUplink(_) => return rooms::uplink(shared, device, talk).await,
            Request::RoomDownlink(open) => {
                return rooms::downlink(shared, device, talk, open).await;
            }
            Request::AskRoom(ask) => return rooms::ask(shared, device.address, talk, ask).await,
            Request::Info(_) => login::info(shared).await?.into(),
            Request::LookUp(who) => directory::look_up(shared, who).await?,
            Request::ListUsers(page) => directory::list(shared, page).await?,
            Request::ClaimBundles(claim) => directory::claim(shared, account, claim).await?,
            Request::PublishPrekeys(publish) => {
                directory::publish(shared, device.address, publish.prekeys).await?
            }
            Request::CountPrekeys(_) => shared.store.count_prekeys(device.address).await?.into(),
            Request::SetProfile(profile) => {
                shared.store.set_display_name(account, profile.display_name).await?;
                done()
            }
            Request::SetPresence(settings) => {
                shared.presence.set(account, settings, &shared.online)?;
                done()
            }
            Request::WatchPresence(watch) => {
                shared.presence.watch(account, watch, &shared.online)?;
                done()
            }
            Request::FoundRoom(found) => rooms::found(shared, device.address, found).await?,
            Request::CommitToRoom(commit) => rooms::commit(shared, device.address, commit).await?,
            Request::LeaveRoom(leave) => rooms::leave(shared, account, leave).await?,
            Request::ListRooms(page) => rooms::list(shared, page).await?,
            Request::ListMembers(page) => rooms::members(shared, account, page).await?,
            Request::PublishKeyPackage(publish) => {
                rooms::publish_key_package(shared, device.address, publish).await?
            }
            Request::AskKeyPackages(ask) => rooms::ask_key_packages(shared, ask).await?,
            Request::Announcements(ask) => account::announcements(shared, ask).await?,
            Request::OwnDevices(_) => account::devices(shared, account).await?,
            Request::OwnLogins(_) => account::logins(shared, account).await?,
            Request::EndDevice(end) => {
                account::end_device(shared, device.address, end.device).await?
            }
            Request::Admin(command) => {
                admin::carry_out(shared, Caller::Account(account), command).await?.into()
            }
            _ => {
                let message = "this connection is logged in already";
                return Err(Refusal::new(ErrorCode::OutOfBounds, message).into());
            }
        };
        Ok(stream::conclude(&mut talk.send, answer).await?)
    }
}

/// The refusal of all work while the operator has stopped it.
fn stopped() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, CloseCode::Stopped.to_string())
}

fn done() -> Answer {
    sotto_proto::Done::default().into()
}
