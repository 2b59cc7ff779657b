//! `sotto settings`: what others see.

use clap::{Args, ValueEnum};
use serde::Serialize;
use sotto_client::{Engine, model::Preferences, proto::DisplayName};

use crate::{app::App, error::CliError, escape};

/// Show or change what others see of you
///
/// Who hides being online does not see it of others either.
///
/// JSON: display_name, show_online, show_last_seen, read_receipts, typing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto settings
  sotto settings --name 'Alice Liddell'
  sotto settings --online off --last-seen off --receipts off")]
pub(crate) struct Settings {
    /// How others see you
    #[arg(long, value_name = "DISPLAY NAME")]
    name: Option<DisplayName>,
    /// Contacts see whether you are online
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    online: Option<Switch>,
    /// Contacts see when you were last online
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    last_seen: Option<Switch>,
    /// Contacts are told what you have read
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    receipts: Option<Switch>,
    /// Contacts are told that you are typing
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    typing: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Serialize)]
struct Shown {
    display_name: DisplayName,
    #[serde(flatten)]
    preferences: Preferences,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Settings) -> Result<(), CliError> {
    let before = engine.preferences().await?;
    let preferences = changed(before, args);
    if preferences != before {
        engine.set_preferences(preferences).await?;
    }
    if let Some(name) = &args.name {
        app.connect(engine).await?;
        engine.set_display_name(name.clone()).await?;
    }
    let shown = Shown { display_name: engine.me().display_name, preferences };
    app.out.result(&shown, || text(&shown))?;
    Ok(())
}

fn changed(before: Preferences, args: &Settings) -> Preferences {
    let set = |switch: Option<Switch>, before| switch.map_or(before, |to| to == Switch::On);
    Preferences {
        show_online: set(args.online, before.show_online),
        show_last_seen: set(args.last_seen, before.show_last_seen),
        read_receipts: set(args.receipts, before.read_receipts),
        typing: set(args.typing, before.typing),
    }
}

fn text(shown: &Shown) -> String {
    let word = |on| if on { "on" } else { "off" };
    let Preferences { show_online, show_last_seen, read_receipts, typing } = shown.preferences;
    format!(
        "Name (--name)            {}\n\
         Online (--online)        {}\n\
         Last seen (--last-seen)  {}\n\
         Read receipts (--receipts) {}\n\
         Typing (--typing)        {}",
        escape::one_line(shown.display_name.as_str()),
        word(show_online),
        word(show_last_seen),
        word(read_receipts),
        word(typing),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_changes() {
        let args = Settings {
            name: None,
            online: Some(Switch::Off),
            last_seen: None,
            receipts: None,
            typing: Some(Switch::On),
        };
        let before = Preferences { typing: false, ..Preferences::default() };
        let expected = Preferences { show_online: false, ..Preferences::default() };
        assert_eq!(changed(before, &args), expected);
    }
}
