//! Announcements as an admin posts them and takes them back.

use slint::ComponentHandle;
use sotto_client::proto::{
    admin::{Announce, Answer, AskAll, Command, Withdraw},
    announcement::AnnouncementText,
};

use super::{carry_out, drop_row};
use crate::{
    adapters::admin as shown,
    app::App,
    generated::{Admin, Problem},
};

pub(super) fn wire(app: &App) {
    let admin = app.window.global::<Admin>();
    admin.on_announce(app.on0(announce));
    admin.on_withdraw(app.on_text(withdraw));
}

/// What asks for those that the relay keeps.
pub(super) fn page() -> Command {
    Command::Announcements(AskAll {})
}

fn announce(app: &App) {
    let admin = app.window.global::<Admin>();
    let Ok(text) = admin.get_announcement().parse::<AnnouncementText>() else {
        return admin.set_announcement_problem(Problem::NotAnAnnouncement);
    };
    admin.set_announcement_problem(Problem::None);
    carry_out(app, Command::Announce(Announce { text }), |app, answer| {
        if let Answer::Announced(posted) = answer {
            let admin = app.window.global::<Admin>();
            admin.set_announcement("".into());
            let item = shown::announcement(&posted, &app.clock);
            app.admin.borrow().lists.announcements.insert(0, item);
            app.toast(admin.invoke_posted());
        }
    });
}

fn withdraw(app: &App, number: &str) {
    let Ok(number) = number.parse() else { return };
    carry_out(app, Command::Withdraw(Withdraw { number }), move |app, _| {
        let number = number.to_string();
        let state = app.admin.borrow();
        drop_row(app, &state.lists.announcements, |row| row.number == number.as_str());
    });
}
