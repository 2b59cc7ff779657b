//! From what a person typed to the contact that is meant.

use std::collections::HashMap;

use sotto_client::{
    Engine, EngineError,
    model::{Contact, ContactState, RoomMember},
    proto::AccountId,
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

/// The names to put before what the people of a room wrote. Nobody passes for the owner, nor for
/// another: who is called like somebody else has the username with the name.
pub(crate) fn room_names(people: &[RoomMember]) -> HashMap<AccountId, String> {
    let name = |member: &RoomMember| escape::one_line(member.name().trim());
    let mut called: HashMap<String, usize> = HashMap::from([("you".to_owned(), 1)]);
    for member in people {
        *called.entry(name(member).to_lowercase()).or_default() += 1;
    }
    let named = people.iter().map(|member| {
        let name = name(member);
        let is_shared = called.get(&name.to_lowercase()).is_some_and(|count| *count > 1);
        let more = if is_shared { Some(told_apart(member)) } else { None };
        (member.account, more.map_or(name.clone(), |more| format!("{name} ({more})")))
    });
    named.collect()
}

/// What tells somebody from people of the same name.
fn told_apart(member: &RoomMember) -> String {
    let username = member.username.as_ref();
    username.map_or_else(|| nameless(member.account), |username| format!("@{username}"))
}

/// What somebody is called of whom only the id is known.
pub(crate) fn nameless(account: AccountId) -> String {
    account.to_string().chars().take(8).collect()
}

/// The username in a link to a person, else the text as it is.
fn username_in(name: &str) -> &str {
    let link = name.trim().strip_prefix("sotto://");
    let person = link.and_then(|link| link.split_once("/@"));
    person.map_or(name, |(_, person)| person.split('#').next().unwrap_or(person))
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::IdentityKey;

    use super::*;

    #[test]
    fn those_of_one_name_are_told_apart() {
        let member = |number, username: &str, display_name: &str| RoomMember {
            account: AccountId([number; 16]),
            username: username.parse().ok(),
            display_name: display_name.parse().ok(),
            alias: None,
            identity: IdentityKey([number; 32]),
            is_admin: false,
            is_own: false,
            is_contact: false,
            devices: 1,
        };
        let names = room_names(&[
            member(1, "anna", "Anna"),
            member(2, "anna.b", "anna "),
            member(3, "carol", "Carol"),
            member(4, "mallory", "You"),
            member(5, "", "Anna"),
        ]);
        let name = |number: u8| names[&AccountId([number; 16])].as_str();
        assert_eq!(name(1), "Anna (@anna)");
        assert_eq!(name(2), "anna (@anna.b)");
        assert_eq!(name(3), "Carol");
        assert_eq!(name(4), "You (@mallory)");
        assert_eq!(name(5), "Anna (05050505)");
    }

    #[test]
    fn a_link_names_its_person() {
        assert_eq!(username_in("sotto://relay.example:4433/@anna#00ff"), "anna");
        assert_eq!(username_in("sotto://relay.example/@anna"), "anna");
        assert_eq!(username_in("@anna"), "@anna");
        assert_eq!(username_in("anna"), "anna");
    }
}
