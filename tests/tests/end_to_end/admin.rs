//! Roles and administration: who may, what it does, and that all of it is written down.

use std::collections::BTreeSet;

use serde_json::Value;
use sotto_client::{
    ConnectError, EngineError, Event, NewAccount, Secret, SignInError, StopReason,
    model::RoomState,
    proto::{
        Answer, CloseCode, ErrorCode, RoomId, Username,
        account::{AddressClass, LoginMeans},
        admin::{
            self, AccountsPage, Actor, Announce, AskAll, AskFigures, AskRegistration, AuditLine,
            AuditPage, Code, Command, InvitationsPage, Invite, Named, Room, RoomsPage,
            SetRegistration, Withdraw,
        },
        link::RelayLink,
        login::RegistrationPolicy,
    },
};
use sotto_tests::{CommandLine, PATIENCE, Person, RelayProcess, Stranger, until};
use tokio::time::timeout;

fn name(username: &str) -> Username {
    username.parse().unwrap()
}

fn named(username: &str) -> Named {
    Named { username: name(username) }
}

/// A command of every kind, each of which would do something.
fn every_command() -> Vec<Command> {
    let limit = 10;
    let all = vec![
        Command::Accounts(AccountsPage { limit, ..AccountsPage::default() }),
        Command::Account(named("anna")),
        Command::Suspend(named("anna")),
        Command::Restore(named("anna")),
        Command::Delete(named("anna")),
        Command::Promote(named("mallory")),
        Command::Demote(named("anna")),
        Command::Invite(Invite { uses: 1, note: None }),
        Command::Invitations(InvitationsPage::default()),
        Command::Revoke(Code { code: "code".to_owned() }),
        Command::Registration(AskRegistration {}),
        Command::SetRegistration(SetRegistration { policy: Some(RegistrationPolicy::Closed) }),
        Command::Rooms(RoomsPage { after: None, limit }),
        Command::DeleteRoom(Room { room: RoomId([0x40; 16]) }),
        Command::Announce(Announce { text: "free beer".parse().unwrap() }),
        Command::Announcements(AskAll {}),
        Command::Withdraw(Withdraw { number: 1 }),
        Command::Figures(AskFigures {}),
        Command::Audit(AuditPage { before: None, limit }),
    ];
    let kinds: BTreeSet<_> = all.iter().map(Command::kind).collect();
    assert_eq!(kinds, Command::KINDS.iter().copied().collect(), "a kind has no command here");
    all
}

async fn administer(person: &Person, command: Command) -> admin::Answer {
    person.engine.administer(command).await.unwrap()
}

async fn refusal(person: &Person, command: Command) -> ErrorCode {
    match person.engine.administer(command).await {
        Err(EngineError::NoSuchUser) => ErrorCode::NoSuchUser,
        Err(EngineError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

async fn audit(person: &Person) -> Vec<AuditLine> {
    match administer(person, Command::Audit(AuditPage { before: None, limit: 200 })).await {
        admin::Answer::Audit(page) => page.lines,
        other => panic!("{other:?}"),
    }
}

async fn account(person: &Person, username: &str) -> admin::Account {
    match administer(person, Command::Account(named(username))).await {
        admin::Answer::Account(account) => account,
        other => panic!("{other:?}"),
    }
}

/// Tries to register; the relay's code if it refuses.
async fn register(
    relay: &RelayLink,
    username: &str,
    invitation: Option<&str>,
) -> Result<(), ErrorCode> {
    let home = tempfile::tempdir().unwrap();
    let secret = || Secret::from("a password".to_owned());
    let registering = sotto_client::Engine::register(NewAccount {
        folder: home.path().join("profile"),
        relay: relay.clone(),
        username: name(username),
        display_name: username.parse().unwrap(),
        password: secret(),
        passphrase: secret(),
        invitation: invitation.map(str::to_owned),
    });
    match registering.await {
        Ok(engine) => {
            engine.shutdown().await;
            Ok(())
        }
        Err(SignInError::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_administers_and_appoints_others() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    assert!(anna.engine.is_admin() && !bob.engine.is_admin());
    let mut events = bob.engine.subscribe();
    let mut role = async |expected| {
        let told = until(&mut events, |event| match event {
            Event::Role { admin } => Some(admin),
            _ => None,
        });
        assert_eq!(told.await, expected);
        assert_eq!(bob.engine.is_admin(), expected);
    };

    for command in [Command::Demote, Command::Suspend, Command::Delete] {
        assert_eq!(refusal(&anna, command(named("anna"))).await, ErrorCode::LastAdmin);
    }
    administer(&anna, Command::Promote(named("bob"))).await;
    role(true).await;
    administer(&anna, Command::Demote(named("bob"))).await;
    role(false).await;
    administer(&anna, Command::Promote(named("bob"))).await;
    role(true).await;
    administer(&bob, Command::Demote(named("anna"))).await;
    assert_eq!(refusal(&anna, Command::Figures(AskFigures {})).await, ErrorCode::NotAdmin);
    assert_eq!(refusal(&bob, Command::Promote(named("nobody"))).await, ErrorCode::NoSuchUser);

    let acts: Vec<_> = audit(&bob).await.into_iter().map(|line| line.entry).collect();
    let last: Vec<_> = acts.iter().rev().map(|one| (one.act.as_str(), one.refused)).collect();
    let refused = |code| Some(code);
    assert_eq!(
        last,
        [
            ("promote", None),
            ("demote", refused(ErrorCode::LastAdmin)),
            ("suspend", refused(ErrorCode::LastAdmin)),
            ("delete", refused(ErrorCode::LastAdmin)),
            ("promote", None),
            ("demote", None),
            ("promote", None),
            ("demote", None),
            ("figures", refused(ErrorCode::NotAdmin)),
            ("promote", refused(ErrorCode::NoSuchUser)),
        ]
    );
    let first = acts.last().unwrap();
    assert_eq!((&first.actor, first.target.as_deref()), (&Actor::Relay, Some("anna")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_an_admin_where_the_operator_wants_to_appoint() {
    let relay = RelayProcess::with(&["--first-account-is-admin=false"]);
    let anna = Person::register(relay.link(), "anna").await;
    assert!(!anna.engine.is_admin());
    let mut events = anna.engine.subscribe();
    relay.ctl(&["promote", "anna"]);
    until(&mut events, |event| (event == Event::Role { admin: true }).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_admin_is_refused_every_command_and_it_is_written_down() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let mallory = Person::register(relay.link(), "mallory").await;
    for command in every_command() {
        assert_eq!(refusal(&mallory, command).await, ErrorCode::NotAdmin);
    }
    let lines: Vec<_> = audit(&anna)
        .await
        .into_iter()
        .map(|line| line.entry)
        .filter(|entry| entry.actor == Actor::Account(name("mallory")))
        .collect();
    assert!(lines.iter().all(|entry| entry.refused == Some(ErrorCode::NotAdmin)));
    let acts: Vec<_> = lines.iter().rev().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, every_command().iter().map(Command::kind).collect::<Vec<_>>());
    assert!(lines.iter().any(|entry| {
        (entry.act.as_str(), entry.target.as_deref()) == ("delete", Some("anna"))
    }));

    // Nothing of it was done: anna is here, and anybody may register.
    assert!(anna.engine.is_admin() && !mallory.engine.is_admin());
    register(relay.link(), "bob", None).await.unwrap();

    // Who goes on and on fills no log.
    let mut written = acts.len();
    while refusal(&mallory, Command::Figures(AskFigures {})).await == ErrorCode::NotAdmin {
        written += 1;
        assert!(written <= 65, "the limit is sixty an hour");
    }
    let again = refusal(&mallory, Command::Figures(AskFigures {})).await;
    assert_eq!(again, ErrorCode::RateLimited);
    let by_mallory = |line: &&AuditLine| line.entry.actor == Actor::Account(name("mallory"));
    assert_eq!(audit(&anna).await.iter().filter(by_mallory).count(), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_seen_suspended_restored_and_deleted_for_good() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    bob.leave().await;
    anna.tell(&bob, "while you were away").await;
    let page = AccountsPage { prefix: "b".to_owned(), after: None, limit: 10 };
    let admin::Answer::Accounts(found) = administer(&anna, Command::Accounts(page)).await else {
        panic!("accounts are answered by accounts");
    };
    let [line] = found.accounts.as_slice() else { panic!("{found:?}") };
    assert!(!line.admin && !line.suspended && !line.devices[0].online);
    assert!(line.last_seen.is_some() && line.storage.mailbox_entries > 0);

    administer(&anna, Command::Suspend(named("bob"))).await;
    bob.open().await;
    let suspended = ConnectError::Stopped(StopReason::Suspended).to_string();
    assert_eq!(bob.engine.connect().await.unwrap_err().to_string(), suspended);
    assert!(account(&anna, "bob").await.account.suspended);
    administer(&anna, Command::Restore(named("bob"))).await;
    bob.engine.connect().await.unwrap();
    bob.hears(&anna, "while you were away").await;
    let history = account(&anna, "bob").await.logins;
    let outcomes: Vec<_> = history.iter().map(|login| login.refused).collect();
    assert_eq!(outcomes, [None, Some(ErrorCode::Suspended), None]);
    assert!(history.iter().all(|login| login.from == AddressClass::Loopback));

    let mut events = bob.engine.subscribe();
    administer(&anna, Command::Delete(named("bob"))).await;
    until(&mut events, |event| match event {
        Event::Connection { state: sotto_client::ConnectionState::Stopped { .. } } => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(refusal(&anna, Command::Account(named("bob"))).await, ErrorCode::NoSuchUser);
    assert_eq!(register(relay.link(), "bob", None).await, Err(ErrorCode::UsernameTaken));
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_opens_and_closes_while_the_relay_runs() {
    let mut relay = RelayProcess::start();
    let mut anna = Person::register(relay.link(), "anna").await;
    let set = |policy| Command::SetRegistration(SetRegistration { policy });
    administer(&anna, set(Some(RegistrationPolicy::Invitation))).await;
    assert_eq!(
        anna.engine.relay_info().await.unwrap().registration,
        RegistrationPolicy::Invitation
    );
    let uninvited = register(relay.link(), "carol", None).await;
    assert_eq!(uninvited, Err(ErrorCode::InvitationRequired));
    let note = Some("for carol".parse().unwrap());
    let invite = Command::Invite(Invite { uses: 2, note });
    let admin::Answer::Invitation(made) = administer(&anna, invite).await else {
        panic!("an invitation is answered by one");
    };
    register(relay.link(), "carol", Some(&made.code)).await.unwrap();
    let list = Command::Invitations(InvitationsPage::default());
    let admin::Answer::Invitations(left) = administer(&anna, list).await else {
        panic!("invitations are answered by them");
    };
    assert_eq!((left.invitations[0].uses_left, &left.invitations[0].made), (1, &made.made));
    administer(&anna, Command::Revoke(Code { code: made.code.clone() })).await;
    let revoked = register(relay.link(), "dave", Some(&made.code)).await;
    assert_eq!(revoked, Err(ErrorCode::InvitationRequired));
    let again = refusal(&anna, Command::Revoke(Code { code: made.code.clone() })).await;
    assert_eq!(again, ErrorCode::NoSuchInvitation);

    // What an admin has set outlives the process.
    administer(&anna, set(Some(RegistrationPolicy::Closed))).await;
    anna.leave().await;
    relay.stop();
    relay.restart();
    anna.come_back().await;
    assert_eq!(register(relay.link(), "dave", None).await, Err(ErrorCode::RegistrationClosed));
    let admin::Answer::Registration(state) = administer(&anna, set(None)).await else {
        panic!("registration is answered by it");
    };
    assert!(!state.overridden && state.policy == RegistrationPolicy::Open);
    register(relay.link(), "dave", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_reaches_everybody_once() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let mut bob = Person::register(relay.link(), "bob").await;
    let carol = Person::register(relay.link(), "carol").await;
    bob.leave().await;
    let mut events = carol.engine.subscribe();
    let announced = |event| match event {
        Event::Announcement { number, text, .. } => Some((number, text)),
        _ => None,
    };
    let announce = |text: &str| Command::Announce(Announce { text: text.parse().unwrap() });
    administer(&anna, announce("first")).await;
    assert_eq!(until(&mut events, announced).await, (1, "first".to_owned()));
    administer(&anna, announce("second")).await;
    // The first one is not told again before it.
    assert_eq!(until(&mut events, announced).await, (2, "second".to_owned()));

    // Bob, who comes later, hears both, and after another start none of them again.
    bob.open().await;
    let mut events = bob.engine.subscribe();
    bob.engine.connect().await.unwrap();
    assert_eq!(until(&mut events, announced).await.0, 1);
    assert_eq!(until(&mut events, announced).await.0, 2);
    bob.leave().await;
    bob.open().await;
    let mut events = bob.engine.subscribe();
    bob.engine.connect().await.unwrap();
    administer(&anna, announce("third")).await;
    assert_eq!(until(&mut events, announced).await, (3, "third".to_owned()));

    administer(&anna, Command::Withdraw(Withdraw { number: 2 })).await;
    let left: Vec<_> =
        bob.engine.announcements().await.unwrap().into_iter().map(|one| one.number).collect();
    assert_eq!(left, [1, 3]);
    let gone = refusal(&anna, Command::Withdraw(Withdraw { number: 2 })).await;
    assert_eq!(gone, ErrorCode::NoSuchAnnouncement);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_follow_what_happens() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    for number in 0..20 {
        anna.engine.send_text(bob.account(), &number.to_string(), None).await.unwrap();
    }
    anna.engine.flush(PATIENCE).await.unwrap();
    bob.hears(&anna, "19").await;
    let answer = administer(&anna, Command::Figures(AskFigures {})).await;
    let admin::Answer::Figures(figures) = answer else { panic!("{answer:?}") };
    assert_eq!((figures.accounts, figures.devices), (2, 2));
    assert_eq!((figures.accounts_online, figures.devices_online), (2, 2));
    assert!(figures.connections >= 2 && figures.syncs > 0);
    assert!(figures.last_60_s.accepted >= 20 && figures.last_60_s.delivered >= 20, "{figures:?}");
    assert!(figures.database_bytes > 0 && figures.free_bytes > 0);
    assert!(!figures.version.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_without_their_names_and_deleted() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    let room = bob.gather("Secret", &[&anna]).await;
    let list = Command::Rooms(RoomsPage { after: None, limit: 10 });
    let admin::Answer::Rooms(page) = administer(&anna, list).await else { panic!("no rooms") };
    let line = page.rooms.iter().find(|line| line.room == room).unwrap();
    assert_eq!((&line.name, line.lobby, line.people), (&None, false, 2));
    let lobby = page.rooms.iter().find(|line| line.lobby).unwrap();
    assert_eq!(lobby.name.as_ref().unwrap().as_str(), "Lobby");
    let mut events = bob.engine.subscribe();
    let delete = || Command::DeleteRoom(Room { room });
    administer(&anna, delete()).await;
    until(&mut events, |event| match event {
        Event::Room { room: known } if known.id == room => {
            (known.state == RoomState::Gone).then_some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(refusal(&anna, delete()).await, ErrorCode::NoSuchRoom);
    let noted = audit(&anna).await;
    let acts: Vec<_> = noted.iter().map(|line| line.entry.act.as_str()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "delete_room").count(), 2);
    assert!(!acts.contains(&"rooms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_sees_its_logins_and_devices_and_ends_one() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    let somebody = Stranger::connect(relay.link()).await;
    assert!(somebody.add_device("anna", "a wrong password").await.is_none());
    let is_written_down = async {
        while anna.engine.logins().await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, is_written_down).await.expect("the attempt is written down");
    let second = somebody.add_device("anna", &anna.password()).await.unwrap();
    somebody.log_in(&second).await.unwrap();

    let devices = anna.engine.device_lines().await.unwrap();
    let ids: Vec<_> = devices.iter().map(|one| (one.id.number(), one.online)).collect();
    assert_eq!(ids, [(1, true), (2, true)]);
    let logins = anna.engine.logins().await.unwrap();
    let told: Vec<_> = logins
        .iter()
        .map(|one| (one.means, one.device.map(sotto_client::proto::DeviceId::number), one.refused))
        .collect();
    assert_eq!(
        told,
        [
            (LoginMeans::Device, Some(2), None),
            (LoginMeans::Password, None, None),
            (LoginMeans::Password, None, Some(ErrorCode::WrongCredentials)),
            (LoginMeans::Device, Some(1), None),
        ]
    );
    assert!(logins.iter().all(|one| one.from == AddressClass::Loopback));
    // Others' are nobody's business.
    assert_eq!(bob.engine.logins().await.unwrap().len(), 1);

    // Not this one, and none that there is not.
    let this = anna.engine.me().device;
    let refused = anna.engine.end_device(this).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::OutOfBounds));
    let third = sotto_client::proto::DeviceId::new(3).unwrap();
    let missing = anna.engine.end_device(third).await.unwrap_err();
    assert_eq!(missing.code(), Some(ErrorCode::NoSuchDevice));

    let number = second.device().device.number().to_string();
    anna.leave().await;
    let command = CommandLine::new("anna");
    command.adopt(&anna.folder());
    let listed = command.run(&["--json", "devices"]).ok().objects();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["is_this"], &listed[1]["online"]), (&true.into(), &true.into()));
    command.run(&["devices", "end", &number]).ok();
    match timeout(PATIENCE, somebody.connection.closed()).await.expect("it is closed") {
        quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(
            CloseCode::from_number(close.error_code.into_inner()),
            Some(CloseCode::DeviceRemoved)
        ),
        other => panic!("{other}"),
    }
    let listed = command.run(&["--json", "logins"]).ok().objects();
    assert!(listed.iter().any(|login| login["refused"] == ErrorCode::WrongCredentials.number()));
    let left = command.run(&["--json", "devices"]).ok().objects();
    assert_eq!(left.len(), 1);
    // The device that was ended is none of the account's any more.
    let again = Stranger::connect(relay.link()).await;
    let Answer::Refused(refusal) = again.try_log_in(&second).await.unwrap() else {
        panic!("it is refused");
    };
    assert_eq!(refusal.code, ErrorCode::UnknownDevice);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_administers() {
    let relay = RelayProcess::start();
    let link = relay.link().to_string();
    let [anna, bob] = ["anna", "bob"].map(|name| {
        let person = CommandLine::new(name);
        person.run(&["register", name, "--relay", &link]).ok();
        person
    });
    let lines = |arguments: &[&str]| -> Vec<Value> {
        let all = [&["--json", "admin"], arguments].concat();
        anna.run(&all).ok().objects()
    };
    let accounts = lines(&["accounts"]);
    assert_eq!(accounts.len(), 2);
    assert_eq!((&accounts[0]["username"], &accounts[0]["admin"]), (&"anna".into(), &true.into()));
    assert_eq!(lines(&["suspend", "bob"])[0]["done"], "suspend");
    assert_eq!(lines(&["account", "bob"])[0]["account"]["suspended"], true);
    assert_eq!(lines(&["restore", "bob"])[0]["done"], "restore");
    assert_eq!(lines(&["promote", "bob"])[0]["done"], "promote");
    assert_eq!(lines(&["demote", "bob"])[0]["done"], "demote");
    let code = lines(&["invite", "--uses", "3", "--note", "for friends"])[0]["code"].clone();
    assert_eq!(lines(&["invitations"])[0]["code"], code);
    assert_eq!(lines(&["revoke", code.as_str().unwrap()])[0]["done"], "revoke");
    assert_eq!(lines(&["registration", "closed"])[0]["policy"], "closed");
    assert_eq!(lines(&["registration"])[0]["overridden"], true);
    assert_eq!(lines(&["registration", "configured"])[0]["policy"], "open");
    assert_eq!(lines(&["announce", "hello all"])[0]["number"], 1);
    assert_eq!(lines(&["announcements"])[0]["text"], "hello all");
    assert_eq!(lines(&["announcements", "--withdraw", "1"])[0]["done"], "withdraw");
    assert_eq!(lines(&["figures"])[0]["accounts"], 2);
    let careless = anna.run(&["--json", "admin", "delete", "bob"]);
    assert_eq!(careless.code, 2);
    assert_eq!(lines(&["delete", "bob", "--yes"])[0]["done"], "delete");
    let audit = lines(&["audit", "--limit", "5"]);
    assert_eq!(audit.len(), 5);
    assert_eq!(
        (&audit[0]["entry"]["act"], &audit[0]["entry"]["target"]),
        (&"delete".into(), &"bob".into())
    );
    let text = anna.run(&["admin", "accounts"]).ok().stdout;
    assert!(text.starts_with("anna") && text.contains("admin") && !text.contains("bob"), "{text}");
    let gone = bob.run(&["--json", "admin", "figures"]);
    assert_eq!(gone.code, 7, "{gone:?}");
}

#[test]
fn listening_shows_announcements_as_service_lines() {
    let relay = RelayProcess::start();
    let link = relay.link().to_string();
    let anna = CommandLine::new("anna");
    anna.run(&["register", "anna", "--relay", &link]).ok();
    relay.ctl(&["announce", "the relay", "moves house"]);
    let shown = anna.run(&["listen", "--for", "2"]).ok();
    assert!(shown.stderr.contains("The relay says: the relay moves house"), "{shown:?}");
    let again = anna.run(&["listen", "--for", "1"]).ok();
    assert!(!again.stderr.contains("The relay says"), "{again:?}");
}
