//! `sotto completions`: what makes a shell complete the arguments.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{cli::Cli, error::CliError};

/// Print a script that lets your shell complete `sotto`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto completions bash > ~/.local/share/bash-completion/completions/sotto
  sotto completions zsh > ~/.zfunc/_sotto
  sotto completions fish > ~/.config/fish/completions/sotto.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sotto", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}
