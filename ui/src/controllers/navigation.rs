//! Which sheet is open, what a step back is, and the keys that mean the same everywhere.

use slint::ComponentHandle;

use crate::{
    app::App,
    controllers::{
        admin, announcements, composer, new_chat, people, person, room, rooms, search, settings,
        timeline,
    },
    generated::{Conversation, Navigation, Problem, Sheet, Words},
};

pub(crate) fn wire(app: &App) {
    let navigation = app.window.global::<Navigation>();
    navigation.on_open_sheet(app.on1(open_sheet));
    navigation.on_back(app.on0(back));
    navigation.on_next_conversation(app.on1(|app, step| people::step(app, step, false)));
    navigation.on_next_unread(app.on1(|app, step| people::step(app, step, true)));
    navigation.on_jump_to(app.on1(|app, index| {
        if let Ok(index) = usize::try_from(index) {
            people::jump_to(app, index);
        }
    }));
}

/// Opens a sheet above the page, in place of another one.
pub(crate) fn open_sheet(app: &App, sheet: Sheet) {
    match sheet {
        Sheet::NewChat => new_chat::begin(app),
        Sheet::Switcher => people::fill_switcher(app, ""),
        Sheet::Settings => settings::open(app),
        Sheet::Person => person::open(app),
        Sheet::NewRoom => rooms::begin_new(app),
        Sheet::OpenRooms => rooms::list_open(app),
        Sheet::Room => room::open(app),
        Sheet::AddPeople => room::begin_adding(app),
        Sheet::Admin => admin::open(app),
        Sheet::Announcements => announcements::load(app),
        Sheet::Emoji => composer::forget_reaction(app),
        _ => {}
    }
    app.window.global::<Navigation>().set_sheet(sheet);
}

/// Closes the sheet; the keyboard goes back to where one writes.
pub(crate) fn close_sheet(app: &App) {
    let navigation = app.window.global::<Navigation>();
    if navigation.get_sheet() != Sheet::None {
        navigation.set_sheet(Sheet::None);
        app.window.global::<Conversation>().set_viewed(slint::Image::default());
        focus_page(app);
    }
}

/// Gives the keyboard to the page: to where one writes, if that is there.
pub(crate) fn focus_page(app: &App) {
    let navigation = app.window.global::<Navigation>();
    navigation.set_page_focus(navigation.get_page_focus().wrapping_add(1));
}

/// One step back: out of a sheet, an edit, a reply, a search, a conversation.
pub(crate) fn back(app: &App) {
    let navigation = app.window.global::<Navigation>();
    match navigation.get_sheet() {
        Sheet::None => {}
        Sheet::AddPeople => return navigation.set_sheet(Sheet::Room),
        _ => return close_sheet(app),
    }
    if app.people.borrow().search.is_on() || app.people.borrow().search.within.is_some() {
        return search::clear(app);
    }
    if composer::step_back(app) {
        return;
    }
    if navigation.get_narrow() {
        if navigation.get_reading() {
            navigation.set_reading(false);
            timeline::close(app);
        }
    } else {
        focus_page(app);
    }
}

/// Copies a text, and says so.
pub(crate) fn copy(app: &App, text: &str) {
    let words = app.window.global::<Words>();
    match app.desktop.copy(text) {
        Ok(()) => app.toast(words.invoke_copied()),
        Err(_) => app.toast(words.invoke_problem(Problem::NoClipboard, "".into())),
    }
}
