//! `sotto decline`: no to a contact request.

use clap::Args;
use serde::Serialize;
use sotto_client::{Engine, model::ContactState};

use crate::{app::App, error::CliError, people};

/// Decline a contact request and delete its messages; the person learns nothing
///
/// If the person writes again, that is a new request, unless you block the person.
///
/// JSON: declined (the username), blocked.
#[derive(Args, Debug)]
pub(crate) struct Decline {
    /// Who asked
    user: String,
    /// Drop from now on what the person sends
    #[arg(long)]
    block: bool,
}

#[derive(Serialize)]
struct Declined<'a> {
    declined: &'a str,
    blocked: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Decline) -> Result<(), CliError> {
    app.fetch(engine).await?;
    let contact = people::find(engine, &args.user).await?;
    let username = contact.username.as_str();
    // Declining deletes the history, which is not meant for a contact that one talks to.
    if contact.state != ContactState::Request {
        return Err(CliError::NotAccepted(format!(
            "there is no request of {username}; `sotto block {username}` or `sotto remove {username}` may be what you mean"
        )));
    }
    engine.decline_request(contact.account, args.block).await?;
    let declined = Declined { declined: username, blocked: args.block };
    app.out.result(&declined, || {
        let blocked = if args.block { " and blocked" } else { "" };
        format!("{} is declined{blocked}.", people::full_name(&contact))
    })?;
    Ok(())
}
