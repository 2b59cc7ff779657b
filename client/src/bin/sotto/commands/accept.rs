//! `sotto accept`: yes to a contact request.

use clap::Args;
use sotto_client::{Engine, model::ContactState};

use crate::{app::App, error::CliError, people, waiting};

/// Accept a contact request
///
/// Who writes to you for the first time lands as a request. Until you accept, the person learns
/// neither that the message arrived nor whether you are online.
///
/// JSON: the contact, as in `sotto contacts`.
#[derive(Args, Debug)]
pub(crate) struct Accept {
    /// Who asked; `sotto inbox` shows the requests
    user: String,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Accept) -> Result<(), CliError> {
    let reach = app.fetch(engine).await?;
    let contact = people::find(engine, &args.user).await?;
    let username = &contact.username;
    match contact.state {
        ContactState::Request | ContactState::Accepted => {}
        ContactState::Blocked => {
            return Err(CliError::NotAccepted(format!(
                "you have blocked {username}; `sotto unblock {username}` lets the person write again"
            )));
        }
        ContactState::Removed => {
            return Err(CliError::NotAccepted(format!(
                "there is no request of {username}; `sotto add {username}` makes the person a contact"
            )));
        }
    }
    let contact = engine.accept_request(contact.account).await?;
    app.out.result(&contact, || format!("{} is a contact now.", people::full_name(&contact)))?;
    waiting::briefly(app, engine, reach).await;
    Ok(())
}
