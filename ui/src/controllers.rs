//! One controller a concern: what the window's callbacks and the engine's events do.
//!
//! A controller owns the state of its part, asks the engine over the bridge, and sets properties
//! and models of the Slint globals. Nothing of layout or wording stands here.

pub(crate) mod about;
pub(crate) mod admin;
pub(crate) mod announcements;
pub(crate) mod choosing;
pub(crate) mod composer;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod mentions;
pub(crate) mod navigation;
pub(crate) mod new_chat;
pub(crate) mod notifications;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod reading;
pub(crate) mod room;
pub(crate) mod rooms;
pub(crate) mod rows;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod timeline;
pub(crate) mod welcome;
pub(crate) mod window;

use crate::app::App;

/// Connects all callbacks of the window.
pub(crate) fn wire(app: &App) {
    window::wire(app);
    navigation::wire(app);
    welcome::wire(app);
    people::wire(app);
    new_chat::wire(app);
    search::wire(app);
    timeline::wire(app);
    reading::wire(app);
    composer::wire(app);
    mentions::wire(app);
    files::wire(app);
    about::wire(app);
    person::wire(app);
    choosing::wire(app);
    rooms::wire(app);
    room::wire(app);
    settings::wire(app);
    devices::wire(app);
    announcements::wire(app);
    admin::wire(app);
}
