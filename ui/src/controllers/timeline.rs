//! The conversation that is open: a window of its messages, which moves over the vault as one
//! scrolls, and follows what arrives.
//!
//! However long a conversation is, at most [`LOADED_MAX`] messages of it are held.

use std::collections::{HashMap, HashSet, VecDeque};

use slint::{ComponentHandle, Image};
use sotto_client::{
    model::{
        Contact, ContactState, ConversationId, ConversationSummary, Correspondent, Message, Room,
        RoomKind, RoomMember, RoomState,
    },
    proto::{AccountId, MessageId, presence::PresenceState},
};

mod changes;
mod paging;

pub(crate) use changes::{arrived, carried, changed, contact_changed, gone, room_changed};
pub(crate) use paging::{go_newest, go_unread, jump, reload};

use paging::{Place, Side, load, load_at};

use crate::{
    adapters::{
        ids,
        line::{Line, Quoted, lines},
        list::presence,
        members::distinct_names,
        model::Shown,
    },
    app::App,
    controllers::{composer, navigation, people, rows},
    generated::{Conversation, Navigation, People, Picture, Problem, Row, Standing, Words},
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
    pub(crate) with: Option<Correspondent>,
    /// Of a room, all who may have said something in it, and how each is called among them.
    people: HashMap<AccountId, RoomMember>,
    names: HashMap<AccountId, String>,
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
    pub(crate) fn id(&self) -> Option<ConversationId> {
        self.with.as_ref().map(Correspondent::id)
    }

    /// The person, if it is a direct chat.
    pub(crate) fn contact(&self) -> Option<&Contact> {
        self.with.as_ref().and_then(Correspondent::contact)
    }

    /// Whether what is written leaves now.
    pub(crate) fn may_send(&self) -> bool {
        self.with.as_ref().is_some_and(|with| match with {
            Correspondent::Contact(contact) => contact.may_send(),
            Correspondent::Room(_) => with.may_write(),
        })
    }

    /// What somebody here is called who is not the owner.
    pub(crate) fn name(&self, who: AccountId) -> String {
        match (self.names.get(&who), self.contact()) {
            (Some(name), _) => name.clone(),
            (None, Some(contact)) if contact.account == who => contact.name().to_owned(),
            (None, _) => who.to_string().chars().take(8).collect(),
        }
    }

    /// What somebody in the open room looks like.
    pub(crate) fn picture(&self, app: &App, who: AccountId) -> Option<Picture> {
        self.people.get(&who).map(|member| app.avatar(&member.identity))
    }

    /// Those who are in the open room.
    pub(crate) fn present(&self) -> impl Iterator<Item = &RoomMember> {
        self.people.values().filter(|member| member.is_present())
    }

    /// Whether somebody said something here whose name is not known yet.
    fn is_stranger(&self, who: Option<AccountId>) -> bool {
        let is_room = self.with.as_ref().is_some_and(|with| with.room().is_some());
        is_room && who.is_some_and(|who| !self.people.contains_key(&who))
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// Forgets the conversation that was open; the rows stay those of the window.
    fn begin(&mut self, with: Option<Correspondent>) {
        let (opened, mut shown) = (self.opened + 1, std::mem::take(&mut self.shown));
        shown.set(Vec::new(), |_| Row::default());
        *self = Self { with, opened, shown, ..Self::default() };
    }

    /// Whether a page is being read.
    pub(crate) const fn is_loading(&self) -> bool {
        self.loading
    }

    fn is_open(&self, conversation: ConversationId) -> bool {
        self.id() == Some(conversation)
    }
}

pub(crate) fn wire(app: &App) {
    let conversation = app.window.global::<Conversation>();
    conversation.set_rows(app.timeline.borrow().shown.rows().into());
    conversation.on_load_older(app.on0(|app| load(app, Side::Older)));
    conversation.on_load_newer(app.on0(|app| load(app, Side::Newer)));
    conversation.on_go_newest(app.on0(go_newest));
}

pub(crate) fn open_conversation(app: &App) -> Option<ConversationId> {
    app.timeline.borrow().id()
}

/// Opens a conversation where reading goes on.
pub(crate) fn open(app: &App, id: ConversationId) {
    open_in(app, id, Place::Unread);
}

/// Opens a conversation at a message.
pub(crate) fn open_at(app: &App, id: ConversationId, message: MessageId) {
    open_in(app, id, Place::At(message));
}

fn open_in(app: &App, id: ConversationId, place: Place) {
    let with = app.people.borrow().summary(id).map(|found| found.with.clone());
    if let Some(with) = with {
        open_with_in(app, with, place);
    }
}

/// Opens the conversation with somebody who may not be in the list yet.
pub(crate) fn open_contact(app: &App, contact: Contact) {
    open_with_in(app, Correspondent::Contact(contact), Place::Unread);
}

/// Opens a room that may not be in the list yet.
pub(crate) fn open_room(app: &App, room: Room) {
    open_with_in(app, Correspondent::Room(room), Place::Unread);
}

fn open_with_in(app: &App, with: Correspondent, place: Place) {
    let id = with.id();
    app.window.global::<Navigation>().set_reading(true);
    if app.timeline.borrow().is_open(id) {
        navigation::focus_page(app);
        match place {
            Place::At(message) => jump(app, message),
            Place::Unread | Place::End => {}
        }
        return;
    }
    composer::leave(app);
    app.timeline.borrow_mut().begin(Some(with));
    let conversation = app.window.global::<Conversation>();
    conversation.set_loaded(false);
    conversation.set_problem(Problem::None);
    conversation.set_target("".into());
    conversation.set_current("".into());
    conversation.set_at_end(false);
    conversation.set_settled(false);
    conversation.set_id(ids::shown(id).into());
    app.window.global::<People>().set_selected(ids::shown(id).into());
    show_person(app);
    composer::enter(app, id);
    load_people(app);
    load_at(app, id, place);
}

/// Reads who is in the open room, and who was.
fn load_people(app: &App) {
    let Some(room) = open_conversation(app).and_then(ConversationId::room) else { return };
    app.ask(
        move |engine| async move { engine.room_people(room).await },
        move |app, found| {
            let people = match found {
                Ok(people) => people,
                Err(error) => {
                    tracing::warn!(%error, "the people of a room could not be read");
                    return;
                }
            };
            if app.timeline.borrow().is_open(room.into()) {
                let mut state = app.timeline.borrow_mut();
                state.names = distinct_names(&people);
                state.people = people.into_iter().map(|member| (member.account, member)).collect();
                drop(state);
                show(app);
                show_person(app);
            }
        },
    );
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
    let Some(open) = open_conversation(app) else { return };
    let wanted: Vec<MessageId> = {
        let state = app.timeline.borrow();
        let answered = state.messages.iter().filter_map(|message| message.reply_to);
        answered
            .filter(|id| !state.quoted.contains_key(id) && state.message(*id).is_none())
            .collect()
    };
    for id in wanted {
        ask_quoted(app, open, id);
    }
    let lines = {
        let state = app.timeline.borrow();
        let quoted = |id| {
            let held = state.message(id).map(Quoted::of);
            held.or_else(|| state.quoted.get(&id).cloned()).or(Some(Quoted::gone(id)))
        };
        let own = app.me().map(|me| me.account);
        let name = |who: Option<AccountId>| match who.filter(|who| Some(*who) != own) {
            Some(who) => state.name(who),
            None => app.window.global::<Words>().invoke_yourself().into(),
        };
        lines(state.messages.iter(), state.unread_from, quoted, name, &app.clock)
    };
    {
        let mut state = app.timeline.borrow_mut();
        let mut shown = std::mem::take(&mut state.shown);
        shown.set(lines, |line| rows::row(app, &state, line));
        state.shown = shown;
    }
    let state = app.timeline.borrow();
    let conversation = app.window.global::<Conversation>();
    conversation.set_at_oldest(state.at_oldest);
    conversation.set_at_newest(state.at_newest);
    conversation.set_new_below(i32::try_from(state.new_below).unwrap_or(i32::MAX));
    drop(state);
    rows::ask_thumbnails(app, open);
}

/// Finds the original of an answer in the vault.
fn ask_quoted(app: &App, conversation: ConversationId, id: MessageId) {
    app.timeline.borrow_mut().quoted.insert(id, Quoted::gone(id));
    app.ask(
        move |engine| async move { engine.message(conversation, id).await },
        move |app, found| {
            let Ok(original) = found else { return };
            if app.timeline.borrow().is_open(conversation) {
                app.timeline.borrow_mut().quoted.insert(id, Quoted::of(&original));
                show(app);
            }
        },
    );
}

/// Shows whom the open conversation is with, and what is between them.
pub(crate) fn show_person(app: &App) {
    let Some(open) = open_conversation(app) else { return };
    let people = app.people.borrow();
    let summary = people.summary(open);
    if let Some(summary) = summary {
        app.timeline.borrow_mut().with = Some(summary.with.clone());
    }
    let Some(with) = app.timeline.borrow().with.clone() else { return };
    let conversation = app.window.global::<Conversation>();
    conversation.set_name(with.name().into());
    conversation.set_picture(app.face(&with));
    conversation.set_standing(standing(&with));
    conversation.set_muted(summary.is_some_and(|found| found.muted));
    conversation.set_timer(timer(summary));
    conversation.set_typing(people.types(open));
    let typist = people.typist(open).filter(|_| with.room().is_some());
    let typist = typist.map(|who| app.timeline.borrow().name(who));
    conversation.set_typist(typist.unwrap_or_default().into());
    show_room(app, with.room());
    let contact = with.contact();
    let username = contact.map(|contact| contact.username.as_str()).unwrap_or_default();
    conversation.set_username(username.into());
    conversation.set_verified(contact.is_some_and(|contact| contact.verified));
    let seen = contact.and_then(|contact| people.presence.get(&contact.account).copied());
    conversation.set_presence(presence(seen));
    if let Some(PresenceState::Offline(Some(at))) = seen {
        conversation.set_seen(true);
        conversation.set_seen_day(app.clock.day(at));
        conversation.set_seen_time(app.clock.time(at).into());
    } else {
        conversation.set_seen(false);
    }
}

/// Shows what only a room has.
fn show_room(app: &App, room: Option<&Room>) {
    let conversation = app.window.global::<Conversation>();
    conversation.set_is_room(room.is_some());
    let Some(room) = room else { return };
    conversation.set_is_open(room.kind == RoomKind::Open);
    conversation.set_topic(room.topic.as_str().into());
    conversation.set_members(i32::try_from(room.members).unwrap_or(i32::MAX));
    let inviter = people::inviter(&app.people.borrow(), room).unwrap_or_default();
    conversation.set_inviter(inviter.into());
}

fn timer(summary: Option<&ConversationSummary>) -> i32 {
    let seconds = summary.and_then(|found| found.timer).unwrap_or(0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

fn standing(with: &Correspondent) -> Standing {
    let contact = match with {
        Correspondent::Contact(contact) => contact,
        Correspondent::Room(room) => {
            return match room.state {
                RoomState::Joined => Standing::Open,
                RoomState::Invited => Standing::Invited,
                RoomState::Left => Standing::Left,
                RoomState::Removed => Standing::Expelled,
                RoomState::Gone => Standing::Over,
            };
        }
    };
    match contact.state {
        ContactState::Request => Standing::Request,
        ContactState::Blocked => Standing::Blocked,
        ContactState::Removed => Standing::Removed,
        ContactState::Accepted if contact.pending_identity.is_some() => Standing::KeyChanged,
        ContactState::Accepted => Standing::Open,
    }
}
