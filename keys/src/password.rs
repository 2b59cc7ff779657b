//! The password: OPAQUE (RFC 9807) with ristretto255, SHA-512, 3DH, and Argon2id on the client.
//!
//! The relay learns nothing that a password could be guessed from without its own secret setup, and
//! the client gets an [`ExportKey`] that the relay never sees. All messages are bytes here, so that
//! relay and client share one suite and neither sees the library.

mod rng;

use std::fmt;

use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialFinalization, CredentialRequest,
    CredentialResponse, Identifiers, RegistrationRequest, RegistrationResponse, RegistrationUpload,
    Ristretto255, ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
    errors::{InternalError, ProtocolError},
    generic_array::{ArrayLength, GenericArray},
    ksf::Ksf,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use self::rng::Adapter;
use crate::primitive::{Secret, stretch};

/// Both sides mix this into the key exchange (RFC 9807 section 3.2, `context`).
const CONTEXT: &[u8] = b"sotto/1";
const SERVER_IDENTITY: &[u8] = b"sotto relay";
const EXPORT_KEY_LEN: usize = 64;

/// Why a step of OPAQUE failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The other side's message, or a stored setup or record, is malformed.
    #[error("the OPAQUE message is malformed")]
    Malformed,
    /// The password is wrong, or there is no such account: the two cannot be told apart.
    #[error("the username or the password is wrong")]
    WrongPassword,
    /// The system gave no memory for Argon2id, or a bound of the library was hit.
    #[error("the password could not be processed")]
    Internal,
}

impl From<ProtocolError> for PasswordError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::InvalidLoginError => Self::WrongPassword,
            ProtocolError::LibraryError(InternalError::KsfError | InternalError::HkdfError) => {
                Self::Internal
            }
            _ => Self::Malformed,
        }
    }
}

/// The suite of RFC 9807 section 7: ristretto255-SHA512, 3DH, and [`Stretch`].
struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_for_opaque::Sha512>;
    type Ksf = Stretch;
}

/// Argon2id with 19 MiB, 2 passes, 1 lane, and 16 zero bytes of salt: the input is the output of
/// the OPRF, which no two accounts share.
#[derive(Default)]
struct Stretch;

impl Ksf for Stretch {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        argon2::Params::new(19 * 1024, 2, 1, None)
            .and_then(|params| stretch(params, &input, &[0; 16], &mut output))
            .map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

/// What only the password gives, and the relay never has: it seals the key backup.
#[derive(Clone, PartialEq)]
pub struct ExportKey(Secret<EXPORT_KEY_LEN>);

impl ExportKey {
    pub(crate) const fn new(bytes: [u8; EXPORT_KEY_LEN]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; EXPORT_KEY_LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey(..)")
    }
}

/// The relay's secret: made once, kept for as long as its accounts. Without it no password works.
pub struct RelaySetup(ServerSetup<Suite>);

impl RelaySetup {
    /// A new setup.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(ServerSetup::new(&mut Adapter(rng)))
    }

    /// The setup in the form that [`Self::from_bytes`] reads.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize().to_vec())
    }

    /// Restores what [`Self::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PasswordError> {
        let setup = ServerSetup::deserialize(bytes).map_err(PasswordError::from)?;
        if setup.serialize().len() == bytes.len() {
            Ok(Self(setup))
        } else {
            Err(PasswordError::Malformed)
        }
    }

    /// Answers a registration for `username`: `RegistrationRequest` to `RegistrationResponse`.
    pub fn answer_registration(
        &self,
        username: &str,
        request: &[u8],
    ) -> Result<Vec<u8>, PasswordError> {
        let request = RegistrationRequest::deserialize(request)?;
        let started = ServerRegistration::<Suite>::start(&self.0, request, username.as_bytes())?;
        Ok(started.message.serialize().to_vec())
    }

    /// Starts a login: `KE1` to `KE2`, and the state that waits for `KE3`. Without a record the
    /// answer looks like one with, and [`RelayLogin::finish`] fails.
    pub fn start_login(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        username: &str,
        record: Option<&[u8]>,
        request: &[u8],
    ) -> Result<(RelayLogin, Vec<u8>), PasswordError> {
        let record = record.map(ServerRegistration::deserialize).transpose()?;
        let request = CredentialRequest::deserialize(request)?;
        let name = username.as_bytes();
        let params =
            ServerLoginParameters { context: Some(CONTEXT), identifiers: identifiers(name) };
        let started =
            ServerLogin::start(&mut Adapter(rng), &self.0, record, request, name, params)?;
        let login = RelayLogin { state: started.state, username: name.to_vec() };
        Ok((login, started.message.serialize().to_vec()))
    }
}

impl fmt::Debug for RelaySetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelaySetup(..)")
    }
}

/// Checks that a client's `RegistrationRecord` can be stored and logged in with.
pub fn check_record(record: &[u8]) -> Result<(), PasswordError> {
    RegistrationUpload::<Suite>::deserialize(record).map(drop).map_err(PasswordError::from)
}

/// A login that waits at the relay for the client's proof.
pub struct RelayLogin {
    state: ServerLogin<Suite>,
    username: Vec<u8>,
}

impl RelayLogin {
    /// Checks `KE3`: whether the client knows the password of the account.
    pub fn finish(self, finalization: &[u8]) -> Result<(), PasswordError> {
        let finalization = CredentialFinalization::deserialize(finalization)?;
        let identifiers = identifiers(&self.username);
        let params = ServerLoginParameters { context: Some(CONTEXT), identifiers };
        self.state.finish(finalization, params).map(drop).map_err(PasswordError::from)
    }
}

impl fmt::Debug for RelayLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayLogin(..)")
    }
}

/// A registration that waits at the client for the relay's response.
pub struct Registration {
    state: ClientRegistration<Suite>,
    password: Zeroizing<Vec<u8>>,
}

impl Registration {
    /// Starts a registration; the bytes are the `RegistrationRequest`.
    pub fn start(
        rng: &mut (impl CryptoRng + ?Sized),
        password: &[u8],
    ) -> Result<(Self, Vec<u8>), PasswordError> {
        let started = ClientRegistration::start(&mut Adapter(rng), password)?;
        let password = Zeroizing::new(password.to_vec());
        Ok((Self { state: started.state, password }, started.message.serialize().to_vec()))
    }

    /// Ends it: the bytes are the `RegistrationRecord`. Takes as long as Argon2id does: not for an
    /// async task.
    pub fn finish(
        self,
        rng: &mut (impl CryptoRng + ?Sized),
        username: &str,
        response: &[u8],
    ) -> Result<(Vec<u8>, ExportKey), PasswordError> {
        let response = RegistrationResponse::deserialize(response)?;
        let params =
            ClientRegistrationFinishParameters::new(identifiers(username.as_bytes()), None);
        let finished = self.state.finish(&mut Adapter(rng), &self.password, response, params)?;
        let export_key = ExportKey::new(finished.export_key.into());
        Ok((finished.message.serialize().to_vec(), export_key))
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registration(..)")
    }
}

/// A login that waits at the client for the relay's answer.
pub struct Login {
    state: ClientLogin<Suite>,
    password: Zeroizing<Vec<u8>>,
}

impl Login {
    /// Starts a login; the bytes are `KE1`.
    pub fn start(
        rng: &mut (impl CryptoRng + ?Sized),
        password: &[u8],
    ) -> Result<(Self, Vec<u8>), PasswordError> {
        let started = ClientLogin::start(&mut Adapter(rng), password)?;
        let password = Zeroizing::new(password.to_vec());
        Ok((Self { state: started.state, password }, started.message.serialize().to_vec()))
    }

    /// Ends it: `KE2` to `KE3`. Takes as long as Argon2id does: not for an async task.
    pub fn finish(
        self,
        rng: &mut (impl CryptoRng + ?Sized),
        username: &str,
        response: &[u8],
    ) -> Result<(Vec<u8>, ExportKey), PasswordError> {
        let response = CredentialResponse::deserialize(response)?;
        let identifiers = identifiers(username.as_bytes());
        let params = ClientLoginFinishParameters::new(Some(CONTEXT), identifiers, None);
        let finished = self.state.finish(&mut Adapter(rng), &self.password, response, params)?;
        let export_key = ExportKey::new(finished.export_key.into());
        Ok((finished.message.serialize().to_vec(), export_key))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

fn identifiers(username: &[u8]) -> Identifiers<'_> {
    Identifiers { client: Some(username), server: Some(SERVER_IDENTITY) }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;

    use super::*;
    use crate::testing::test_rng;

    struct Account {
        rng: StdRng,
        setup: RelaySetup,
        record: Vec<u8>,
        export_key: ExportKey,
    }

    fn registered(password: &[u8]) -> Account {
        let mut rng = test_rng(1);
        let setup = RelaySetup::generate(&mut rng);
        let (registration, request) = Registration::start(&mut rng, password).unwrap();
        let response = setup.answer_registration("alice", &request).unwrap();
        let (record, export_key) = registration.finish(&mut rng, "alice", &response).unwrap();
        check_record(&record).unwrap();
        Account { rng, setup, record, export_key }
    }

    #[test]
    fn the_right_password_logs_in_and_gives_the_export_key_again() {
        let Account { mut rng, setup, record, export_key } = registered(b"correct horse");
        let setup = RelaySetup::from_bytes(&setup.to_bytes()).unwrap();
        let (login, request) = Login::start(&mut rng, b"correct horse").unwrap();
        let (waiting, answer) =
            setup.start_login(&mut rng, "alice", Some(&record), &request).unwrap();
        let (proof, again) = login.finish(&mut rng, "alice", &answer).unwrap();
        assert_eq!(again, export_key);
        waiting.finish(&proof).unwrap();
    }

    #[test]
    fn a_wrong_password_and_an_unknown_name_look_alike() {
        let Account { mut rng, setup, record, .. } = registered(b"correct horse");
        for record in [Some(record.as_slice()), None] {
            let (login, request) = Login::start(&mut rng, b"correct mouse").unwrap();
            let (waiting, answer) = setup.start_login(&mut rng, "alice", record, &request).unwrap();
            assert_eq!(answer.len(), 320);
            assert_eq!(
                login.finish(&mut rng, "alice", &answer).unwrap_err(),
                PasswordError::WrongPassword
            );
            assert_eq!(waiting.finish(&[0; 64]), Err(PasswordError::WrongPassword));
        }
    }

    #[test]
    fn malformed_messages_are_refused() {
        let Account { mut rng, setup, record, .. } = registered(b"correct horse");
        for bad in [&[][..], &[0xff; 32], &[0; 31], &[0xff; 96], &[0xff; 192], &[7; 1000]] {
            assert_eq!(setup.answer_registration("alice", bad), Err(PasswordError::Malformed));
            let started = setup.start_login(&mut rng, "alice", Some(&record), bad);
            assert_eq!(started.unwrap_err(), PasswordError::Malformed);
            assert_eq!(check_record(bad), Err(PasswordError::Malformed));
            assert!(RelaySetup::from_bytes(bad).is_err());
            let (registration, _) = Registration::start(&mut rng, b"p").unwrap();
            assert!(registration.finish(&mut rng, "alice", bad).is_err());
            let (login, _) = Login::start(&mut rng, b"p").unwrap();
            assert!(login.finish(&mut rng, "alice", bad).is_err());
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut rng = test_rng(1);
        insta::assert_debug_snapshot!(ExportKey::new([1; 64]), @"ExportKey(..)");
        insta::assert_debug_snapshot!(RelaySetup::generate(&mut rng), @"RelaySetup(..)");
        insta::assert_debug_snapshot!(Registration::start(&mut rng, b"p").unwrap().0, @"Registration(..)");
        insta::assert_debug_snapshot!(Login::start(&mut rng, b"p").unwrap().0, @"Login(..)");
    }
}
