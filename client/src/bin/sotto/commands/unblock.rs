//! `sotto unblock`: a blocked contact may write again.

use clap::Args;
use sotto_client::{Engine, model::ContactState};

use crate::{app::App, error::CliError, people};

/// Let a blocked contact write to you again
///
/// JSON: the contact, as in `sotto contacts`.
#[derive(Args, Debug)]
pub(crate) struct Unblock {
    /// The contact
    user: String,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Unblock) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    if contact.state != ContactState::Blocked {
        return Err(CliError::NotAccepted(format!("{} is not blocked", contact.username)));
    }
    let contact = engine.unblock(contact.account).await?;
    app.out.result(&contact, || format!("{} may write again.", people::full_name(&contact)))?;
    Ok(())
}
