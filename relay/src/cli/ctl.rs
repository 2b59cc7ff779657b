//! `sotto-relay ctl`: the operator's side of the control socket.

use std::{
    io::{self, IsTerminal, Write},
    path::{self, Path, PathBuf},
};

use clap::{Subcommand, ValueEnum};
use sotto_proto::Username;
use sotto_relay::{
    config::{Config, Flags, PlaceFlags},
    control::{self, AccountLine, Answer, Command, Status},
};

use super::{Failure, runtime};

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

#[derive(Debug, Subcommand)]
enum Order {
    /// How the relay is
    Status,
    /// Admit new connections, or refuse them; those that there are go on
    Accept {
        /// Whether to admit
        switch: OnOff,
    },
    /// List the accounts; a suspended one is listed when its whole name is given
    Accounts {
        /// Only names that start so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Keep an account from logging in, and close its connections
    Suspend {
        /// Whose
        username: Username,
    },
    /// Let a suspended account log in again
    Unsuspend {
        /// Whose
        username: Username,
    },
    /// Delete an account with its devices, mailboxes and blobs, for good
    Delete {
        /// Whose
        username: Username,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make an invitation code
    Invite {
        /// For how many registrations it is good
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
    },
    /// Write a consistent copy of everything into a new folder
    Backup {
        /// The folder, which must not exist; the relay's user must be able to make it
        folder: PathBuf,
    },
    /// What the database holds
    Database,
    /// End the relay in good order
    Shutdown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnOff {
    On,
    Off,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&Flags { place: arguments.place.clone(), ..Flags::default() })?;
    let mut command = command(&arguments.order)?;
    let runtime = runtime()?;
    loop {
        let answer = runtime.block_on(control::ask(&config.data, &command))?;
        show(&answer, arguments.json)?;
        match next_page(&command, &answer) {
            Some(next) => command = next,
            None => return Ok(()),
        }
    }
}

fn command(order: &Order) -> Result<Command, Failure> {
    Ok(match order {
        Order::Status => Command::Status,
        Order::Accept { switch } => Command::Accept { on: matches!(switch, OnOff::On) },
        Order::Accounts { prefix } => Command::Accounts { prefix: prefix.clone(), after: None },
        Order::Suspend { username } => Command::Suspend { username: username.clone() },
        Order::Unsuspend { username } => Command::Unsuspend { username: username.clone() },
        Order::Delete { username, yes } => {
            confirm(username, *yes)?;
            Command::Delete { username: username.clone() }
        }
        Order::Invite { uses } => Command::Invite { uses: *uses },
        Order::Backup { folder } => Command::Backup { folder: absolute(folder)? },
        Order::Database => Command::Database,
        Order::Shutdown => Command::Shutdown,
    })
}

fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    path::absolute(folder).map_err(Failure::Setup)
}

fn confirm(username: &Username, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Refused(format!("to delete {username} for good, add --yes")));
    }
    print!("Delete {username} with everything that the relay holds of it? Type the name again: ");
    io::stdout().flush()?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    if typed.trim() == username.as_str() {
        Ok(())
    } else {
        Err(Failure::Refused("nothing was deleted".to_owned()))
    }
}

fn next_page(command: &Command, answer: &Answer) -> Option<Command> {
    match (command, answer) {
        (Command::Accounts { prefix, .. }, Answer::Accounts { accounts, more: true }) => {
            let after = accounts.last()?.username.clone();
            Some(Command::Accounts { prefix: prefix.clone(), after: Some(after) })
        }
        _ => None,
    }
}

fn show(answer: &Answer, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(answer).map_err(io::Error::other)?)?;
    } else {
        write!(out, "{}", text(answer))?;
    }
    match answer {
        Answer::Failed { message } => Err(Failure::Refused(message.clone())),
        _ => Ok(()),
    }
}

fn text(answer: &Answer) -> String {
    match answer {
        Answer::Status(status) => status_text(status),
        Answer::Accounts { accounts, .. } => {
            accounts.iter().map(account_text).collect::<Vec<_>>().concat()
        }
        Answer::Invitation { code, .. } => format!("{code}\n"),
        Answer::Database { accounts, devices, mailbox_entries, blobs, disk_bytes } => format!(
            "accounts         {accounts}\ndevices          {devices}\n\
             mailbox entries  {mailbox_entries}\nblobs            {blobs}\n\
             bytes on disk    {disk_bytes} (without the blobs)\n"
        ),
        Answer::Done { message } => format!("{message}\n"),
        Answer::Failed { .. } => String::new(),
    }
}

fn account_text(account: &AccountLine) -> String {
    let note = if account.suspended { "\tsuspended" } else { "" };
    format!("{}\t{}{note}\n", account.username, account.display_name.as_str())
}

fn status_text(status: &Status) -> String {
    format!(
        "version      {}\nlink         {}\nlistening    {} (UDP)\naccepting    {}\n\
         running for  {} s\nconnections  {}\ndevices      {}\n",
        status.version,
        status.link,
        status.listening,
        if status.accepting { "yes" } else { "no" },
        status.uptime_seconds,
        status.connections,
        status.devices_online,
    )
}
