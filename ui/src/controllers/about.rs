//! What the pages of a person and of a room have in common: mute, pin, timer, export, shared files.

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    Engine, EngineError,
    model::{ConversationId, Message, MessageBody},
};

use crate::{
    adapters::{ids, line},
    app::App,
    controllers::{files, people},
    generated::{About, SharedFile},
};

/// Files that are listed.
const FILES_MAX: usize = 40;

/// Which conversation's page is open.
#[derive(Default)]
pub(crate) struct State {
    conversation: Option<ConversationId>,
}

pub(crate) fn wire(app: &App) {
    let about = app.window.global::<About>();
    about.on_set_muted(app.on1(|app, muted: bool| {
        change(app, move |engine, with| async move { engine.set_muted(with, muted).await });
    }));
    about.on_set_pinned(app.on1(|app, pinned: bool| {
        change(app, move |engine, with| async move { engine.set_pinned(with, pinned).await });
    }));
    about.on_set_timer(app.on1(|app, seconds: i32| {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        change(app, move |engine, with| async move { engine.set_timer(with, seconds).await });
    }));
    about.on_export(app.on1(|app, markdown| {
        let conversation = app.about.borrow().conversation;
        files::choose(app, files::Purpose::Export { conversation, markdown });
    }));
    about.on_show_file(app.on_text(|app, id| {
        if let Some(id) = ids::message(id) {
            files::show_in_conversation(app, id);
        }
    }));
}

/// Fills what the page of a conversation has of this.
pub(crate) fn open(app: &App, conversation: ConversationId) {
    app.about.borrow_mut().conversation = Some(conversation);
    app.window.global::<About>().set_files(ModelRc::default());
    show(app);
    app.ask(
        move |engine| async move { engine.shared_files(conversation, None, FILES_MAX).await },
        move |app, files| match files {
            Ok(files) if app.about.borrow().conversation == Some(conversation) => {
                show_files(app, &files);
            }
            Ok(_) => {}
            Err(error) => app.tell_error(&error),
        },
    );
}

/// Brings the switches up to date with the list of conversations.
pub(crate) fn show(app: &App) {
    let Some(conversation) = app.about.borrow().conversation else { return };
    let people = app.people.borrow();
    let Some(summary) = people.summary(conversation) else { return };
    let about = app.window.global::<About>();
    about.set_muted(summary.muted);
    about.set_pinned(summary.pinned);
    about.set_timer(i32::try_from(summary.timer.unwrap_or(0)).unwrap_or(i32::MAX));
}

fn show_files(app: &App, messages: &[Message]) {
    let shown: Vec<SharedFile> = messages
        .iter()
        .filter_map(|message| {
            let MessageBody::Attachment { file, .. } = &message.body else { return None };
            let at = line::shown_time(message);
            Some(SharedFile {
                message: message.id.to_string().into(),
                name: file.name.as_str().into(),
                size: files::drawn_size(file.size),
                outgoing: message.outgoing,
                day: app.clock.day(at),
                time: app.clock.time(at).into(),
            })
        })
        .collect();
    app.window.global::<About>().set_files(ModelRc::new(VecModel::from(shown)));
}

/// Has the engine change the conversation; the list, read again, shows what became of it.
fn change<T, F>(app: &App, change: impl FnOnce(Engine, ConversationId) -> F)
where
    T: Send + 'static,
    F: Future<Output = Result<T, EngineError>> + Send + 'static,
{
    let Some(conversation) = app.about.borrow().conversation else { return };
    app.ask(
        |engine| change(engine, conversation),
        |app, changed| {
            app.tell_failure(changed);
            people::reload(app);
        },
    );
}
