//! The relay's console: through a pseudo-terminal, as an operator uses it, and from a pipe.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use rexpect::session::{PtySession, spawn_command};
use sotto_client::{ConnectionState, Event, proto::ErrorCode};
use sotto_tests::{CommandLine, PATIENCE, Person, RelayProcess, program, until};

fn command(relay: &RelayProcess) -> Command {
    let mut command = Command::new(program("sotto-relay"));
    command.args(["console", "--data"]).arg(relay.data()).env("TERM", "xterm");
    command
}

/// The console on a terminal of its own, at its first prompt.
fn console(relay: &RelayProcess) -> PtySession {
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let mut console = spawn_command(command(relay), Some(patience)).unwrap();
    console.exp_string("sotto-relay> ").unwrap();
    console
}

/// Types a line and waits for what it is answered by.
fn say(console: &mut PtySession, line: &str, answer: &str) {
    console.send_line(line).unwrap();
    console.exp_string(answer).unwrap_or_else(|error| panic!("{line}: {error}"));
}

/// What the console says to lines from a pipe, and whether all of them worked.
fn pipe(relay: &RelayProcess, lines: &str) -> (String, String, bool) {
    use std::io::Write as _;
    let mut child = command(relay)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_and_starts_the_relay_under_a_client() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "before").await;
    let mut events = anna.engine.subscribe();
    let mut console = console(&relay);
    say(&mut console, "stop", "the relay is stopped");
    let reason = until(&mut events, |event| match event {
        Event::Connection { state: ConnectionState::Waiting { reason, .. } } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, "the relay was stopped by its operator");
    say(&mut console, "status", "working      no");

    // It listens, says who it is, and takes on no work.
    let stranger = sotto_tests::Stranger::connect(relay.link()).await;
    let info = stranger.ask(sotto_client::proto::login::AskInfo {}).await;
    assert!(matches!(info, Some(sotto_client::proto::Answer::Info(_))), "{info:?}");
    let carol = CommandLine::new("carol").run(&[
        "--json",
        "register",
        "carol",
        "--relay",
        &relay.link().to_string(),
    ]);
    assert_eq!(
        (carol.code, &carol.error()["relay_code"]),
        (5, &ErrorCode::Unavailable.number().into())
    );
    let queued = anna.engine.send_text(bob.account(), "meanwhile", None).await.unwrap();
    assert_eq!(queued.text(), Some("meanwhile"));

    say(&mut console, "start", "the relay works");
    // Both come back by themselves, and what was written meanwhile arrives.
    bob.hears(&anna, "meanwhile").await;
    say(&mut console, "exit", "");
    console.exp_eof().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_switches_to_another_database_and_back() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "before").await;
    let other = relay.data().join("other");
    let (usual, other) = (relay.data().join("database"), other.to_str().unwrap().to_owned());
    let usual = usual.to_str().unwrap();
    let mut console = console(&relay);
    say(&mut console, &format!("database {other}"), "the relay is running: stop it first");
    say(&mut console, "database", "accounts         2");
    say(&mut console, "stop", "the relay is stopped");
    // A folder that is no database's leaves the one that is open.
    let file = relay.data().join("identity.pem");
    say(&mut console, &format!("database {}", file.display()), "cannot be written");
    say(&mut console, "database", "accounts         2");
    say(&mut console, &format!("database {other}"), "accounts         0");
    say(&mut console, "start", "the relay works");
    // In the other one nobody is known, and the first to come is its admin.
    let carol = CommandLine::new("carol");
    let link = relay.link().to_string();
    carol.run(&["register", "carol", "--relay", &link]).ok();
    let figures = carol.run(&["--json", "admin", "figures"]).ok().objects();
    assert_eq!(figures[0]["accounts"], 1);

    // The choice outlives the process.
    say(&mut console, "exit", "");
    console.exp_eof().unwrap();
    let mut relay = relay;
    relay.stop();
    relay.restart();
    assert!(relay.ctl(&["database"]).contains(&other));
    carol.run(&["--json", "admin", "figures"]).ok();
    relay.ctl(&["stop"]);
    let shown = relay.ctl(&["database", usual]);
    assert!(shown.contains("accounts         2"), "{shown}");
    relay.ctl(&["start"]);
    relay.stop();
    relay.restart();
    // Whoever was in the first one is as before: passwords, devices and mail.
    let mut carol_again = Person::register(relay.link(), "dora").await;
    carol_again.leave().await;
    carol_again.come_back().await;
    let logged_in = carol_again.log_in_as("bob").await;
    logged_in.shutdown().await;
    assert!(relay.ctl(&["accounts"]).contains("anna\t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_completes_remembers_and_helps() {
    let relay = RelayProcess::start();
    Person::register(relay.link(), "anna").await;
    Person::register(relay.link(), "annabel").await;
    let mut first = console(&relay);
    // A command, and a username behind it.
    first.send("figu\t\n").unwrap();
    first.exp_string("commits").unwrap();
    first.send("account annab\t\n").unwrap();
    first.exp_string("registered").unwrap();
    first.exp_string("Passwords and keys are not here").unwrap();
    say(&mut first, "help registration", "configured");
    say(&mut first, "help", "announcements");
    say(&mut first, "promote annabel", "annabel is an admin");
    say(&mut first, "demote annabel", "annabel is no admin any more");
    say(&mut first, "demote anna", "this is the relay's last admin");
    say(&mut first, "log debug", "logged from now on: debug");
    say(&mut first, "nonsense", "unrecognized subcommand");
    say(&mut first, "registration closed", "set by an admin");
    say(&mut first, "announce hello everybody", "announcement 1 is posted");
    say(&mut first, "exit", "");
    first.exp_eof().unwrap();

    let history = relay.data().join("console.history");
    assert_eq!(fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    let mut second = console(&relay);
    // Up, past `exit`: the line before it.
    second.send("\x1b[A\x1b[A\n").unwrap();
    second.exp_string("announcement 2 is posted").unwrap();
    second.send_control('d').unwrap();
    second.exp_eof().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_a_line_at_a_time_from_a_pipe() {
    let relay = RelayProcess::start();
    Person::register(relay.link(), "anna").await;
    Person::register(relay.link(), "bob").await;
    let backup = relay.data().join("backup");
    let lines = format!(
        "status\n\naccounts\ninvite --uses 2 --note 'for the choir'\ninvitations\nsuspend bob\n\
         restore bob\naudit\nbackup {}\nexit\nshutdown\n",
        backup.display()
    );
    let (said, complaints, worked) = pipe(&relay, &lines);
    assert!(worked && complaints.is_empty(), "{said}\n{complaints}");
    for expected in ["working      yes", "anna\t", "for the choir", "bob is suspended", "backup"] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    assert!(backup.join("database").is_dir());
    // Behind `exit` nothing is done; what fails is said, and told by the exit code.
    let (said, complaints, worked) = pipe(&relay, "delete bob\nsuspend nobody\nstatus\n");
    assert!(!worked && said.contains("working"), "{said}");
    assert!(complaints.contains("add --yes") && complaints.contains("no account nobody"));
    assert!(complaints.contains("2 of the orders failed"), "{complaints}");
}
