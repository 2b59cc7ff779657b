//! `sotto-relay console`: order after order over the control socket, on a terminal with an editor
//! for the line, a history and completion; from a pipe, one order a line.
//!
//! It is a face of the control socket and can do nothing that `ctl` cannot.

mod editor;

use std::{
    io::{self, BufRead, IsTerminal},
    path::Path,
};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use rustix::{fs::Mode, process::umask};
use sotto_relay::{
    config::{Config, Flags, PlaceFlags},
    control::{self, Command},
};
use tokio::runtime::Runtime;

use self::editor::LineEditor;
use super::{
    Failure,
    orders::{self, Order},
    runtime, sentence,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: PlaceFlags,
}

/// A line of the console.
#[derive(Debug, Parser)]
#[command(
    multicall = true,
    about = "The relay's console: `help COMMAND` says more of one",
    subcommand_required = true
)]
struct Line {
    #[command(subcommand)]
    said: Said,
}

#[derive(Debug, Subcommand)]
enum Said {
    #[command(flatten)]
    Order(Order),
    /// Leave the console; the relay goes on
    #[command(visible_alias = "quit")]
    Exit,
}

/// Whether to go on, and how the line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Done,
    Failed,
    Leave,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&Flags { place: arguments.place.clone(), ..Flags::default() })?;
    // The history is its owner's alone.
    umask(Mode::RWXG | Mode::RWXO);
    let console = Console { runtime: runtime()?, data: &config.data };
    // A relay that is not there is told at once, and not at the first order.
    console.runtime.block_on(control::ask(&config.data, &Command::Status))?;
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        console.on_terminal()
    } else {
        console.on_pipe()
    }
}

struct Console<'a> {
    runtime: Runtime,
    data: &'a Path,
}

impl Console<'_> {
    fn on_terminal(&self) -> Result<(), Failure> {
        println!("The relay's console; `help` lists the commands, `exit` leaves.");
        let mut editor = LineEditor::open(self.runtime.handle().clone(), self.data)?;
        while let Some(line) = editor.next()? {
            if self.take(&line) == Then::Leave {
                break;
            }
        }
        editor.close();
        Ok(())
    }

    fn on_pipe(&self) -> Result<(), Failure> {
        let mut failed = 0_usize;
        for line in io::stdin().lock().lines() {
            match self.take(&line?) {
                Then::Done => {}
                Then::Failed => failed += 1,
                Then::Leave => break,
            }
        }
        match failed {
            0 => Ok(()),
            failed => Err(Failure::Refused(format!("{failed} of the orders failed"))),
        }
    }

    /// Obeys a line; what goes wrong is said and does not end the console.
    fn take(&self, line: &str) -> Then {
        let Some(words) = shlex::split(line) else {
            eprintln!("a quote has no end");
            return Then::Failed;
        };
        if words.is_empty() {
            return Then::Done;
        }
        match Line::try_parse_from(words) {
            Ok(Line { said: Said::Exit }) => Then::Leave,
            Ok(Line { said: Said::Order(order) }) => {
                match orders::give(&self.runtime, self.data, &order, false) {
                    Ok(()) => Then::Done,
                    Err(failure) => {
                        eprintln!("{}", sentence(&failure));
                        Then::Failed
                    }
                }
            }
            Err(error) => {
                // It fails only where the terminal is gone, which the next line tells too.
                let _ = error.print();
                match error.kind() {
                    ErrorKind::DisplayHelp => Then::Done,
                    _ => Then::Failed,
                }
            }
        }
    }
}

/// What a line can begin with.
fn commands() -> Vec<String> {
    let mut line = Line::command();
    line.build();
    line.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The commands whose first word is a username.
const OF_ACCOUNTS: &[&str] =
    &["account", "promote", "demote", "suspend", "restore", "unsuspend", "delete"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_the_help_and_completes() {
        Line::command().debug_assert();
        let commands = commands();
        for command in [
            "status",
            "stop",
            "start",
            "database",
            "accounts",
            "promote",
            "demote",
            "suspend",
            "restore",
            "delete",
            "invite",
            "invitations",
            "revoke",
            "registration",
            "announce",
            "backup",
            "log",
            "audit",
            "figures",
            "exit",
            "help",
        ] {
            assert!(commands.iter().any(|known| known == command), "{command}");
            let help = Line::try_parse_from(["help", command]);
            assert!(help.is_err_and(|said| said.kind() == ErrorKind::DisplayHelp), "{command}");
        }
    }
}
