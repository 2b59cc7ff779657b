//! A new chat: with somebody by username or link, by a code in an image, or out of the relay's list.

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    Engine, EngineError,
    model::{Contact, ContactState},
};

use crate::{
    adapters::problem::Trouble,
    app::{App, image},
    controllers::{
        files::{self, Purpose, ScanFor},
        navigation, people, timeline,
    },
    generated::{ConversationItem, People, Problem},
    pictures::qr,
};

/// The most people of the relay's list that a new chat offers.
const DIRECTORY_MAX: usize = 8;
/// The fewest letters that the relay's list is asked for.
const PREFIX_MIN: usize = 2;

/// What was asked of the relay.
#[derive(Default)]
pub(crate) struct State {
    /// Rises with each question to the relay's list.
    lookups: u64,
}

pub(crate) fn wire(app: &App) {
    let people = app.window.global::<People>();
    people.on_add(app.on_text(add));
    people.on_look_for(app.on_text(look_for));
    people.on_scan_contact(app.on0(|app| files::choose(app, Purpose::Scan(ScanFor::Contact))));
    people.on_copy_own_link(app.on0(|app| {
        let link = app.window.global::<People>().get_own_link();
        navigation::copy(app, &link);
    }));
}

/// Begins with nobody's name.
pub(crate) fn begin(app: &App) {
    let people = app.window.global::<People>();
    people.set_new_name("".into());
    people.set_new_problem(Problem::None);
    people.set_directory(slint::ModelRc::default());
    if let Some(engine) = app.engine() {
        let link = engine.contact_link().to_string();
        people.set_own_qr(qr::draw(&link).map(image).unwrap_or_default());
        people.set_own_link(link.into());
    }
}

/// Begins a chat with somebody of this username or link.
pub(crate) fn add(app: &App, name: &str) {
    let people = app.window.global::<People>();
    let name = name.trim().to_owned();
    if people.get_adding() || name.is_empty() {
        return;
    }
    people.set_adding(true);
    people.set_new_problem(Problem::None);
    app.ask(
        |engine| find_or_add(engine, name),
        |app, added| {
            let people = app.window.global::<People>();
            people.set_adding(false);
            match added {
                Ok(contact) => {
                    people.set_new_name("".into());
                    navigation::close_sheet(app);
                    people::reload(app);
                    timeline::open_contact(app, contact);
                }
                Err(error) => {
                    let Trouble { problem, detail } = Trouble::from(&error);
                    people.set_new_detail(detail.into());
                    people.set_new_problem(problem);
                }
            }
        },
    );
}

async fn find_or_add(engine: Engine, name: String) -> Result<Contact, EngineError> {
    // Who is a contact is opened without a connection.
    match engine.contact(name.trim_start_matches('@')).await {
        Ok(contact) if contact.state != ContactState::Removed => Ok(contact),
        _ => engine.add_contact(&name).await,
    }
}

/// Opens the chat with somebody who was met in a room.
pub(crate) fn write_to(app: &App, username: &str) {
    let username = username.to_owned();
    app.ask(
        |engine| find_or_add(engine, username),
        |app, added| match added {
            Ok(contact) => {
                people::reload(app);
                timeline::open_contact(app, contact);
            }
            Err(error) => app.tell_error(&error),
        },
    );
}

/// A contact link was read from an image, or is not in it.
pub(crate) fn scanned(app: &App, link: Result<String, Problem>) {
    let people = app.window.global::<People>();
    match link {
        Ok(link) => {
            people.set_new_name(link.as_str().into());
            add(app, &link);
        }
        Err(problem) => people.set_new_problem(problem),
    }
}

/// Offers people of the relay's list.
fn look_for(app: &App, prefix: &str) {
    let people = app.window.global::<People>();
    people.set_new_problem(Problem::None);
    let number = {
        let mut state = app.new_chat.borrow_mut();
        state.lookups += 1;
        state.lookups
    };
    let prefix = prefix.trim().trim_start_matches('@').to_lowercase();
    if prefix.len() < PREFIX_MIN || prefix.contains(':') {
        return people.set_directory(ModelRc::default());
    }
    // A relay may list nobody; then there is nothing to offer.
    app.ask(
        |engine| async move { engine.users(&prefix, None).await },
        move |app, listed| {
            if app.new_chat.borrow().lookups != number {
                return;
            }
            let me = app.me().map(|me| me.username);
            let users = listed.map(|listed| listed.users).unwrap_or_default();
            let others = users.iter().filter(|user| Some(&user.username) != me.as_ref());
            let items: Vec<_> = others
                .take(DIRECTORY_MAX)
                .map(|user| ConversationItem {
                    name: user.display_name.as_str().into(),
                    username: user.username.as_str().into(),
                    ..ConversationItem::default()
                })
                .collect();
            app.window.global::<People>().set_directory(ModelRc::new(VecModel::from(items)));
        },
    );
}
