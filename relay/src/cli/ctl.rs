//! `sotto-relay ctl`: one order over the control socket.

use sotto_relay::config::{Config, Flags, PlaceFlags};

use super::{
    Failure,
    orders::{self, Order},
    runtime,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: PlaceFlags,
    /// Print the relay's answers as JSON, one a line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    order: Order,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&Flags { place: arguments.place.clone(), ..Flags::default() })?;
    orders::give(&runtime()?, &config.data, &arguments.order, arguments.json)
}
