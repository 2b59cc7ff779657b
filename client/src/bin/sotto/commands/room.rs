//! `sotto room`: group conversations.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use sotto_client::{
    Engine, EngineError, NewRoom, Page,
    model::{Room as Known, RoomKind, RoomMember, RoomState},
    proto::{RoomId, content::RoomProfile, room::ListedRoom},
};

use crate::{
    app::{App, Reach},
    error::CliError,
    escape, input, message_ref,
    out::{BOLD, DIM, YELLOW, styled},
    people,
    show::{self, Transcript},
    waiting,
};

/// How long what stands in the rooms may take to arrive.
const SYNC_TIMEOUT: Duration = Duration::from_mins(1);
/// How many messages are shown where nobody says how many.
const SHOWN: usize = 20;

/// Group conversations: rooms by invitation, and open ones that anyone on the relay may join
///
/// A room is named by its name, or by the beginning of its id where two are called the same.
///
/// JSON: rooms as in `sotto inbox` (id, kind, name, topic, state, is_admin, members, invited_by), people
/// with account, username, display_name, is_admin; messages as in `sotto read`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto room create Lighthouse bob carol
  sotto room say Lighthouse 'The light is on'
  sotto room read Lighthouse
  sotto room open                      # those that anyone may join
  sotto room join Lobby
  sotto room add Lighthouse dave
  sotto room promote Lighthouse bob
  sotto room leave Lighthouse")]
pub(crate) struct Room {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// List the rooms that you are or were in, or are invited to
    List,
    /// List the rooms of the relay that anyone may join
    Open,
    /// Make a room
    Create {
        /// What it is called
        name: String,
        /// The contacts to add
        people: Vec<String>,
        /// What it is about
        #[arg(long, default_value = "")]
        topic: String,
        /// Anyone on the relay may find and join it; its name and topic are public
        #[arg(long)]
        open: bool,
    },
    /// Join an open room
    Join {
        /// The room
        room: String,
    },
    /// Follow an invitation
    Accept {
        /// The room
        room: String,
    },
    /// Decline an invitation; who invited learns nothing
    Decline {
        /// The room
        room: String,
    },
    /// Leave a room; what was said stays here
    Leave {
        /// The room
        room: String,
    },
    /// Take a room that you have left from the list, with all that was said in it
    Forget {
        /// The room
        room: String,
    },
    /// List the people in a room
    Members {
        /// The room
        room: String,
    },
    /// Add contacts to a room; they read nothing earlier
    Add {
        /// The room
        room: String,
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Remove somebody from a room; they read nothing later
    Remove {
        /// The room
        room: String,
        /// Whom
        person: String,
    },
    /// Make somebody an admin of a room
    Promote {
        /// The room
        room: String,
        /// Whom
        person: String,
    },
    /// Take that back
    Demote {
        /// The room
        room: String,
        /// From whom
        person: String,
    },
    /// Give a room another name, and another topic
    Rename {
        /// The room
        room: String,
        /// What it is called from now on
        name: String,
        /// What it is about; left out, it stays
        #[arg(long)]
        topic: Option<String>,
    },
    /// Say something in a room
    Say {
        /// The room
        room: String,
        /// The text; a single - reads all of standard input as one message
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Show what was said in a room, and mark it as read
    Read {
        /// The room
        room: String,
        /// How many messages at most
        #[arg(long, short = 'n', default_value_t = SHOWN)]
        limit: usize,
        /// Show the ids of messages
        #[arg(long)]
        ids: bool,
    },
}

/// A line about somebody in a room.
#[derive(Serialize)]
struct Person<'a> {
    room: String,
    #[serde(flatten)]
    member: &'a RoomMember,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Room) -> Result<(), CliError> {
    match &args.act {
        Act::List => list(app, engine).await,
        Act::Open => open(app, engine).await,
        Act::Create { name, people, topic, open } => {
            create(app, engine, name, people, topic, *open).await
        }
        Act::Join { room } => join(app, engine, room).await,
        Act::Members { room } => members(app, engine, room).await,
        Act::Say { room, text } => say(app, engine, room, text).await,
        Act::Read { room, limit, ids } => read(app, engine, room, *limit, *ids).await,
        Act::Accept { room } => {
            let room = named(app, engine, room).await?;
            report(app, &engine.accept_room(room.id).await?)
        }
        Act::Decline { room } => {
            let room = named(app, engine, room).await?;
            if room.state != RoomState::Invited {
                let unasked = "there is no invitation to this room; `sotto room forget` takes it from the list";
                return Err(CliError::Usage(unasked.to_owned()));
            }
            engine.forget_room(room.id).await?;
            app.out.note("The invitation is declined.");
            Ok(())
        }
        Act::Forget { room } => {
            let room = known(engine, room).await?;
            engine.forget_room(room.id).await?;
            app.out.note("The room is gone from this computer.");
            Ok(())
        }
        Act::Leave { room } => {
            let room = named(app, engine, room).await?;
            engine.leave_room(room.id).await?;
            report(app, &engine.room(room.id).await?)
        }
        Act::Add { room, people } => {
            let room = named(app, engine, room).await?;
            let mut accounts = Vec::new();
            for person in people {
                accounts.push(people::find_or_add(app, engine, person).await?.account);
            }
            let room = engine.add_to_room(room.id, &accounts).await?;
            // Those who were added are told.
            waiting::briefly(app, engine, Reach::Online).await;
            report(app, &room)
        }
        Act::Remove { room, person } => {
            let (room, person) = member(app, engine, room, person).await?;
            report(app, &engine.remove_from_room(room, person.account).await?)
        }
        Act::Promote { room, person } => {
            let (room, person) = member(app, engine, room, person).await?;
            report(app, &engine.set_room_admin(room, person.account, true).await?)
        }
        Act::Demote { room, person } => {
            let (room, person) = member(app, engine, room, person).await?;
            report(app, &engine.set_room_admin(room, person.account, false).await?)
        }
        Act::Rename { room, name, topic } => {
            let known = named(app, engine, room).await?;
            let name = display_name(name)?;
            let picture = engine.room_picture(known.id).await?.map(Into::into);
            let topic = topic.clone().unwrap_or(known.topic);
            let profile = RoomProfile { name, topic, picture };
            let room = engine.set_room_profile(known.id, profile).await?;
            waiting::briefly(app, engine, Reach::Online).await;
            report(app, &room)
        }
    }
}

async fn list(app: &App, engine: &Engine) -> Result<(), CliError> {
    fetch(app, engine).await?;
    let rooms = engine.rooms().await?;
    if rooms.is_empty() {
        app.out.note("You are in no room; `sotto room open` lists those that anyone may join.");
    }
    for room in &rooms {
        app.out.result(room, || line(room))?;
    }
    Ok(())
}

async fn open(app: &App, engine: &Engine) -> Result<(), CliError> {
    app.connect(engine).await?;
    for room in open_rooms(engine).await? {
        app.out.result(&room, || {
            let name = styled(BOLD, escape::one_line(room.name.as_str()));
            let about = format!("  {} in it  {}", room.members, escape::one_line(&room.topic));
            format!("{name}{}", styled(DIM, about.trim_end()))
        })?;
    }
    Ok(())
}

async fn open_rooms(engine: &Engine) -> Result<Vec<ListedRoom>, CliError> {
    let mut all: Vec<ListedRoom> = Vec::new();
    loop {
        let page = engine.open_rooms(all.last().map(|room| room.room)).await?;
        let more = page.more && !page.rooms.is_empty();
        all.extend(page.rooms);
        if !more {
            return Ok(all);
        }
    }
}

async fn create(
    app: &App,
    engine: &Engine,
    name: &str,
    people: &[String],
    topic: &str,
    open: bool,
) -> Result<(), CliError> {
    let name = display_name(name)?;
    app.connect(engine).await?;
    let mut accounts = Vec::new();
    for person in people {
        accounts.push(people::find_or_add(app, engine, person).await?.account);
    }
    let kind = if open { RoomKind::Open } else { RoomKind::Invite };
    let profile = RoomProfile { name, topic: topic.to_owned(), picture: None };
    let room = engine.create_room(NewRoom { kind, profile, people: accounts }).await?;
    waiting::briefly(app, engine, Reach::Online).await;
    report(app, &room)
}

async fn join(app: &App, engine: &Engine, name: &str) -> Result<(), CliError> {
    app.connect(engine).await?;
    let fits = |room: &&ListedRoom| is_called(name, room.room, room.name.as_str());
    let rooms = open_rooms(engine).await?;
    let room = one(name, rooms.iter().filter(fits).map(|room| room.room))?;
    report(app, &engine.join_room(room).await?)
}

async fn members(app: &App, engine: &Engine, room: &str) -> Result<(), CliError> {
    let room = named(app, engine, room).await?;
    for member in &engine.room_members(room.id).await? {
        let shown = Person { room: room.id.to_string(), member };
        app.out.result(&shown, || {
            let username = member.username.as_ref().map_or("", |name| name.as_str());
            let mut line = format!(
                "{}  {}",
                styled(BOLD, format_args!("{username:<20}")),
                escape::one_line(&member.name())
            );
            if member.is_admin {
                line.push_str(&styled(DIM, "  (admin)"));
            }
            line
        })?;
    }
    Ok(())
}

async fn say(app: &App, engine: &Engine, room: &str, text: &[String]) -> Result<(), CliError> {
    let text = input::text(text).await?;
    let reach = fetch(app, engine).await?;
    let room = known(engine, room).await?;
    let sent = engine.send_text(room.id, &text, None).await?;
    waiting::briefly(app, engine, reach).await;
    let message = engine.message(room.id, sent.id).await?;
    let id = message_ref::shown(message.id);
    let state = message.state.as_ref().map(show::state).unwrap_or_default();
    let name = escape::one_line(room.name.as_str());
    app.out.result(&message, || format!("To {name} (#{id}): {state}."))?;
    Ok(())
}

async fn read(
    app: &App,
    engine: &Engine,
    room: &str,
    limit: usize,
    ids: bool,
) -> Result<(), CliError> {
    let reach = fetch(app, engine).await?;
    let room = known(engine, room).await?;
    let messages = engine.history(room.id, Page::Latest, limit).await?;
    let mut transcript = Transcript::of_room(engine, room.id, ids);
    for message in &messages {
        let text = transcript.message(message).await;
        app.out.result(message, || text)?;
    }
    if let Some(last) = messages.last()
        && engine.mark_read(room.id, Some(last.id)).await? > 0
    {
        waiting::briefly(app, engine, reach).await;
    }
    Ok(())
}

/// Fetches what waits in the mailbox and in the rooms, if the relay is there.
async fn fetch(app: &App, engine: &Engine) -> Result<Reach, CliError> {
    let reach = app.fetch(engine).await?;
    if reach == Reach::Online && engine.sync_rooms(SYNC_TIMEOUT).await.is_err() {
        app.out.note("the connection was lost; there may be more messages");
        return Ok(Reach::Offline);
    }
    Ok(reach)
}

/// The room that is meant, with a connection.
async fn named(app: &App, engine: &Engine, name: &str) -> Result<Known, CliError> {
    app.connect(engine).await?;
    if let Ok(room) = known(engine, name).await {
        engine.sync_rooms(SYNC_TIMEOUT).await?;
        return Ok(engine.room(room.id).await?);
    }
    // An invitation may wait in the mailbox.
    fetch(app, engine).await?;
    known(engine, name).await
}

/// The room that is meant: of several those that one is in go before those that are over.
pub(super) async fn known(engine: &Engine, name: &str) -> Result<Known, CliError> {
    let rooms = engine.rooms().await?;
    let fits = |room: &&Known| is_called(name, room.id, room.name.as_str());
    let is_open = |room: &&Known| matches!(room.state, RoomState::Joined | RoomState::Invited);
    let found = match one(name, rooms.iter().filter(fits).filter(is_open).map(|room| room.id)) {
        Err(CliError::Engine(EngineError::NoSuchRoom)) => {
            one(name, rooms.iter().filter(fits).map(|room| room.id))?
        }
        found => found?,
    };
    Ok(engine.room(found).await?)
}

async fn member(
    app: &App,
    engine: &Engine,
    room: &str,
    person: &str,
) -> Result<(RoomId, RoomMember), CliError> {
    let room = named(app, engine, room).await?.id;
    let person = person.trim().trim_start_matches('@');
    let members = engine.room_members(room).await?.into_iter();
    let mut fits = members.filter(|member| {
        member.username.as_ref().is_some_and(|name| name.as_str() == person)
            || member.alias.as_deref() == Some(person)
    });
    let found = fits.next().ok_or_else(|| CliError::NoSuchContact(person.to_owned()))?;
    Ok((room, found))
}

fn is_called(typed: &str, id: RoomId, name: &str) -> bool {
    name.to_lowercase() == typed.trim().to_lowercase()
        || (typed.len() >= 4 && id.to_string().starts_with(&typed.to_lowercase()))
}

fn one(typed: &str, mut found: impl Iterator<Item = RoomId>) -> Result<RoomId, CliError> {
    match (found.next(), found.next()) {
        (Some(room), None) => Ok(room),
        (None, _) => Err(EngineError::NoSuchRoom.into()),
        (Some(_), Some(_)) => Err(CliError::Usage(format!(
            "several rooms are called {typed:?}; `sotto room list --json` shows their ids"
        ))),
    }
}

fn display_name(name: &str) -> Result<sotto_client::proto::DisplayName, CliError> {
    name.parse().map_err(|error| CliError::Usage(format!("{error}")))
}

fn report(app: &App, room: &Known) -> Result<(), CliError> {
    Ok(app.out.result(room, || line(room))?)
}

/// A room on a line.
fn line(room: &Known) -> String {
    let mut line = styled(BOLD, escape::one_line(room.name.as_str()));
    let kind = if room.kind == RoomKind::Open { "an open room" } else { "a room" };
    line.push_str(&styled(DIM, format_args!("  ({kind} of {})", room.members)));
    let state = match room.state {
        RoomState::Joined if room.is_admin => return line + &styled(DIM, "  you are an admin"),
        RoomState::Joined => return line,
        RoomState::Invited => "  you are invited: `sotto room accept`",
        RoomState::Left => "  you left",
        RoomState::Removed => "  you were removed",
        RoomState::Gone => "  it is gone",
    };
    line + &styled(YELLOW, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_meant_by_its_name_or_the_beginning_of_its_id() {
        let id = RoomId([0xab; 16]);
        assert!(is_called("lighthouse", id, "Lighthouse"));
        assert!(is_called("abab", id, "Lighthouse"));
        assert!(!is_called("ab", id, "Lighthouse"), "too short to be meant");
        assert!(!is_called("light", id, "Lighthouse"));
        assert!(one("x", [id].into_iter()).is_ok());
        assert!(one("x", [id, id].into_iter()).is_err());
        assert!(one("x", [].into_iter()).is_err());
    }
}
