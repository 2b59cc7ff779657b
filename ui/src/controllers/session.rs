//! From an open vault to the main page, and out again.

use std::path::PathBuf;

use slint::ComponentHandle;
use sotto_client::{Engine, Me};

use crate::{
    app::{App, Session},
    controllers::{admin, events, navigation, people, settings, window},
    generated::{Navigation, Screen, Sheet},
    single_instance,
};

/// Shows an account: its vault is open, and its engine runs.
pub(crate) fn enter(app: &App, engine: Engine, folder: PathBuf) {
    app.bridge.listen(&engine, events::take);
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    window::remember(app, |kept| kept.last_profile = name);
    single_instance::listen(&app.bridge, folder.clone(), window::raise);
    let me = engine.me();
    *app.session.borrow_mut() = Some(Session { engine, me: me.clone(), folder });
    show_me(app, &me);
    let navigation = app.window.global::<Navigation>();
    navigation.set_sheet(Sheet::None);
    navigation.set_screen(Screen::Main);
    tracing::debug!("an account is open");
    people::reload(app);
    settings::load_notifications(app);
    settings::load_privacy(app);
    admin::look(app);
    navigation::focus_page(app);
    connect(app);
}

/// Shows who the owner is.
pub(crate) fn show_me(app: &App, me: &Me) {
    if let Some(session) = app.session.borrow_mut().as_mut() {
        session.me = me.clone();
    }
    settings::show_me(app, me);
}

/// Connects, and stays connected from then on. The events tell how it goes.
pub(crate) fn connect(app: &App) {
    app.ask(|engine| async move { engine.connect().await }, |_, _| ());
}

/// Closes the window, then the vault and the connection.
pub(crate) fn quit(app: &App) {
    window::remember_size(app);
    // One that never was shown has nothing to hide.
    let _ = app.window.hide();
    match app.session.borrow_mut().take() {
        Some(session) => app.bridge.ask(session.engine.shutdown(), |app, ()| end(app)),
        None => end(app),
    }
}

fn end(app: &App) {
    app.over.set(true);
    // Who runs no event loop pumps.
    let _ = slint::quit_event_loop();
}
