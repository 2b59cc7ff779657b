//! `sotto listen`: what happens, as it happens; the way in and out for bots.

mod order;

use std::{collections::HashMap, time::Duration};

use clap::Args;
use serde::Serialize;
use sotto_client::{
    ConnectError, ConnectionState, Engine, Event,
    model::{Contact, ConversationId, Correspondent, Message},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::broadcast::error::RecvError,
    time::Instant,
};

pub(crate) use self::order::OrderError;
use self::order::{Addressee, Order};
use super::room;
use crate::{
    app::App,
    error::CliError,
    input::{self, Lines},
    people,
    show::{self, Transcript},
    waiting,
};

/// As good as never.
const FOREVER: Duration = Duration::from_hours(100 * 365 * 24);

/// Stay connected and print what happens; with --json one object a line, for bots
///
/// It ends at Ctrl-C, or when --for or --count say so. Messages stay unread, unless you say --read.
///
/// Only one process has a profile open: a bot answers through --orders, with one object a line on
/// standard input: {"to": "bob", "text": "Hello"} for a person, {"room": "Lighthouse", "text": "Hello"}
/// for a room that you are in, by its name or the beginning of its id. A line that is no order is an
/// error on standard error, and the listening goes on.
///
/// JSON: an event a line, told apart by `type`: connection, caught_up, message, message_changed,
/// messages_gone, read, contact, request, identity_changed, room, typing, presence, announcement, role,
/// transfer; and missed when this program was too slow and should read the history. Where something
/// happened in a room, `room` (true) stands beside `conversation`, and a message has its `sender`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto listen
  sotto listen --json | jq -c 'select(.type == \"message\") | .message.body'
  coproc sotto listen --json --orders --read")]
pub(crate) struct Listen {
    /// End after so many messages have arrived
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Mark what arrives as read
    #[arg(long)]
    read: bool,
    /// Send what standard input says, one JSON object a line: {"to": USER, "text": TEXT} or {"room":
    /// ROOM, "text": TEXT}
    #[arg(long)]
    orders: bool,
}

/// Events were lost because they were not taken in time.
#[derive(Serialize)]
struct Missed {
    r#type: &'static str,
    events: u64,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Listen) -> Result<(), CliError> {
    let mut events = engine.subscribe();
    match engine.connect().await {
        Ok(()) => {}
        Err(ConnectError::Waiting { reason }) => app.out.note(format!("{reason}; trying again")),
        Err(error) => return Err(error.into()),
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Start)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Start)?;
    let end = Instant::now() + args.seconds.map_or(FOREVER, Duration::from_secs);
    let mut orders = if args.orders { Some(input::lines()) } else { None };
    let mut listener = Listener { app, engine, args, transcripts: HashMap::new(), arrived: 0 };
    while args.count.is_none_or(|count| listener.arrived < count) {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => listener.take(event).await?,
                Err(RecvError::Lagged(events)) => listener.missed(events)?,
                Err(RecvError::Closed) => break,
            },
            line = next(&mut orders) => match line {
                Some(line) => listener.obey(&line?).await,
                None => orders = None,
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = tokio::time::sleep_until(end) => break,
        }
    }
    if args.orders || args.read {
        waiting::briefly(app, engine, crate::app::Reach::Online).await;
    }
    Ok(())
}

/// The next line; never, where there are none.
async fn next(lines: &mut Option<Lines>) -> Option<Result<String, CliError>> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

struct Listener<'a> {
    app: &'a App,
    engine: &'a Engine,
    args: &'a Listen,
    transcripts: HashMap<ConversationId, Transcript<'a>>,
    arrived: usize,
}

impl Listener<'_> {
    async fn take(&mut self, event: Event) -> Result<(), CliError> {
        if self.app.out.is_json() {
            self.app.out.object(&event)?;
        } else {
            self.show(&event).await?;
        }
        if let Event::Message { message } = &event
            && !message.read
        {
            self.arrived += 1;
            if self.args.read {
                self.engine.mark_read(message.conversation, Some(message.id)).await?;
            }
        }
        match event {
            Event::Connection { state: ConnectionState::Stopped { reason } } => {
                Err(CliError::Stopped(reason))
            }
            _ => Ok(()),
        }
    }

    async fn show(&mut self, event: &Event) -> Result<(), CliError> {
        let note = match event {
            Event::Message { message } => return self.message(message).await,
            Event::Request { contact } => {
                format!(
                    "{} asks to be in contact: `sotto accept {}`",
                    name(contact),
                    contact.username
                )
            }
            Event::IdentityChanged { contact } => format!(
                "The identity key of {} changed: `sotto verify {}`",
                name(contact),
                contact.username
            ),
            Event::Connection { state: ConnectionState::Waiting { reason, .. } } => {
                format!("offline: {reason}; trying again")
            }
            Event::Connection { state: ConnectionState::Online } => "online".to_owned(),
            Event::Announcement { text, .. } => show::announcement(text),
            Event::Role { admin: true } => {
                "You are an admin of this relay: `sotto admin --help`".to_owned()
            }
            Event::Role { admin: false } => "You are no admin of this relay any more.".to_owned(),
            _ => return Ok(()),
        };
        self.app.out.note(note);
        Ok(())
    }

    async fn message(&mut self, message: &Message) -> Result<(), CliError> {
        let id = message.conversation;
        if !self.transcripts.contains_key(&id) {
            let transcript = match self.engine.conversation(id).await?.with {
                Correspondent::Contact(contact) => Transcript::new(self.engine, &contact, false),
                Correspondent::Room(room) => Transcript::of_room(self.engine, room.id, false),
            };
            self.transcripts.insert(id, transcript);
        }
        if let Some(transcript) = self.transcripts.get_mut(&id) {
            self.app.out.line(transcript.message(message).await)?;
        }
        Ok(())
    }

    fn missed(&self, events: u64) -> Result<(), CliError> {
        if self.app.out.is_json() {
            self.app.out.object(&Missed { r#type: "missed", events })?;
        } else {
            self.app
                .out
                .note(format!("{events} events were missed; `sotto inbox` shows what is unread"));
        }
        Ok(())
    }

    /// A bad order is told, and does not end the listening.
    async fn obey(&self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if let Err(error) = self.send(line).await {
            self.app.out.error(&error);
        }
    }

    async fn send(&self, line: &str) -> Result<(), CliError> {
        let Order { to, text } = line.parse()?;
        let to: ConversationId = match to {
            Addressee::Person(name) => {
                people::find_or_add(self.app, self.engine, &name).await?.account.into()
            }
            Addressee::Room(name) => room::known(self.engine, &name).await?.id.into(),
        };
        self.engine.send_text(to, &text, None).await?;
        Ok(())
    }
}

fn name(contact: &Contact) -> String {
    people::full_name(contact)
}
