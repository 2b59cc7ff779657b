//! `sotto admin`: what an admin of the relay does.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use sotto_client::{
    Engine,
    proto::{
        RoomId, Username,
        admin::{
            self, AccountsPage, Announce, Answer, AskAll, AskFigures, AskRegistration, AuditPage,
            Code, Command, InvitationsPage, Invite, Named, Note, Room, RoomsPage, SetRegistration,
            Withdraw,
        },
        announcement::AnnouncementText,
        limits::ADMIN_PAGE_MAX,
        login::RegistrationPolicy,
    },
};

use crate::{app::App, error::CliError, escape, local_time::LocalTime};

/// Administer the relay, if you are one of its admins
///
/// Nobody can reset a password or a key: the relay has none. Everything that you change here stands
/// in the relay's audit log, and so does everything that it refuses.
///
/// JSON: lists give an object a line (accounts, invitations, rooms, announcements, audit lines); what only
/// says that it is done gives {"done": COMMAND}.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto admin accounts
  sotto admin invite --uses 5 --note 'for the choir'
  sotto admin registration closed
  sotto admin announce 'The relay moves house on Sunday.'")]
pub(crate) struct Admin {
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand, Debug)]
enum Order {
    /// List the accounts
    Accounts {
        /// Only names that begin so
        #[arg(default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Show one account with its devices and login history
    Account {
        /// Whose
        username: Username,
    },
    /// Keep an account from logging in, and close its connections
    Suspend {
        /// Whose
        username: Username,
    },
    /// Let a suspended account log in again
    Restore {
        /// Whose
        username: Username,
    },
    /// Delete an account with all that is its, for good; nobody can take its name
    Delete {
        /// Whose
        username: Username,
        /// Really
        #[arg(long)]
        yes: bool,
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
    /// Make an invitation code
    Invite {
        /// For how many registrations it is good
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// What for, to remember it by
        #[arg(long, value_name = "TEXT")]
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
        /// Who from now on; `configured` for what the relay's configuration says
        policy: Option<Policy>,
    },
    /// List the rooms, or delete one
    ///
    /// Of a room by invitation the relay knows neither the name nor what is said.
    Rooms {
        /// Delete this one with all that is in it
        #[arg(long, value_name = "ROOM")]
        delete: Option<RoomId>,
    },
    /// Tell everybody on the relay something
    Announce {
        /// What
        text: AnnouncementText,
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
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        /// Only what stands before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    Open,
    Invitation,
    Closed,
    Configured,
}

/// That something is done, as JSON.
#[derive(Serialize)]
struct Done {
    done: &'static str,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Admin) -> Result<(), CliError> {
    let mut command = command(&args.order)?;
    app.connect(engine).await?;
    loop {
        let kind = command.kind();
        let answer = engine.administer(command.clone()).await?;
        show(app, kind, &answer)?;
        match command.next_page(&answer) {
            Some(next) => command = next,
            None => return Ok(()),
        }
    }
}

fn command(order: &Order) -> Result<Command, CliError> {
    let named = |username: &Username| Named { username: username.clone() };
    Ok(match order {
        Order::Accounts { prefix } => Command::Accounts(AccountsPage {
            prefix: prefix.clone(),
            after: None,
            limit: ADMIN_PAGE_MAX,
        }),
        Order::Account { username } => Command::Account(named(username)),
        Order::Suspend { username } => Command::Suspend(named(username)),
        Order::Restore { username } => Command::Restore(named(username)),
        Order::Delete { username, yes: true } => Command::Delete(named(username)),
        Order::Delete { username, yes: false } => {
            return Err(CliError::Usage(format!(
                "this deletes {username} with everything that the relay holds of it; add --yes"
            )));
        }
        Order::Promote { username } => Command::Promote(named(username)),
        Order::Demote { username } => Command::Demote(named(username)),
        Order::Invite { uses, note } => Command::Invite(Invite { uses: *uses, note: note.clone() }),
        Order::Invitations => Command::Invitations(InvitationsPage::default()),
        Order::Revoke { code } => Command::Revoke(Code { code: code.clone() }),
        Order::Registration { policy: None } => Command::Registration(AskRegistration {}),
        Order::Registration { policy: Some(policy) } => Command::SetRegistration(SetRegistration {
            policy: match policy {
                Policy::Open => Some(RegistrationPolicy::Open),
                Policy::Invitation => Some(RegistrationPolicy::Invitation),
                Policy::Closed => Some(RegistrationPolicy::Closed),
                Policy::Configured => None,
            },
        }),
        Order::Rooms { delete: None } => {
            Command::Rooms(RoomsPage { after: None, limit: ADMIN_PAGE_MAX })
        }
        Order::Rooms { delete: Some(room) } => Command::DeleteRoom(Room { room: *room }),
        Order::Announce { text } => Command::Announce(Announce { text: text.clone() }),
        Order::Announcements { withdraw: None } => Command::Announcements(AskAll {}),
        Order::Announcements { withdraw: Some(number) } => {
            Command::Withdraw(Withdraw { number: *number })
        }
        Order::Figures => Command::Figures(AskFigures {}),
        Order::Audit { limit, before } => {
            Command::Audit(AuditPage { before: *before, limit: *limit })
        }
    })
}

fn show(app: &App, kind: &'static str, answer: &Answer) -> Result<(), CliError> {
    if !app.out.is_json() {
        let time = LocalTime::now();
        let lines = admin::lines(answer, &|at| time.full(at));
        if lines.is_empty() && matches!(answer, Answer::Done(_)) {
            return Ok(app.out.line("Done.")?);
        }
        return Ok(lines.iter().try_for_each(|line| app.out.line(plain(line)))?);
    }
    let all = |objects: &mut dyn Iterator<Item = std::io::Result<()>>| objects.collect();
    let out = app.out;
    Ok(match answer {
        Answer::Done(_) => out.object(&Done { done: kind }),
        Answer::Accounts(page) => all(&mut page.accounts.iter().map(|one| out.object(one))),
        Answer::Account(one) => out.object(one),
        Answer::Invitation(one) => out.object(one),
        Answer::Invitations(page) => all(&mut page.invitations.iter().map(|one| out.object(one))),
        Answer::Registration(state) => out.object(state),
        Answer::Rooms(page) => all(&mut page.rooms.iter().map(|one| out.object(one))),
        Answer::Announced(posted) => out.object(posted),
        Answer::Announcements(page) => all(&mut page.iter().map(|one| out.object(one))),
        Answer::Figures(now) => out.object(now),
        Answer::Audit(page) => all(&mut page.lines.iter().map(|one| out.object(one))),
    }?)
}

/// A line with its columns apart and nothing that could disturb the terminal.
fn plain(line: &str) -> String {
    let columns: Vec<String> = line.split(['\t', '\n']).map(escape::one_line).collect();
    columns.join("  ")
}
