//! What the end-to-end tests stand on: a relay as a process that can be killed, people with an
//! engine in this process, people with a command line or a desktop app of their own, and a network
//! between them that can be watched and cut.
//!
//! It waits for what happens, never for time to pass; [`PATIENCE`] is where waiting becomes a
//! failure. What goes wrong here is a panic: these are tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by a panic"
)]

mod command_line;
mod crowd;
mod desk;
mod inner_relay;
mod network;
mod past;
mod person;
mod relay;
mod room;
mod stranger;

use std::{env, path::PathBuf, time::Duration};

pub use command_line::{CommandLine, Ran};
pub use crowd::Crowd;
pub use desk::{Canvas, Desk, RecordingDesktop, draw_qr};
pub use inner_relay::InnerRelay;
pub use network::Network;
pub use past::{Past, hear};
pub use person::{Person, until};
pub use relay::{RelayProcess, UNLIMITED};
pub use room::profile;
pub use stranger::{Account, Stranger, receive_frame, send_frame};

/// After how long something that has not happened is taken for never.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A program of this workspace: in `SOTTO_BIN_DIR`, else where this test was built.
pub fn program(name: &str) -> PathBuf {
    let folder = env::var_os("SOTTO_BIN_DIR").map_or_else(
        || {
            let test = env::current_exe().expect("a test has a file");
            test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps").to_owned()
        },
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not built: cargo build --release --workspace", path.display());
    path
}

/// Rounds of a test that repeats: `rounds`, or what `SOTTO_KILL_ROUNDS` says.
pub fn rounds(rounds: usize) -> usize {
    env::var("SOTTO_KILL_ROUNDS").map_or(rounds, |asked| asked.parse().expect("a number"))
}
