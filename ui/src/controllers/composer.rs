//! What is being written: drafts, replies, edits, a file to send, emoji.

use std::{path::PathBuf, time::Duration};

use slint::ComponentHandle;
use sotto_client::{
    model::{ConversationId, Draft, Message},
    proto::MessageId,
};

use crate::{
    adapters::{line::Quoted, problem::Trouble},
    app::{App, image},
    controllers::{files, mentions, navigation, reading, rows, timeline},
    generated::{Composer, Navigation, PendingFile, Problem, Quote, Sheet},
    pictures::{Pixels, thumbnail},
};

/// A draft is kept when nothing was typed for so long.
const DRAFT_PAUSE: Duration = Duration::from_millis(600);
/// The other side is told again that somebody types, so often.
const TYPING_AGAIN: Duration = Duration::from_secs(4);

/// What is being written, and to what.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) text: String,
    reply: Option<MessageId>,
    editing: Option<MessageId>,
    /// What was written before an edit began.
    before_edit: String,
    file: Option<PathBuf>,
    /// Rises with each letter, so that a pause is known.
    typed: u64,
    /// Whether the other side was just told that somebody types.
    told: bool,
    /// The message that the emoji to be picked is a reaction to.
    reaction_to: Option<MessageId>,
}

pub(crate) fn wire(app: &App) {
    let composer = app.window.global::<Composer>();
    composer.on_send(app.on_text(send));
    composer.on_typed(app.on_text(typed));
    composer.on_drop_reply(app.on0(|app| {
        app.composer.borrow_mut().reply = None;
        show(app);
        keep_draft(app);
    }));
    composer.on_stop_editing(app.on0(stop_editing));
    composer.on_edit_last(app.on0(edit_last));
    composer.on_attach(app.on0(|app| {
        if timeline::open_conversation(app).is_some() {
            files::choose(app, files::Purpose::Attach);
        }
    }));
    composer.on_drop_file(app.on0(|app| {
        app.composer.borrow_mut().file = None;
        show(app);
    }));
    composer.on_paste_image(app.on0(paste_image));
    composer.on_insert_emoji(app.on_text(pick));
}

/// Begins where the draft of a conversation was left.
pub(crate) fn enter(app: &App, conversation: ConversationId) {
    let draft = app.people.borrow().summary(conversation).and_then(|found| found.draft.clone());
    let Draft { text, reply_to } = draft.unwrap_or_default();
    app.composer.replace(State {
        conversation: Some(conversation),
        text: text.clone(),
        reply: reply_to,
        ..State::default()
    });
    set_text(app, &text);
    show(app);
    navigation::focus_page(app);
}

/// Keeps the draft of the conversation that is left.
pub(crate) fn leave(app: &App) {
    if app.composer.borrow().editing.is_some() {
        stop_editing(app);
    }
    keep_draft(app);
    app.composer.replace(State::default());
}

fn keep_draft(app: &App) {
    let (conversation, text, reply) = {
        let state = app.composer.borrow();
        if state.editing.is_some() {
            return;
        }
        (state.conversation, state.text.clone(), state.reply)
    };
    let Some(conversation) = conversation else { return };
    let draft = (!text.is_empty() || reply.is_some())
        .then(|| Draft { text: text.clone(), reply_to: reply });
    {
        let mut people = app.people.borrow_mut();
        let found = people.summaries.iter_mut().find(|found| found.with.id() == conversation);
        match found {
            Some(found) if found.draft != draft => found.draft = draft,
            _ => return,
        }
    }
    app.ask_in_order(
        move |engine| async move { engine.set_draft(conversation, &text, reply).await },
        App::tell_failure,
    );
    if timeline::open_conversation(app) != Some(conversation) {
        crate::controllers::people::show(app);
    }
}

pub(crate) fn typed(app: &App, text: &str) {
    let (conversation, number, tell) = {
        let mut state = app.composer.borrow_mut();
        text.clone_into(&mut state.text);
        state.typed += 1;
        let tell = !state.told && !text.is_empty() && state.editing.is_none();
        state.told |= tell;
        (state.conversation, state.typed, tell)
    };
    app.window.global::<Composer>().set_problem(Problem::None);
    mentions::offer(app);
    if let (Some(to), true) = (conversation, tell) {
        app.ask(move |engine| async move { engine.typing(to, true).await }, |_, _| ());
        app.bridge.later(TYPING_AGAIN, |app| app.composer.borrow_mut().told = false);
    }
    app.bridge.later(DRAFT_PAUSE, move |app| {
        if app.composer.borrow().typed == number {
            keep_draft(app);
        }
    });
}

/// Puts a text into the composer, the cursor behind it.
fn set_text(app: &App, text: &str) {
    text.clone_into(&mut app.composer.borrow_mut().text);
    put(app, text, text.len());
}

pub(crate) fn put(app: &App, text: &str, cursor: usize) {
    mentions::drop_offered(app);
    let composer = app.window.global::<Composer>();
    composer.set_text(text.into());
    composer.set_cursor(i32::try_from(cursor).unwrap_or(0));
    composer.set_revision(composer.get_revision().wrapping_add(1));
}

/// Shows what the next message is about.
fn show(app: &App) {
    let (reply, editing, file) = {
        let state = app.composer.borrow();
        (state.reply, state.editing, state.file.clone())
    };
    let composer = app.window.global::<Composer>();
    composer.set_reply(reply.map(|id| quote(app, id)).unwrap_or_default());
    composer.set_editing(editing.map(|id| quote(app, id)).unwrap_or_default());
    if file.is_none() {
        composer.set_file(PendingFile::default());
    }
}

fn quote(app: &App, id: MessageId) -> Quote {
    let state = app.timeline.borrow();
    let quoted = state.message(id).map_or_else(|| Quoted::gone(id), Quoted::of);
    rows::quote(app, &state, &quoted)
}

/// Answers a message.
pub(crate) fn reply(app: &App, id: MessageId) {
    if app.composer.borrow().editing.is_some() {
        stop_editing(app);
    }
    app.composer.borrow_mut().reply = Some(id);
    show(app);
    keep_draft(app);
    navigation::focus_page(app);
}

/// Changes an own message.
pub(crate) fn edit(app: &App, id: MessageId) {
    let text = app.timeline.borrow().message(id).and_then(Message::text).map(str::to_owned);
    let Some(text) = text else { return };
    keep_draft(app);
    {
        let mut state = app.composer.borrow_mut();
        if state.editing.is_none() {
            state.before_edit = std::mem::take(&mut state.text);
        }
        state.editing = Some(id);
    }
    set_text(app, &text);
    show(app);
    navigation::focus_page(app);
}

/// Changes the last message that this account wrote here.
fn edit_last(app: &App) {
    let last = {
        let state = app.timeline.borrow();
        let may_send = state.may_send();
        let editable = |message: &&Message| {
            message.outgoing && message.text().is_some_and(|text| !text.is_empty())
        };
        let last = state.messages.iter().rev().find(editable).map(|message| message.id);
        last.filter(|_| may_send && state.at_newest)
    };
    if let Some(last) = last {
        edit(app, last);
    }
}

fn stop_editing(app: &App) {
    let before = {
        let mut state = app.composer.borrow_mut();
        state.editing = None;
        std::mem::take(&mut state.before_edit)
    };
    set_text(app, &before);
    show(app);
}

/// Drops the mentions that are offered, else the edit, else the answer. Whether there was any.
pub(crate) fn step_back(app: &App) -> bool {
    if mentions::drop_offered(app) {
        return true;
    }
    let (editing, replying) = {
        let state = app.composer.borrow();
        (state.editing.is_some(), state.reply.is_some())
    };
    if editing {
        stop_editing(app);
    } else if replying {
        app.composer.borrow_mut().reply = None;
        show(app);
        keep_draft(app);
    }
    editing || replying
}

fn send(app: &App, text: &str) {
    let (conversation, reply, editing, file) = {
        let state = app.composer.borrow();
        (state.conversation, state.reply, state.editing, state.file.clone())
    };
    let Some(conversation) = conversation else { return };
    let text = text.trim().to_owned();
    if text.is_empty() && file.is_none() {
        return;
    }
    let sent = text.clone();
    let send = |engine: sotto_client::Engine| async move {
        match (editing, file) {
            (Some(id), _) => engine.edit(conversation, id, &text).await,
            (None, Some(path)) => engine.send_file(conversation, &path, &text, reply).await,
            (None, None) => engine.send_text(conversation, &text, reply).await,
        }
    };
    // What was written is there again if it could not be queued.
    if editing.is_some() {
        stop_editing(app);
    } else {
        {
            let mut state = app.composer.borrow_mut();
            state.reply = None;
            state.file = None;
            state.told = false;
        }
        set_text(app, "");
        show(app);
        keep_draft(app);
    }
    app.ask_in_order(send, move |app, queued| {
        let Err(error) = queued else { return };
        tracing::info!(%error, "not queued");
        if app.composer.borrow().conversation != Some(conversation) {
            return app.tell_error(&error);
        }
        if app.composer.borrow().text.is_empty() {
            set_text(app, &sent);
        }
        let Trouble { problem, detail } = Trouble::from(&error);
        let composer = app.window.global::<Composer>();
        composer.set_problem_detail(detail.into());
        composer.set_problem(problem);
    });
}

/// A file to go with the next message.
pub(crate) fn attach(app: &App, path: PathBuf) {
    if app.composer.borrow().conversation.is_none() {
        return;
    }
    let measured = path.clone();
    let measure = move || {
        let size = std::fs::metadata(&measured).ok().filter(std::fs::Metadata::is_file)?.len();
        Some((size, thumbnail::small(&measured).ok()))
    };
    app.bridge.work(measure, move |app, found| show_file(app, path, found));
}

fn show_file(app: &App, path: PathBuf, found: Option<(u64, Option<Pixels>)>) {
    let composer = app.window.global::<Composer>();
    let Some((size, picture)) = found else {
        composer.set_problem_detail("".into());
        return composer.set_problem(Problem::FileUnreadable);
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    composer.set_problem(Problem::None);
    composer.set_file(PendingFile {
        path: path.to_string_lossy().as_ref().into(),
        name: name.unwrap_or_default().into(),
        size: files::drawn_size(size),
        is_image: picture.is_some(),
        thumbnail: picture.map(image).unwrap_or_default(),
    });
    app.composer.borrow_mut().file = Some(path);
    navigation::focus_page(app);
}

/// Takes the image on the clipboard, if there is one, as a file to send.
fn paste_image(app: &App) {
    let session = app.session.borrow().clone();
    let Some(session) = session else { return };
    let desktop = std::sync::Arc::clone(&app.desktop);
    let at = app.clock.file_stamp();
    let paste = move || {
        let pixels = desktop.image()?;
        files::keep_pasted(&session.folder, &at, &pixels)
            .inspect_err(|error| tracing::warn!(%error, "a pasted image could not be kept"))
            .ok()
    };
    app.bridge.work(paste, |app, kept| {
        if let Some(path) = kept {
            attach(app, path);
        }
    });
}

/// Opens the emoji for a reaction to a message.
pub(crate) fn pick_reaction(app: &App, id: MessageId) {
    app.composer.borrow_mut().reaction_to = Some(id);
    app.window.global::<Navigation>().set_sheet(Sheet::Emoji);
}

/// An emoji was picked: for a reaction, else for the text, at the cursor.
fn pick(app: &App, emoji: &str) {
    let reaction = app.composer.borrow_mut().reaction_to.take();
    navigation::close_sheet(app);
    if let Some(id) = reaction {
        return reading::react(app, &id.to_string(), emoji);
    }
    let text = app.composer.borrow().text.clone();
    let cursor = usize::try_from(app.window.global::<Composer>().get_cursor()).unwrap_or(0);
    let cursor = if text.is_char_boundary(cursor) { cursor } else { text.len() };
    let with_emoji = format!("{}{emoji}{}", &text[..cursor], &text[cursor..]);
    put(app, &with_emoji, cursor + emoji.len());
    typed(app, &with_emoji);
}

/// The conversation is another one; the emoji that were to be picked are not for it.
pub(crate) fn forget_reaction(app: &App) {
    app.composer.borrow_mut().reaction_to = None;
}
