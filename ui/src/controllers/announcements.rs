//! Service messages: what the relay's admins tell everybody, shown until it is dismissed.
//!
//! They are shown one after the other, oldest first, so one number says what was dismissed; the
//! texts are the relay's to keep, and one that was withdrawn is gone at the next connection.

use std::rc::Rc;

use slint::{ComponentHandle, Model, VecModel};
use sotto_client::{Engine, EngineError, proto::announcement::Announcement};

use crate::{
    adapters::{admin, problem::Trouble},
    app::App,
    controllers::navigation,
    generated::{AnnouncementItem, Announcements},
};

/// What the vault calls the number of the last announcement that was dismissed.
const DISMISSED: &str = "announcements.dismissed";

/// What there is to tell.
#[derive(Default)]
pub(crate) struct State {
    all: Vec<Announcement>,
    dismissed: u64,
    waiting: Rc<VecModel<AnnouncementItem>>,
    recent: Rc<VecModel<AnnouncementItem>>,
}

pub(crate) fn wire(app: &App) {
    let announcements = app.window.global::<Announcements>();
    let state = app.announcements.borrow();
    announcements.set_waiting(Rc::clone(&state.waiting).into());
    announcements.set_recent(Rc::clone(&state.recent).into());
    announcements.on_dismiss(app.on_text(dismiss));
}

/// Asks the relay for those that it has.
pub(crate) fn load(app: &App) {
    let read = |engine: Engine| async move {
        let dismissed = engine.setting(DISMISSED).await?;
        let all = engine.announcements().await?;
        Ok::<_, EngineError>((dismissed.and_then(|number| number.parse().ok()).unwrap_or(0), all))
    };
    app.ask(read, |app, read| {
        let announcements = app.window.global::<Announcements>();
        let trouble = match read {
            Ok((dismissed, all)) => {
                announcements.set_loaded(true);
                let mut state = app.announcements.borrow_mut();
                // The vault is behind what was dismissed a moment ago.
                state.dismissed = state.dismissed.max(dismissed);
                state.all = all;
                drop(state);
                show(app);
                Trouble::none()
            }
            Err(error) => (&error).into(),
        };
        announcements.set_problem_detail(trouble.detail.into());
        announcements.set_problem(trouble.problem);
    });
}

fn show(app: &App) {
    let state = app.announcements.borrow();
    let items = |lines: &mut dyn Iterator<Item = &Announcement>| -> Vec<AnnouncementItem> {
        lines.map(|line| admin::announcement(line, &app.clock)).collect()
    };
    let waiting = items(&mut state.all.iter().filter(|line| line.number > state.dismissed));
    let recent = items(&mut state.all.iter().rev());
    state.waiting.set_vec(waiting);
    state.recent.set_vec(recent);
}

fn dismiss(app: &App, number: &str) {
    let Ok(number) = number.parse::<u64>() else { return };
    app.announcements.borrow_mut().dismissed = number;
    show(app);
    if app.announcements.borrow().waiting.row_count() == 0 {
        navigation::focus_page(app);
    }
    let number = number.to_string();
    let keep = |engine: Engine| async move { engine.set_setting(DISMISSED, Some(&number)).await };
    app.ask_in_order(keep, App::tell_failure);
}
