//! The conversation that is open: a window of its messages, which moves over the vault as one
//! scrolls, and follows what arrives.
//!
//! However long a conversation is, at most [`LOADED_MAX`] messages of it are held.

use std::collections::{HashMap, HashSet, VecDeque};

use slint::{ComponentHandle, Image};
use sotto_client::{
    model::{Contact, ContactState, Message},
    proto::{AccountId, MessageId, presence::PresenceState},
};

mod changes;
mod paging;

pub(crate) use changes::{arrived, carried, changed, contact_changed, gone};
pub(crate) use paging::{go_newest, go_unread, jump, reload};

use paging::{Place, Side, load, load_at};

use crate::{
    adapters::{
        line::{Line, Quoted, lines},
        list::presence,
        model::Shown,
    },
    app::App,
    controllers::{composer, navigation, reading},
    generated::{Conversation, Navigation, People, Problem, Row, Standing},
};

/// Messages that are read from the vault at once.
const PAGE: usize = 40;
/// Messages that are held at most.
const LOADED_MAX: usize = 140;
/// What the unread line is called among the rows.
pub(crate) const UNREAD: &str = "unread";

/// The open conversation.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) contact: Option<Contact>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) at_oldest: bool,
    pub(crate) at_newest: bool,
    /// The first message that was unread when the conversation was opened.
    pub(crate) unread_from: Option<MessageId>,
    /// What arrived below what is looked at.
    pub(crate) new_below: u32,
    pub(crate) shown: Shown<Line, Row>,
    pub(crate) thumbnails: HashMap<MessageId, Image>,
    /// Those that were asked for, whatever came of it.
    pub(crate) asked_thumbnails: HashSet<MessageId>,
    quoted: HashMap<MessageId, Quoted>,
    /// Whether a page is being read.
    loading: bool,
    /// Rises with each conversation that is opened, so that late answers are known.
    opened: u64,
}

impl State {
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.contact.as_ref().map(|contact| contact.account)
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// Forgets the conversation that was open; the rows stay those of the window.
    fn begin(&mut self, contact: Option<Contact>) {
        let (opened, mut shown) = (self.opened + 1, std::mem::take(&mut self.shown));
        shown.set(Vec::new(), |_| Row::default());
        *self = Self { contact, opened, shown, ..Self::default() };
    }

    /// Whether a page is being read.
    pub(crate) const fn is_loading(&self) -> bool {
        self.loading
    }

    fn is_open(&self, account: AccountId) -> bool {
        self.account() == Some(account)
    }
}

pub(crate) fn wire(app: &App) {
    let conversation = app.window.global::<Conversation>();
    conversation.set_rows(app.timeline.borrow().shown.rows().into());
    conversation.on_load_older(app.on0(|app| load(app, Side::Older)));
    conversation.on_load_newer(app.on0(|app| load(app, Side::Newer)));
    conversation.on_go_newest(app.on0(go_newest));
}

pub(crate) fn open_conversation(app: &App) -> Option<AccountId> {
    app.timeline.borrow().account()
}

/// Opens a conversation where reading goes on.
pub(crate) fn open(app: &App, account: AccountId) {
    open_in(app, account, Place::Unread);
}

/// Opens a conversation at a message.
pub(crate) fn open_at(app: &App, account: AccountId, message: MessageId) {
    open_in(app, account, Place::At(message));
}

fn open_in(app: &App, account: AccountId, place: Place) {
    let contact = app.people.borrow().summary(account).map(|found| found.contact.clone());
    if let Some(contact) = contact {
        open_contact_in(app, contact, place);
    }
}

/// Opens the conversation with somebody who may not be in the list yet.
pub(crate) fn open_contact(app: &App, contact: Contact) {
    open_contact_in(app, contact, Place::Unread);
}

fn open_contact_in(app: &App, contact: Contact, place: Place) {
    let account = contact.account;
    app.window.global::<Navigation>().set_reading(true);
    if app.timeline.borrow().is_open(account) {
        navigation::focus_page(app);
        match place {
            Place::At(message) => jump(app, message),
            Place::Unread | Place::End => {}
        }
        return;
    }
    composer::leave(app);
    app.timeline.borrow_mut().begin(Some(contact));
    let conversation = app.window.global::<Conversation>();
    conversation.set_loaded(false);
    conversation.set_problem(Problem::None);
    conversation.set_target("".into());
    conversation.set_current("".into());
    conversation.set_at_end(false);
    conversation.set_settled(false);
    conversation.set_id(account.to_string().into());
    app.window.global::<People>().set_selected(account.to_string().into());
    show_person(app);
    composer::enter(app, account);
    load_at(app, account, place);
}

/// Leaves the conversation, for the list.
pub(crate) fn close(app: &App) {
    composer::leave(app);
    app.timeline.borrow_mut().begin(None);
    app.window.global::<Conversation>().set_id("".into());
    app.window.global::<People>().set_selected("".into());
    navigation::focus_page(app);
}

/// Brings the rows up to date with the messages.
pub(crate) fn show(app: &App) {
    let Some(account) = open_conversation(app) else { return };
    let wanted: Vec<MessageId> = {
        let state = app.timeline.borrow();
        let answered = state.messages.iter().filter_map(|message| message.reply_to);
        answered
            .filter(|id| !state.quoted.contains_key(id) && state.message(*id).is_none())
            .collect()
    };
    for id in wanted {
        ask_quoted(app, account, id);
    }
    let lines = {
        let state = app.timeline.borrow();
        let quoted = |id| {
            let held = state.message(id).map(Quoted::of);
            held.or_else(|| state.quoted.get(&id).cloned()).or(Some(Quoted::gone(id)))
        };
        lines(state.messages.iter(), state.unread_from, quoted, &app.clock)
    };
    {
        let mut state = app.timeline.borrow_mut();
        let mut shown = std::mem::take(&mut state.shown);
        shown.set(lines, |line| reading::row(app, &state, line));
        state.shown = shown;
    }
    let state = app.timeline.borrow();
    let conversation = app.window.global::<Conversation>();
    conversation.set_at_oldest(state.at_oldest);
    conversation.set_at_newest(state.at_newest);
    conversation.set_new_below(i32::try_from(state.new_below).unwrap_or(i32::MAX));
    drop(state);
    reading::ask_thumbnails(app, account);
}

/// Finds the original of an answer in the vault.
fn ask_quoted(app: &App, account: AccountId, id: MessageId) {
    app.timeline.borrow_mut().quoted.insert(id, Quoted::gone(id));
    app.ask(
        move |engine| async move { engine.message(account, id).await },
        move |app, found| {
            let Ok(original) = found else { return };
            if app.timeline.borrow().is_open(account) {
                app.timeline.borrow_mut().quoted.insert(id, Quoted::of(&original));
                show(app);
            }
        },
    );
}

/// Shows whom the open conversation is with, and what is between the two.
pub(crate) fn show_person(app: &App) {
    let Some(account) = open_conversation(app) else { return };
    let people = app.people.borrow();
    let summary = people.summary(account);
    if let Some(summary) = summary {
        app.timeline.borrow_mut().contact = Some(summary.contact.clone());
    }
    let Some(contact) = app.timeline.borrow().contact.clone() else { return };
    let conversation = app.window.global::<Conversation>();
    conversation.set_name(contact.name().into());
    conversation.set_username(contact.username.as_str().into());
    conversation.set_picture(app.avatar(&contact.identity));
    conversation.set_verified(contact.verified);
    conversation.set_muted(contact.muted);
    conversation.set_standing(standing(&contact));
    let timer = summary.and_then(|found| found.timer).unwrap_or(0);
    conversation.set_timer(i32::try_from(timer).unwrap_or(i32::MAX));
    conversation.set_typing(people.typing.contains(&account));
    let seen = people.presence.get(&account).copied();
    conversation.set_presence(presence(seen));
    if let Some(PresenceState::Offline(Some(at))) = seen {
        conversation.set_seen(true);
        conversation.set_seen_day(app.clock.day(at));
        conversation.set_seen_time(app.clock.time(at).into());
    } else {
        conversation.set_seen(false);
    }
}

fn standing(contact: &Contact) -> Standing {
    match contact.state {
        ContactState::Request => Standing::Request,
        ContactState::Blocked => Standing::Blocked,
        ContactState::Removed => Standing::Removed,
        ContactState::Accepted if contact.pending_identity.is_some() => Standing::KeyChanged,
        ContactState::Accepted => Standing::Open,
    }
}
