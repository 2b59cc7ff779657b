//! The relay's identity towards the network: its certificate, what clients pin of it, and TLS.
//!
//! The first start makes a self-signed certificate (ECDSA P-256) and keeps it in one file of the
//! data folder; an operator may give one that `WebPKI` vouches for instead. A key is never
//! replaced here: clients refuse a changed one. This module opens no socket.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use sha2::{Digest, Sha256};
use sotto_proto::{
    ALPN,
    link::{RelayFingerprint, RelayHost, RelayLink},
};
use webpki::EndEntityCert;

use crate::config::{CertificateFiles, Config};

/// The file in the data folder that holds the relay's own certificate and private key, in PEM.
pub const IDENTITY_FILE: &str = "identity.pem";

/// Who the relay is: a certificate chain, its private key, and how clients know it.
pub struct RelayIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    fingerprint: RelayFingerprint,
    pinned: bool,
}

/// Why the relay has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is none in the data folder, and none was to be made.
    #[error("{} has no identity of a relay yet: start the relay once", .0.display())]
    None(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The certificate does not parse.
    #[error("the certificate in {} does not parse", file.display())]
    BadCertificate {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: webpki::Error,
    },
    /// The certificate could not be made.
    #[error("the relay's certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("the certificate and its private key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

impl RelayIdentity {
    /// The identity that the configuration names; the relay's own is made if it is not there.
    pub fn open_or_make(config: &Config) -> Result<Self, IdentityError> {
        match Self::open(config) {
            Err(IdentityError::None(_)) => {
                make(&config.data)?;
                Self::open(config)
            }
            result => result,
        }
    }

    /// The identity that the configuration names.
    pub fn open(config: &Config) -> Result<Self, IdentityError> {
        if let Some(CertificateFiles { certificate, key }) = &config.certificate {
            return Self::read(certificate, key, false);
        }
        let file = config.data.join(IDENTITY_FILE);
        match file.try_exists() {
            Ok(true) => Self::read(&file, &file, true),
            Ok(false) => Err(IdentityError::None(config.data.clone())),
            Err(error) => Err(IdentityError::Read { file, source: pem::Error::Io(error) }),
        }
    }

    fn read(certificate: &Path, key: &Path, pinned: bool) -> Result<Self, IdentityError> {
        let unreadable = |file: &Path| {
            let file = file.to_owned();
            |source| IdentityError::Read { file, source }
        };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(unreadable(certificate))?;
        let own =
            chain.first().ok_or_else(|| IdentityError::NoCertificate(certificate.to_owned()))?;
        let fingerprint = fingerprint(own).map_err(|source| IdentityError::BadCertificate {
            file: certificate.to_owned(),
            source,
        })?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
        Ok(Self { chain, key, fingerprint, pinned })
    }

    /// The SHA-256 of the certificate's public key: device logins sign it in any case.
    pub fn fingerprint(&self) -> RelayFingerprint {
        self.fingerprint
    }

    /// The link to this relay at `at`: with its fingerprint, unless `WebPKI` vouches for it.
    pub fn link(&self, at: RelayHost) -> RelayLink {
        RelayLink { at, fingerprint: self.pinned.then_some(self.fingerprint) }
    }

    /// TLS 1.3 with this certificate and the wire's application protocol.
    pub fn server_config(&self) -> Result<ServerConfig, IdentityError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for RelayIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayIdentity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The cryptography of the relay's TLS: aws-lc-rs, the hybrid post-quantum exchange first.
pub fn provider() -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};
    CryptoProvider {
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1],
        ..aws_lc_rs::default_provider()
    }
}

/// SHA-256 of a certificate's subject public key info.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> Result<RelayFingerprint, webpki::Error> {
    let key = EndEntityCert::try_from(certificate)?.subject_public_key_info();
    Ok(RelayFingerprint(Sha256::digest(key.as_ref()).into()))
}

/// Makes a folder that only its owner may enter, with those above it, if it is not there.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes the relay's own certificate in `folder`. It does not expire: clients go by its key.
fn make(folder: &Path) -> Result<(), IdentityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec!["sotto-relay".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "Sotto relay");
    let certificate = params.self_signed(&key)?;
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let file = folder.join(IDENTITY_FILE);
    write_private(folder, &file, pem.as_bytes())
        .map_err(|source| IdentityError::Write { file, source })
}

/// Writes a file that only its owner may read: all of it or, after a crash, nothing.
fn write_private(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    private_folder(folder)?;
    let fresh = file.with_extension("new");
    let mut out =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    out.set_permissions(fs::Permissions::from_mode(0o600))?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&fresh, file)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        Config { data: folder.to_owned(), ..Config::default() }
    }

    #[test]
    fn the_first_start_makes_an_identity_that_later_starts_keep() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("data"));
        assert!(matches!(RelayIdentity::open(&config), Err(IdentityError::None(_))));
        let made = RelayIdentity::open_or_make(&config).unwrap();
        let again = RelayIdentity::open_or_make(&config).unwrap();
        assert_eq!(made.fingerprint(), again.fingerprint());

        let file = fs::metadata(config.data.join(IDENTITY_FILE)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&config.data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&config.data).unwrap().count(), 1, "nothing half-written is left");
    }

    #[test]
    fn the_link_pins_the_key_unless_webpki_vouches_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let own = config(folder.path());
        let identity = RelayIdentity::open_or_make(&own).unwrap();
        let at = RelayHost { host: "relay.example".to_owned(), port: 4433 };
        let link = identity.link(at.clone());
        assert_eq!(link.fingerprint, Some(identity.fingerprint()));

        let file = folder.path().join(IDENTITY_FILE);
        let files = CertificateFiles { certificate: file.clone(), key: file };
        let vouched = Config { certificate: Some(files), ..own };
        let identity = RelayIdentity::open(&vouched).unwrap();
        assert_eq!(identity.link(at).to_string(), "sotto://relay.example:4433/");
    }

    #[test]
    fn tls_is_1_3_with_the_hybrid_exchange_first_and_the_protocol_named() {
        let folder = tempfile::tempdir().unwrap();
        let identity = RelayIdentity::open_or_make(&config(folder.path())).unwrap();
        let server = identity.server_config().unwrap();
        assert_eq!(server.alpn_protocols, [b"sotto/1".to_vec()]);
        let groups: Vec<_> =
            server.crypto_provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups.first(), Some(&rustls::NamedGroup::X25519MLKEM768));
    }

    #[test]
    fn a_file_without_a_certificate_and_one_that_is_cut_off_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let file = folder.path().join(IDENTITY_FILE);
        fs::write(&file, "nothing of the kind").unwrap();
        assert!(matches!(RelayIdentity::open(&config), Err(IdentityError::NoCertificate(_))));
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
        assert!(matches!(RelayIdentity::open(&config), Err(IdentityError::Read { .. })));
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(RelayIdentity::open(&config), Err(IdentityError::BadCertificate { .. })));
    }

    #[test]
    fn debug_prints_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let identity = RelayIdentity::open_or_make(&config(folder.path())).unwrap();
        let shown = format!("{identity:?}");
        assert_eq!(
            shown,
            format!("RelayIdentity {{ fingerprint: {:?}, .. }}", identity.fingerprint())
        );
    }
}
