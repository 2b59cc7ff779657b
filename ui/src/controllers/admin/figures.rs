//! How the relay is doing, asked for again and again while somebody looks.

use std::time::Duration;

use slint::ComponentHandle;
use sotto_client::proto::admin::{Answer, AskFigures, Command};

use super::{next_turn, tell};
use crate::{
    adapters::{admin as shown, problem::Trouble},
    app::App,
    generated::{Admin, AdminPage, Navigation, Sheet},
};

/// How long figures are shown before they are asked for again.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows them, and goes on showing them until something else is shown.
pub(super) fn watch(app: &App) {
    let turn = next_turn(app);
    ask(app, turn);
}

fn ask(app: &App, turn: u64) {
    let figures = Command::Figures(AskFigures {});
    app.ask(
        |engine| async move { engine.administer(figures).await },
        move |app, answer| {
            if !are_shown(app, turn) {
                return;
            }
            let admin = app.window.global::<Admin>();
            match answer {
                Ok(Answer::Figures(now)) => {
                    admin.set_figures(shown::figures(&now));
                    tracing::debug!("the relay's figures are shown");
                    admin.set_loaded(true);
                    tell(app, Trouble::none());
                }
                Ok(_) => {}
                Err(error) => tell(app, (&error).into()),
            }
            app.bridge.later(PAUSE, move |app| {
                if are_shown(app, turn) {
                    ask(app, turn);
                }
            });
        },
    );
}

fn are_shown(app: &App, turn: u64) -> bool {
    app.window.global::<Navigation>().get_sheet() == Sheet::Admin
        && app.window.global::<Admin>().get_page() == AdminPage::Figures
        && app.admin.borrow().turn == turn
}
