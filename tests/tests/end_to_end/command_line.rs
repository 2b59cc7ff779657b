//! The command line, as a person or a script uses it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
};

use serde_json::Value;
use sotto_tests::{CommandLine, RelayProcess};

fn registered(relay: &RelayProcess, name: &str) -> CommandLine {
    let person = CommandLine::new(name);
    person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
    person
}

fn friends(relay: &RelayProcess) -> (CommandLine, CommandLine) {
    let (anna, bob) = (registered(relay, "anna"), registered(relay, "bob"));
    anna.run(&["add", "bob"]).ok();
    bob.run(&["add", "anna"]).ok();
    (anna, bob)
}

#[test]
fn a_conversation_by_commands() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    let sent = anna.run(&["--json", "send", "bob", "Hello", "there"]).ok();
    assert_eq!(sent.objects()[0]["state"]["state"], "sent");
    anna.run_with(&["send", "bob", "-"], "two\nlines\n").ok();
    let inbox = bob.run(&["--json", "inbox"]).ok().objects();
    assert_eq!(
        (&inbox[0]["contact"]["username"], &inbox[0]["unread"]),
        (&"anna".into(), &2.into())
    );
    let texts = |person: &CommandLine, with: &str| -> Vec<Value> {
        let read = person.run(&["--json", "read", with]).ok();
        read.objects().iter().map(|message| message["body"]["text"].clone()).collect()
    };
    assert_eq!(texts(&bob, "anna"), ["Hello there", "two\nlines"]);
    assert!(bob.run(&["--json", "inbox"]).ok().objects().is_empty());
    let read = anna.run(&["--json", "read", "bob"]).ok().objects();
    assert_eq!(read[0]["state"]["state"], "read");

    bob.run(&["send", "anna", "Yes!", "--reply-to", "last"]).ok();
    anna.run(&["edit", "bob", "last", "one line"]).ok();
    anna.run(&["react", "bob", "last", "🙂"]).ok();
    assert_eq!(texts(&bob, "anna")[1], "one line");
    let found = bob.run(&["--json", "search", "Hello"]).ok().objects();
    assert_eq!(found.len(), 1);

    bob.run(&["export", "--to", "."]).ok();
    let exported: Vec<_> = fs::read_dir(bob.home())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect();
    assert_eq!(exported.len(), 2);
    for file in exported {
        assert!(fs::read_to_string(file).unwrap().contains("Hello there"));
    }
}

#[test]
fn safety_numbers_agree_and_are_compared() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    let number = |person: &CommandLine, with: &str| {
        let shown = person.run(&["--json", "verify", with]).ok().objects().remove(0);
        shown["safety_number"].as_str().unwrap().to_owned()
    };
    let annas = number(&anna, "bob");
    assert_eq!(annas, number(&bob, "anna"));
    anna.run(&["verify", "bob", "--compare", &annas]).ok();
    let contacts = anna.run(&["--json", "contacts"]).ok().objects();
    assert_eq!(contacts[0]["verified"], true);
    let other = annas.chars().rev().collect::<String>();
    assert_eq!(bob.run(&["verify", "anna", "--compare", &other]).code, 8);
}

#[test]
fn a_contact_link_carries_the_identity() {
    let relay = RelayProcess::start();
    let (anna, bob) = (registered(&relay, "anna"), registered(&relay, "bob"));
    let me = bob.run(&["--json", "whoami"]).ok().objects().remove(0);
    let link = me["contact_link"].as_str().unwrap();
    anna.run(&["add", link]).ok();
    let (start, _) = link.split_once('#').unwrap();
    let forged = format!("{start}#{}", "00".repeat(32));
    let carl = registered(&relay, "carl");
    assert_eq!(carl.run(&["add", &forged]).code, 8);
}

#[test]
fn a_bot_listens_and_answers() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    let mut bot = bob.start(&["--json", "listen", "--orders", "--read", "--count", "2"]);
    let mut orders = bot.stdin.take().unwrap();
    let mut events = BufReader::new(bot.stdout.take().unwrap()).lines();
    let mut next_text = || loop {
        let event: Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
        if event["type"] == "message" && event["message"]["outgoing"] == false {
            return event["message"]["body"]["text"].as_str().unwrap().to_owned();
        }
    };
    anna.run(&["send", "bob", "ping 1"]).ok();
    assert_eq!(next_text(), "ping 1");
    writeln!(orders, "no order at all").unwrap();
    writeln!(orders, r#"{{"to": "anna", "text": "pong 1"}}"#).unwrap();
    let mut heard = String::new();
    while !heard.contains("pong 1") {
        heard = anna.run(&["read", "bob"]).ok().stdout;
    }
    // While it listens nobody else has the profile.
    assert_eq!(bob.run(&["contacts"]).code, 10);
    anna.run(&["send", "bob", "ping 2"]).ok();
    assert_eq!(next_text(), "ping 2");
    assert!(bot.wait().unwrap().success());
}

#[test]
fn a_bot_answers_in_a_room() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    anna.run(&["room", "create", "Lighthouse", "bob"]).ok();
    let mut bot = bob.start(&["--json", "listen", "--orders", "--read", "--count", "2"]);
    let mut orders = bot.stdin.take().unwrap();
    let mut events = BufReader::new(bot.stdout.take().unwrap()).lines();
    let mut next_text = || loop {
        let event: Value = serde_json::from_str(&events.next().unwrap().unwrap()).unwrap();
        let message = &event["message"];
        if event["type"] == "message"
            && message["outgoing"] == false
            && let Some(text) = message["body"]["text"].as_str()
        {
            return text.to_owned();
        }
    };
    anna.run(&["room", "say", "Lighthouse", "is the light on?"]).ok();
    assert_eq!(next_text(), "is the light on?");
    for refused in [
        r#"{"text": "to nobody"}"#,
        r#"{"to": "anna", "room": "Lighthouse", "text": "to two places"}"#,
        r#"{"room": "Harbour", "text": "to a room that there is not"}"#,
        r#"{"room": "lighthouse", "text": "it is"}"#,
    ] {
        writeln!(orders, "{refused}").unwrap();
    }
    let said = || anna.run(&["--json", "room", "read", "Lighthouse"]).ok().objects();
    while !said().iter().any(|message| message["body"]["text"] == "it is") {}
    anna.run(&["room", "say", "Lighthouse", "thank you"]).ok();
    assert_eq!(next_text(), "thank you");
    let ended = bot.wait_with_output().unwrap();
    assert!(ended.status.success());
    let errors = String::from_utf8(ended.stderr).unwrap();
    for told in ["this order goes nowhere", "only one of them", "no such room"] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
}

#[test]
fn a_chat_takes_lines_and_commands() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    let carl = registered(&relay, "carl");
    let lines = "hello from the chat\n/list\n/talk carl\nand you?\n/nonsense\n/back\n//slash\n/back\nnever\n";
    let chat = anna.run_with(&["chat", "bob"], lines).ok();
    assert!(chat.stderr.contains("there is no /nonsense"), "{chat:?}");
    let texts = |person: &CommandLine| -> Vec<String> {
        let read = person.run(&["--json", "read", "anna"]).ok();
        let texts = read.objects();
        texts.iter().filter_map(|m| m["body"]["text"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(texts(&bob), ["hello from the chat", "/slash"]);
    assert_eq!(texts(&carl), ["and you?"]);
}

#[test]
fn files_by_commands_overwrite_nothing() {
    let relay = RelayProcess::start();
    let (anna, bob) = friends(&relay);
    fs::write(anna.home().join("note.txt"), "in a file").unwrap();
    anna.run(&["send", "bob", "--file", "note.txt", "--caption", "look"]).ok();
    for name in ["note.txt", "note (1).txt"] {
        bob.run(&["save", "anna"]).ok();
        assert_eq!(fs::read_to_string(bob.home().join(name)).unwrap(), "in a file");
    }
    let missing = anna.run(&["send", "bob", "--file", "nothing.txt"]);
    assert_ne!(missing.code, 0);
}

#[test]
fn the_manual_and_completions_are_written() {
    let somebody = CommandLine::new("somebody");
    somebody.run(&["man", "pages"]).ok();
    let page = fs::read_to_string(somebody.home().join("pages/sotto-send.1")).unwrap();
    assert!(page.contains(".TH"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(somebody.run(&["completions", shell]).ok().stdout.contains("sotto"));
    }
}

#[test]
fn mistakes_have_their_exit_codes() {
    let relay = RelayProcess::start();
    let anna = registered(&relay, "anna");
    let code = |arguments: &[&str]| anna.run(arguments).code;
    assert_eq!(code(&["read", "nobody"]), 9);
    assert_eq!(code(&["add", "nobody"]), 9);
    assert_eq!(code(&["add", "anna"]), 1);
    assert_eq!(code(&["frobnicate"]), 2);
    assert_eq!(code(&["--profile", "none", "contacts"]), 3);
    assert_eq!(code(&["--offline", "users"]), 2);
    let relayless = CommandLine::new("x");
    assert_eq!(relayless.run(&["register", "x", "--relay", "http://no"]).code, 2);
    let mut no_password = anna.command(&["contacts"]);
    assert_eq!(no_password.env_remove("SOTTO_PASSWORD").output().unwrap().status.code(), Some(2));
}
