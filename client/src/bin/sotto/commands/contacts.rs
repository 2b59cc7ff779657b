//! `sotto contacts`: the people whom this account knows.

use clap::Args;
use sotto_client::{
    Engine,
    model::{Contact, ContactState},
};

use crate::{
    app::App,
    error::CliError,
    escape,
    out::{BOLD, DIM, YELLOW, styled},
};

/// List your contacts, with requests and blocked ones
///
/// JSON: account, username, display_name, alias, identity, verified, pending_identity (the new
/// identity key that you have not looked at), state (request, accepted, blocked, removed), added_at.
#[derive(Args, Debug)]
pub(crate) struct Contacts {
    /// Those too that you have removed or declined
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Contacts) -> Result<(), CliError> {
    let mut contacts = engine.contacts().await?;
    contacts.retain(|contact| args.all || contact.state != ContactState::Removed);
    if contacts.is_empty() {
        app.out.note("You have no contacts yet; `sotto add USERNAME` adds one.");
    }
    for contact in &contacts {
        app.out.result(contact, || line(contact))?;
    }
    Ok(())
}

fn line(contact: &Contact) -> String {
    let username = format!("{:<20}", contact.username.as_str());
    let mut line = format!("{}  {}", styled(BOLD, username), escape::one_line(contact.name()));
    let state = match contact.state {
        ContactState::Request => Some("asks to be in contact"),
        ContactState::Accepted => None,
        ContactState::Blocked => Some("blocked"),
        ContactState::Removed => Some("removed"),
    };
    let verified = contact.verified.then_some("verified");
    for remark in state.into_iter().chain(verified) {
        line.push_str(&styled(DIM, format_args!("  ({remark})")));
    }
    if contact.pending_identity.is_some() {
        let look = format!("  identity key changed: `sotto verify {}`", contact.username);
        line.push_str(&styled(YELLOW, look));
    }
    line
}
