//! The window itself: its size, which is kept, whether somebody looks at it, and how it is drawn.

use std::cell::Cell;

use slint::{
    CloseRequestResponse, ComponentHandle, LogicalSize,
    winit_030::{EventResult, WinitWindowAccessor, winit::event::WindowEvent},
};

use crate::{
    app::App,
    controllers::{reading, session},
    generated::{Appearance as Shown, Composer, Navigation, Settings, Theme},
    preferences::{self, Appearance, Language, Preferences, TextSize, WindowState},
};

pub(crate) fn wire(app: &App) {
    let navigation = app.window.global::<Navigation>();
    navigation.set_version(env!("CARGO_PKG_VERSION").into());
    navigation.on_quit(app.on0(session::quit));
    let window = app.window.window();
    let weak = app.downgrade();
    window.on_close_requested(move || {
        if let Some(app) = weak.upgrade() {
            session::quit(&app);
        }
        CloseRequestResponse::KeepWindowShown
    });
    let weak = app.downgrade();
    // A window is minimised only once it is there.
    let minimise = Cell::new(app.arguments.minimised);
    window.on_winit_window_event(move |window, event| {
        if minimise.take() {
            window.set_minimized(true);
            tracing::debug!("the window is minimised");
        }
        if let (WindowEvent::Focused(focused), Some(app)) = (event, weak.upgrade()) {
            set_focused(&app, *focused);
        }
        EventResult::Propagate
    });
    dress(app);
}

/// Shows it as it was left.
pub(crate) fn show(app: &App) -> Result<(), slint::PlatformError> {
    let window = app.window.window();
    let kept = app.preferences.borrow().window;
    if let Some(kept) = kept {
        window.set_size(LogicalSize::new(kept.width.max(360.0), kept.height.max(420.0)));
    }
    app.window.show()?;
    if kept.is_some_and(|kept| kept.maximised) {
        window.set_maximized(true);
    }
    if app.arguments.minimised {
        app.focused.set(false);
    }
    Ok(())
}

/// Brings it to the front.
pub(crate) fn raise(app: &App) {
    let window = app.window.window();
    window.set_minimized(false);
    window.with_winit_window(|window| window.focus_window());
}

/// Somebody came to it, or left.
pub(crate) fn set_focused(app: &App, focused: bool) {
    app.focused.set(focused);
    if focused {
        reading::look(app);
    }
}

/// Keeps a change of what is remembered of this computer.
pub(crate) fn remember(app: &App, change: impl FnOnce(&mut Preferences)) {
    let mut kept = app.preferences.borrow().clone();
    change(&mut kept);
    if kept == *app.preferences.borrow() {
        return;
    }
    app.preferences.replace(kept.clone());
    let path = preferences::file_beside(&app.profiles);
    app.bridge.work(
        move || kept.write(&path),
        |_, written| {
            if let Err(error) = written {
                tracing::warn!(%error, "the preferences could not be kept");
            }
        },
    );
    dress(app);
}

/// Keeps how large the window is now. It is the last thing that happens, so it is waited for.
pub(crate) fn remember_size(app: &App) {
    let window = app.window.window();
    let size = window.size().to_logical(window.scale_factor());
    let mut kept = app.preferences.borrow_mut();
    let maximised = window.is_maximized();
    // The size to come back to is that from before it was maximised.
    let [width, height] = match kept.window.filter(|_| maximised) {
        Some(before) => [before.width, before.height],
        None => [size.width, size.height],
    };
    if width >= 1.0 && height >= 1.0 {
        kept.window = Some(WindowState { width, height, maximised });
    }
    if let Err(error) = kept.write(&preferences::file_beside(&app.profiles)) {
        tracing::warn!(%error, "the preferences could not be kept");
    }
}

/// Draws the window as is preferred.
fn dress(app: &App) {
    let kept = app.preferences.borrow().clone();
    let theme = app.window.global::<Theme>();
    theme.set_appearance(match kept.appearance {
        Appearance::System => Shown::System,
        Appearance::Light => Shown::Light,
        Appearance::Dark => Shown::Dark,
    });
    theme.set_text_scale(kept.text_size.scale());
    theme.set_compact(kept.compact);
    // One without a translation stays in English; all that are offered have one.
    let _ = slint::select_bundled_translation(kept.language.code());
    let settings = app.window.global::<Settings>();
    settings.set_appearance(theme.get_appearance());
    settings.set_text_size(place(&TextSize::ALL, kept.text_size));
    settings.set_compact(kept.compact);
    settings.set_language(place(&Language::ALL, kept.language));
    settings.set_enter_sends(!kept.enter_breaks);
    app.window.global::<Composer>().set_enter_sends(!kept.enter_breaks);
    app.window.global::<Navigation>().set_enter_sends(!kept.enter_breaks);
}

fn place<T: PartialEq>(all: &[T], one: T) -> i32 {
    let place = all.iter().position(|other| *other == one).unwrap_or(0);
    i32::try_from(place).unwrap_or(0)
}
