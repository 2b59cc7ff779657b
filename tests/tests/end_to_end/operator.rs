//! The relay as its operator meets it: what it prints, refuses, keeps and serves.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use sotto_client::model::{FailReason, MessageState};
use sotto_tests::{CommandLine, PATIENCE, Person, RelayProcess, program};

fn relay(arguments: &[&str]) -> Output {
    Command::new(program("sotto-relay")).args(arguments).output().unwrap()
}

/// The exit code and the sentence of a relay that does not start.
fn refusal(arguments: &[&str]) -> (i32, String) {
    let output = relay(arguments);
    let sentence = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), sentence.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn what_keeps_it_from_starting_is_one_sentence() {
    let running = RelayProcess::start();
    let data = running.data().to_str().unwrap();
    let (code, sentence) =
        refusal(&["serve", "--http=off", "--data", data, "--listen=127.0.0.1:0"]);
    assert_eq!(code, 4, "{sentence}");
    assert!(sentence.contains("another relay") && sentence.contains(data), "{sentence}");

    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    let place = place.to_str().unwrap();
    let (code, sentence) = refusal(&["serve", "--http=off", "--data", place, "--listen", &address]);
    assert_eq!(code, 3, "{sentence}");
    assert!(sentence.contains("taken by another program"), "{sentence}");

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, sentence) = refusal(&["serve", "--http=off", "--data", file.to_str().unwrap()]);
    assert_eq!(code, 4, "{sentence}");
    assert!(sentence.starts_with("sotto-relay: ") && sentence.contains("file"), "{sentence}");
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "listing = true\n[limits]\nconnections = \"many\"\n").unwrap();
    for arguments in [vec!["config", "check", path], vec!["serve", "--config", path]] {
        let (code, sentence) = refusal(&arguments);
        assert_eq!(code, 2, "{sentence}");
        assert!(sentence.contains("relay.toml:3:15: limits.connections: "), "{sentence}");
    }
    fs::write(&file, "listing = false\n").unwrap();
    assert!(relay(&["config", "check", path]).status.success());
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/relay.example.toml");
    assert!(relay(&["config", "check", example.to_str().unwrap()]).status.success());
    assert_eq!(refusal(&["config", "check", "/nowhere/relay.toml"]).0, 2);
}

#[test]
fn its_link_and_keys_are_kept_private_and_the_same() {
    let mut running = RelayProcess::start();
    let link = running.link().to_string();
    let data = running.data().to_str().unwrap().to_owned();
    let shown = |arguments: &[&str]| String::from_utf8(relay(arguments).stdout).unwrap();
    assert_eq!(shown(&["link", "--data", &data]).trim(), link);
    assert!(shown(&["link", "--data", &data, "--qr"]).contains('█'));
    running.stop();
    // A relay that does not run has a link too; who wants another address in it says so.
    let elsewhere = shown(&["link", "--data", &data, "--public-host", "relay.example"]);
    assert!(elsewhere.starts_with("sotto://relay.example:4433/#"), "{elsewhere}");
    assert_eq!(link.split_once('#').unwrap().1, elsewhere.trim().split_once('#').unwrap().1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&running.data().join("identity.pem")), 0o600);
    for entry in fs::read_dir(running.data().join("database")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()) & 0o077, 0);
    }
    assert_eq!(refusal(&["ctl", "--data", &data, "status"]).0, 6);
    running.restart();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_sees_and_acts() {
    let running = RelayProcess::start();
    let _ben = Person::register(running.link(), "ben").await;
    let anna = Person::register(running.link(), "anna").await;
    let status: Value = serde_json::from_str(&running.ctl(&["--json", "status"])).unwrap();
    assert_eq!(status["devices_online"], 2, "{status}");
    assert!(running.ctl(&["accounts"]).starts_with("anna\t"));
    running.ctl(&["suspend", "anna"]);
    let login = CommandLine::new("anna").run(&[
        "--json",
        "login",
        "anna",
        "--relay",
        &running.link().to_string(),
    ]);
    assert_eq!((login.code, &login.error()["relay_code"]), (7, &40107.into()));
    running.ctl(&["unsuspend", "anna"]);
    anna.engine.connect().await.unwrap();
    running.ctl(&["delete", "anna", "--yes"]);
    assert_eq!(
        running.ctl(&["accounts"]),
        "ben\tben\tactive\tadmin\tdevices: 1\tseen online\t0 waiting (0 bytes), 0 bytes of files\n"
    );
    // The name stays reserved.
    let taken = CommandLine::new("anna").run(&[
        "--json",
        "register",
        "anna",
        "--relay",
        &running.link().to_string(),
    ]);
    assert_eq!((taken.code, &taken.error()["relay_code"]), (7, &40901.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_stands_in_for_the_data_folder() {
    let running = RelayProcess::start();
    let anna = Person::register(running.link(), "anna").await;
    let mut bob = Person::register(running.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.engine.flush(PATIENCE).await.unwrap();
    bob.leave().await;
    anna.tell(&bob, "kept in the backup").await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    running.ctl(&["backup", backup.to_str().unwrap()]);
    let port = running.link().at.port;
    drop(running);
    let listen = format!("127.0.0.1:{port}");
    let mut restored = Command::new(program("sotto-relay"))
        .args(["serve", "--http=off", "--listen", &listen, "--data"])
        .arg(&backup)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(restored.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    bob.come_back().await;
    bob.hears(&anna, "kept in the backup").await;
    restored.kill().unwrap();
    restored.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_are_served_and_the_log_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(program("sotto-relay"))
        .args(["serve", "--http=127.0.0.1:0", "--listen=127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut link = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut link).unwrap();
    let link = link.trim().parse().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("metrics and health are served") {
        assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let address = said.split("at=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();

    let anna = Person::register(&link, "annabella").await;
    let bob = Person::register(&link, "bartholomew").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "a secret of ours").await;
    bob.hears(&anna, "a secret of ours").await;

    assert!(get(&address, "/healthz").ends_with("ok\n"));
    let metrics = get(&address, "/metrics");
    for line in ["sotto_relay_registrations_total 2", "sotto_relay_devices_online 2"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(metrics.contains("sotto_relay_envelopes_accepted_total"));
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));

    let keys = [anna.engine.me().identity, bob.engine.me().identity];
    let accounts = [anna.account(), bob.account()];
    anna.leave().await;
    bob.leave().await;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    log.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(said.contains("ended in good order"), "{said}");
    let names = ["annabella", "bartholomew", "secret"].map(str::to_owned);
    let keys = keys.map(|key| key.to_string());
    let accounts = accounts.map(|account| account.to_string());
    for word in names.iter().chain(&keys).chain(&accounts) {
        assert!(!said.contains(word) && !metrics.contains(word), "{word} is in {said}");
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_to_a_deleted_account_is_told() {
    let running = RelayProcess::start();
    let anna = Person::register(running.link(), "anna").await;
    let bob = Person::register(running.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "hello").await;
    bob.hears(&anna, "hello").await;
    bob.leave().await;
    let waiting = anna.tell(&bob, "are you there?").await;
    running.ctl(&["delete", "bob", "--yes"]);
    let gone = MessageState::Failed { reason: FailReason::NoSuchUser };
    anna.sees(&bob, waiting, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_a_blob_goes() {
    let mut running = RelayProcess::start();
    running.kill();
    let orphan = running.data().join("blobs").join("b1".repeat(16));
    fs::write(&orphan, "left behind").unwrap();
    running.restart();
    let gone = async {
        while orphan.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("it goes");
}

#[test]
fn what_the_operator_does_stands_in_the_audit_log() {
    let mut relay = RelayProcess::start();
    CommandLine::new("anna").run(&["register", "anna", "--relay", &relay.link().to_string()]).ok();
    let elsewhere = tempfile::tempdir().unwrap();
    let [backup, database] = ["backup", "database"].map(|name| elsewhere.path().join(name));
    let [backup, database] = [&backup, &database].map(|folder| folder.to_str().unwrap());
    let usual = relay.data().join("database");
    let audit = |relay: &RelayProcess| -> Vec<Value> {
        let mut audit: Value = serde_json::from_str(&relay.ctl(&["--json", "audit"])).unwrap();
        let mut lines: Vec<Value> = serde_json::from_value(audit["audit"]["lines"].take()).unwrap();
        lines.reverse();
        lines.into_iter().map(|mut line| line["entry"].take()).collect()
    };
    let noted = |relay: &RelayProcess| -> Vec<(String, Option<String>)> {
        let by_operator = audit(relay).into_iter().filter(|entry| entry["actor"] == "operator");
        let word = |value: &Value| value.as_str().map(str::to_owned);
        by_operator.map(|entry| (word(&entry["act"]).unwrap(), word(&entry["target"]))).collect()
    };
    for order in [
        &["accept", "off"][..],
        &["accept", "on"],
        &["log", "warn"],
        &["backup", backup],
        &["stop"],
        &["database", database],
        &["start"],
    ] {
        relay.ctl(order);
    }
    let there = noted(&relay);
    assert_eq!(there, [("database".to_owned(), None), ("start".to_owned(), None)]);
    for order in [&["stop"][..], &["database", usual.to_str().unwrap()], &["start"], &["shutdown"]]
    {
        relay.ctl(order);
    }
    relay.kill();
    relay.restart();
    let expected = [
        ("accept", Some("off")),
        ("accept", Some("on")),
        ("log", Some("warn")),
        ("backup", None),
        ("stop", None),
        ("database", None),
        ("start", None),
        ("shutdown", None),
    ];
    let expected = expected.map(|(act, target)| (act.to_owned(), target.map(str::to_owned)));
    assert_eq!(noted(&relay), expected);
    let first = &audit(&relay)[0];
    assert_eq!((&first["actor"], &first["act"]), (&"relay".into(), &"promote".into()));
    assert_eq!(first["target"], "anna");
}
