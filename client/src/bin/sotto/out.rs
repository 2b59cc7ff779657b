//! Where results go: lines or JSON objects to stdout, remarks and errors to stderr. Colours reach
//! terminals only (anstream looks), and a reader that went away is an error, not a panic.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{error::CliError, escape};

/// What is less important.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is more important.
pub(crate) const BOLD: Style = Style::new().bold();
/// What went wrong.
const RED: Style = AnsiColor::Red.on_default().bold();
/// What needs a look.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
}

/// An error as a JSON object.
#[derive(Serialize)]
struct ErrorObject<'a> {
    error: &'static str,
    message: &'a str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Out {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are JSON objects.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// A line of a result.
    #[expect(clippy::unused_self, reason = "the output is one thing, whatever it is kept in")]
    pub(crate) fn line(self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(anstream::stdout().lock(), "{}", line.as_ref())
    }

    /// A line for a person, left out where results are JSON.
    pub(crate) fn say(self, line: impl AsRef<str>) -> io::Result<()> {
        if self.json { Ok(()) } else { self.line(line) }
    }

    /// A result as one JSON object on a line of its own.
    #[expect(clippy::unused_self, reason = "the output is one thing, whatever it is kept in")]
    pub(crate) fn object(self, value: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(value)?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", escape::json(&json))?;
        stdout.flush()
    }

    /// A result: the object, or the line that `line` makes.
    pub(crate) fn result(
        self,
        value: &impl Serialize,
        line: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json { self.object(value) } else { self.line(line()) }
    }

    /// A remark, which is no part of the result.
    pub(crate) fn note(self, remark: impl AsRef<str>) {
        if self.json {
            #[derive(Serialize)]
            struct Note<'a> {
                note: &'a str,
            }
            self.stderr_object(&Note { note: remark.as_ref() });
        } else {
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(anstream::stderr(), "{YELLOW}{}{YELLOW:#}", remark.as_ref());
        }
    }

    /// Why the program fails.
    pub(crate) fn error(self, error: &CliError) {
        if error.is_silent() {
            return;
        }
        let sentence = escape::one_line(&error.sentence());
        if !self.json {
            let _ = writeln!(anstream::stderr(), "{RED}sotto:{RED:#} {sentence}");
            return;
        }
        let refusal = error.refusal();
        self.stderr_object(&ErrorObject {
            error: error.exit().name(),
            message: &sentence,
            exit: error.exit().code(),
            relay_code: refusal.map(|refusal| refusal.code.number()),
            retry_after_ms: refusal.and_then(|refusal| refusal.retry_after_ms),
        });
    }

    #[expect(clippy::unused_self, reason = "the output is one thing, whatever it is kept in")]
    fn stderr_object(self, value: &impl Serialize) {
        if let Ok(json) = serde_json::to_string(value) {
            let _ = writeln!(io::stderr(), "{}", escape::json(&json));
        }
    }
}

/// A text in a style; without it where no terminal shows it.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
