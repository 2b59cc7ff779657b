//! Printing: text for people, or one JSON object a line for programs.
//!
//! What others wrote is shown with its control and direction characters escaped, so that nobody
//! can write over somebody's terminal.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;
use sotto_client::{
    model::{Contact, ConversationEvent, Message, MessageBody, MessageState, Transfer},
    proto::Timestamp,
};

use crate::failure::Failure;

/// Where and how a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

const QUIET: Style = AnsiColor::BrightBlack.on_default();
const NAME: Style = AnsiColor::Cyan.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// A value: as JSON, or as `text` says.
    pub(crate) fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            // What the engine shows has text keys and finite numbers, so it serialises.
            self.line(&serde_json::to_string(value).unwrap_or_default());
        } else {
            self.line(&text());
        }
    }

    /// One line to standard output; a reader that has gone away is no error.
    pub(crate) fn line(&self, line: &str) {
        let _ = writeln!(anstream::stdout().lock(), "{line}");
    }

    /// Something a person should know that is no result.
    pub(crate) fn warn(&self, sentence: &str) {
        if !self.json {
            let _ = writeln!(anstream::stderr().lock(), "{QUIET}{}{QUIET:#}", clean(sentence));
        }
    }

    /// Why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut sentence = failure.to_string();
        let mut cause = failure.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.contains(&text) {
                let _ = write!(sentence, ": {text}");
            }
            cause = error.source();
        }
        if self.json {
            self.line(&json!({ "type": "error", "message": sentence }).to_string());
        } else {
            let _ =
                writeln!(anstream::stderr().lock(), "{WRONG}sotto:{WRONG:#} {}", clean(&sentence));
        }
        let _ = io::stderr().flush();
    }
}

/// A message as one or more lines.
pub(crate) fn message_text(message: &Message, contact: &Contact) -> String {
    let who = if message.outgoing { "you".to_owned() } else { clean(contact.name()) };
    let id: String = message.id.to_string().chars().take(8).collect();
    let mut line = format!("{QUIET}{} {id}{QUIET:#} {NAME}{who}{NAME:#}: ", time(message.sent_at));
    line.push_str(&body_text(&message.body));
    if message.edited {
        let _ = write!(line, " {QUIET}(edited){QUIET:#}");
    }
    for reaction in &message.reactions {
        let _ = write!(line, " {QUIET}[{}]{QUIET:#}", clean(&reaction.emoji));
    }
    if let Some(state) = message.state.as_ref().filter(|_| message.outgoing) {
        let _ = write!(line, " {QUIET}{}{QUIET:#}", state_text(state));
    }
    line
}

fn body_text(body: &MessageBody) -> String {
    match body {
        MessageBody::Text { text } => clean_lines(text),
        MessageBody::Attachment { file, caption } => {
            let state = match &file.transfer {
                Transfer::Remote => ", not fetched yet".to_owned(),
                Transfer::Running { done, total } => format!(", {done} of {total} bytes"),
                Transfer::Complete => String::new(),
                Transfer::Failed { reason } => format!(", failed: {reason}"),
            };
            let name = clean(&file.name);
            format!("[{name}, {} bytes{state}] {}", file.size, clean_lines(caption))
                .trim_end()
                .to_owned()
        }
        MessageBody::Deleted => "(deleted)".to_owned(),
        MessageBody::Event { event } => event_text(event),
    }
}

fn event_text(event: &ConversationEvent) -> String {
    match event {
        ConversationEvent::IdentityChanged => {
            "* the identity key changed; compare safety numbers".to_owned()
        }
        ConversationEvent::IdentityAcknowledged => {
            "* you went on with the changed identity key".to_owned()
        }
        ConversationEvent::TimerSet { seconds: Some(seconds), .. } => {
            format!("* messages disappear {seconds} s after they were read")
        }
        ConversationEvent::TimerSet { seconds: None, .. } => "* messages stay".to_owned(),
        ConversationEvent::RequestAccepted { own: true } => {
            "* you accepted the contact request".to_owned()
        }
        ConversationEvent::RequestAccepted { own: false } => {
            "* accepted your contact request".to_owned()
        }
        ConversationEvent::Unsupported => {
            "* something that needs a newer version of Sotto".to_owned()
        }
        ConversationEvent::Unreadable => "* a message that could not be opened".to_owned(),
        _ => "* something happened".to_owned(),
    }
}

/// How far an own message came, in a word.
pub(crate) fn state_text(state: &MessageState) -> String {
    match state {
        MessageState::Queued => "queued".to_owned(),
        MessageState::Sent => "sent".to_owned(),
        MessageState::Delivered => "delivered".to_owned(),
        MessageState::Read => "read".to_owned(),
        MessageState::Failed { reason } => format!("failed: {}", clean(&reason.to_string())),
    }
}

/// A time in the local zone.
pub(crate) fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| "at an unknown time".to_owned(),
        |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// Text of others on one line.
pub(crate) fn clean(text: &str) -> String {
    escape(text, false)
}

/// Text of others with its line breaks, the following lines set in.
fn clean_lines(text: &str) -> String {
    escape(text, true).replace('\n', "\n    ")
}

fn escape(text: &str, keeps_lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_hidden = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        match c {
            '\n' if keeps_lines => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || is_hidden => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// A QR code of `text` in half blocks, dark on light.
pub(crate) fn qr(text: &str) -> String {
    match qrcode::QrCode::new(text) {
        Ok(code) => code.render::<qrcode::render::unicode::Dense1x2>().quiet_zone(true).build(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202E}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}d");
        assert_eq!(clean_lines("one\ntwo\r"), "one\n    two\\u{d}");
    }
}
