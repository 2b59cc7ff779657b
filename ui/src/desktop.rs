//! What the app asks of the desktop around it: the clipboard, the browser, notifications, a dialog
//! for files.
//!
//! All of it may be missing, on a small window manager or over a remote connection; then the app
//! goes on without it, and asks for paths itself.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use notify_rust::Notification;

use crate::pictures::Pixels;

/// An answer that is waited for on the runtime.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The desktop does not offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the desktop does not offer this")]
pub struct NotOffered;

/// Which file the person is to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChoice {
    /// Any file that is there.
    Open,
    /// An image that is there.
    OpenImage,
    /// Where a new file goes; what it may be called.
    Save(String),
}

/// The desktop around the app. May be called from any thread; what says so blocks.
pub trait Desktop: Send + Sync {
    /// Puts a text on the clipboard.
    fn copy(&self, text: &str) -> Result<(), NotOffered>;
    /// The image on the clipboard, if there is one. Blocks.
    fn image(&self) -> Option<Pixels>;
    /// Opens a link of the web, or a file, with the program that the person has chosen. Blocks.
    fn open(&self, what: &str) -> Result<(), NotOffered>;
    /// Shows a notification. Blocks.
    fn notify(&self, title: &str, body: &str);
    /// Asks for a file; none if the person changed their mind.
    fn choose(&self, what: FileChoice) -> Answer<Result<Option<PathBuf>, NotOffered>>;
}

/// The desktop that the app runs on.
#[derive(Default)]
pub(crate) struct System {
    /// Kept, because X11 asks the owner of a text for it whenever somebody pastes.
    clipboard: Mutex<Option<arboard::Clipboard>>,
}

impl System {
    fn with_clipboard<T>(
        &self,
        act: impl FnOnce(&mut arboard::Clipboard) -> Result<T, arboard::Error>,
    ) -> Result<T, NotOffered> {
        let mut kept = self.clipboard.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = arboard::Clipboard::new().ok();
        }
        kept.as_mut().and_then(|clipboard| act(clipboard).ok()).ok_or(NotOffered)
    }
}

impl Desktop for System {
    fn copy(&self, text: &str) -> Result<(), NotOffered> {
        self.with_clipboard(|clipboard| clipboard.set_text(text))
    }

    fn image(&self) -> Option<Pixels> {
        let image = self.with_clipboard(arboard::Clipboard::get_image).ok()?;
        let (width, height) = (u32::try_from(image.width).ok()?, u32::try_from(image.height).ok()?);
        let bytes = image.bytes.as_ref();
        let whole = u64::from(width) * u64::from(height) * 4;
        (whole == bytes.len() as u64).then(|| Pixels::clone_from_slice(bytes, width, height))
    }

    fn open(&self, what: &str) -> Result<(), NotOffered> {
        opener::open(what).map_err(|error| {
            tracing::info!(%error, "nothing opens this");
            NotOffered
        })
    }

    fn notify(&self, title: &str, body: &str) {
        let shown = Notification::new().appname("Sotto").summary(title).body(body).show();
        if let Err(error) = shown {
            tracing::debug!(%error, "no notification");
        }
    }

    fn choose(&self, what: FileChoice) -> Answer<Result<Option<PathBuf>, NotOffered>> {
        Box::pin(async move {
            if !has_portal().await {
                return Err(NotOffered);
            }
            let dialog = rfd::AsyncFileDialog::new();
            let file = match what {
                FileChoice::Open => dialog.pick_file().await,
                FileChoice::OpenImage => {
                    let kinds = ["png", "jpg", "jpeg", "gif", "webp"];
                    dialog.add_filter("Images", &kinds).pick_file().await
                }
                FileChoice::Save(name) => dialog.set_file_name(name).save_file().await,
            };
            Ok(file.map(|file| file.path().to_owned()))
        })
    }
}

/// Whether the desktop has the portal that shows file dialogs
/// (<https://flatpak.github.io/xdg-desktop-portal/>): running, or ready to be started.
async fn has_portal() -> bool {
    const PORTAL: &str = "org.freedesktop.portal.Desktop";
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        let known = names.list_activatable_names().await?;
        if known.iter().any(|name| name.as_str() == PORTAL) {
            return Ok(true);
        }
        let running = names.list_names().await?;
        zbus::Result::Ok(running.iter().any(|name| name.as_str() == PORTAL))
    };
    ask.await.unwrap_or(false)
}

/// Whether opening a file with the desktop could start a program: such a file is only ever saved.
pub(crate) fn may_start_a_program(path: &Path) -> bool {
    const PROGRAMS: [&str; 26] = [
        "appimage",
        "bat",
        "bin",
        "cmd",
        "com",
        "deb",
        "desktop",
        "exe",
        "flatpakref",
        "hta",
        "jar",
        "js",
        "lnk",
        "msi",
        "pl",
        "ps1",
        "py",
        "rb",
        "rpm",
        "run",
        "scr",
        "sh",
        "snap",
        "url",
        "vbs",
        "wsf",
    ];
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| PROGRAMS.contains(&extension.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_documents() {
        for name in ["a.desktop", "a.SH", "dir/setup.exe"] {
            assert!(may_start_a_program(Path::new(name)), "{name}");
        }
        for name in ["a.pdf", "sh", "photo.jpeg"] {
            assert!(!may_start_a_program(Path::new(name)), "{name}");
        }
    }
}
