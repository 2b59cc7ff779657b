//! What is read from standard input: whole texts, and lines as they come.

use std::io::{self, BufRead as _, Read as _};

use sotto_client::proto::limits::TEXT_MAX;
use tokio::sync::mpsc;

use crate::error::CliError;

/// The text of arguments, joined as they were typed; a single `-` means standard input.
pub(crate) async fn text(words: &[String]) -> Result<String, CliError> {
    match words {
        [dash] if dash == "-" => whole_stdin().await,
        words => Ok(words.join(" ")),
    }
}

/// All of standard input, without the end of its last line.
async fn whole_stdin() -> Result<String, CliError> {
    let reading = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        // One byte more than fits, so that too much is seen.
        io::stdin().lock().take(TEXT_MAX as u64 + 2).read_to_string(&mut text).map(|_| text)
    });
    let mut text = reading
        .await
        .map_err(io::Error::other)?
        .map_err(|cause| CliError::Input { what: "standard input".to_owned(), cause })?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// Lines, as they come; an error is the last.
pub(crate) type Lines = mpsc::Receiver<Result<String, CliError>>;

/// The lines of standard input, read on a thread of their own and no faster than they are taken.
pub(crate) fn lines() -> Lines {
    let (sender, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let line =
                line.map_err(|cause| CliError::Input { what: "standard input".to_owned(), cause });
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    lines
}
