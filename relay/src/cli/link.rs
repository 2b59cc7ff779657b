//! `sotto-relay link`: the link that people paste or scan, from the data folder.

use std::io::{self, Write};

use sotto_relay::{
    config::{AddressFlags, Config, Flags, PlaceFlags},
    control::{self, Answer, Command, ControlError},
    tls::RelayIdentity,
};

use super::{Failure, runtime};
use crate::qr;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: PlaceFlags,
    #[command(flatten)]
    address: AddressFlags,
    /// Print a QR code too
    #[arg(long)]
    qr: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&Flags {
        place: arguments.place.clone(),
        address: arguments.address.clone(),
        ..Flags::default()
    })?;
    let link = match running_link(&config)? {
        Some(link) => link,
        None => {
            RelayIdentity::open(&config)?.link(config.public_address(config.listen)).to_string()
        }
    };
    let mut out = io::stdout().lock();
    if arguments.qr {
        writeln!(out, "{}", qr::half_blocks(&link)?)?;
    }
    writeln!(out, "{link}")?;
    Ok(())
}

/// What a relay that runs on the folder says: it knows the port that it really has.
fn running_link(config: &Config) -> Result<Option<String>, Failure> {
    match runtime()?.block_on(control::ask(&config.data, &Command::Status)) {
        Ok(Answer::Status(status)) => Ok(Some(status.link)),
        Ok(_) | Err(ControlError::NotRunning(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
