//! How the relay proves who it is: by the key that its link pins, or by WebPKI.

use std::sync::{Arc, Mutex, PoisonError};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use sotto_proto::{ALPN, link::RelayFingerprint};

use super::TransportError;

/// The TLS side of one attempt to connect.
#[derive(Debug)]
pub(super) struct RelayVerifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    /// Why the relay's certificate was refused, since QUIC passes on an alert alone.
    refused: Mutex<Option<Refused>>,
}

#[derive(Debug)]
enum Trust {
    Pinned(RelayFingerprint),
    WebPki(Arc<WebPkiServerVerifier>),
}

#[derive(Clone, Debug)]
enum Refused {
    WrongKey { expected: RelayFingerprint, found: RelayFingerprint },
    Untrusted(Error),
}

impl RelayVerifier {
    /// Trusts the pinned key alone, or without one what WebPKI vouches for.
    pub(super) fn new(pin: Option<RelayFingerprint>) -> Result<Arc<Self>, TransportError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let trust = match pin {
            Some(pin) => Trust::Pinned(pin),
            None => Trust::WebPki(web_pki(&provider)?),
        };
        Ok(Arc::new(Self { provider, trust, refused: Mutex::new(None) }))
    }

    /// The QUIC side's configuration of this attempt.
    pub(super) fn config(self: &Arc<Self>) -> Result<QuicClientConfig, TransportError> {
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TransportError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        // A resumed session would skip the certificate.
        tls.resumption = rustls::client::Resumption::disabled();
        QuicClientConfig::try_from(tls)
            .map_err(|_| TransportError::Tls(Error::General("no cipher suite for QUIC".into())))
    }

    /// Why the certificate was refused, if it was.
    pub(super) fn refusal(&self) -> Option<TransportError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        refused.map(|refused| match refused {
            Refused::WrongKey { expected, found } => {
                TransportError::WrongRelayKey { expected, found }
            }
            Refused::Untrusted(error) => TransportError::Untrusted(error),
        })
    }

    fn refuse(&self, refused: Refused) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
    }
}

fn web_pki(provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, TransportError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TransportError::Tls(Error::General(error.to_string())))
}

/// SHA-256 of the certificate's subject public key info (RFC 5280 section 4.1.2.7).
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Result<RelayFingerprint, Error> {
    let certificate = webpki::EndEntityCert::try_from(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    Ok(RelayFingerprint(Sha256::digest(certificate.subject_public_key_info().as_ref()).into()))
}

impl ServerCertVerifier for RelayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Pinned(expected) => {
                let found = fingerprint(end_entity)?;
                if found == *expected {
                    return Ok(ServerCertVerified::assertion());
                }
                self.refuse(Refused::WrongKey { expected: *expected, found });
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Trust::WebPki(verifier) => verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .inspect_err(|error| self.refuse(Refused::Untrusted(error.clone()))),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("QUIC has TLS 1.3 alone".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
