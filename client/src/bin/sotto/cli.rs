//! The arguments: what `sotto` can be told, and the help that says so.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sotto_client::profile::ProfileName;

use crate::{commands, secrets::SecretArgs};

macro_rules! begin {
    () => {
        "\
Begin:
  sotto register alice --relay 'sotto://HOST:PORT/#FINGERPRINT'
  sotto add bob
  sotto send bob \"Hello\"
  sotto read bob
  sotto chat bob

The relay prints its link when it starts. `sotto help COMMAND` says more about each command."
    };
}

const MORE: &str = concat!(
    begin!(),
    "

Exit codes:
   0  it worked
   1  it failed, for a reason that stands on stderr
   2  the arguments make no sense, or a password could not be asked for
   3  there is no such profile, or it has no account yet
   4  wrong password or passphrase
   5  the relay was not reached
   6  whoever answered is not the relay of the link: its key is another
   7  the relay refused (username taken, registration closed, quota, too many requests…)
   8  a contact's identity key changed, or the safety number differs
   9  no such contact, user, message or file
  10  another process has the profile open

JSON:
  With --json, each result is one JSON object on a line of stdout. Ids and keys are hex, times are
  milliseconds since 1970 (UTC). Remarks ({\"note\"}) and errors ({\"error\", \"message\", \"exit\"})
  are objects on stderr. `error` is one of failure, usage, no_profile, wrong_password, unreachable,
  wrong_relay_key, refused, identity_changed, not_found, in_use. Characters that could disturb a
  terminal are escaped.

Environment:
  SOTTO_PASSWORD    the password, in place of being asked for it
  SOTTO_PASSPHRASE  the passphrase of the vault, where it is not the password
  SOTTO_PROFILE     as --profile
  SOTTO_HOME        as --home
  SOTTO_RELAY       as --relay
  SOTTO_LOG         what to log on stderr, as in SOTTO_LOG=debug (silent without)
  NO_COLOR          no colours, even on a terminal"
);

/// Sotto, a private messenger that people host themselves
///
/// A relay carries the messages and cannot read them. An account lives in a profile on this
/// computer, encrypted under its password.
#[derive(Parser, Debug)]
#[command(
    name = "sotto",
    version,
    after_help = begin!(),
    after_long_help = MORE,
    arg_required_else_help = true,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every subcommand.
#[derive(Args, Clone, Debug)]
pub(crate) struct GlobalArgs {
    /// Which account on this computer
    #[arg(
        long,
        short,
        env = "SOTTO_PROFILE",
        default_value = "default",
        value_name = "NAME",
        global = true,
        help_heading = "Global options"
    )]
    pub(crate) profile: ProfileName,
    /// The folder that holds the profiles [default: `sotto` in the user's data folder]
    #[arg(
        long,
        env = "SOTTO_HOME",
        value_name = "FOLDER",
        global = true,
        help_heading = "Global options"
    )]
    pub(crate) home: Option<PathBuf>,
    /// Results as one JSON object a line
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Do without the relay: read what is here, queue what is written
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Register(commands::register::Register),
    Login(commands::login::Login),
    Profiles(commands::profiles::Profiles),
    #[command(flatten)]
    OnProfile(ProfileCommand),
    Completions(commands::completions::Completions),
    Man(commands::man::Man),
}

/// What to do with a profile that there is.
#[derive(Subcommand, Debug)]
pub(crate) enum ProfileCommand {
    Whoami(commands::whoami::Whoami),
    Users(commands::users::Users),
    Contacts(commands::contacts::Contacts),
    Add(commands::add::Add),
    Rename(commands::rename::Rename),
    Accept(commands::accept::Accept),
    Decline(commands::decline::Decline),
    Block(commands::block::Block),
    Unblock(commands::unblock::Unblock),
    Remove(commands::remove::Remove),
    Verify(commands::verify::Verify),
    Send(commands::send::Send),
    Edit(commands::edit::Edit),
    Delete(commands::delete::Delete),
    React(commands::react::React),
    Retry(commands::retry::Retry),
    Room(commands::room::Room),
    Inbox(commands::inbox::Inbox),
    Read(commands::read::Read),
    Save(commands::save::Save),
    Search(commands::search::Search),
    Chat(commands::chat::Chat),
    Listen(commands::listen::Listen),
    Timer(commands::timer::Timer),
    Draft(commands::draft::Draft),
    Settings(commands::settings::Settings),
    Export(commands::export::Export),
    Relay(commands::relay::Relay),
    Devices(commands::devices::Devices),
    Logins(commands::logins::Logins),
    Admin(commands::admin::Admin),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_option_takes_a_secret() {
        let mut command = Cli::command();
        command.build();
        for sub in command.get_subcommands() {
            for argument in sub.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    !argument.contains("pass") || argument.ends_with("-fd"),
                    "{} --{argument}",
                    sub.get_name()
                );
            }
        }
    }

    #[test]
    fn every_command_and_argument_has_help() {
        let mut command = Cli::command();
        command.build();
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            assert!(sub.get_about().is_some(), "{}", sub.get_name());
            for argument in sub.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", sub.get_name(), argument.get_id());
            }
        }
    }
}
