//! `sotto timer`: messages that disappear.

use std::str::FromStr;

use clap::Args;
use serde::Serialize;
use sotto_client::Engine;

use crate::{app::App, error::CliError, people, show, waiting};

/// Longer than this is no timer: a year.
const LONGEST: u32 = 366 * 86_400;

/// Let new messages of a conversation disappear, some time after being read; on both sides
///
/// Without a time it shows the timer.
///
/// JSON: username, seconds (null when messages stay).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto timer bob
  sotto timer bob 1h          # s, m, h, d, w
  sotto timer bob off")]
pub(crate) struct Timer {
    /// The contact
    user: String,
    /// As in 30s, 5m, 1h, 1d, 4w; or off
    #[arg(value_name = "TIME|off")]
    after: Option<After>,
}

/// After how many seconds; none for never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct After(Option<u32>);

#[derive(Serialize)]
struct Shown<'a> {
    username: &'a str,
    seconds: Option<u32>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Timer) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let seconds = match args.after {
        None => engine.conversation(contact.account).await?.timer,
        Some(After(seconds)) => {
            engine.set_timer(contact.account, seconds).await?;
            let reach = app.try_connect(engine).await?;
            waiting::briefly(app, engine, reach).await;
            seconds
        }
    };
    let name = people::short_name(&contact);
    let shown = Shown { username: contact.username.as_str(), seconds };
    app.out.result(&shown, || match seconds {
        Some(seconds) => format!(
            "New messages with {name} disappear {} after being read.",
            show::duration(seconds)
        ),
        None => format!("New messages with {name} stay."),
    })?;
    Ok(())
}

impl FromStr for After {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "off" | "never") {
            return Ok(Self(None));
        }
        let wrong = || "a time is a number with s, m, h, d or w, as in 5m; or off".to_owned();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(wrong()),
        };
        let number: u32 = digits.parse().map_err(|_| wrong())?;
        match number.checked_mul(unit) {
            Some(0) => Err("that would be at once; say off to let messages stay".to_owned()),
            Some(seconds) if seconds <= LONGEST => Ok(Self(Some(seconds))),
            _ => Err("that is longer than a year".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_bounds() {
        let parse = |text: &str| text.parse::<After>();
        assert_eq!(parse("90s"), Ok(After(Some(90))));
        assert_eq!(parse("2w"), Ok(After(Some(1_209_600))));
        assert_eq!(parse("off"), Ok(After(None)));
        for wrong in ["", "5", "m", "-1m", "1y", "0s", "9999999999s", "4000d", "5 m", "é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
