//! From what a person typed to the contact that is meant.

use sotto_client::{
    Engine, EngineError,
    model::{Contact, ContactState},
};

use crate::{app::App, error::CliError, escape};

/// The contact of this username, alias or link.
pub(crate) async fn find(engine: &Engine, name: &str) -> Result<Contact, CliError> {
    match engine.contact(username_in(name)).await {
        Err(EngineError::NoSuchContact) => Err(CliError::NoSuchContact(name.to_owned())),
        found => Ok(found?),
    }
}

/// The same for somebody who is to be written to: who is no contact yet is looked up on the relay
/// and added.
pub(crate) async fn find_or_add(
    app: &App,
    engine: &Engine,
    name: &str,
) -> Result<Contact, CliError> {
    let contact = match engine.contact(username_in(name)).await {
        Ok(contact) if contact.state != ContactState::Removed => contact,
        Ok(_) | Err(EngineError::NoSuchContact) => {
            app.connect(engine).await?;
            let contact = engine.add_contact(name).await?;
            app.out.note(format!("{} is a contact now.", full_name(&contact)));
            contact
        }
        Err(error) => return Err(error.into()),
    };
    match contact.state {
        ContactState::Request => Err(CliError::NotAccepted(format!(
            "{0} asked to be in contact; `sotto accept {0}` first",
            contact.username
        ))),
        ContactState::Blocked => Err(CliError::NotAccepted(format!(
            "you have blocked {0}; `sotto unblock {0}` first",
            contact.username
        ))),
        ContactState::Accepted | ContactState::Removed => Ok(contact),
    }
}

/// The contact's name and username, safe to print.
pub(crate) fn full_name(contact: &Contact) -> String {
    let name = escape::one_line(contact.name());
    if name == contact.username.as_str() { name } else { format!("{name} (@{})", contact.username) }
}

/// The name to put before what the contact wrote. Nobody passes for the owner.
pub(crate) fn short_name(contact: &Contact) -> String {
    let name = contact.name().trim();
    if name.to_lowercase() == "you" {
        return format!("@{}", contact.username);
    }
    escape::one_line(name)
}

/// The username in a link to a person, else the text as it is.
fn username_in(name: &str) -> &str {
    let link = name.trim().strip_prefix("sotto://");
    let person = link.and_then(|link| link.split_once("/@"));
    person.map_or(name, |(_, person)| person.split('#').next().unwrap_or(person))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_person() {
        assert_eq!(username_in("sotto://relay.example:4433/@anna#00ff"), "anna");
        assert_eq!(username_in("sotto://relay.example/@anna"), "anna");
        assert_eq!(username_in("@anna"), "@anna");
        assert_eq!(username_in("anna"), "anna");
    }
}
