//! `chat`: a live conversation, line by line, with history; messages of others appear meanwhile.

use std::io::{self, BufRead, IsTerminal};

use rustyline::{DefaultEditor, ExternalPrinter as _, error::ReadlineError};
use sotto_client::{Engine, Event, Page, model::Contact};
use tokio::sync::{broadcast::error::RecvError, mpsc};

use crate::{
    args::Place,
    failure::Failure,
    output::{Output, clean, message_text},
    profile::{close, open_fetched, sendable},
};

const HELP: &str = "\
/list           your conversations
/talk USER      talk with somebody else
/back           back to the one before
/file PATH      send a file
/help           this help
/quit           leave (or Ctrl-D)";

/// The messages shown when a conversation is entered.
const SHOWN: usize = 20;

/// Prints above the line that is being typed.
type Printer = Box<dyn FnMut(String) + Send>;

struct Chat {
    engine: Engine,
    contact: Contact,
    before: Vec<Contact>,
    print: Printer,
}

pub(crate) async fn chat(place: &Place, user: &str, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = sendable(&engine, user).await?;
    let (lines, print) = keyboard(*output)?;
    let mut chat = Chat { engine, contact, before: Vec::new(), print };
    let result = chat.run(lines).await;
    let closed = close(chat.engine).await;
    result.and(closed)
}

impl Chat {
    async fn run(&mut self, mut lines: mpsc::Receiver<String>) -> Result<(), Failure> {
        let mut events = self.engine.subscribe();
        self.enter().await?;
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) if line.trim() == "/quit" => return Ok(()),
                    Some(line) => {
                        if let Err(failure) = self.take(line.trim_end()).await {
                            (self.print)(format!("! {}", clean(&failure.to_string())));
                        }
                    }
                    None => return Ok(()),
                },
                event = events.recv() => match event {
                    Ok(event) => self.show(event).await?,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    async fn enter(&mut self) -> Result<(), Failure> {
        (self.print)(format!("with {} (/help lists the commands)", clean(self.contact.name())));
        for message in self.engine.history(self.contact.account, Page::Latest, SHOWN).await? {
            (self.print)(message_text(&message, &self.contact));
        }
        self.engine.mark_read(self.contact.account, None).await?;
        Ok(())
    }

    async fn take(&mut self, line: &str) -> Result<(), Failure> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "" => {}
            "/help" => (self.print)(HELP.to_owned()),
            "/list" => {
                for conversation in self.engine.conversations().await? {
                    let contact = &conversation.contact;
                    (self.print)(format!(
                        "{:>5}  {} ({})",
                        conversation.unread,
                        contact.username,
                        clean(contact.name())
                    ));
                }
            }
            "/talk" => {
                let next = sendable(&self.engine, rest.trim()).await?;
                self.before.push(std::mem::replace(&mut self.contact, next));
                self.enter().await?;
            }
            "/back" => {
                if let Some(before) = self.before.pop() {
                    self.contact = before;
                    self.enter().await?;
                }
            }
            "/file" => {
                self.engine.send_file(self.contact.account, rest.trim().as_ref(), "", None).await?;
            }
            _ if command.starts_with('/') && !command.starts_with("//") => {
                (self.print)(format!("there is no {} (/help lists the commands)", clean(command)));
            }
            _ => {
                // Two slashes send a line that begins with one.
                let text =
                    line.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(line);
                self.engine.send_text(self.contact.account, text, None).await?;
            }
        }
        Ok(())
    }

    async fn show(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Message { message } if message.conversation == self.contact.account => {
                if !message.outgoing {
                    (self.print)(message_text(&message, &self.contact));
                    self.engine.mark_read(self.contact.account, Some(message.id)).await?;
                }
            }
            Event::Message { message } if !message.outgoing => {
                let from = self.engine.conversation(message.conversation).await?;
                (self.print)(format!("({} unread from {})", from.unread, from.contact.username));
            }
            Event::Typing { conversation, active: true }
                if conversation == self.contact.account =>
            {
                (self.print)(format!("({} is typing)", clean(self.contact.name())));
            }
            Event::IdentityChanged { contact } => {
                (self.print)(format!(
                    "! the identity key of {} changed; see sotto verify",
                    contact.username
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Lines as they are typed, and a way to print meanwhile.
fn keyboard(output: Output) -> Result<(mpsc::Receiver<String>, Printer), Failure> {
    let (sender, lines) = mpsc::channel(16);
    if !io::stdin().is_terminal() {
        std::thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        return Ok((lines, Box::new(move |text| output.line(&text))));
    }
    let mut editor = DefaultEditor::new().map_err(io::Error::other)?;
    let mut printer = editor.create_external_printer().map_err(io::Error::other)?;
    std::thread::spawn(move || {
        loop {
            match editor.readline("> ") {
                Ok(line) => {
                    // History is a comfort; a line that is not remembered is still sent.
                    let _ = editor.add_history_entry(&line);
                    if sender.blocking_send(line).is_err() {
                        break;
                    }
                }
                Err(ReadlineError::Interrupted) => {}
                Err(_) => break,
            }
        }
    });
    let print = move |text: String| {
        // It fails only when the terminal is gone, and then nobody reads.
        let _ = printer.print(format!("{text}\n"));
    };
    Ok((lines, Box::new(print)))
}
