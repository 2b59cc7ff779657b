//! Registration and login, as a person meets them: by exit code and sentence.

use std::time::{Duration, Instant};

use sotto_client::proto::{
    Answer, ErrorCode,
    login::{LogInByPassword, PasswordFinish},
};
use sotto_keys::password::Login;
use sotto_tests::{CommandLine, RelayProcess, Stranger, receive_frame, send_frame};

fn register(person: &CommandLine, name: &str, link: &str) -> sotto_tests::Ran {
    person.run(&["--json", "register", name, "--relay", link])
}

#[test]
fn a_name_belongs_to_one_account() {
    let relay = RelayProcess::start();
    let link = relay.link().to_string();
    let anna = register(&CommandLine::new("anna"), "anna", &link).ok();
    assert_eq!(anna.objects()[0]["username"], "anna");
    let refused = register(&CommandLine::new("other"), "anna", &link);
    assert_eq!(refused.code, 7);
    assert_eq!(refused.error()["relay_code"], 40901);
    let unfit = register(&CommandLine::new("x"), "No Name", &link);
    assert_eq!(unfit.code, 2);
}

#[test]
fn a_wrong_password_and_an_unknown_name_are_refused_alike() {
    let relay = RelayProcess::start();
    let link = relay.link().to_string();
    register(&CommandLine::new("anna"), "anna", &link).ok();
    let thief = CommandLine::new("thief");
    let login = |name: &str| thief.run(&["--json", "login", name, "--relay", &link]);
    let (wrong, unknown) = (login("anna"), login("nobody"));
    assert_eq!((wrong.code, unknown.code), (4, 4));
    assert_eq!(wrong.error(), unknown.error());
    // Nothing of the attempt is left.
    assert!(thief.run(&["--json", "profiles"]).ok().objects().is_empty());
    // The right password still opens the account.
    CommandLine::new("anna").run(&["login", "anna", "--relay", &link]).ok();
}

#[test]
fn a_relay_with_another_key_is_not_talked_to() {
    let (relay, impostor) = (RelayProcess::start(), RelayProcess::start());
    let mut link = relay.link().clone();
    let anna = CommandLine::new("anna");
    register(&anna, "anna", &link.to_string()).ok();
    link.at = impostor.link().at.clone();
    let refused = register(&CommandLine::new("bob"), "bob", &link.to_string());
    assert_eq!((refused.code, &refused.error()["error"]), (6, &"wrong_relay_key".into()));
    // Nor later, when the relay's place was taken.
    let moved = anna.run(&["--json", "relay", &impostor.link().to_string()]);
    assert_eq!(moved.code, 6);
    anna.run(&["users"]).ok();
    // Nobody is there at all.
    drop(relay);
    assert_eq!(anna.run(&["users"]).code, 5);
}

#[test]
fn a_closed_relay_and_one_by_invitation_say_so() {
    let closed = RelayProcess::with(&["--registration", "closed"]);
    let refused = register(&CommandLine::new("anna"), "anna", &closed.link().to_string());
    assert_eq!((refused.code, &refused.error()["relay_code"]), (7, &40104.into()));

    let relay = RelayProcess::with(&["--registration", "invitation"]);
    let link = relay.link().to_string();
    let refused = register(&CommandLine::new("anna"), "anna", &link);
    assert_eq!((refused.code, &refused.error()["relay_code"]), (7, &40105.into()));
    let invited = relay.ctl(&["invite"]);
    let code = invited.trim();
    let anna = CommandLine::new("anna");
    anna.run(&["register", "anna", "--relay", &link, "--invitation", code]).ok();
    let again = CommandLine::new("bob");
    let used = again.run(&["--json", "register", "bob", "--relay", &link, "--invitation", code]);
    assert_eq!((used.code, &used.error()["relay_code"]), (7, &40105.into()));
}

#[test]
fn only_the_passphrase_opens_a_vault() {
    let relay = RelayProcess::start();
    let anna = CommandLine::new("anna");
    register(&anna, "anna", &relay.link().to_string()).ok();
    let mut other = anna.command(&["--json", "--offline", "contacts"]);
    let output = other.env("SOTTO_PASSWORD", "not hers").output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let vault = anna.home().join("profiles/default/vault.db");
    let header = std::fs::read(vault).unwrap();
    assert!(!header.starts_with(b"SQLite format 3"), "the vault is encrypted");
}

/// A login with a made-up proof: the size of the challenge, and how long the relay took for all.
async fn guess(stranger: &Stranger, username: &str) -> (usize, Duration) {
    let begin = Instant::now();
    let (_, opaque) = Login::start(&mut rand::rng(), b"a guess").unwrap();
    let login = LogInByPassword { username: username.to_owned(), opaque };
    let (mut send, mut receive) = stranger.open(login).await.unwrap();
    let Some(Answer::LoginChallenge(challenge)) = receive_frame(&mut receive).await else {
        panic!("no challenge for {username}");
    };
    send_frame(&mut send, &PasswordFinish { opaque: vec![7; 64] }).await.unwrap();
    match receive_frame(&mut receive).await {
        Some(Answer::Refused(refusal)) => assert_eq!(refusal.code, ErrorCode::WrongCredentials),
        other => panic!("{other:?}"),
    }
    (challenge.opaque.len(), begin.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_answers_nor_times_tell_whether_a_name_is_known() {
    let relay = RelayProcess::with(&[
        "--password-logins-per-address=1000000",
        "--password-logins-per-username=1000000",
    ]);
    let stranger = Stranger::connect(relay.link()).await;
    stranger.register("known").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let (known_size, known_time) = guess(&stranger, "known").await;
        let (unknown_size, unknown_time) = guess(&stranger, "other").await;
        assert_eq!(known_size, unknown_size);
        known.push(known_time);
        unknown.push(unknown_time);
    }
    known.sort_unstable();
    unknown.sort_unstable();
    let ratio = known[30].as_secs_f64() / unknown[30].as_secs_f64();
    println!("known names take {ratio:.2} times as long as unknown ones, at the median of 60");
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
}
