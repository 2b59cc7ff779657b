//! Files that go and come: choosing one, saving, opening, exporting, reading a code from an image.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use slint::ComponentHandle;
use sotto_client::{
    Engine, EngineError, ExportFormat,
    model::{ConversationId, Message, MessageBody},
    proto::MessageId,
};

use crate::{
    app::{App, image},
    controllers::{composer, navigation, new_chat, room, rooms, timeline, welcome},
    desktop::{FileChoice, NotOffered, may_start_a_program},
    generated::{Conversation, FilePath, Navigation, PathPurpose, Problem, Sheet, Words},
    pictures::{Pixels, qr, thumbnail},
};

/// The folder in a profile for files of messages.
const ATTACHMENTS: &str = "attachments";
/// The longest name that a received file keeps, in bytes.
const NAME_MAX: usize = 120;

/// What a file is chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To go with the next message.
    Attach,
    /// Where the file of a message is saved.
    Save { conversation: ConversationId, message: MessageId, name: String },
    /// Where a conversation, or all of them, are exported.
    Export { conversation: Option<ConversationId>, markdown: bool },
    /// An image with a QR code.
    Scan(ScanFor),
    /// An image that a room is to be shown with.
    Picture(PictureFor),
}

/// Which room gets a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFor {
    NewRoom,
    Room,
}

/// What a QR code is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanFor {
    Relay,
    Contact,
}

/// What a path is being asked for, while it is.
#[derive(Default)]
pub(crate) struct State {
    purpose: Option<Purpose>,
}

impl Purpose {
    fn choice(&self) -> FileChoice {
        match self {
            Self::Attach => FileChoice::Open,
            Self::Scan(_) | Self::Picture(_) => FileChoice::OpenImage,
            Self::Save { name, .. } => FileChoice::Save(name.clone()),
            Self::Export { markdown, .. } => FileChoice::Save(export_name(*markdown).to_owned()),
        }
    }

    const fn shown(&self) -> PathPurpose {
        match self {
            Self::Attach => PathPurpose::Attach,
            Self::Scan(_) => PathPurpose::Scan,
            Self::Picture(_) => PathPurpose::Picture,
            Self::Save { .. } => PathPurpose::Save,
            Self::Export { .. } => PathPurpose::Export,
        }
    }
}

const fn export_name(markdown: bool) -> &'static str {
    if markdown { "sotto.md" } else { "sotto.json" }
}

pub(crate) fn wire(app: &App) {
    let path = app.window.global::<FilePath>();
    path.on_chosen(app.on_text(|app, path| {
        let purpose = app.files.borrow().purpose.clone();
        if let Some(purpose) = purpose {
            let sheet = app.window.global::<FilePath>();
            sheet.set_problem(Problem::None);
            use_path(app, purpose, expand(path.trim()));
        }
    }));
}

/// Asks for a file: by the desktop's dialog, else by its path.
pub(crate) fn choose(app: &App, purpose: Purpose) {
    let asked = app.desktop.choose(purpose.choice());
    app.bridge.ask(asked, move |app, chosen| match chosen {
        Ok(Some(path)) => use_path(app, purpose, path),
        Ok(None) => {}
        Err(NotOffered) => ask_path(app, purpose),
    });
}

fn ask_path(app: &App, purpose: Purpose) {
    let home = std::env::var("HOME").map(|home| format!("{home}/")).unwrap_or_default();
    let path = match purpose.choice() {
        FileChoice::Save(name) => home + &name,
        FileChoice::Open | FileChoice::OpenImage => home,
    };
    let sheet = app.window.global::<FilePath>();
    sheet.set_purpose(purpose.shown());
    sheet.set_problem(Problem::None);
    sheet.set_path(path.into());
    app.files.borrow_mut().purpose = Some(purpose);
    app.window.global::<Navigation>().set_sheet(Sheet::Path);
}

/// A path as one types it.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A sheet that asked for a path is done.
fn close_path(app: &App) {
    app.files.borrow_mut().purpose = None;
    if app.window.global::<Navigation>().get_sheet() == Sheet::Path {
        navigation::close_sheet(app);
    }
}

fn use_path(app: &App, purpose: Purpose, path: PathBuf) {
    match purpose {
        Purpose::Attach => {
            if !path.is_file() {
                return refuse(app, Problem::FileUnreadable);
            }
            close_path(app);
            composer::attach(app, path);
        }
        Purpose::Save { conversation, message, .. } => {
            close_path(app);
            save_at(app, conversation, message, path);
        }
        Purpose::Export { conversation, markdown } => export(app, conversation, markdown, path),
        Purpose::Scan(what) => {
            app.bridge.work(move || qr::scan(&path), move |app, read| scanned(app, what, read))
        }
        Purpose::Picture(whose) => {
            app.files.borrow_mut().purpose = None;
            match whose {
                PictureFor::NewRoom => rooms::set_picture(app, path),
                PictureFor::Room => room::set_picture(app, path),
            }
        }
    }
}

/// Says what is wrong with a path where it was asked for.
pub(crate) fn refuse(app: &App, problem: Problem) {
    if app.window.global::<Navigation>().get_sheet() == Sheet::Path {
        app.window.global::<FilePath>().set_problem(problem);
    } else {
        let words = app.window.global::<Words>();
        app.toast(words.invoke_problem(problem, "".into()));
    }
}

fn scanned(app: &App, what: ScanFor, read: Result<String, qr::ScanError>) {
    let read = read.map_err(|error| match error {
        qr::ScanError::NoCode => Problem::NoCodeInImage,
        qr::ScanError::Image(_) => Problem::ImageUnreadable,
    });
    if let (Err(problem), Sheet::Path) = (&read, app.window.global::<Navigation>().get_sheet()) {
        return refuse(app, *problem);
    }
    close_path(app);
    match (what, read) {
        (ScanFor::Relay, Ok(text)) => welcome::scanned(app, &text),
        (ScanFor::Relay, Err(problem)) => welcome::not_scanned(app, problem),
        (ScanFor::Contact, read) => {
            navigation::open_sheet(app, Sheet::NewChat);
            new_chat::scanned(app, read);
        }
    }
}

/// Asks where the file of a message is to be saved.
pub(crate) fn save(app: &App, id: MessageId) {
    if let Some((conversation, file)) = file_of(app, id) {
        let name = safe_name(&file.name);
        choose(app, Purpose::Save { conversation, message: id, name });
    }
}

fn save_at(app: &App, conversation: ConversationId, message: MessageId, path: PathBuf) {
    let to = path.clone();
    app.ask(
        move |engine| async move { engine.save_attachment(conversation, message, &to).await },
        move |app, saved| match saved {
            Ok(_) => {
                let words = app.window.global::<Words>();
                app.toast(words.invoke_saved(path.to_string_lossy().as_ref().into()));
            }
            // Whoever cancelled it knows.
            Err(EngineError::Cancelled) => {}
            Err(error) => app.tell_error(&error),
        },
    );
}

/// Opens the file of a message: an image here, the rest with the person's own program, and what
/// could be a program not at all.
pub(crate) fn open(app: &App, id: MessageId) {
    let Some((conversation, file)) = file_of(app, id) else { return };
    if may_start_a_program(Path::new(&file.name)) {
        return save(app, id);
    }
    let here = file.path.clone().filter(|path| path.is_file());
    let is_picture = is_image(&file.media_type);
    if let Some(path) = here {
        return show(app, id, path, is_picture);
    }
    let folder = app.session.borrow().as_ref().map(|session| session.folder.join(ATTACHMENTS));
    let Some(folder) = folder else { return };
    let to = folder.join(format!("{id} {}", safe_name(&file.name)));
    let path = to.clone();
    app.ask(
        move |engine| async move { engine.save_attachment(conversation, id, &to).await },
        move |app, fetched| match fetched {
            Ok(_) => show(app, id, path, is_picture),
            Err(EngineError::Cancelled) => {}
            Err(error) => app.tell_error(&error),
        },
    );
}

fn show(app: &App, id: MessageId, path: PathBuf, is_picture: bool) {
    if is_picture {
        let read = path.clone();
        app.bridge.work(
            move || thumbnail::large(&read),
            move |app, picture| match picture {
                Ok(pixels) => show_picture(app, id, &path, pixels),
                Err(_) => open_outside(app, path.to_string_lossy().into_owned()),
            },
        );
    } else {
        open_outside(app, path.to_string_lossy().into_owned());
    }
}

fn show_picture(app: &App, id: MessageId, path: &Path, pixels: Pixels) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let conversation = app.window.global::<Conversation>();
    conversation.set_viewed(image(pixels));
    conversation.set_viewed_id(id.to_string().into());
    conversation.set_viewed_name(name.unwrap_or_default().into());
    app.window.global::<Navigation>().set_sheet(Sheet::Picture);
}

/// Opens a link or a file with the program that the person has chosen for it.
pub(crate) fn open_outside(app: &App, what: String) {
    let desktop = Arc::clone(&app.desktop);
    app.bridge.work(
        move || desktop.open(&what),
        |app, opened| {
            if opened.is_err() {
                let words = app.window.global::<Words>();
                app.toast(words.invoke_problem(Problem::NoOpener, "".into()));
            }
        },
    );
}

fn file_of(
    app: &App,
    id: MessageId,
) -> Option<(ConversationId, sotto_client::model::AttachedFile)> {
    let state = app.timeline.borrow();
    let message: &Message = state.message(id)?;
    match &message.body {
        MessageBody::Attachment { file, .. } => Some((message.conversation, file.clone())),
        _ => None,
    }
}

/// Exports one conversation, or all of them.
fn export(app: &App, conversation: Option<ConversationId>, markdown: bool, path: PathBuf) {
    let format = if markdown { ExportFormat::Markdown } else { ExportFormat::Json };
    let to = path.clone();
    let export = move |engine: Engine| async move {
        let create = tokio::task::spawn_blocking(move || private_file(&to));
        let file = create.await.map_err(io::Error::other).and_then(|file| file);
        let file = file.map_err(EngineError::File)?;
        match conversation {
            Some(with) => engine.export_conversation(with, format, file).await,
            None => engine.export(format, file).await,
        }
    };
    app.ask(export, move |app, exported| match exported {
        Ok(()) => {
            close_path(app);
            let words = app.window.global::<Words>();
            app.toast(words.invoke_exported(path.to_string_lossy().as_ref().into()));
        }
        Err(EngineError::File(_)) => refuse(app, Problem::FileUnreadable),
        Err(error) => app.tell_error(&error),
    });
}

/// A new file that its owner alone can read; nothing is written over.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Keeps a pasted image as a file of the profile, so that it can be sent and resumed.
pub(crate) fn keep_pasted(folder: &Path, at: &str, pixels: &Pixels) -> io::Result<PathBuf> {
    let path = folder.join(ATTACHMENTS).join(format!("pasted {at}.png"));
    let mut file = private_file(&path)?;
    let buffer =
        image::RgbaImage::from_raw(pixels.width(), pixels.height(), pixels.as_bytes().to_vec());
    let buffer = buffer.ok_or(io::ErrorKind::InvalidData)?;
    buffer.write_to(&mut file, image::ImageFormat::Png).map_err(io::Error::other)?;
    Ok(path)
}

/// A name that a stranger gave, safe for a file in a folder of ours.
fn safe_name(name: &str) -> String {
    let allowed = |c: char| !c.is_control() && !r#"/\:*?"<>|"#.contains(c);
    let kept: String = name.chars().filter(|c| allowed(*c)).collect();
    let kept = kept.trim_start_matches(['.', ' ']);
    let mut end = kept.len().min(NAME_MAX);
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 { "file".to_owned() } else { kept[..end].to_owned() }
}

/// Whether a file of this kind is shown as a picture.
pub(crate) fn is_image(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// A size as Slint's numbers hold it.
#[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
pub(crate) fn drawn_size(bytes: u64) -> f32 {
    bytes as f32
}

/// Shows a message's file where it stands in the conversation.
pub(crate) fn show_in_conversation(app: &App, id: MessageId) {
    navigation::close_sheet(app);
    timeline::jump(app, id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_name_stays_in_its_folder() {
        assert_eq!(safe_name("photo.png"), "photo.png");
        assert_eq!(safe_name("../../etc/passwd"), "etcpasswd");
        assert_eq!(safe_name(".bashrc"), "bashrc");
        assert_eq!(safe_name("\n\u{7}"), "file");
        assert_eq!(safe_name(&"ä".repeat(200)).len(), NAME_MAX);
    }

    #[test]
    fn an_export_writes_over_nothing_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.md");
        private_file(&path).unwrap();
        assert_eq!(private_file(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
