//! Choosing people for a room: contacts, by a few letters of their names, and others by the username.

use std::collections::BTreeSet;

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    model::{Contact, ContactState},
    proto::AccountId,
};

use crate::{
    adapters::{list::begins_words, problem::Trouble},
    app::App,
    generated::{PersonChoice, Problem, Rooms},
};

/// The most that are offered at once.
const OFFERED_MAX: usize = 200;

/// Who may be chosen, and who is.
#[derive(Default)]
pub(crate) struct State {
    contacts: Vec<Contact>,
    /// Those who are where the others are to come.
    there: BTreeSet<AccountId>,
    chosen: BTreeSet<AccountId>,
    query: String,
}

pub(crate) fn wire(app: &App) {
    let rooms = app.window.global::<Rooms>();
    rooms.on_look_for(app.on_text(look_for));
    rooms.on_choose(app.on_text(|app, account| {
        if let Ok(account) = account.parse() {
            choose(app, account);
        }
    }));
    rooms.on_add_by_name(app.on_text(add_by_name));
}

/// Begins with nobody chosen; those who are there already are not offered.
pub(crate) fn begin(app: &App, there: BTreeSet<AccountId>) {
    app.choosing.replace(State { there, ..State::default() });
    let rooms = app.window.global::<Rooms>();
    rooms.set_query("".into());
    rooms.set_people_problem(Problem::None);
    show(app);
    app.ask(
        |engine| async move { engine.contacts().await },
        |app, contacts| match contacts {
            Ok(contacts) => {
                let accepted = |contact: &Contact| contact.state == ContactState::Accepted;
                let mut contacts: Vec<_> = contacts.into_iter().filter(accepted).collect();
                contacts.sort_by_cached_key(|contact| contact.name().to_lowercase());
                app.choosing.borrow_mut().contacts = contacts;
                show(app);
            }
            Err(error) => app.tell_error(&error),
        },
    );
}

/// Those who are chosen.
pub(crate) fn chosen(app: &App) -> Vec<AccountId> {
    app.choosing.borrow().chosen.iter().copied().collect()
}

fn look_for(app: &App, query: &str) {
    query.trim().trim_start_matches('@').clone_into(&mut app.choosing.borrow_mut().query);
    app.window.global::<Rooms>().set_people_problem(Problem::None);
    show(app);
}

fn choose(app: &App, account: AccountId) {
    {
        let mut state = app.choosing.borrow_mut();
        if !state.chosen.remove(&account) {
            state.chosen.insert(account);
        }
        state.query.clear();
    }
    app.window.global::<Rooms>().set_query("".into());
    show(app);
}

/// Makes somebody a contact, and chooses them.
fn add_by_name(app: &App, name: &str) {
    let name = name.trim().to_owned();
    app.window.global::<Rooms>().set_busy(true);
    app.ask(
        move |engine| async move { engine.add_contact(&name).await },
        |app, added| {
            let rooms = app.window.global::<Rooms>();
            rooms.set_busy(false);
            match added {
                Ok(contact) => {
                    let account = contact.account;
                    let is_there = {
                        let mut state = app.choosing.borrow_mut();
                        state.contacts.retain(|known| known.account != account);
                        state.contacts.insert(0, contact);
                        state.there.contains(&account) || state.chosen.contains(&account)
                    };
                    if !is_there {
                        choose(app, account);
                    }
                }
                Err(error) => {
                    let Trouble { problem, detail } = Trouble::from(&error);
                    rooms.set_people_detail(detail.into());
                    rooms.set_people_problem(problem);
                }
            }
        },
    );
}

fn show(app: &App) {
    let state = app.choosing.borrow();
    let offered = state.contacts.iter().filter(|contact| {
        let names =
            format!("{} {} {}", contact.name(), contact.display_name, contact.username.as_str());
        !state.there.contains(&contact.account) && begins_words(&names, &state.query)
    });
    let choices: Vec<_> = offered
        .take(OFFERED_MAX)
        .map(|contact| PersonChoice {
            account: contact.account.to_string().into(),
            name: contact.name().into(),
            username: contact.username.as_str().into(),
            picture: app.avatar(&contact.identity),
            chosen: state.chosen.contains(&contact.account),
        })
        .collect();
    let chosen = state.contacts.iter().filter(|contact| state.chosen.contains(&contact.account));
    let names: Vec<_> = chosen.map(Contact::name).collect();
    let rooms = app.window.global::<Rooms>();
    rooms.set_chosen_names(names.join(", ").into());
    rooms.set_people(ModelRc::new(VecModel::from(choices)));
    rooms.set_chosen(i32::try_from(state.chosen.len()).unwrap_or(i32::MAX));
}
