//! A living connection to the relay, and the questions that can be asked on it.

use std::time::Duration;

use quinn::{Connection, Endpoint, VarInt};
use rustls_pki_types::CertificateDer;
use sotto_proto::{
    Answer, Bundle, CloseCode, Done, LOGIN_EXPORTER_LABEL, Request,
    directory::{PrekeyCount, User, Users},
    link::{RelayFingerprint, RelayLink},
    login::{LoggedIn, RelayInfo},
};

use super::{AskError, FrameReader, FrameWriter, TransportError, dial, tls};

/// How long the relay may think about one request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before a stream that broke is opened again on a living connection.
const STREAM_PAUSE: Duration = Duration::from_secs(2);

/// A connection. Clones are the same connection; it is closed with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    connection: Connection,
    endpoint: Endpoint,
    fingerprint: RelayFingerprint,
}

/// What one answer holds.
pub(crate) trait Reply: Sized {
    /// This reply, if the answer is one.
    fn from_answer(answer: Answer) -> Option<Self>;
}

macro_rules! replies {
    ($($variant:ident($body:ty),)*) => {$(
        impl Reply for $body {
            fn from_answer(answer: Answer) -> Option<Self> {
                match answer {
                    Answer::$variant(body) => Some(body),
                    _ => None,
                }
            }
        }
    )*};
}

replies! {
    Done(Done),
    Info(RelayInfo),
    RegistrationChallenge(sotto_proto::login::RegistrationChallenge),
    Registered(sotto_proto::login::Registered),
    LoginChallenge(sotto_proto::login::LoginChallenge),
    PasswordAccepted(sotto_proto::login::PasswordAccepted),
    Enrolled(sotto_proto::login::Enrolled),
    LoggedIn(LoggedIn),
    User(User),
    Users(Users),
    Bundles(Vec<Bundle>),
    PrekeyCount(PrekeyCount),
    BlobReady(sotto_proto::blob::BlobReady),
    BlobStored(sotto_proto::blob::BlobStored),
    BlobFound(sotto_proto::blob::BlobFound),
    Committed(sotto_proto::room::Committed),
    RoomFound(sotto_proto::room::RoomFound),
    Rooms(sotto_proto::room::Rooms),
    Members(sotto_proto::room::Members),
    KeyPackages(Vec<sotto_proto::room::DeviceKeyPackage>),
    Announcements(Vec<sotto_proto::announcement::Announcement>),
    OwnDevices(Vec<sotto_proto::account::DeviceLine>),
    OwnLogins(Vec<sotto_proto::account::LoginLine>),
    Admin(sotto_proto::admin::Answer),
}

impl Link {
    /// Connects to a relay, which has proven to be the one that `to` names.
    pub(crate) async fn dial(to: &RelayLink) -> Result<Self, TransportError> {
        let (endpoint, connection) = dial::dial(to).await?;
        let fingerprint = peer_fingerprint(&connection)?;
        Ok(Self { connection, endpoint, fingerprint })
    }

    /// What a device signs to log in: this connection's exporter value and the relay's key.
    pub(crate) fn login_binding(&self) -> Result<([u8; 32], [u8; 32]), TransportError> {
        let mut exporter = [0; 32];
        self.connection
            .export_keying_material(&mut exporter, LOGIN_EXPORTER_LABEL, b"")
            .map_err(|_| TransportError::Ended)?;
        Ok((exporter, self.fingerprint.0))
    }

    /// Asks for one answer.
    pub(crate) async fn ask<R: Reply>(&self, request: impl Into<Request>) -> Result<R, AskError> {
        let asking = async {
            let (mut writer, mut reader) = self.open(request).await?;
            writer.finish();
            expect(&mut reader).await
        };
        tokio::time::timeout(ANSWER_TIMEOUT, asking).await.map_err(|_| TransportError::TimedOut)?
    }

    /// Opens a conversation that goes on after its request.
    pub(crate) async fn open(
        &self,
        request: impl Into<Request>,
    ) -> Result<(FrameWriter, FrameReader), TransportError> {
        let (send, receive) = self.connection.open_bi().await?;
        let mut writer = FrameWriter::new(send);
        writer.send(&request.into()).await?;
        Ok((writer, FrameReader::new(receive)))
    }

    /// Ends when the connection does, and says why.
    pub(crate) async fn closed(&self) -> TransportError {
        self.connection.closed().await.into()
    }

    /// After a stream broke: waits until the connection has ended too, or for a moment in which a
    /// relay that is well recovers.
    pub(crate) async fn settled(&self) {
        let _ = tokio::time::timeout(STREAM_PAUSE, self.connection.closed()).await;
    }

    /// Whether the connection has not ended.
    pub(crate) fn is_living(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    /// Closes the connection.
    pub(crate) fn end(&self) {
        self.connection.close(VarInt::from_u32(CloseCode::Done.number()), b"");
    }

    /// Closes the connection, and waits until the relay has been told, or cannot be.
    pub(crate) async fn close(&self) {
        self.end();
        // The endpoint drains for three round trips.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await;
    }

    /// Goes on with another UDP port, as when a laptop changes networks.
    pub(crate) fn rebind(&self) -> Result<(), TransportError> {
        let socket = dial::socket(self.connection.remote_address().is_ipv6())?;
        self.endpoint.rebind(socket).map_err(TransportError::Bind)
    }
}

/// The answer that this point of a conversation has.
pub(crate) async fn expect<R: Reply>(reader: &mut FrameReader) -> Result<R, AskError> {
    match reader.receive().await? {
        Answer::Refused(refusal) => Err(refusal.into()),
        answer => {
            let kind = answer.kind();
            Ok(R::from_answer(answer).ok_or(TransportError::Unexpected(kind))?)
        }
    }
}

fn peer_fingerprint(connection: &Connection) -> Result<RelayFingerprint, TransportError> {
    let certificates = connection
        .peer_identity()
        .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    let certificate = certificates.as_ref().and_then(|chain| chain.first());
    tls::fingerprint(certificate.ok_or(TransportError::Ended)?).map_err(TransportError::Tls)
}
