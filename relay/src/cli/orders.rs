//! What an operator can say to a running relay, as words: `ctl` takes one order, the console a line
//! of them at a time.

use std::{
    io::{self, IsTerminal, Write},
    path::{self, Path, PathBuf},
};

use clap::{Subcommand, ValueEnum};
use sotto_proto::{
    RoomId, Timestamp, Username,
    admin::{
        self, AccountsPage, Announce, AskAll, AskFigures, AskRegistration, AuditPage, Code,
        InvitationsPage, Invite, Named, Note, Room, RoomsPage, SetRegistration, Withdraw,
    },
    announcement::AnnouncementText,
    limits::ADMIN_PAGE_MAX,
    login::RegistrationPolicy,
};
use sotto_relay::{
    config::LogLevel,
    control::{self, Answer, Command, Status},
};
use tokio::runtime::Runtime;

use super::Failure;

/// An order.
#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// How the relay is
    Status,
    /// Stop the work: clients are told and disconnected, listening goes on
    Stop,
    /// Work again
    Start,
    /// Admit new connections, or refuse them; those that there are go on
    Accept {
        /// Whether to admit
        switch: OnOff,
    },
    /// Which database is open and what it holds; with a folder, and while stopped, another one
    Database {
        /// The database to go on with, made if it is not there; the next start takes it too
        folder: Option<PathBuf>,
    },
    /// List the accounts
    Accounts {
        /// Only names that start so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show one account with its devices and login history
    Account {
        /// Whose
        username: Username,
    },
    /// Make somebody an admin
    Promote {
        /// Whom
        username: Username,
    },
    /// Make an admin a member again; the last one stays
    Demote {
        /// Whom
        username: Username,
    },
    /// Keep an account from logging in, and close its connections
    Suspend {
        /// Whose
        username: Username,
    },
    /// Let a suspended account log in again
    #[command(visible_alias = "unsuspend")]
    Restore {
        /// Whose
        username: Username,
    },
    /// Delete an account with all that is its, for good; nobody can take its name
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
        /// What for, to remember it by
        #[arg(long)]
        note: Option<Note>,
    },
    /// List the invitation codes that have uses left
    Invitations,
    /// Make an invitation code useless
    Revoke {
        /// Which
        code: String,
    },
    /// Show or set who may register
    Registration {
        /// Who from now on; `configured` for what the configuration says
        policy: Option<Policy>,
    },
    /// List the rooms, or delete one
    Rooms {
        /// Delete this one with all that is in it
        #[arg(long, value_name = "ROOM")]
        delete: Option<RoomId>,
    },
    /// Tell everybody something, as a service message
    Announce {
        /// What
        #[arg(required = true, trailing_var_arg = true)]
        text: Vec<String>,
    },
    /// List the announcements, or take one back
    Announcements {
        /// Take this one back
        #[arg(long, value_name = "NUMBER")]
        withdraw: Option<u64>,
    },
    /// Live figures: who is online, rates, mailboxes, disk
    Figures,
    /// Show the audit log, newest first
    Audit {
        /// How many lines at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        /// Only what stands before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Write a consistent copy of everything into a new folder
    Backup {
        /// The folder, which must not exist; the relay's user must be able to make it
        folder: PathBuf,
    },
    /// Log more or less, until the relay ends
    Log {
        /// The least urgent thing that is logged
        level: LogLevel,
    },
    /// End the relay in good order
    Shutdown,
}

/// A switch.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OnOff {
    On,
    Off,
}

/// Who may register, as a word.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Policy {
    Open,
    Invitation,
    Closed,
    Configured,
}

impl From<Policy> for SetRegistration {
    fn from(policy: Policy) -> Self {
        Self {
            policy: match policy {
                Policy::Open => Some(RegistrationPolicy::Open),
                Policy::Invitation => Some(RegistrationPolicy::Invitation),
                Policy::Closed => Some(RegistrationPolicy::Closed),
                Policy::Configured => None,
            },
        }
    }
}

/// Gives an order to the relay on a data folder and shows what it says, page after page.
pub(super) fn give(
    runtime: &Runtime,
    data: &Path,
    order: &Order,
    json: bool,
) -> Result<(), Failure> {
    let mut command = command(order)?;
    loop {
        let answer = runtime.block_on(control::ask(data, &command))?;
        show(&answer, json)?;
        match next_page(&command, &answer) {
            Some(next) => command = next,
            None => return Ok(()),
        }
    }
}

fn command(order: &Order) -> Result<Command, Failure> {
    use admin::Command as Admin;
    let order = match order {
        Order::Status => return Ok(Command::Status),
        Order::Stop => return Ok(Command::Stop),
        Order::Start => return Ok(Command::Start),
        Order::Accept { switch } => {
            return Ok(Command::Accept { on: matches!(switch, OnOff::On) });
        }
        Order::Database { folder } => {
            let folder = folder.as_deref().map(absolute).transpose()?;
            return Ok(Command::Database { folder });
        }
        Order::Backup { folder } => return Ok(Command::Backup { folder: absolute(folder)? }),
        Order::Log { level } => return Ok(Command::Log { level: *level }),
        Order::Shutdown => return Ok(Command::Shutdown),
        Order::Accounts { prefix } => Admin::Accounts(AccountsPage {
            prefix: prefix.clone(),
            after: None,
            limit: ADMIN_PAGE_MAX,
        }),
        Order::Account { username } => Admin::Account(named(username)),
        Order::Promote { username } => Admin::Promote(named(username)),
        Order::Demote { username } => Admin::Demote(named(username)),
        Order::Suspend { username } => Admin::Suspend(named(username)),
        Order::Restore { username } => Admin::Restore(named(username)),
        Order::Delete { username, yes } => {
            confirm(username, *yes)?;
            Admin::Delete(named(username))
        }
        Order::Invite { uses, note } => Admin::Invite(Invite { uses: *uses, note: note.clone() }),
        Order::Invitations => Admin::Invitations(InvitationsPage::default()),
        Order::Revoke { code } => Admin::Revoke(Code { code: code.clone() }),
        Order::Registration { policy: None } => Admin::Registration(AskRegistration {}),
        Order::Registration { policy: Some(policy) } => Admin::SetRegistration((*policy).into()),
        Order::Rooms { delete: None } => {
            Admin::Rooms(RoomsPage { after: None, limit: ADMIN_PAGE_MAX })
        }
        Order::Rooms { delete: Some(room) } => Admin::DeleteRoom(Room { room: *room }),
        Order::Announce { text } => Admin::Announce(Announce { text: announcement(text)? }),
        Order::Announcements { withdraw: None } => Admin::Announcements(AskAll {}),
        Order::Announcements { withdraw: Some(number) } => {
            Admin::Withdraw(Withdraw { number: *number })
        }
        Order::Figures => Admin::Figures(AskFigures {}),
        Order::Audit { limit, before } => {
            Admin::Audit(AuditPage { before: *before, limit: *limit })
        }
    };
    Ok(Command::Admin { order })
}

fn named(username: &Username) -> Named {
    Named { username: username.clone() }
}

fn announcement(words: &[String]) -> Result<AnnouncementText, Failure> {
    words.join(" ").parse().map_err(|error| Failure::Refused(format!("{error}")))
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
    let (Command::Admin { order }, Answer::Admin { said }) = (command, answer) else { return None };
    Some(Command::Admin { order: order.next_page(said)? })
}

fn show(answer: &Answer, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        let line = match answer {
            Answer::Admin { said } => serde_json::to_string(said),
            answer => serde_json::to_string(answer),
        };
        writeln!(out, "{}", line.map_err(io::Error::other)?)?;
    } else {
        for line in text(answer) {
            writeln!(out, "{line}")?;
        }
    }
    match answer {
        Answer::Failed { message } => Err(Failure::Refused(message.clone())),
        _ => Ok(()),
    }
}

fn text(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Status(status) => status_text(status),
        Answer::Admin { said } => admin::lines(said, &time),
        Answer::Database { folder, accounts, devices, mailbox_entries, blobs, disk_bytes } => vec![
            format!("folder           {}", folder.display()),
            format!("accounts         {accounts}"),
            format!("devices          {devices}"),
            format!("mailbox entries  {mailbox_entries}"),
            format!("blobs            {blobs}"),
            format!("bytes on disk    {disk_bytes} (without the blobs)"),
        ],
        Answer::Done { message } => vec![message.clone()],
        Answer::Failed { .. } => Vec::new(),
    }
}

/// A time in UTC: the operator's machine and the people may be anywhere.
fn time(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

fn status_text(status: &Status) -> Vec<String> {
    let word = |yes| if yes { "yes" } else { "no" };
    vec![
        format!("version      {}", status.version),
        format!("link         {}", status.link),
        format!("listening    {} (UDP)", status.listening),
        format!("working      {}", word(!status.stopped)),
        format!("accepting    {}", word(status.accepting)),
        format!("running for  {} s", status.uptime_seconds),
        format!("connections  {}", status.connections),
        format!("devices      {}", status.devices_online),
    ]
}
