//! Everything that can be set. What others see of the owner is kept by the engine, what concerns
//! this computer by the preferences.

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use sotto_client::{
    Engine, EngineError, Me, Secret, VaultError, model::Preferences as Privacy, proto::DisplayName,
};

use crate::{
    adapters::problem::Trouble,
    app::{App, image},
    controllers::{devices, files, navigation, session, window},
    generated::{Appearance as Shown, Problem, Settings, SettingsPage, Words},
    pictures::qr,
    preferences::{Appearance, Language, TextSize},
};

/// What the vault calls the choice of notifications.
const NOTIFICATIONS: &str = "notifications";

/// The licences of what the app is made of.
const LICENCES: &str = include_str!("../../LIBRARIES.txt");

pub(crate) fn wire(app: &App) {
    let settings = app.window.global::<Settings>();
    let languages: Vec<SharedString> =
        Language::ALL.iter().map(|language| language.name().into()).collect();
    settings.set_languages(ModelRc::new(VecModel::from(languages)));
    settings.set_licences(LICENCES.trim_end().into());
    settings.on_show(app.on1(show));
    settings.on_set_display_name(app.on_text(set_display_name));
    settings.on_copy_link(app.on0(|app| {
        let link = app.window.global::<Settings>().get_contact_link();
        navigation::copy(app, &link);
    }));
    settings.on_change_passphrase(app.on3(
        |app, old: SharedString, new: SharedString, again: SharedString| {
            change_passphrase(app, &old, &new, &again);
        },
    ));
    settings.on_export(app.on1(|app, markdown| {
        files::choose(app, files::Purpose::Export { conversation: None, markdown });
    }));
    wire_notifications(app);
    wire_privacy(app);
    wire_appearance(app);
}

fn wire_notifications(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.on_set_notifications(app.on1(|app, on| {
        app.window.global::<Settings>().set_notifications(on);
        keep_notifications(app);
    }));
    settings.on_set_notification_content(app.on1(|app, on| {
        app.window.global::<Settings>().set_notification_content(on);
        keep_notifications(app);
    }));
}

fn wire_privacy(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.on_set_show_online(app.on1(|app, on| {
        app.window.global::<Settings>().set_show_online(on);
        keep_privacy(app);
    }));
    settings.on_set_show_last_seen(app.on1(|app, on| {
        app.window.global::<Settings>().set_show_last_seen(on);
        keep_privacy(app);
    }));
    settings.on_set_read_receipts(app.on1(|app, on| {
        app.window.global::<Settings>().set_read_receipts(on);
        keep_privacy(app);
    }));
    settings.on_set_send_typing(app.on1(|app, on| {
        app.window.global::<Settings>().set_send_typing(on);
        keep_privacy(app);
    }));
}

fn wire_appearance(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.on_set_appearance(app.on1(|app, shown| {
        window::remember(app, |kept| {
            kept.appearance = match shown {
                Shown::System => Appearance::System,
                Shown::Light => Appearance::Light,
                Shown::Dark => Appearance::Dark,
            };
        });
    }));
    settings.on_set_text_size(app.on1(|app, index| {
        if let Some(size) = at(&TextSize::ALL, index) {
            window::remember(app, |kept| kept.text_size = size);
        }
    }));
    settings.on_set_compact(app.on1(|app, compact| {
        window::remember(app, |kept| kept.compact = compact);
    }));
    settings.on_set_enter_sends(app.on1(|app, sends: bool| {
        window::remember(app, |kept| kept.enter_breaks = !sends);
    }));
    settings.on_set_language(app.on1(|app, index| {
        if let Some(language) = at(&Language::ALL, index) {
            window::remember(app, |kept| kept.language = language);
        }
    }));
}

fn at<T: Copy>(all: &[T], index: i32) -> Option<T> {
    usize::try_from(index).ok().and_then(|index| all.get(index).copied())
}

/// Fills the sheet as it opens.
pub(crate) fn open(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.set_name_problem(Problem::None);
    settings.set_old_problem(Problem::None);
    settings.set_passphrase_problem(Problem::None);
    if let Some(me) = app.me() {
        show_me(app, &me);
    }
    show(app, settings.get_page());
}

/// Shows who the owner is.
pub(crate) fn show_me(app: &App, me: &Me) {
    let settings = app.window.global::<Settings>();
    settings.set_username(me.username.as_str().into());
    settings.set_display_name(me.display_name.as_str().into());
    settings.set_picture(app.avatar(&me.identity));
    settings.set_relay(me.relay.to_string().into());
    if let Some(engine) = app.engine() {
        let link = engine.contact_link().to_string();
        settings.set_contact_qr(qr::draw(&link).map(image).unwrap_or_default());
        settings.set_contact_link(link.into());
    }
}

/// Turns to a page, and reads what it shows.
fn show(app: &App, page: SettingsPage) {
    app.window.global::<Settings>().set_page(page);
    match page {
        SettingsPage::Devices => devices::load(app),
        SettingsPage::Storage => load_storage(app),
        _ => {}
    }
}

/// Reads what others may see.
pub(crate) fn load_privacy(app: &App) {
    app.ask(
        |engine| async move { engine.preferences().await },
        |app, kept| match kept {
            Ok(kept) => {
                let settings = app.window.global::<Settings>();
                settings.set_show_online(kept.show_online);
                settings.set_show_last_seen(kept.show_last_seen);
                settings.set_read_receipts(kept.read_receipts);
                settings.set_send_typing(kept.typing);
            }
            Err(error) => app.tell_error(&error),
        },
    );
}

fn keep_privacy(app: &App) {
    let settings = app.window.global::<Settings>();
    let wanted = Privacy {
        show_online: settings.get_show_online(),
        show_last_seen: settings.get_show_last_seen(),
        read_receipts: settings.get_read_receipts(),
        typing: settings.get_send_typing(),
    };
    // In order: of two switches pressed in a row the later one counts.
    let keep = move |engine: Engine| async move { engine.set_preferences(wanted).await };
    app.ask_in_order(keep, App::tell_failure);
}

/// Reads how much is told in notifications; it is the account's own, so the vault has it.
pub(crate) fn load_notifications(app: &App) {
    app.ask(
        |engine| async move { engine.setting(NOTIFICATIONS).await },
        |app, kept| {
            let kept = kept.ok().flatten();
            let settings = app.window.global::<Settings>();
            settings.set_notifications(kept.as_deref() != Some("off"));
            settings.set_notification_content(kept.as_deref() != Some("without content"));
        },
    );
}

fn keep_notifications(app: &App) {
    let settings = app.window.global::<Settings>();
    let wanted = match (settings.get_notifications(), settings.get_notification_content()) {
        (false, _) => Some("off"),
        (true, false) => Some("without content"),
        (true, true) => None,
    };
    let keep = move |engine: Engine| async move { engine.set_setting(NOTIFICATIONS, wanted).await };
    app.ask_in_order(keep, App::tell_failure);
}

fn load_storage(app: &App) {
    app.ask(
        |engine| async move { engine.storage().await },
        |app, used| match used {
            Ok(used) => {
                let settings = app.window.global::<Settings>();
                settings.set_vault_bytes(files::drawn_size(used.vault));
                settings.set_attachment_bytes(files::drawn_size(used.attachments));
            }
            Err(error) => app.tell_error(&error),
        },
    );
}

fn set_display_name(app: &App, name: &str) {
    let settings = app.window.global::<Settings>();
    let Ok(name) = name.trim().parse::<DisplayName>() else {
        return settings.set_name_problem(Problem::NotADisplayName);
    };
    settings.set_name_problem(Problem::None);
    let set = |engine: Engine| async move {
        engine.set_display_name(name).await?;
        Ok::<_, EngineError>(engine.me())
    };
    app.ask(set, |app, set| match set {
        Ok(me) => {
            session::show_me(app, &me);
            app.toast(app.window.global::<Words>().invoke_name_changed());
        }
        Err(error) => {
            let Trouble { problem, detail } = Trouble::from(&error);
            let settings = app.window.global::<Settings>();
            settings.set_problem_detail(detail.into());
            settings.set_name_problem(problem);
        }
    });
}

fn change_passphrase(app: &App, old: &str, new: &str, again: &str) {
    let settings = app.window.global::<Settings>();
    settings.set_old_problem(Problem::None);
    settings.set_passphrase_problem(Problem::None);
    if new != again {
        return settings.set_passphrase_problem(Problem::PassphrasesDiffer);
    }
    settings.set_changing_passphrase(true);
    let (old, new) = (Secret::from(old), Secret::from(new));
    app.ask(
        |engine| async move { engine.change_passphrase(old, new).await },
        |app, changed| {
            let settings = app.window.global::<Settings>();
            settings.set_changing_passphrase(false);
            match changed {
                Ok(()) => {
                    navigation::close_sheet(app);
                    app.toast(app.window.global::<Words>().invoke_passphrase_changed());
                }
                Err(EngineError::Vault(VaultError::WrongPassphrase)) => {
                    settings.set_old_problem(Problem::WrongPassphrase);
                }
                Err(error) => {
                    let Trouble { problem, detail } = Trouble::from(&error);
                    settings.set_problem_detail(detail.into());
                    settings.set_passphrase_problem(problem);
                }
            }
        },
    );
}
