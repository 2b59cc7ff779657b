//! Lines that a person types, and a screen that others write to meanwhile: on a terminal with an
//! editor for the line, elsewhere plainly.

use std::io::{self, IsTerminal as _};

use anstream::{AutoStream, ColorChoice, adapter::strip_str};
use rustyline::{
    Editor, ExternalPrinter, Helper, completion::Completer, error::ReadlineError,
    highlight::Highlighter, hint::Hinter, history::DefaultHistory, validate::Validator,
};
use tokio::sync::mpsc;

use crate::{
    error::CliError,
    escape, input,
    out::{DIM, Out, styled},
};

/// What comes from the keyboard.
pub(super) enum Pressed {
    /// A whole line.
    Line(Result<String, CliError>),
    /// A key, within a line.
    Key,
}

/// The keyboard.
pub(super) enum Keyboard {
    Terminal(mpsc::Receiver<Pressed>),
    Plain(input::Lines),
}

impl Keyboard {
    /// The next thing that comes; none at the end.
    pub(super) async fn next(&mut self) -> Option<Pressed> {
        match self {
            Self::Terminal(pressed) => pressed.recv().await,
            Self::Plain(lines) => lines.recv().await.map(Pressed::Line),
        }
    }
}

/// Where messages are shown.
pub(super) enum Screen {
    /// Above the line that is being typed.
    Terminal {
        printer: Box<dyn ExternalPrinter + Send>,
        plain: bool,
    },
    Plain(Out),
}

impl Screen {
    /// Whether what is typed stands there already.
    pub(super) const fn echoes(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.line(text),
            Self::Terminal { printer, plain } => {
                let text = if *plain { strip_str(text).to_string() } else { text.to_owned() };
                printer.print(format!("{text}\n")).map_err(io::Error::other)
            }
        }
    }

    /// What could not be done.
    pub(super) fn error(&mut self, error: &CliError) {
        match self {
            Self::Plain(out) => out.error(error),
            Self::Terminal { .. } => {
                self.note(format!("sotto: {}", escape::one_line(&error.sentence())));
            }
        }
    }

    /// Something that is no message.
    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        match self {
            Self::Plain(out) => out.note(text),
            // It fails only when the terminal is gone, which the keyboard tells too.
            Self::Terminal { .. } => drop(self.line(&styled(DIM, text.as_ref()))),
        }
    }
}

/// The keyboard and the screen.
pub(super) fn open(out: Out) -> Result<(Keyboard, Screen), CliError> {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if out.is_json() || !is_terminal {
        return Ok((Keyboard::Plain(input::lines()), Screen::Plain(out)));
    }
    let unusable = |cause: ReadlineError| CliError::Input {
        what: "the terminal".to_owned(),
        cause: io::Error::other(cause),
    };
    let (sender, pressed) = mpsc::channel(64);
    let mut editor: Editor<Keys, DefaultHistory> = Editor::new().map_err(unusable)?;
    editor.set_helper(Some(Keys(sender.clone())));
    let printer = editor.create_external_printer().map_err(unusable)?;
    std::thread::spawn(move || read_lines(&mut editor, &sender));
    let plain = AutoStream::choice(&io::stdout()) == ColorChoice::Never;
    Ok((Keyboard::Terminal(pressed), Screen::Terminal { printer: Box::new(printer), plain }))
}

fn read_lines(editor: &mut Editor<Keys, DefaultHistory>, sender: &mpsc::Sender<Pressed>) {
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                // The line is sent, remembered or not.
                let _ = editor.add_history_entry(&line);
                if sender.blocking_send(Pressed::Line(Ok(line))).is_err() {
                    return;
                }
            }
            // Ctrl-C gives up a line.
            Err(ReadlineError::Interrupted) => {}
            Err(_) => return,
        }
    }
}

/// Hears each key, through the hints that the editor asks for.
struct Keys(mpsc::Sender<Pressed>);

impl Hinter for Keys {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &rustyline::Context<'_>) -> Option<String> {
        if !line.is_empty() && !line.starts_with('/') {
            // When the queue is full, one more key is no news.
            let _ = self.0.try_send(Pressed::Key);
        }
        None
    }
}

impl Completer for Keys {
    type Candidate = String;
}

impl Highlighter for Keys {}

impl Validator for Keys {}

impl Helper for Keys {}
