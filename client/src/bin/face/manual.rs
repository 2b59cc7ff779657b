//! `completions` and `man`: what shells and `man` want to know of the command line.

use std::{fs, io, path::Path};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Arguments, failure::Failure, output::Output};

pub(crate) fn completions(shell: Shell, _output: &Output) -> Result<(), Failure> {
    clap_complete::generate(shell, &mut Arguments::command(), "sotto", &mut io::stdout());
    Ok(())
}

pub(crate) fn pages(folder: &Path, output: &Output) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command(), folder)?;
    output.warn(&format!("manual pages written to {}", folder.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
