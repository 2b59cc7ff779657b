//! What an operator may set: a TOML file, below `SOTTO_RELAY_…` variables, below flags.
//!
//! A [`Config`] has been checked: each number is within its range and what belongs together is
//! together. Every setting has one name: the key in the file, the flag with dashes
//! (`--mailbox-entries`) and the variable in capitals (`SOTTO_RELAY_MAILBOX_ENTRIES`). This
//! module opens no socket and touches no file but the one that it is told to read.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sotto_proto::{DisplayName, link::RelayHost, login::RegistrationPolicy};

mod file;
mod flags;
mod numbers;
#[cfg(test)]
mod tests;

use self::{
    file::{File, Picked, Source},
    flags::Switch,
};
pub use self::{
    flags::{AddressFlags, Flags, PlaceFlags},
    numbers::{Limits, LimitsFlags, Quotas, QuotasFlags, Timeouts, TimeoutsFlags},
};

/// Where the relay listens unless told otherwise: every address, IPv6 and IPv4.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 4433);
/// Where data is kept unless told otherwise.
pub const DEFAULT_DATA: &str = "/var/lib/sotto-relay";
/// What the relay calls itself unless told otherwise.
pub const DEFAULT_NAME: &str = "Sotto relay";
/// Where metrics and health are served unless told otherwise.
pub const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443);

/// The settings of a relay, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The UDP address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with everything that the relay keeps.
    pub data: PathBuf,
    /// The name or address by which others reach the relay, for its link.
    pub public_host: Option<String>,
    /// The UDP port by which others reach the relay, where it is not the one listened on.
    pub public_port: Option<u16>,
    /// What the relay calls itself.
    pub name: String,
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// Whether the first account that registers becomes an admin's.
    pub first_account_is_admin: bool,
    /// Whether the directory may be listed.
    pub listing: bool,
    /// Whether there is a room that everybody may join.
    pub lobby: bool,
    /// A certificate that `WebPKI` vouches for, in place of the relay's own.
    pub certificate: Option<CertificateFiles>,
    /// Where metrics and health are served.
    pub http: Http,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// How much is kept, and for how long.
    pub quotas: Quotas,
    /// How much and how often, for each address and account.
    pub limits: Limits,
    /// How long the relay waits.
    pub timeouts: Timeouts,
}

/// A certificate chain and its private key, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the relay's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where metrics and health are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// Nowhere.
    Off,
    /// At the default address, if it is free: nobody asked for it.
    Default,
    /// There; the relay does not start without it.
    At(SocketAddr),
}

/// The least urgent thing that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happens to the relay as a whole.
    #[default]
    Info,
    /// And what happens to single connections.
    Debug,
    /// And everything else.
    Trace,
}

impl LogLevel {
    /// What the log lets through. Other crates are heard from warnings on, but not OpenMLS, which
    /// reports what a client sent in error as an error of its own.
    pub const fn filter(self) -> &'static str {
        match self {
            Self::Error => "error,openmls=off",
            Self::Warn => "warn,openmls=off",
            Self::Info => "warn,openmls=off,sotto_relay=info",
            Self::Debug => "warn,openmls=off,sotto_relay=debug",
            Self::Trace => "info,openmls=off,sotto_relay=trace",
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// With the time, coloured on a terminal.
    #[default]
    Text,
    /// Without time and colour, for a collector that adds the time itself.
    Journal,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or a key in it is unknown or has no good value.
    #[error("{}:{line}:{column}: {}{problem}", file.display(), prefix(key))]
    InFile {
        /// Which file.
        file: PathBuf,
        /// The line, from one.
        line: usize,
        /// The column in characters, from one.
        column: usize,
        /// The key with its table, as far as it is known.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A flag or a variable has no good value.
    #[error("--{}: {problem}", key.replace('_', "-"))]
    InFlag {
        /// The setting.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn prefix(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("{key}: ") }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            data: PathBuf::from(DEFAULT_DATA),
            public_host: None,
            public_port: None,
            name: DEFAULT_NAME.to_owned(),
            registration: RegistrationPolicy::Open,
            first_account_is_admin: true,
            listing: true,
            lobby: true,
            certificate: None,
            http: Http::Default,
            log_level: LogLevel::default(),
            log_format: LogFormat::default(),
            quotas: Quotas::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Config {
    /// The settings of the flags (and, through `clap`, the environment), of the file that they
    /// name, and the defaults.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        match &flags.place.config {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| ConfigError::Read { file: path.clone(), source })?;
                Self::parse(path, &text, flags)
            }
            None => Self::parse(Path::new(""), "", flags),
        }
    }

    /// The settings of a file's text below those of the flags; `path` is for errors.
    pub fn parse(path: &Path, text: &str, flags: &Flags) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let file = File::parse(source)?;
        let address = &flags.address;
        let public_host = Picked::optional(address.public_host.as_ref(), file.public_host.as_ref());
        let certificate = checked_certificate(
            source,
            Picked::optional(address.certificate.as_ref(), file.certificate.as_ref()),
            Picked::optional(address.certificate_key.as_ref(), file.certificate_key.as_ref()),
            public_host.is_some(),
        )?;
        let public_port = Picked::optional(address.public_port.as_ref(), file.public_port.as_ref());
        let name = Picked::or(flags.name.clone(), file.name, DEFAULT_NAME.to_owned());
        let registration = flags.registration.map(Into::into);
        let data = PathBuf::from(DEFAULT_DATA);
        let anywhere = Picked::or(flags.http_anywhere, file.http_anywhere, false).value;
        let http = Picked::optional(flags.http.as_ref(), file.http.as_ref());
        Ok(Self {
            listen: Picked::or(address.listen, file.listen, DEFAULT_LISTEN).value,
            data: Picked::or(flags.place.data.clone(), file.data, data).value,
            certificate,
            public_host: public_host.map(|host| checked_host(source, host)).transpose()?,
            public_port: public_port.map(|port| checked_port(source, &port)).transpose()?,
            name: checked_name(source, name)?,
            registration: Picked::or(registration, file.registration, RegistrationPolicy::Open)
                .value,
            first_account_is_admin: Picked::or(
                flags.first_account_is_admin,
                file.first_account_is_admin,
                true,
            )
            .value,
            listing: Picked::or(flags.listing, file.listing, true).value,
            lobby: Picked::or(flags.lobby, file.lobby, true).value,
            http: checked_http(source, http, anywhere)?,
            log_level: Picked::or(flags.log_level, file.log_level, LogLevel::default()).value,
            log_format: Picked::or(flags.log_format, file.log_format, LogFormat::default()).value,
            quotas: Quotas::layered(source, file.quotas, &flags.quotas)?,
            limits: Limits::layered(source, file.limits, &flags.limits)?,
            timeouts: Timeouts::layered(source, file.timeouts, &flags.timeouts)?,
        })
    }

    /// Where others reach the relay when it listens at `local`.
    pub fn public_address(&self, local: SocketAddr) -> RelayHost {
        let host = match &self.public_host {
            Some(host) => host.clone(),
            None if local.ip().is_unspecified() => "localhost".to_owned(),
            None => local.ip().to_string(),
        };
        RelayHost { host, port: self.public_port.unwrap_or(local.port()) }
    }
}

fn checked_certificate(
    source: Source<'_>,
    certificate: Option<Picked<PathBuf>>,
    key: Option<Picked<PathBuf>>,
    has_public_host: bool,
) -> Result<Option<CertificateFiles>, ConfigError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) if has_public_host => {
            Ok(Some(CertificateFiles { certificate: certificate.value, key: key.value }))
        }
        (Some(certificate), Some(_)) => Err(source.error(
            &certificate,
            "certificate",
            "needs public_host too: the name that the certificate is for",
        )),
        (Some(certificate), None) => {
            Err(source.error(&certificate, "certificate", "needs certificate_key too"))
        }
        (None, Some(key)) => {
            Err(source.error(&key, "certificate_key", "is of no use without certificate"))
        }
    }
}

fn checked_host(source: Source<'_>, host: Picked<String>) -> Result<String, ConfigError> {
    let authority =
        if host.value.contains(':') { format!("[{}]", host.value) } else { host.value.clone() };
    match RelayHost::from_str(&authority) {
        Ok(parsed) if parsed.host == host.value => Ok(host.value),
        _ => Err(source.error(
            &host,
            "public_host",
            "is not a host name or an address; the port is a setting of its own, public_port",
        )),
    }
}

fn checked_port(source: Source<'_>, port: &Picked<u16>) -> Result<u16, ConfigError> {
    if port.value == 0 {
        return Err(source.error(port, "public_port", "must not be 0"));
    }
    Ok(port.value)
}

fn checked_name(source: Source<'_>, name: Picked<String>) -> Result<String, ConfigError> {
    match DisplayName::from_str(&name.value) {
        Ok(_) => Ok(name.value),
        Err(problem) => Err(source.error(&name, "name", &problem.to_string())),
    }
}

fn checked_http(
    source: Source<'_>,
    http: Option<Picked<Switch>>,
    anywhere: bool,
) -> Result<Http, ConfigError> {
    let Some(http) = http else { return Ok(Http::Default) };
    match http.value {
        Switch::Off => Ok(Http::Off),
        Switch::At(address) if anywhere || address.ip().is_loopback() => Ok(Http::At(address)),
        Switch::At(_) => Err(source.error(
            &http,
            "http",
            "is not a loopback address: metrics have no login; set http_anywhere = true if that is meant",
        )),
    }
}
