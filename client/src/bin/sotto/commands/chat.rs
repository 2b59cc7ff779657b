//! `sotto chat`: a live conversation, line by line.

mod terminal;
mod typed;

use clap::Args;
use serde::Serialize;
use sotto_client::{
    Engine, Event, Page,
    model::{Contact, Correspondent, Message, MessageState},
};
use tokio::sync::broadcast::error::RecvError;

use self::{
    terminal::{Keyboard, Pressed, Screen},
    typed::{COMMANDS, Typed},
};
use super::inbox;
use crate::{
    app::App, error::CliError, escape, local_time::LocalTime, people, show, show::Transcript,
    waiting,
};

/// The messages shown when a conversation is entered, if fewer are unread.
const SHOWN: usize = 20;

/// Talk with a contact, line by line, with what was said before
///
/// Every line is a message; a line that begins with / is a command: /help lists them. On a
/// terminal, lines can be edited and repeated by the arrow keys. Where standard input is no
/// terminal, its lines are sent, and it ends when they do.
///
/// JSON: each message, as in `sotto read`.
#[derive(Args, Debug)]
#[command(after_help = COMMANDS)]
pub(crate) struct Chat {
    /// A contact, or a username or link to add as one
    user: String,
}

/// What goes on.
struct Talk<'a> {
    app: &'a App,
    engine: &'a Engine,
    screen: Screen,
    partner: Contact,
    transcript: Transcript<'a>,
    /// Whom `/back` goes back to.
    before: Vec<Contact>,
    /// Whether the contact was last said to be typing.
    is_typing: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stay,
    Leave,
}

/// A message with the name of its conversation.
#[derive(Serialize)]
struct Line<'a> {
    username: &'a str,
    #[serde(flatten)]
    message: &'a Message,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Chat) -> Result<(), CliError> {
    let reach = app.fetch(engine).await?;
    let partner = people::find_or_add(app, engine, &args.user).await?;
    let (mut keyboard, screen) = terminal::open(app.out)?;
    let transcript = Transcript::new(engine, &partner, false);
    let mut talk =
        Talk { app, engine, screen, partner, transcript, before: Vec::new(), is_typing: false };
    let done = talk.go_on(&mut keyboard).await;
    waiting::briefly(app, engine, reach).await;
    done
}

impl Talk<'_> {
    async fn go_on(&mut self, keyboard: &mut Keyboard) -> Result<(), CliError> {
        let mut events = self.engine.subscribe();
        self.enter().await?;
        loop {
            let then = tokio::select! {
                pressed = keyboard.next() => match pressed {
                    Some(Pressed::Line(line)) => self.take(&line?).await?,
                    Some(Pressed::Key) => self.typing(true).await?,
                    None => Then::Leave,
                },
                event = events.recv() => match event {
                    Ok(event) => self.show(event).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => Then::Leave,
                },
            };
            if then == Then::Leave {
                return Ok(());
            }
        }
    }

    /// Shows the conversation with a contact, and marks it as read.
    async fn enter(&mut self) -> Result<(), CliError> {
        self.screen
            .note(format!("With {}; /help lists the commands.", people::full_name(&self.partner)));
        self.transcript = Transcript::new(self.engine, &self.partner, false);
        let unread = self.engine.conversation(self.partner.account).await?.unread as usize;
        let messages =
            self.engine.history(self.partner.account, Page::Latest, unread.max(SHOWN)).await?;
        for message in &messages {
            self.print(message).await?;
        }
        self.engine.mark_read(self.partner.account, None).await?;
        Ok(())
    }

    /// Shows what is unread, after events were missed.
    async fn catch_up(&mut self) -> Result<Then, CliError> {
        let unread = self.engine.conversation(self.partner.account).await?.unread as usize;
        let messages = self.engine.history(self.partner.account, Page::Latest, unread).await?;
        for message in messages.iter().filter(|message| !message.read) {
            self.print(message).await?;
        }
        self.engine.mark_read(self.partner.account, None).await?;
        Ok(Then::Stay)
    }

    async fn take(&mut self, line: &str) -> Result<Then, CliError> {
        match self.obey(Typed::parse(line)).await {
            // What cannot be done is said, and the talk goes on.
            Err(error) if !error.is_silent() => {
                self.screen.error(&error);
                Ok(Then::Stay)
            }
            then => then,
        }
    }

    async fn obey(&mut self, typed: Typed<'_>) -> Result<Then, CliError> {
        match typed {
            Typed::Nothing => {}
            Typed::Text(text) => {
                self.typing(false).await?;
                self.engine.send_text(self.partner.account, text, None).await?;
            }
            Typed::File(path) => {
                self.engine.send_file(self.partner.account, path, "", None).await?;
            }
            Typed::Help => self.screen.note(COMMANDS),
            Typed::List => self.list().await?,
            Typed::Talk(user) => {
                let next = people::find_or_add(self.app, self.engine, user).await?;
                self.before.push(std::mem::replace(&mut self.partner, next));
                self.enter().await?;
            }
            Typed::Back => match self.before.pop() {
                Some(partner) => {
                    self.partner = partner;
                    self.enter().await?;
                }
                None => return Ok(Then::Leave),
            },
            Typed::Quit => return Ok(Then::Leave),
            Typed::Unknown(command) => {
                return Err(CliError::Usage(format!(
                    "there is no {command}; /help lists the commands, and // begins a text with /"
                )));
            }
        }
        Ok(Then::Stay)
    }

    async fn list(&mut self) -> Result<(), CliError> {
        let time = LocalTime::now();
        for conversation in self.engine.conversations().await? {
            self.screen.note(inbox::line(&conversation, &time));
        }
        Ok(())
    }

    async fn typing(&self, active: bool) -> Result<Then, CliError> {
        self.engine.typing(self.partner.account, active).await?;
        Ok(Then::Stay)
    }

    async fn show(&mut self, event: Event) -> Result<Then, CliError> {
        let here = self.partner.account.into();
        match event {
            Event::Message { message } if message.conversation == here => {
                self.is_typing = false;
                if !(message.outgoing && self.screen.echoes()) {
                    self.print(&message).await?;
                }
                self.engine.mark_read(here, Some(message.id)).await?;
            }
            Event::Message { message } if !message.read => {
                let other = self.engine.conversation(message.conversation).await?;
                let unread = show::count(other.unread as usize, "unread message");
                self.screen.note(match other.with {
                    Correspondent::Contact(contact) => {
                        let name = people::full_name(&contact);
                        format!("{unread} from {name}: /talk {}", contact.username)
                    }
                    Correspondent::Room(room) => {
                        format!("{unread} in {}", escape::one_line(room.name.as_str()))
                    }
                });
            }
            Event::MessageChanged { message }
                if message.conversation == here && is_worth_showing(&message) =>
            {
                self.print(&message).await?;
            }
            Event::Typing { conversation, active, .. } if conversation == here => {
                if active && !self.is_typing {
                    self.screen.note(format!("{} is typing…", people::short_name(&self.partner)));
                }
                self.is_typing = active;
            }
            Event::Announcement { text, .. } => self.screen.note(show::announcement(&text)),
            Event::IdentityChanged { contact } => self.screen.note(format!(
                "The identity key of {} changed; nothing is sent until you have looked: \
                 `sotto verify {}`",
                people::full_name(&contact),
                contact.username
            )),
            _ => {}
        }
        Ok(Then::Stay)
    }

    async fn print(&mut self, message: &Message) -> Result<(), CliError> {
        if self.app.out.is_json() {
            let username = self.partner.username.as_str();
            return Ok(self.app.out.object(&Line { username, message })?);
        }
        let text = self.transcript.message(message).await;
        Ok(self.screen.line(&text)?)
    }
}

/// Deliveries and receipts of what one wrote a moment ago are not; failures and edits are.
const fn is_worth_showing(changed: &Message) -> bool {
    changed.edited || matches!(changed.state, Some(MessageState::Failed { .. }))
}
