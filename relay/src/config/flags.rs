//! The settings as flags and environment variables.
//!
//! Parsing alone: what a setting means stands with [`super::Config`].

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use serde::Deserialize;
use sotto_proto::login::RegistrationPolicy;

use super::{
    DEFAULT_DATA, DEFAULT_HTTP, DEFAULT_LISTEN, DEFAULT_NAME, LimitsFlags, LogFormat, LogLevel,
    QuotasFlags, TimeoutsFlags,
};

/// The settings that were given as flags or in the environment; a flag wins.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Where the settings and the data are.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// How the relay is reached.
    #[command(flatten)]
    pub address: AddressFlags,
    /// What the relay calls itself
    #[arg(long, env = "SOTTO_RELAY_NAME", value_name = "TEXT", help = help("What the relay calls itself", DEFAULT_NAME))]
    pub name: Option<String>,
    /// Who may register [default: open]
    #[arg(long, env = "SOTTO_RELAY_REGISTRATION", value_enum)]
    pub registration: Option<Registration>,
    /// Whether the first account that registers becomes an admin's [default: true]
    #[arg(long, env = "SOTTO_RELAY_FIRST_ACCOUNT_IS_ADMIN", value_name = "true|false")]
    pub first_account_is_admin: Option<bool>,
    /// Whether members may list the directory; if not, they need to know a name [default: true]
    #[arg(long, env = "SOTTO_RELAY_LISTING", value_name = "true|false")]
    pub listing: Option<bool>,
    /// Whether there is an open room for everybody, the lobby [default: true]
    #[arg(long, env = "SOTTO_RELAY_LOBBY", value_name = "true|false")]
    pub lobby: Option<bool>,
    /// Where /metrics and /healthz are served over HTTP
    #[arg(long, env = "SOTTO_RELAY_HTTP", value_name = "ADDRESS:PORT|off", help = help("Where /metrics and /healthz are served over HTTP", format!("{DEFAULT_HTTP} if it is free")))]
    pub http: Option<Switch>,
    /// Allow an address for metrics that is not loopback [default: false]
    #[arg(long, env = "SOTTO_RELAY_HTTP_ANYWHERE", value_name = "true|false")]
    pub http_anywhere: Option<bool>,
    /// What is logged, to standard error [default: info]
    #[arg(long, env = "SOTTO_RELAY_LOG_LEVEL", value_enum)]
    pub log_level: Option<LogLevel>,
    /// How it is logged [default: text]
    #[arg(long, env = "SOTTO_RELAY_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// How much is kept.
    #[command(flatten)]
    pub quotas: QuotasFlags,
    /// How much and how often.
    #[command(flatten)]
    pub limits: LimitsFlags,
    /// How long the relay waits.
    #[command(flatten)]
    pub timeouts: TimeoutsFlags,
}

/// Where the settings and the data are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceFlags {
    /// The TOML file with settings; variables and flags win over it
    #[arg(long, short, env = "SOTTO_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with everything that the relay keeps
    #[arg(long, env = "SOTTO_RELAY_DATA", value_name = "FOLDER", help = help("The folder with everything that the relay keeps", DEFAULT_DATA))]
    pub data: Option<PathBuf>,
}

/// How the relay is reached.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AddressFlags {
    /// The UDP address to listen on
    #[arg(long, env = "SOTTO_RELAY_LISTEN", value_name = "ADDRESS:PORT", help = help("The UDP address to listen on; port 0 takes a free one", DEFAULT_LISTEN))]
    pub listen: Option<SocketAddr>,
    /// The name or address by which others reach the relay, for its link [default: the address listened on, or localhost]
    #[arg(long, env = "SOTTO_RELAY_PUBLIC_HOST", value_name = "HOST")]
    pub public_host: Option<String>,
    /// The UDP port by which others reach the relay [default: the port listened on]
    #[arg(long, env = "SOTTO_RELAY_PUBLIC_PORT", value_name = "PORT")]
    pub public_port: Option<u16>,
    /// A certificate chain in PEM that clients trust by WebPKI [default: the relay makes its own]
    #[arg(long, env = "SOTTO_RELAY_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, env = "SOTTO_RELAY_CERTIFICATE_KEY", value_name = "FILE")]
    pub certificate_key: Option<PathBuf>,
}

fn help(what: &str, default: impl fmt::Display) -> String {
    format!("{what} [default: {default}]")
}

/// Who may register, as a flag.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Who has an invitation code.
    Invitation,
    /// Nobody.
    Closed,
}

impl From<Registration> for RegistrationPolicy {
    fn from(registration: Registration) -> Self {
        match registration {
            Registration::Open => Self::Open,
            Registration::Invitation => Self::Invitation,
            Registration::Closed => Self::Closed,
        }
    }
}

/// An address, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Switch {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

/// Neither an address nor `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither ADDRESS:PORT, as in 127.0.0.1:9443, nor off")]
pub struct NotASwitch;

impl FromStr for Switch {
    type Err = NotASwitch;

    fn from_str(text: &str) -> Result<Self, NotASwitch> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| NotASwitch)
    }
}

impl TryFrom<String> for Switch {
    type Error = NotASwitch;

    fn try_from(text: String) -> Result<Self, NotASwitch> {
        text.parse()
    }
}
