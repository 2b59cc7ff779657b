//! The relay as a process of its own, on loopback, in a folder of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use sotto_proto::link::RelayLink;
use tempfile::TempDir;

use crate::{PATIENCE, program};

/// Limits that many in one process would meet, for tests that are not about them.
pub const UNLIMITED: [&str; 11] = [
    "--claims-per-hour=1000000000",
    "--claims-per-target=1000000000",
    "--requests-per-minute=1000000000",
    "--envelopes-per-minute=1000000000",
    "--bytes-per-minute=4294967295",
    "--handshakes-per-minute=1000000000",
    "--registrations-per-hour=1000000000",
    "--mailbox-entries=1000000000",
    "--mailbox-bytes=1000000000000",
    "--connections-per-address=100000",
    "--password-logins-per-address=1000000000",
];

/// A relay; dropping it kills it.
pub struct RelayProcess {
    folder: TempDir,
    flags: Vec<String>,
    link: RelayLink,
    running: Option<(Child, BufReader<ChildStdout>)>,
}

impl RelayProcess {
    /// A new relay with the default settings.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A new relay with these flags besides.
    pub fn with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
        let (running, link) = launch(folder.path(), 0, &flags);
        Self { folder, flags, link, running: Some(running) }
    }

    /// Its link.
    pub const fn link(&self) -> &RelayLink {
        &self.link
    }

    /// The folder with everything that it keeps.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it by SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        let (mut child, _) = self.running.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it by SIGTERM, in good order.
    pub fn stop(&mut self) {
        let (mut child, _) = self.running.take().expect("it runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Starts it again after its end, on the same port and folder.
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let (running, link) = launch(self.folder.path(), self.link.at.port, &self.flags);
        assert_eq!(link, self.link, "a relay keeps its key");
        self.running = Some(running);
    }

    /// How many times it has synced its database since it started.
    pub fn syncs(&self) -> u64 {
        let figures: Value = serde_json::from_str(&self.ctl(&["--json", "figures"])).unwrap();
        figures["figures"]["syncs"].as_u64().unwrap()
    }

    /// The processor time that it has taken since it started.
    pub fn processor_time(&self) -> Duration {
        let (child, _) = self.running.as_ref().expect("it runs");
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        // The fields stand behind the name, which may hold anything: user and system time.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(count).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Its memory now (resident set size), in bytes.
    pub fn memory(&self) -> u64 {
        let (child, _) = self.running.as_ref().expect("it runs");
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// What its console says to a command.
    pub fn ctl(&self, command: &[&str]) -> String {
        let console = Command::new(program("sotto-relay"))
            .args(["ctl", "--data"])
            .arg(self.folder.path())
            .args(command)
            .output()
            .unwrap();
        assert!(console.status.success(), "{console:?}");
        String::from_utf8(console.stdout).unwrap()
    }

    /// Waits until every mailbox has been emptied by its device.
    pub async fn delivers_everything(&self) {
        let delivering = async {
            loop {
                let counts: Value =
                    serde_json::from_str(&self.ctl(&["--json", "database"])).unwrap();
                if counts["mailbox_entries"] == 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, delivering).await.expect("mail is fetched in time");
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        let (child, _) = self.running.as_mut().expect("it was not stopped");
        child.try_wait().unwrap().is_none()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

fn count(field: &str) -> u64 {
    field.parse().unwrap()
}

fn launch(
    folder: &Path,
    port: u16,
    flags: &[String],
) -> ((Child, BufReader<ChildStdout>), RelayLink) {
    let mut child = Command::new(program("sotto-relay"))
        .args(["serve", "--http", "off", "--log-level", "error", "--data"])
        .arg(folder)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Ok(link) = line.trim().parse() {
            return ((child, output), link);
        }
        line.clear();
    }
    panic!("the relay did not start: {:?}", child.wait());
}
