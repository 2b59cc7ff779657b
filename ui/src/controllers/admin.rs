//! Administration of the relay, for an owner who is one of its admins: the sheet with its pages, and
//! the lists in it, which come from the relay page by page.

mod accounts;
mod announcements;
mod figures;
mod invitations;
mod rooms;

use std::rc::Rc;

use slint::{ComponentHandle, Model, SharedString, VecModel};
use sotto_client::{
    EngineError,
    proto::{
        Username,
        admin::{Answer, AuditPage, Command},
    },
};

use crate::{
    adapters::{admin as shown, problem::Trouble},
    app::App,
    controllers::navigation,
    generated::{
        AccountItem, Admin, AdminPage, AnnouncementItem, AuditItem, DeviceItem, InvitationItem,
        LoginItem, Navigation, RoomItem, Sheet,
    },
};

/// The lines of a list that are asked for at once.
const PAGE: u16 = 50;

/// What the sheet is made of.
#[derive(Default)]
pub(crate) struct State {
    /// Rises with each question whose answer takes the place of what is shown: the answer to an
    /// earlier one is dropped.
    turn: u64,
    /// What asks for more of the list that is shown.
    next: Option<Command>,
    /// The account that is shown in place of the list.
    opened: Option<Username>,
    lists: Lists,
}

#[derive(Default)]
struct Lists {
    accounts: Rc<VecModel<AccountItem>>,
    devices: Rc<VecModel<DeviceItem>>,
    logins: Rc<VecModel<LoginItem>>,
    invitations: Rc<VecModel<InvitationItem>>,
    rooms: Rc<VecModel<RoomItem>>,
    announcements: Rc<VecModel<AnnouncementItem>>,
    audit: Rc<VecModel<AuditItem>>,
}

pub(crate) fn wire(app: &App) {
    let admin = app.window.global::<Admin>();
    let state = app.admin.borrow();
    let lists = &state.lists;
    admin.set_accounts(Rc::clone(&lists.accounts).into());
    admin.set_devices(Rc::clone(&lists.devices).into());
    admin.set_logins(Rc::clone(&lists.logins).into());
    admin.set_invitations(Rc::clone(&lists.invitations).into());
    admin.set_rooms(Rc::clone(&lists.rooms).into());
    admin.set_announcements(Rc::clone(&lists.announcements).into());
    admin.set_audit(Rc::clone(&lists.audit).into());
    admin.on_show(app.on1(show));
    admin.on_show_more(app.on0(show_more));
    accounts::wire(app);
    invitations::wire(app);
    rooms::wire(app);
    announcements::wire(app);
}

/// Takes note of whether the owner may administer the relay.
pub(crate) fn look(app: &App) {
    let allowed = app.engine().is_some_and(|engine| engine.is_admin());
    app.window.global::<Admin>().set_allowed(allowed);
    if !allowed {
        close(app);
    }
}

/// The owner may administer the relay now, or no longer.
pub(crate) fn appointed(app: &App, allowed: bool) {
    look(app);
    let admin = app.window.global::<Admin>();
    app.toast(if allowed { admin.invoke_appointed() } else { admin.invoke_dismissed() });
}

fn close(app: &App) {
    if app.window.global::<Navigation>().get_sheet() == Sheet::Admin {
        navigation::close_sheet(app);
    }
}

/// Fills the sheet as it opens.
pub(crate) fn open(app: &App) {
    let admin = app.window.global::<Admin>();
    admin.set_prefix("".into());
    show(app, AdminPage::Figures);
}

/// Turns to a page, and asks for what it shows.
fn show(app: &App, page: AdminPage) {
    let admin = app.window.global::<Admin>();
    admin.set_page(page);
    admin.set_loaded(false);
    accounts::close(app);
    tell(app, Trouble::none());
    match page {
        AdminPage::Figures => figures::watch(app),
        AdminPage::Accounts => list(app, accounts::page(&admin.get_prefix())),
        AdminPage::Invitations => {
            invitations::load_registration(app);
            list(app, invitations::page());
        }
        AdminPage::Rooms => list(app, rooms::page()),
        AdminPage::Announcements => list(app, announcements::page()),
        AdminPage::Audit => list(app, Command::Audit(AuditPage { before: None, limit: PAGE })),
    }
}

/// Another question takes the place of those that were asked.
fn next_turn(app: &App) -> u64 {
    let mut state = app.admin.borrow_mut();
    state.turn += 1;
    state.next = None;
    state.turn
}

/// Shows a list from its beginning.
fn list(app: &App, command: Command) {
    let turn = next_turn(app);
    app.window.global::<Admin>().set_more(false);
    fetch(app, command, turn, true);
}

/// Shows more of it.
fn show_more(app: &App) {
    let (next, turn) = {
        let mut state = app.admin.borrow_mut();
        (state.next.take(), state.turn)
    };
    if let Some(command) = next {
        fetch(app, command, turn, false);
    }
}

fn fetch(app: &App, command: Command, turn: u64, anew: bool) {
    carry_out(app, command.clone(), move |app, answer| {
        if app.admin.borrow().turn != turn {
            return;
        }
        let next = shown::following(&command, &answer);
        let admin = app.window.global::<Admin>();
        admin.set_more(next.is_some());
        admin.set_loaded(true);
        app.admin.borrow_mut().next = next;
        fill(app, &answer, anew);
        tracing::debug!("a list of the relay's is shown");
    });
}

fn fill(app: &App, answer: &Answer, anew: bool) {
    let (state, clock) = (app.admin.borrow(), &app.clock);
    let lists = &state.lists;
    match answer {
        Answer::Accounts(page) => {
            let Some(me) = app.me() else { return };
            let line = |line| shown::account(line, &me.username, clock);
            put(&lists.accounts, page.accounts.iter().map(line), anew);
        }
        Answer::Invitations(page) => {
            let line = |line| shown::invitation(line, clock);
            put(&lists.invitations, page.invitations.iter().map(line), anew);
        }
        Answer::Rooms(page) => {
            put(&lists.rooms, page.rooms.iter().map(|line| shown::room(line, clock)), anew);
        }
        Answer::Announcements(all) => {
            let line = |line| shown::announcement(line, clock);
            put(&lists.announcements, all.iter().rev().map(line), anew);
        }
        Answer::Audit(page) => {
            put(&lists.audit, page.lines.iter().map(|line| shown::audit(line, clock)), anew);
        }
        _ => {}
    }
}

fn put<T: Clone + 'static>(rows: &VecModel<T>, page: impl Iterator<Item = T>, anew: bool) {
    if anew {
        rows.set_vec(page.collect::<Vec<_>>());
    } else {
        rows.extend(page);
    }
}

/// Takes what is gone off a list, with the button that the keyboard was on.
fn drop_row<T: Clone + 'static>(app: &App, rows: &VecModel<T>, is_it: impl Fn(&T) -> bool) {
    if let Some(index) = rows.iter().position(|row| is_it(&row)) {
        rows.remove(index);
        let admin = app.window.global::<Admin>();
        admin.set_focus_lost(admin.get_focus_lost().wrapping_add(1));
    }
}

/// Has the relay carry out a command, and says what it refuses.
fn carry_out(app: &App, command: Command, then: impl FnOnce(&App, Answer) + Send + 'static) {
    tell(app, Trouble::none());
    app.ask(
        move |engine| async move { engine.administer(command).await },
        |app, answer: Result<Answer, EngineError>| match answer {
            Ok(answer) => then(app, answer),
            Err(error) => tell(app, (&error).into()),
        },
    );
}

/// Says what went wrong.
fn tell(app: &App, trouble: Trouble) {
    let admin = app.window.global::<Admin>();
    admin.set_problem_detail(SharedString::from(trouble.detail));
    admin.set_problem(trouble.problem);
}
