//! The other side of a conversation: a process, or a record of one.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// Takes a command and gives the reply.
pub(crate) trait Peer {
    fn ask(&mut self, command: Value) -> Value;
}

/// What was asked and replied.
pub(crate) struct Transcript(Vec<(Value, Value)>);

impl Transcript {
    pub(crate) fn read(path: &Path) -> Self {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let exchanges = file["exchanges"].as_array().unwrap().iter();
        Self(exchanges.map(|e| (e["command"].clone(), e["reply"].clone())).collect())
    }

    pub(crate) fn write(&self, path: &Path) {
        let exchanges: Vec<_> = self
            .0
            .iter()
            .map(|(command, reply)| json!({ "command": command, "reply": reply }))
            .collect();
        let file = serde_json::to_string_pretty(&json!({ "exchanges": exchanges })).unwrap();
        fs::write(path, file + "\n").unwrap();
    }
}

/// A Python process.
pub(crate) struct Live {
    child: Child,
    commands: ChildStdin,
    replies: BufReader<ChildStdout>,
    transcript: Transcript,
}

impl Live {
    pub(crate) fn spawn(python: &Path) -> Self {
        let mut child =
            command(python).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, replies) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (replies, transcript) = (BufReader::new(replies), Transcript(Vec::new()));
        Self { child, commands, replies, transcript }
    }

    /// Ends the process.
    pub(crate) fn finish(self) -> Transcript {
        let Self { mut child, commands, transcript, .. } = self;
        drop(commands);
        assert!(child.wait().unwrap().success());
        transcript
    }
}

impl Peer for Live {
    fn ask(&mut self, command: Value) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).expect("the peer replies");
        self.transcript.0.push((command, reply.clone()));
        reply
    }
}

/// A record; it knows the replies to what was asked then, in that order.
pub(crate) struct Recorded(std::vec::IntoIter<(Value, Value)>);

impl Recorded {
    pub(crate) fn new(transcript: Transcript) -> Self {
        Self(transcript.0.into_iter())
    }

    pub(crate) fn finish(mut self) {
        assert!(self.0.next().is_none(), "the record goes on");
    }
}

impl Peer for Recorded {
    fn ask(&mut self, command: Value) -> Value {
        let (recorded, reply) = self.0.next().expect("the record ends too early");
        assert_eq!(command, recorded, "this side does not say what it said when recorded");
        reply
    }
}

/// The peer's program in this interpreter.
pub(crate) fn command(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/peer.py"));
    command
}

/// An interpreter that has what the peer needs. None, and said loudly, where there is none; an
/// interpreter that was named must have it.
pub(crate) fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SOTTO_PYTHON").map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let needs = "from cryptography.hazmat.primitives.asymmetric import mlkem";
    let found = Command::new(&python).args(["-c", needs]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(named.is_none(), "{} lacks tests/interop/requirements.txt", python.display());
    // Past the test harness, which would keep the words of a test that passes to itself.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: no live peer: python3 lacks tests/interop/requirements.txt")
        .unwrap();
    writeln!(stderr, "SKIPPED: set SOTTO_PYTHON to an interpreter that has it").unwrap();
    None
}
