//! The accounts: a list to search, and one account with what can be done with it.

use slint::{ComponentHandle, Model};
use sotto_client::proto::admin::{AccountsPage, Answer, Command, Named};

use super::{PAGE, carry_out, drop_row, list};
use crate::{
    adapters::{account, admin as shown},
    app::App,
    generated::{AccountItem, Admin, AdminPage},
};

pub(super) fn wire(app: &App) {
    let admin = app.window.global::<Admin>();
    admin.on_search(app.on_text(|app, prefix| list(app, page(prefix))));
    admin.on_open_account(app.on_text(open));
    admin.on_close_account(app.on0(close));
    admin.on_suspend(app.on1(|app, suspended| {
        let command = if suspended { Command::Suspend } else { Command::Restore };
        change(app, command, move |account| {
            account.suspended = suspended;
            account.online &= !suspended;
        });
    }));
    admin.on_promote(app.on1(|app, admin| {
        let command = if admin { Command::Promote } else { Command::Demote };
        change(app, command, move |account| account.admin = admin);
    }));
    admin.on_delete_account(app.on0(delete));
}

/// What asks for the accounts whose names begin so.
pub(super) fn page(prefix: &str) -> Command {
    let prefix = prefix.trim().trim_start_matches('@').to_lowercase();
    Command::Accounts(AccountsPage { prefix, after: None, limit: PAGE })
}

fn open(app: &App, username: &str) {
    let Ok(username) = username.parse() else { return };
    carry_out(app, Command::Account(Named { username }), |app, answer| {
        let admin = app.window.global::<Admin>();
        let (Answer::Account(found), Some(me), AdminPage::Accounts) =
            (answer, app.me(), admin.get_page())
        else {
            return;
        };
        let mut state = app.admin.borrow_mut();
        let devices = found.account.devices.iter();
        state
            .lists
            .devices
            .set_vec(devices.map(|line| account::device(line, &app.clock)).collect::<Vec<_>>());
        let logins = found.logins.iter().map(|line| account::login(line, &app.clock));
        state.lists.logins.set_vec(logins.collect::<Vec<_>>());
        admin.set_account(shown::account(&found.account, &me.username, &app.clock));
        admin.set_opened(true);
        state.opened = Some(found.account.username);
    });
}

/// Goes back to the list.
pub(super) fn close(app: &App) {
    app.admin.borrow_mut().opened = None;
    app.window.global::<Admin>().set_opened(false);
}

/// Has the relay do something to the account that is open, and shows what has become of it.
fn change(
    app: &App,
    command: fn(Named) -> Command,
    change: impl Fn(&mut AccountItem) + Send + 'static,
) {
    let Some(username) = app.admin.borrow().opened.clone() else { return };
    carry_out(app, command(Named { username: username.clone() }), move |app, _| {
        let state = app.admin.borrow();
        let accounts = &state.lists.accounts;
        for (index, mut row) in accounts.iter().enumerate() {
            if row.username == username.as_str() {
                change(&mut row);
                accounts.set_row_data(index, row);
            }
        }
        if state.opened.as_ref() != Some(&username) {
            return;
        }
        let admin = app.window.global::<Admin>();
        let mut opened = admin.get_account();
        change(&mut opened);
        let devices = &state.lists.devices;
        for (index, mut device) in devices.iter().enumerate() {
            device.online &= opened.online;
            devices.set_row_data(index, device);
        }
        admin.set_account(opened);
    });
}

fn delete(app: &App) {
    let Some(username) = app.admin.borrow().opened.clone() else { return };
    carry_out(app, Command::Delete(Named { username: username.clone() }), move |app, _| {
        if app.admin.borrow().opened.as_ref() == Some(&username) {
            close(app);
        }
        let state = app.admin.borrow();
        drop_row(app, &state.lists.accounts, |row| row.username == username.as_str());
    });
}
