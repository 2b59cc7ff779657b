//! The line that is being typed: its history, and its completion by commands and usernames.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustyline::{
    CompletionType, Config, Context, Editor, Helper,
    completion::{Completer, Pair},
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::DefaultHistory,
    validate::Validator,
};
use sotto_proto::admin::{self, AccountsPage};
use sotto_relay::control::{self, Answer, Command};
use tokio::runtime::Handle;

use super::{super::Failure, OF_ACCOUNTS, commands};

/// The file in the data folder with the lines of earlier times.
const HISTORY_FILE: &str = "console.history";
/// How many lines are remembered.
const HISTORY_MAX: usize = 1000;
/// How many usernames are offered.
const OFFERED: u16 = 50;

/// The editor.
pub(super) struct LineEditor {
    editor: Editor<Completion, DefaultHistory>,
    history: PathBuf,
}

impl LineEditor {
    /// On this terminal, with the history in a data folder.
    pub(super) fn open(runtime: Handle, data: &Path) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_MAX)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(unusable)?
            .build();
        let mut editor = Editor::with_config(config).map_err(unusable)?;
        editor.set_helper(Some(Completion {
            runtime,
            data: data.to_owned(),
            commands: commands(),
        }));
        let history = data.join(HISTORY_FILE);
        // At the first time there is none.
        let _ = editor.load_history(&history);
        Ok(Self { editor, history })
    }

    /// The next line; none at the end. Ctrl-C gives up a line.
    pub(super) fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            match self.editor.readline("sotto-relay> ") {
                Ok(line) => {
                    self.remember(&line);
                    return Ok(Some(line));
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(unusable(error)),
            }
        }
    }

    fn remember(&mut self, line: &str) {
        // The line is obeyed, remembered or not.
        let _ = self.editor.add_history_entry(line);
    }

    /// Keeps the history for the next time.
    pub(super) fn close(mut self) {
        if let Err(error) = self.editor.save_history(&self.history) {
            eprintln!("the history could not be kept: {error}");
        }
    }
}

fn unusable(error: ReadlineError) -> Failure {
    Failure::Setup(io::Error::other(error))
}

/// Completes commands, and usernames behind the commands that take one.
struct Completion {
    runtime: Handle,
    data: PathBuf,
    commands: Vec<String>,
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).unwrap_or(line);
        let begin = typed.rfind(' ').map_or(0, |space| space + 1);
        let (before, word) = typed.split_at(begin);
        let offered = match before.trim() {
            "" | "help" => {
                let fits = self.commands.iter().filter(|command| command.starts_with(word));
                fits.cloned().collect()
            }
            command if OF_ACCOUNTS.contains(&command) => self.usernames(word),
            _ => Vec::new(),
        };
        let pair = |text: String| Pair { replacement: format!("{text} "), display: text };
        Ok((begin, offered.into_iter().map(pair).collect()))
    }
}

impl Completion {
    /// Usernames that start so; none where the relay does not say.
    fn usernames(&self, prefix: &str) -> Vec<String> {
        let page = AccountsPage { prefix: prefix.to_owned(), after: None, limit: OFFERED };
        let command = Command::Admin { order: admin::Command::Accounts(page) };
        match self.runtime.block_on(control::ask(&self.data, &command)) {
            Ok(Answer::Admin { said: admin::Answer::Accounts(page) }) => {
                page.accounts.iter().map(|account| account.username.to_string()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}
