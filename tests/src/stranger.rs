//! A client that speaks the protocol by hand: it can ask what no well-behaved client asks, and
//! send what is no frame at all.

use std::{sync::Arc, time::Duration};

use quinn::{
    ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig,
    crypto::rustls::QuicClientConfig,
};
use rand::{SeedableRng as _, rngs::StdRng};
use rustls::{
    DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sotto_keys::{
    DeviceKeys, Identity, PrekeySecrets, open_backup,
    password::{Login, Registration},
    seal_backup,
};
use sotto_proto::{
    ALPN, AccountId, Answer, DeviceAddress, DeviceCertificate, DeviceId, LOGIN_EXPORTER_LABEL,
    PrekeyId, Request, Timestamp,
    codec::{self, Frame, HEADER_LEN},
    link::RelayLink,
    login::{Enrolment, LogIn, LogInByPassword, PasswordFinish, Register, RegistrationFinish},
};
use tokio::time::timeout;

use crate::PATIENCE;

/// Somebody with a connection.
pub struct Stranger {
    /// The connection.
    pub connection: Connection,
    _endpoint: Endpoint,
    link: RelayLink,
}

/// An account made by hand.
pub struct Account {
    /// What the relay calls it.
    pub account: AccountId,
    /// The identity.
    pub identity: Identity,
    /// The keys of its device.
    pub keys: DeviceKeys,
    /// What certifies the device.
    pub certificate: DeviceCertificate,
    /// The secrets of its prekeys.
    pub prekeys: PrekeySecrets,
    /// The id of its ML-KEM prekey of last resort.
    pub last_resort: PrekeyId,
    number: DeviceId,
}

impl Account {
    /// Its device.
    pub fn device(&self) -> DeviceAddress {
        DeviceAddress { account: self.account, device: self.number }
    }
}

impl Stranger {
    /// Connects, without logging in.
    pub async fn connect(link: &RelayLink) -> Self {
        Self::try_connect(link).await.expect("the relay takes connections")
    }

    /// Connects, if the relay is there.
    pub async fn try_connect(link: &RelayLink) -> Option<Self> {
        let mut transport = TransportConfig::default();
        // On loopback, what is not answered at once may be asked again soon.
        transport
            .initial_rtt(Duration::from_millis(10))
            .keep_alive_interval(Some(Duration::from_millis(100)));
        Self::connect_from(&endpoint(), link, transport).await
    }

    /// Connects from a socket that others share, if the relay is there.
    pub(crate) async fn connect_from(
        endpoint: &Endpoint,
        link: &RelayLink,
        transport: TransportConfig,
    ) -> Option<Self> {
        let at = format!("{}:{}", link.at.host, link.at.port).parse().unwrap();
        let connecting = endpoint.connect_with(client_config(transport), at, "relay").unwrap();
        let connection = timeout(PATIENCE, connecting).await.ok()?.ok()?;
        Some(Self { connection, _endpoint: endpoint.clone(), link: link.clone() })
    }

    /// Asks for one answer; none where the connection or the stream broke.
    pub async fn ask(&self, request: impl Into<Request>) -> Option<Answer> {
        let (mut send, mut receive) = self.connection.open_bi().await.ok()?;
        send_frame(&mut send, &request.into()).await?;
        send.finish().ok()?;
        receive_frame(&mut receive).await
    }

    /// Opens a stream with a request, for a conversation.
    pub async fn open(&self, request: impl Into<Request>) -> Option<(SendStream, RecvStream)> {
        let (mut send, receive) = self.connection.open_bi().await.ok()?;
        send_frame(&mut send, &request.into()).await?;
        Some((send, receive))
    }

    /// Registers an account; its device has 100 one-time prekeys of each kind.
    pub async fn register(&self, name: &str) -> Account {
        self.register_with(name, 100).await
    }

    /// Registers an account; its device has so many one-time prekeys of each kind.
    pub(crate) async fn register_with(&self, name: &str, one_time: usize) -> Account {
        let mut rng = StdRng::from_rng(&mut rand::rng());
        let (registration, opaque) = Registration::start(&mut rng, b"a password").unwrap();
        let register = Register { username: name.to_owned(), invitation: None, opaque };
        let (mut send, mut receive) = self.open(register).await.unwrap();
        let Some(Answer::RegistrationChallenge(challenge)) = receive_frame(&mut receive).await
        else {
            panic!("no challenge");
        };
        let (record, export_key) = registration.finish(&mut rng, name, &challenge.opaque).unwrap();
        let identity = Identity::generate(&mut rng);
        let keys = DeviceKeys::generate(&mut rng);
        let certificate = identity.certify(first_device(), &keys, Timestamp(1));
        let (prekeys, upload) = PrekeySecrets::generate(&mut rng, &keys, Timestamp(1), one_time);
        let last_resort = upload.last_resort.as_ref().unwrap().id;
        let username = name.parse().unwrap();
        let finish = RegistrationFinish {
            opaque: record,
            display_name: name.parse().unwrap(),
            enrolment: Enrolment {
                identity: identity.public(),
                certificate: certificate.clone(),
                prekeys: upload,
                backup: Some(seal_backup(&mut rng, &export_key, &username, &identity)),
                replace_devices: false,
            },
        };
        send_frame(&mut send, &finish).await.unwrap();
        match receive_frame(&mut receive).await {
            Some(Answer::Registered(done)) => {
                let number = first_device();
                let account = done.account;
                Account { account, identity, keys, certificate, prekeys, last_resort, number }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Adds a device to an account, beside those that it has; none if the password is wrong.
    pub async fn add_device(&self, name: &str, password: &str) -> Option<Account> {
        let mut rng = rand::rng();
        let (login, opaque) = Login::start(&mut rng, password.as_bytes()).unwrap();
        let request = LogInByPassword { username: name.to_owned(), opaque };
        let (mut send, mut receive) = self.open(request).await.unwrap();
        let Some(Answer::LoginChallenge(challenge)) = receive_frame(&mut receive).await else {
            panic!("no challenge");
        };
        let (opaque, export_key) = login.finish(&mut rng, name, &challenge.opaque).ok()?;
        send_frame(&mut send, &PasswordFinish { opaque }).await.unwrap();
        let Some(Answer::PasswordAccepted(accepted)) = receive_frame(&mut receive).await else {
            panic!("not accepted");
        };
        let username = name.parse().unwrap();
        let identity = open_backup(&export_key, &username, &accepted.backup).unwrap();
        let highest = accepted.devices.iter().map(|known| known.device.number()).max().unwrap();
        let number = DeviceId::new(highest + 1).unwrap();
        let keys = DeviceKeys::generate(&mut rng);
        let certificate = identity.certify(number, &keys, Timestamp(1));
        let (prekeys, upload) = PrekeySecrets::generate(&mut rng, &keys, Timestamp(1), 100);
        let last_resort = upload.last_resort.as_ref().unwrap().id;
        let enrolment = Enrolment {
            identity: identity.public(),
            certificate: certificate.clone(),
            prekeys: upload,
            backup: None,
            replace_devices: false,
        };
        send_frame(&mut send, &enrolment).await.unwrap();
        match receive_frame(&mut receive).await {
            Some(Answer::Enrolled(_)) => {
                let account = accepted.account;
                Some(Account { account, identity, keys, certificate, prekeys, last_resort, number })
            }
            other => panic!("{other:?}"),
        }
    }

    /// Makes this connection an account's device; none where the connection broke.
    pub async fn log_in(&self, as_whom: &Account) -> Option<()> {
        match self.try_log_in(as_whom).await? {
            Answer::LoggedIn(_) => Some(()),
            other => panic!("{other:?}"),
        }
    }

    /// Asks to be an account's device; what the relay says, or none where the connection broke.
    pub async fn try_log_in(&self, as_whom: &Account) -> Option<Answer> {
        let mut exporter = [0; 32];
        self.connection
            .export_keying_material(&mut exporter, LOGIN_EXPORTER_LABEL, b"")
            .expect("the handshake is done");
        let relay = self.link.fingerprint.expect("a relay of its own key").0;
        let DeviceAddress { account, device } = as_whom.device();
        let signature = as_whom.keys.sign_login(&exporter, &relay);
        self.ask(LogIn { account, device, signature }).await
    }
}

/// Sends a frame; none where the stream broke.
pub async fn send_frame(stream: &mut SendStream, frame: &impl Frame) -> Option<()> {
    stream.write_all(&codec::to_bytes(frame).unwrap()).await.ok()
}

/// Receives a frame; none where the stream ended or broke.
pub async fn receive_frame<F: Frame>(stream: &mut RecvStream) -> Option<F> {
    let receiving = next_frame(stream);
    timeout(PATIENCE, receiving).await.expect("the relay answers or ends the stream")
}

/// Receives the next frame, whenever it comes; none where the stream ended or broke.
pub(crate) async fn next_frame<F: Frame>(stream: &mut RecvStream) -> Option<F> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; codec::body_length::<F>(header).unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(codec::decode(&body).unwrap())
}

/// A socket to connect from.
pub(crate) fn endpoint() -> Endpoint {
    Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn first_device() -> DeviceId {
    DeviceId::new(1).unwrap()
}

fn client_config(transport: TransportConfig) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyRelay(provider)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(transport));
    config
}

/// Believes every relay: what is tested here is the relay, not who it is.
#[derive(Debug)]
struct AnyRelay(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyRelay {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("QUIC has TLS 1.3 alone".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
