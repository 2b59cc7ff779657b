//! Somebody with the command line: `sotto` as processes, one a command.

use std::{
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program;

/// Somebody's computer, with one profile.
pub struct CommandLine {
    home: TempDir,
    name: String,
}

/// What a command said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// The results: with `--json`, an object a line.
    pub stdout: String,
    /// Remarks and errors.
    pub stderr: String,
}

impl CommandLine {
    /// A computer without a profile. The password is that of [`crate::Person`]s by this name.
    pub fn new(name: &str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), name: name.to_owned() }
    }

    /// Its folder for files.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Takes a profile over from somewhere else, where nothing has it open any more.
    pub fn adopt(&self, profile: &Path) {
        let profiles = self.home.path().join("profiles");
        std::fs::create_dir_all(&profiles).unwrap();
        std::fs::rename(profile, profiles.join("default")).unwrap();
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs a command to its end, with this on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.start(arguments);
        // A command that needs no input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a command, with all its streams piped.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// A command that is not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("sotto"));
        command
            .env_clear()
            .env("SOTTO_HOME", self.home.path())
            .env("SOTTO_PASSWORD", format!("the password of {}", self.name))
            .current_dir(self.home.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Ran {
    /// Itself, if the command succeeded.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "that it succeeded may be all")]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// The results of a command with `--json`.
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a command with `--json`.
    #[track_caller]
    pub fn error(&self) -> Value {
        let last = self.stderr.lines().next_back().unwrap_or_else(|| panic!("no error: {self:?}"));
        serde_json::from_str(last).unwrap()
    }
}
