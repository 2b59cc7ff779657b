//! `sotto whoami`: the own account, and the link that others add it by.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use sotto_client::{Engine, Me};

use crate::{
    app::App,
    error::CliError,
    escape,
    out::{BOLD, DIM, styled},
    qr,
};

/// Show your account, and the link by which others add you
///
/// Who adds you by the link has your identity key from you and need not believe the relay.
///
/// JSON: username, display_name, account, device, identity, relay, contact_link, profile.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto whoami --qr
  sotto whoami --json")]
pub(crate) struct Whoami {
    /// Show the link as a QR code too
    #[arg(long)]
    qr: bool,
}

#[derive(Serialize)]
struct Account<'a> {
    #[serde(flatten)]
    me: &'a Me,
    contact_link: String,
    profile: String,
}

pub(crate) fn run(app: &App, engine: &Engine, args: &Whoami) -> Result<(), CliError> {
    let me = engine.me();
    let account = account(app, engine, &me);
    if app.out.is_json() {
        return Ok(app.out.object(&account)?);
    }
    let mut text = String::new();
    let rows = [
        ("Username", styled(BOLD, &me.username)),
        ("Name", escape::one_line(me.display_name.as_str())),
        ("Profile", account.profile),
        ("Relay", me.relay.to_string()),
        ("Identity key", me.identity.to_string()),
        ("Contact link", account.contact_link.clone()),
    ];
    for (label, value) in rows {
        let label = styled(DIM, format_args!("{label:<13}"));
        let _ = writeln!(text, "{label} {value}");
    }
    app.out.line(text.trim_end())?;
    if args.qr {
        app.out.line(qr::half_blocks(&account.contact_link)?)?;
    }
    Ok(())
}

/// What a person is told who has just become somebody here.
pub(crate) fn show_new(app: &App, engine: &Engine, done: &str) -> Result<(), CliError> {
    let me = engine.me();
    let account = account(app, engine, &me);
    if app.out.is_json() {
        return Ok(app.out.object(&account)?);
    }
    let profile = match account.profile.as_str() {
        "default" => String::new(),
        name => format!(" (profile {name})"),
    };
    app.out.line(format!("You are {done} as {} on {}{profile}.", me.username, me.relay.at))?;
    app.out.line("Others add you by this link, or by your username:")?;
    app.out.line(format!("  {}", account.contact_link))?;
    Ok(())
}

fn account<'a>(app: &App, engine: &Engine, me: &'a Me) -> Account<'a> {
    let contact_link = engine.contact_link().to_string();
    Account { me, contact_link, profile: app.global.profile.to_string() }
}
