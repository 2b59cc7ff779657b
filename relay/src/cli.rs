//! The command line: subcommands, exit codes, and failures as a sentence that a person can act on.

use std::{
    error::Error,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use sotto_relay::{
    SpawnError,
    config::ConfigError,
    control::ControlError,
    store::{StoreError, rocks::OpenError},
    tls::IdentityError,
};

mod config_check;
mod console;
mod ctl;
mod link;
mod orders;
mod serve;

const EXIT_CODES: &str = "\
Exit codes:
  0  it is done; `serve` ended in good order
  1  it failed, for the reason that is printed
  2  the flags, the variables or the configuration file are wrong
  3  the relay cannot listen: the port is taken, or the address is not this machine's
  4  the data folder cannot be used: another relay holds it, or it is not writable
  5  the database was written by a newer version
  6  no relay is running on the data folder (`ctl`, `console`)";

/// The relay of Sotto: keeps accounts, a directory of public keys and offline mailboxes.
#[derive(Debug, Parser)]
#[command(name = "sotto-relay", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay; prints its link when it is ready
    #[command(after_help = EXIT_CODES)]
    Serve(Box<serve::Arguments>),
    /// Print the relay's link
    Link(link::Arguments),
    /// Talk to the running relay
    Ctl(ctl::Arguments),
    /// Talk to the running relay, order after order
    Console(console::Arguments),
    /// Look after the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a configuration file without starting the relay
    Check(config_check::Arguments),
}

/// Does what the arguments say.
pub(crate) fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Link(arguments) => link::run(&arguments),
        Command::Ctl(arguments) => ctl::run(&arguments),
        Command::Console(arguments) => console::run(&arguments),
        Command::Config(ConfigCommand::Check(arguments)) => config_check::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sotto-relay: {}", sentence(&failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Why a subcommand failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the data folder {} cannot be written", folder.display())]
    DataFolder {
        folder: std::path::PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot serve metrics and health at {address} (another address is set by --http)")]
    Http {
        address: std::net::SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the program could not be set up")]
    Setup(#[source] io::Error),
    #[error("the output could not be written")]
    Output(#[from] io::Error),
    #[error("the link is too long for a QR code")]
    Qr(#[from] qrcode::types::QrError),
    #[error("{0}")]
    Refused(String),
    #[error("stopped at the second signal, before everything had ended")]
    Impatient,
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Spawn(SpawnError::PortTaken(_) | SpawnError::Listen { .. })
            | Self::Http { .. } => 3,
            Self::Open(OpenError::Locked { .. } | OpenError::NotWritable { .. })
            | Self::Identity(IdentityError::Write { .. })
            | Self::DataFolder { .. } => 4,
            Self::Open(OpenError::Newer { .. }) => 5,
            Self::Control(ControlError::NotRunning(_)) => 6,
            Self::Identity(IdentityError::None(_)) => 1,
            Self::Config(_) | Self::Identity(_) | Self::Spawn(SpawnError::Identity(_)) => 2,
            _ => 1,
        }
    }
}

/// An error with its causes, each said once.
fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Setup)
}

fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}
