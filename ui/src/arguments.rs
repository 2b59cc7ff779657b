//! The command line of the desktop app.

use clap::Parser;
use sotto_client::{profile::ProfileName, proto::link::RelayLink};

/// Sotto's desktop app
///
/// Without a profile it opens the one that was open last, or asks.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "sotto-ui",
    version,
    after_help = "\
Environment:
  SOTTO_HOME     the folder of all profiles' parent [default: `sotto` in the user's data folder]
  SOTTO_RELAY    as --relay
  SLINT_BACKEND  how to draw: winit-femtovg (OpenGL, the default) or winit-software"
)]
pub struct Arguments {
    /// The profile to open
    #[arg(long, value_name = "NAME", env = "SOTTO_PROFILE")]
    pub profile: Option<ProfileName>,
    /// A relay link to begin with, for a new account
    #[arg(long, value_name = "LINK", env = "SOTTO_RELAY")]
    pub relay: Option<RelayLink>,
    /// Start with the window minimised
    #[arg(long, visible_alias = "minimized")]
    pub minimised: bool,
}
