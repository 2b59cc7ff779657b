//! The rows of the open conversation, as they are drawn from its lines.

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use sotto_client::model::{Contact, ConversationId, Message, MessageBody};

use crate::{
    adapters::line::{self, Line, MessageLine},
    app::{App, image},
    controllers::{files, timeline},
    generated::{FileCard, Quote, Reaction, Row, RowKind, Words},
    pictures::thumbnail,
};

/// A line as it is drawn.
pub(crate) fn row(app: &App, state: &timeline::State, line: &Line) -> Row {
    match line {
        Line::Day(date) => Row {
            kind: RowKind::Day,
            id: format!("day {date}").into(),
            day: app.clock.seen_from_today(*date),
            ..Row::default()
        },
        Line::Unread => {
            Row { kind: RowKind::Unread, id: timeline::UNREAD.into(), ..Row::default() }
        }
        Line::Event { id, at, what, seconds, name, other } => Row {
            kind: RowKind::Event,
            id: id.to_string().into(),
            time: app.clock.time(*at).into(),
            event: *what,
            event_name: name.as_str().into(),
            event_other: other.as_str().into(),
            event_seconds: i32::try_from(*seconds).unwrap_or(i32::MAX),
            ..Row::default()
        },
        Line::Message(line) => message_row(app, state, line),
    }
}

fn message_row(app: &App, state: &timeline::State, line: &MessageLine) -> Row {
    let message = &line.message;
    let text = message.text().unwrap_or_default();
    let failure = line::failure(message.state.as_ref());
    let links: Vec<SharedString> = line::links(text).into_iter().map(Into::into).collect();
    Row {
        kind: RowKind::Message,
        id: message.id.to_string().into(),
        outgoing: message.outgoing,
        sender: line.sender.as_deref().unwrap_or_default().into(),
        picture: message.sender.and_then(|who| state.picture(app, who)).unwrap_or_default(),
        mentions_me: message.mentions_me,
        first: line.first,
        last: line.last,
        text: text.into(),
        only_emoji: line::is_only_emoji(text),
        time: app.clock.time(line::shown_time(message)).into(),
        tick: line::tick(message.state.as_ref()),
        failure: failure.problem,
        failure_detail: failure.detail.into(),
        edited: message.edited,
        deleted: message.is_deleted(),
        quote: line.quote.as_ref().map(|quoted| quote(app, state, quoted)).unwrap_or_default(),
        file: file_card(state, message),
        links: if links.is_empty() {
            ModelRc::default()
        } else {
            ModelRc::new(VecModel::from(links))
        },
        own_reaction: line
            .reactions
            .iter()
            .find(|one| one.own)
            .map(|one| one.emoji.as_str().into())
            .unwrap_or_default(),
        reactions: reactions(line),
        timer: message.disappears_after.and_then(|after| i32::try_from(after).ok()).unwrap_or(0),
        ..Row::default()
    }
}

fn reactions(line: &MessageLine) -> ModelRc<Reaction> {
    if line.reactions.is_empty() {
        return ModelRc::default();
    }
    let drawn: Vec<_> = line
        .reactions
        .iter()
        .map(|one| Reaction {
            emoji: one.emoji.as_str().into(),
            count: i32::try_from(one.names.len()).unwrap_or(i32::MAX),
            own: one.own,
            names: one.names.join(", ").into(),
        })
        .collect();
    ModelRc::new(VecModel::from(drawn))
}

/// What is answered, as it is drawn.
pub(crate) fn quote(app: &App, state: &timeline::State, quoted: &line::Quoted) -> Quote {
    let other = || {
        let name = quoted.sender.map(|who| state.name(who));
        name.or_else(|| state.contact().map(Contact::name).map(str::to_owned)).unwrap_or_default()
    };
    Quote {
        id: quoted.id.to_string().into(),
        author: match quoted.outgoing {
            Some(true) => app.window.global::<Words>().invoke_yourself(),
            Some(false) => other().into(),
            None => "".into(),
        },
        text: quoted.text.as_str().into(),
    }
}

fn file_card(state: &timeline::State, message: &Message) -> FileCard {
    let MessageBody::Attachment { file, .. } = &message.body else { return FileCard::default() };
    let (file_state, progress) = line::file_state(&file.transfer, message.outgoing);
    FileCard {
        state: file_state,
        name: file.name.as_str().into(),
        size: files::drawn_size(file.size),
        progress,
        is_image: files::is_image(&file.media_type),
        thumbnail: state.thumbnails.get(&message.id).cloned().unwrap_or_default(),
        outgoing: message.outgoing,
    }
}

/// Has pictures made of the images that are on this computer.
pub(crate) fn ask_thumbnails(app: &App, conversation: ConversationId) {
    let wanted: Vec<_> = {
        let mut state = app.timeline.borrow_mut();
        let wanted: Vec<_> = state
            .messages
            .iter()
            .filter(|message| !state.asked_thumbnails.contains(&message.id))
            .filter_map(|message| match &message.body {
                MessageBody::Attachment { file, .. } if files::is_image(&file.media_type) => {
                    file.path.clone().map(|path| (message.id, path))
                }
                _ => None,
            })
            .collect();
        state.asked_thumbnails.extend(wanted.iter().map(|(id, _)| *id));
        wanted
    };
    for (id, path) in wanted {
        app.bridge.work(
            move || thumbnail::small(&path),
            move |app, made| {
                let Ok(pixels) = made else { return };
                if timeline::open_conversation(app) != Some(conversation) {
                    return;
                }
                let mut state = app.timeline.borrow_mut();
                state.thumbnails.insert(id, image(pixels));
                let is_it =
                    |line: &Line| matches!(line, Line::Message(line) if line.message.id == id);
                state.shown.refresh(is_it, |line| row(app, &state, line));
            },
        );
    }
}
