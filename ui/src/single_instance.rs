//! One window a profile: who starts the app again on a profile that is open sees the window that
//! there is.
//!
//! The first window listens on a Unix socket in the profile's folder, which only its owner can
//! enter. A connection raises it; nothing is read from it.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use crate::{app::App, bridge::Bridge};

const SOCKET: &str = "window.sock";

/// Whether a window is open on the profile in this folder; it has come to the front then.
pub(crate) fn raise_other(folder: &Path) -> bool {
    UnixStream::connect(folder.join(SOCKET)).is_ok()
}

/// Listens for others, as the one who has the profile's lock.
pub(crate) fn listen(bridge: &Bridge, folder: PathBuf, raise: fn(&App)) {
    let ours = bridge.clone();
    let accept = async move {
        let path = folder.join(SOCKET);
        // Left behind by a window that was killed: whoever holds the lock is the only one.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        loop {
            listener.accept().await?;
            ours.soon(raise);
        }
    };
    bridge.ask(accept, |_, ended: io::Result<std::convert::Infallible>| {
        let Err(error) = ended;
        tracing::info!(%error, "a second start will not raise this window");
    });
}
