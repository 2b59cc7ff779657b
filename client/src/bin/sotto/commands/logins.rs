//! `sotto logins`: who has logged in to the own account, or tried.

use clap::Args;
use sotto_client::{Engine, proto::account::LoginLine};

use crate::{app::App, error::CliError, local_time::LocalTime};

/// List the logins to your account and the attempts at them, newest first
///
/// The relay keeps the newest hundred, and of an address only what kind it was of. A login by
/// password that was not yours means that somebody knows your password.
///
/// JSON: at, means, from, device, refused (the relay's code; left out where it succeeded).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto logins")]
pub(crate) struct Logins {}

pub(crate) async fn run(app: &App, engine: &Engine, _: &Logins) -> Result<(), CliError> {
    app.connect(engine).await?;
    let time = LocalTime::now();
    for line in engine.logins().await? {
        app.out.result(&line, || text(&line, &time))?;
    }
    Ok(())
}

fn text(line: &LoginLine, time: &LocalTime) -> String {
    let device = line.device.map_or_else(String::new, |id| format!(" {}", id.number()));
    let outcome = line
        .refused
        .map_or_else(|| "succeeded".to_owned(), |code| format!("refused ({})", code.number()));
    format!("{}  by {}{device}  from {}  {outcome}", time.full(line.at), line.means, line.from)
}
