//! The list of conversations, and the switcher.

use std::collections::{HashMap, HashSet};

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    ConnectionState, Engine, EngineError,
    model::{
        ContactState, ConversationId, ConversationSummary, Preview, PreviewKind, Room, RoomState,
    },
    proto::{AccountId, RoomId, presence::PresenceState},
};

use crate::{
    adapters::{
        ids,
        line::{self, one_line},
        list::{
            ConversationLine, FoundLine, ListLine, is_meant, is_request, last_words, neighbour,
            presence, snippet, unread,
        },
        model::Shown,
        problem::Trouble,
    },
    app::App,
    controllers::{about, navigation, search, session, timeline},
    generated::{
        Connection, ConversationItem, FoundMessage, ListRow, ListView, Navigation, People, Problem,
        Words,
    },
};

/// The most that the switcher offers.
const SWITCHER_MAX: usize = 12;

/// What the list is made of.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) summaries: Vec<ConversationSummary>,
    /// What those are called who invite to rooms.
    inviters: HashMap<AccountId, String>,
    pub(crate) presence: HashMap<AccountId, PresenceState>,
    pub(crate) typing: HashSet<(ConversationId, AccountId)>,
    pub(crate) requests_shown: bool,
    pub(crate) search: search::State,
    shown: Shown<ListLine, ListRow>,
    /// Whether the vault is being read, and whether it is to be read once more.
    reading: bool,
    stale: bool,
}

impl State {
    pub(crate) fn summary(&self, id: ConversationId) -> Option<&ConversationSummary> {
        self.summaries.iter().find(|summary| summary.with.id() == id)
    }

    /// Whether somebody is typing there.
    pub(crate) fn types(&self, id: ConversationId) -> bool {
        self.typist(id).is_some()
    }

    /// Who is typing there, or one of them.
    pub(crate) fn typist(&self, id: ConversationId) -> Option<AccountId> {
        let mut there = self.typing.iter().filter(|(conversation, _)| *conversation == id);
        there.next().map(|(_, who)| *who)
    }
}

pub(crate) fn wire(app: &App) {
    let people = app.window.global::<People>();
    people.set_rows(app.people.borrow().shown.rows().into());
    people.on_open(app.on_text(|app, id| {
        if let Some(id) = ids::conversation(id) {
            navigation::close_sheet(app);
            timeline::open(app, id);
        }
    }));
    people.on_open_row(app.on1(open_row));
    people.on_show_requests(app.on1(|app, shown| {
        app.people.borrow_mut().requests_shown = shown;
        show(app);
    }));
    people.on_switch(app.on_text(fill_switcher));
    people.on_reconnect(app.on0(session::connect));
}

/// Reads the conversations anew; once more afterwards if it is asked for meanwhile.
pub(crate) fn reload(app: &App) {
    {
        let mut state = app.people.borrow_mut();
        if state.reading {
            state.stale = true;
            return;
        }
        state.reading = true;
    }
    let read = |engine: Engine| async move {
        let summaries = engine.conversations().await?;
        let mut inviters = HashMap::new();
        for room in summaries.iter().filter_map(|found| found.with.room()) {
            if let (RoomState::Invited, Some(by)) = (room.state, room.invited_by) {
                inviters.insert(by, engine.conversation(by).await?.with.name().to_owned());
            }
        }
        Ok::<_, EngineError>((summaries, inviters, engine.queued().await?))
    };
    app.ask(read, |app, read| {
        let again = {
            let mut state = app.people.borrow_mut();
            state.reading = false;
            std::mem::take(&mut state.stale)
        };
        match read {
            Ok((summaries, inviters, queued)) => {
                {
                    let mut state = app.people.borrow_mut();
                    (state.summaries, state.inviters) = (summaries, inviters);
                }
                let people = app.window.global::<People>();
                people.set_queued(i32::try_from(queued).unwrap_or(i32::MAX));
                people.set_loaded(true);
                show(app);
                timeline::show_person(app);
                about::show(app);
            }
            Err(error) => tracing::warn!(%error, "the conversations could not be read"),
        }
        if again {
            reload(app);
        }
    });
}

/// Brings the list up to date with what is known.
pub(crate) fn show(app: &App) {
    let (lines, requests, count) = {
        let state = app.people.borrow();
        let requests = state.summaries.iter().filter(|summary| is_request(summary)).count();
        (lines(app, &state), requests, unread(&state.summaries))
    };
    let people = app.window.global::<People>();
    let view = if app.people.borrow().search.is_on() {
        ListView::Found
    } else if app.people.borrow().requests_shown && requests > 0 {
        ListView::Requests
    } else {
        app.people.borrow_mut().requests_shown = false;
        ListView::Conversations
    };
    people.set_view(view);
    people.set_request_count(i32::try_from(requests).unwrap_or(i32::MAX));
    app.window.global::<Navigation>().set_unread(i32::try_from(count).unwrap_or(i32::MAX));
    app.people.borrow_mut().shown.set(lines, |line| row(app, line));
}

fn lines(app: &App, state: &State) -> Vec<ListLine> {
    let line = conversation_line(app, state);
    let conversation =
        |summary: &ConversationSummary| ListLine::Conversation(Box::new(line(summary)));
    if state.search.is_on() {
        let query = &state.search.query;
        let people = state
            .summaries
            .iter()
            .filter(|summary| state.search.within.is_none() && is_meant(summary, query));
        let found = state.search.hits.iter().map(|hit| {
            let with = state.summary(hit.message.conversation).map(|found| &found.with);
            ListLine::Found(Box::new(FoundLine {
                hit: hit.clone(),
                name: with.map_or_else(String::new, |with| with.name().to_owned()),
                with: with.cloned(),
            }))
        });
        return people.map(conversation).chain(found).collect();
    }
    let listed = |summary: &&ConversationSummary| is_request(summary) == state.requests_shown;
    state.summaries.iter().filter(listed).map(conversation).collect()
}

/// Makes lines of summaries, with what is known of the persons at the moment.
fn conversation_line(
    app: &App,
    state: &State,
) -> impl Fn(&ConversationSummary) -> ConversationLine {
    let today = app.clock.today();
    move |summary| {
        let person = summary.with.contact().map(|contact| contact.account);
        ConversationLine {
            summary: summary.clone(),
            presence: presence(person.and_then(|person| state.presence.get(&person).copied())),
            typing: state.types(summary.with.id()),
            inviter: summary.with.room().and_then(|room| inviter(state, room)),
            today,
        }
    }
}

fn row(app: &App, line: &ListLine) -> ListRow {
    match line {
        ListLine::Conversation(line) => ListRow { item: item(app, line), ..ListRow::default() },
        ListLine::Found(line) => {
            ListRow { is_message: true, found: found(app, line), ..ListRow::default() }
        }
    }
}

fn item(app: &App, line: &ConversationLine) -> ConversationItem {
    let summary = &line.summary;
    let contact = summary.with.contact();
    let words = app.window.global::<Words>();
    let at = summary.last.as_ref().map(|last| last.at);
    let at = at.or_else(|| contact.map(|contact| contact.added_at));
    let draft =
        summary.draft.as_ref().map(|draft| one_line(&draft.text)).filter(|text| !text.is_empty());
    let (text, lively) = if line.typing {
        (words.invoke_typing(), true)
    } else if let Some(draft) = draft {
        (words.invoke_draft(draft.into()), true)
    } else if summary.with.room().is_some_and(|room| room.state == RoomState::Invited) {
        (words.invoke_invited(line.inviter.clone().unwrap_or_default().into()), false)
    } else {
        (last_line(app, summary), false)
    };
    let last =
        summary.last.as_ref().filter(|last| last.outgoing && last.kind != PreviewKind::Event);
    let stands = |state| contact.is_some_and(|contact| contact.state == state);
    ConversationItem {
        id: ids::shown(summary.with.id()).into(),
        name: summary.with.name().into(),
        username: contact.map(|contact| contact.username.as_str().into()).unwrap_or_default(),
        is_room: contact.is_none(),
        picture: app.face(&summary.with),
        line: text,
        lively,
        day: at.map(|at| app.clock.day(at)).unwrap_or_default(),
        time: at.map(|at| app.clock.time(at).into()).unwrap_or_default(),
        unread: i32::try_from(summary.unread).unwrap_or(i32::MAX),
        mentioned: summary.mentioned,
        tick: line::tick(last.and_then(|last| last.state.as_ref())),
        presence: line.presence,
        muted: summary.muted,
        pinned: summary.pinned,
        request: is_request(summary),
        blocked: stands(ContactState::Blocked),
        verified: contact.is_some_and(|contact| contact.verified),
        key_changed: key_changed(summary),
    }
}

/// Who invites to a room, if that is known.
pub(crate) fn inviter(state: &State, room: &Room) -> Option<String> {
    state.inviters.get(&room.invited_by?).cloned()
}

/// The photo of a room has been read.
pub(crate) fn show_face(app: &App, room: RoomId) {
    let is_it = |line: &ListLine| match line {
        ListLine::Conversation(line) => line.summary.with.id() == room.into(),
        ListLine::Found(line) => line.hit.message.conversation == room.into(),
    };
    app.people.borrow().shown.refresh(is_it, |line| row(app, line));
}

fn key_changed(summary: &ConversationSummary) -> bool {
    summary.with.contact().is_some_and(|contact| contact.pending_identity.is_some())
}

fn last_line(app: &App, summary: &ConversationSummary) -> slint::SharedString {
    let words = app.window.global::<Words>();
    let Some(last) = &summary.last else { return "".into() };
    match last.kind {
        PreviewKind::Deleted => words.invoke_deleted(),
        PreviewKind::Event if key_changed(summary) => {
            words.invoke_problem(Problem::IdentityChanged, "".into())
        }
        PreviewKind::Event => words.invoke_something(),
        PreviewKind::Text | PreviewKind::Attachment => {
            let text = last_words(summary).unwrap_or_default();
            if last.outgoing { words.invoke_you(text.into()) } else { said(last, &text).into() }
        }
    }
}

/// In a room, who said it, by the first name.
fn said(last: &Preview, text: &str) -> String {
    let sender = last.sender.as_ref().and_then(|sender| sender.name.split_whitespace().next());
    sender.map_or_else(|| text.to_owned(), |name| format!("{name}: {text}"))
}

fn found(app: &App, line: &FoundLine) -> FoundMessage {
    let message = &line.hit.message;
    let [before, hit, after] = snippet(&line.hit);
    let at = line::shown_time(message);
    FoundMessage {
        conversation: ids::shown(message.conversation).into(),
        message: message.id.to_string().into(),
        name: line.name.as_str().into(),
        picture: line.with.as_ref().map(|with| app.face(with)).unwrap_or_default(),
        before: before.into(),
        hit: hit.into(),
        after: after.into(),
        day: app.clock.day(at),
        time: app.clock.time(at).into(),
    }
}

fn open_row(app: &App, index: i32) {
    let line = {
        let state = app.people.borrow();
        usize::try_from(index).ok().and_then(|index| state.shown.values().get(index).cloned())
    };
    match line {
        Some(ListLine::Conversation(line)) => timeline::open(app, line.summary.with.id()),
        Some(ListLine::Found(line)) => {
            let message = &line.hit.message;
            timeline::open_at(app, message.conversation, message.id);
        }
        None => {}
    }
}

/// The conversation above or below the open one; of those with unread messages, if that is asked.
pub(crate) fn step(app: &App, step: i32, unread_only: bool) {
    let order: Vec<_> = {
        let state = app.people.borrow();
        let listed = state.summaries.iter().filter(|summary| !is_request(summary));
        listed.map(|found| (found.with.id(), !unread_only || found.unread > 0)).collect()
    };
    let open = timeline::open_conversation(app);
    if let Some(next) = neighbour(&order, open, step) {
        timeline::open(app, next);
    }
}

/// One of the conversations, by its place in the list.
pub(crate) fn jump_to(app: &App, index: usize) {
    let wanted = {
        let state = app.people.borrow();
        let mut listed = state.summaries.iter().filter(|summary| !is_request(summary));
        listed.nth(index).map(|summary| summary.with.id())
    };
    if let Some(wanted) = wanted {
        timeline::open(app, wanted);
    }
}

/// Offers the conversations whose names begin so; without a name, the newest.
pub(crate) fn fill_switcher(app: &App, query: &str) {
    let lines: Vec<_> = {
        let state = app.people.borrow();
        let meant = state.summaries.iter().filter(|found| is_meant(found, query));
        meant.take(SWITCHER_MAX).map(conversation_line(app, &state)).collect()
    };
    let items: Vec<_> = lines.iter().map(|line| item(app, line)).collect();
    app.window.global::<People>().set_switcher(ModelRc::new(VecModel::from(items)));
}

/// How the engine stands with its relay.
pub(crate) fn show_connection(app: &App, state: &ConnectionState) {
    let people = app.window.global::<People>();
    let (connection, trouble) = match state {
        ConnectionState::Offline => (Connection::Offline, Trouble::none()),
        ConnectionState::Connecting => (Connection::Connecting, Trouble::none()),
        ConnectionState::Online => (Connection::Online, Trouble::none()),
        ConnectionState::Waiting { .. } => (Connection::Waiting, Trouble::none()),
        ConnectionState::Stopped { reason } => (Connection::Stopped, reason.into()),
    };
    if connection != Connection::Online {
        // What was known of others is not known any more.
        app.people.borrow_mut().presence.clear();
        timeline::show_person(app);
    }
    tracing::debug!(online = connection == Connection::Online, "the connection changed");
    people.set_connection(connection);
    people.set_connection_problem(trouble.problem);
    people.set_connection_detail(trouble.detail.into());
}
