//! `sotto-relay config check`: says of a configuration file whether the relay would take it.

use std::path::PathBuf;

use sotto_relay::{
    config::{Config, Flags, PlaceFlags},
    tls::RelayIdentity,
};

use super::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The TOML file
    file: PathBuf,
}

/// The file alone is checked, without variables; with it, a certificate that it names.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let place = PlaceFlags { config: Some(arguments.file.clone()), data: None };
    let config = Config::load(&Flags { place, ..Flags::default() })?;
    if config.certificate.is_some() {
        let identity = RelayIdentity::open(&config)?;
        identity.server_config()?;
    }
    println!("{} is good", arguments.file.display());
    Ok(())
}
