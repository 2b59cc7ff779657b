//! `sotto block`: no more from a contact.

use clap::Args;
use sotto_client::Engine;

use crate::{app::App, error::CliError, people};

/// Drop from now on what a contact sends; the person learns nothing
///
/// JSON: the contact, as in `sotto contacts`.
#[derive(Args, Debug)]
pub(crate) struct Block {
    /// The contact
    user: String,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Block) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let contact = engine.block(contact.account).await?;
    app.out.result(&contact, || {
        format!(
            "{} is blocked; `sotto unblock {}` undoes it.",
            people::full_name(&contact),
            contact.username
        )
    })?;
    Ok(())
}
