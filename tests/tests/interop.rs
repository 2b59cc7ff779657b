//! The crate `sotto-keys` and a peer in Python, written from PROTOCOL.md alone, talk with each
//! other: live, and over recorded transcripts.
//!
//! A transcript holds what was asked of the peer and what it replied. This side's randomness is
//! repeatable, so a conversation done again with the recorded replies must ask for the same, byte
//! for byte; that needs no Python. With it, the conversation is also held live, and the peer does
//! the recorded one again. `SOTTO_PYTHON` names the interpreter (with tests/interop/requirements.txt
//! installed), `SOTTO_RECORD=1` writes the transcripts anew from the live conversations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "so a test fails")]

mod interop {
    pub(crate) mod conversation;
    pub(crate) mod device;
    pub(crate) mod peer;
}

use std::path::{Path, PathBuf};

use interop::{
    conversation::{CONVERSATIONS, Conversation},
    peer::{Live, Recorded, Transcript, python},
};

fn transcript_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("interop/transcripts/{name}.json"))
}

#[test]
fn recorded_conversations_come_out_the_same() {
    if std::env::var_os("SOTTO_RECORD").is_some() {
        return;
    }
    for Conversation { name, hold } in CONVERSATIONS {
        let transcript = Transcript::read(&transcript_path(name));
        let mut peer = Recorded::new(transcript);
        hold(&mut peer);
        peer.finish();
    }
}

#[test]
fn live_conversations_work() {
    let Some(python) = python() else { return };
    for Conversation { name, hold } in CONVERSATIONS {
        let mut peer = Live::spawn(&python);
        hold(&mut peer);
        let transcript = peer.finish();
        if std::env::var_os("SOTTO_RECORD").is_some() {
            transcript.write(&transcript_path(name));
        }
    }
}

#[test]
fn the_peer_repeats_its_recorded_conversations() {
    let Some(python) = python() else { return };
    if std::env::var_os("SOTTO_RECORD").is_some() {
        return;
    }
    for Conversation { name, .. } in CONVERSATIONS {
        peer_replays(&python, &transcript_path(name));
    }
}

fn peer_replays(python: &Path, transcript: &Path) {
    let output = interop::peer::command(python).arg("--replay").arg(transcript).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
