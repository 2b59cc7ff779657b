//! `sotto man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::{app::App, cli::Cli, error::CliError, files};

/// Write the manual pages into a folder
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  sotto man ~/.local/share/man/man1 && man sotto-send")]
pub(crate) struct Man {
    /// The folder; it is made if need be
    folder: PathBuf,
}

pub(crate) fn run(app: &App, args: &Man) -> Result<(), CliError> {
    let unwritable = |cause| files::unwritable(&args.folder, cause);
    std::fs::create_dir_all(&args.folder).map_err(unwritable)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(unwritable)?;
    app.out.say(format!("Wrote the pages into {}.", args.folder.display()))?;
    Ok(())
}
