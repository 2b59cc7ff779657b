//! `sotto profiles`: the accounts on this computer.

use clap::Args;
use serde::Serialize;
use sotto_client::profile::{self, ProfileInfo};

use crate::{
    app::App,
    error::CliError,
    out::{BOLD, styled},
};

/// List the profiles on this computer; it needs no password
///
/// JSON: profile, username, relay.
#[derive(Args, Debug)]
pub(crate) struct Profiles {}

#[derive(Serialize)]
struct Line {
    profile: String,
    username: String,
    relay: String,
}

pub(crate) fn run(app: &App) -> Result<(), CliError> {
    let root = app.profiles_root()?;
    let names = profile::list(&root)?;
    if names.is_empty() {
        app.out.note("There are none yet; `sotto register USERNAME --relay LINK` makes one.");
    }
    for name in names {
        let info = ProfileInfo::read(&name.folder(&root))?;
        let line = Line {
            profile: name.to_string(),
            username: info.username.to_string(),
            relay: info.relay.to_string(),
        };
        app.out.result(&line, || {
            format!("{}  {} on {}", styled(BOLD, &line.profile), line.username, info.relay.at)
        })?;
    }
    Ok(())
}
