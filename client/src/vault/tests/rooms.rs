//! What is said in a room: by whom, who may change it, whom it has reached, and how a list shows it.

use sotto_proto::content::{
    Accepted, Attachment, AttachmentPointer, Delete, Edit, Reaction, Receipt, ReceiptState, Timer,
    Typing,
};

use super::*;
use crate::model::{
    ConversationEvent, FailReason, MessageBody, MessageReaction, MessageState, PreviewKind,
    ReachedCounts, Sender,
};

const ALL: ConversationId = ConversationId::Room(ROOM);

fn message(recorded: Recorded) -> Message {
    match recorded {
        Recorded::Message(message)
        | Recorded::Timer(message)
        | Recorded::Profile(message)
        | Recorded::Changed { message, .. } => *message,
        Recorded::States(mut messages) => messages.remove(0),
        other => panic!("{other:?}"),
    }
}

fn carol_says(fixture: &mut Fixture, content: &Content) -> Recorded {
    say(fixture, account(2), content)
}

fn dave_says(fixture: &mut Fixture, content: &Content) -> Recorded {
    say(fixture, account(3), content)
}

#[test]
fn a_message_says_who_it_is_by() {
    let mut fixture = Fixture::with_room();
    let hello = message(carol_says(&mut fixture, &text(1, "hello", NOW)));
    assert_eq!((hello.sender, hello.conversation), (Some(account(2)), ALL));
    assert!(!hello.outgoing && !hello.read && hello.reached.is_none());
    let own = write_text(&mut fixture, 2, "hello yourself");
    assert_eq!((own.sender, own.reached), (None, Some(ReachedCounts::default())));
    let answer = Text { text: "and you?".to_owned(), reply_to: Some(id(1)), mentions: Vec::new() };
    let answer = message(dave_says(&mut fixture, &content(3, answer)));
    assert_eq!((answer.sender, answer.reply_to), (Some(account(3)), Some(id(1))));
    assert!(matches!(carol_says(&mut fixture, &text(1, "again", NOW)), Recorded::Repeat));
}

#[test]
fn nobody_takes_the_id_of_another() {
    let mut fixture = Fixture::with_room();
    carol_says(&mut fixture, &text(1, "hers", NOW));
    write_text(&mut fixture, 2, "mine");
    for number in [1, 2] {
        let taken = dave_says(&mut fixture, &text(number, "his", NOW));
        assert_eq!(taken, Recorded::Repeat);
    }
    write_text(&mut fixture, 3, "mine too");
    let timer = dave_says(&mut fixture, &content(3, Timer { seconds: Some(1) }));
    assert_eq!(timer, Recorded::Repeat);
    assert_eq!(fixture.vault.read(|view| view.timer(ALL)).unwrap(), None);
    let history = fixture.vault.read(|view| view.history(ALL, Page::Latest, 9)).unwrap();
    let texts: Vec<_> = history.iter().filter_map(Message::text).collect();
    assert_eq!(texts, ["hers", "mine", "mine too"]);
}

#[test]
fn the_sender_alone_edits_and_deletes() {
    let mut fixture = Fixture::with_room();
    carol_says(&mut fixture, &text(1, "hers", NOW));
    write_text(&mut fixture, 2, "mine");
    let edit = |number, target, text: &str| {
        content(number, Edit { target: id(target), text: text.to_owned() })
    };
    for target in [1, 2] {
        let forged = dave_says(&mut fixture, &edit(10 + target, target, "forged"));
        assert_eq!(forged, Recorded::Ignored);
        let delete = content(20 + target, Delete { target: id(target) });
        assert_eq!(dave_says(&mut fixture, &delete), Recorded::Ignored);
    }
    let forged = fixture.vault.write(|tx| tx.queue_edit(ALL, &edit(30, 1, "forged")));
    assert!(matches!(forged, Err(VaultError::NotOwn)));
    let better = message(carol_says(&mut fixture, &edit(31, 1, "hers, better")));
    assert_eq!((better.text(), better.edited), (Some("hers, better"), true));
    let gone = message(carol_says(&mut fixture, &content(32, Delete { target: id(1) })));
    assert!(gone.is_deleted() && gone.sender == Some(account(2)));
}

#[test]
fn everybody_has_one_reaction_to_a_message() {
    let mut fixture = Fixture::with_room();
    carol_says(&mut fixture, &text(1, "hello", NOW));
    let react = |number, emoji: Option<&str>| {
        content(number, Reaction { target: id(1), emoji: emoji.map(str::to_owned) })
    };
    carol_says(&mut fixture, &react(10, Some("a")));
    dave_says(&mut fixture, &react(11, Some("b")));
    dave_says(&mut fixture, &react(12, Some("c")));
    let own = react(13, Some("d"));
    let reacted = fixture.vault.write(|tx| tx.queue_reaction(ALL, &own)).unwrap();
    let by = |by: Option<AccountId>, emoji: &str| MessageReaction {
        outgoing: by.is_none(),
        by,
        emoji: emoji.to_owned(),
    };
    let all = [by(Some(account(2)), "a"), by(Some(account(3)), "c"), by(None, "d")];
    assert_eq!(reacted.reactions, all);
    let withdrawn = message(carol_says(&mut fixture, &react(14, None)));
    assert_eq!(withdrawn.reactions, all[1..]);
}

#[test]
fn receipts_count_people_and_the_first_one_raises_the_state() {
    let mut fixture = Fixture::with_room();
    for number in [1, 2] {
        write_text(&mut fixture, number, "mine");
        fixture.vault.write(|tx| tx.settle(ROOM, id(number), NOW)).unwrap();
    }
    carol_says(&mut fixture, &text(3, "hers", NOW));
    let receipt = |number, state| {
        content(number, Receipt { state, messages: vec![id(1), id(2), id(3), id(99)] })
    };
    let reached = |delivered, read| Some(ReachedCounts { delivered, read });
    let Recorded::States(both) = carol_says(&mut fixture, &receipt(10, ReceiptState::Delivered))
    else {
        panic!("no change");
    };
    assert_eq!(both.len(), 2);
    assert_eq!((&both[0].state, both[0].reached), (&Some(MessageState::Delivered), reached(1, 0)));
    let read = message(dave_says(&mut fixture, &receipt(11, ReceiptState::Read)));
    assert_eq!((&read.state, read.reached), (&Some(MessageState::Read), reached(2, 1)));
    // A delivery that is told after the reading is no news; and one's own device is no reader.
    let late = dave_says(&mut fixture, &receipt(12, ReceiptState::Delivered));
    assert_eq!(late, Recorded::Ignored);
    let own = say(&mut fixture, account(9), &receipt(13, ReceiptState::Read));
    assert_eq!(own, Recorded::Ignored);
    let both = message(carol_says(&mut fixture, &receipt(14, ReceiptState::Read)));
    assert_eq!((both.state, both.reached), (Some(MessageState::Read), reached(2, 2)));
}

#[test]
fn the_owner_is_told_of_mentions() {
    let mut fixture = Fixture::with_room();
    let mention = |number, mentions| {
        let body = Text { text: "@myself".to_owned(), reply_to: None, mentions };
        content(number, body)
    };
    let line = |fixture: &Fixture| {
        let line = fixture.vault.read(|view| view.conversation(ALL)).unwrap().unwrap();
        (line.unread, line.mentioned)
    };
    let plain = message(carol_says(&mut fixture, &mention(1, Vec::new())));
    assert!(!plain.mentions_me);
    assert_eq!(line(&fixture), (1, false));
    let mentioned = message(carol_says(&mut fixture, &mention(2, vec![account(3), account(9)])));
    assert!(mentioned.mentions_me);
    let mut many = vec![account(3); 32];
    many.push(account(9));
    assert!(!message(carol_says(&mut fixture, &mention(3, many))).mentions_me);
    assert_eq!(line(&fixture), (3, true));
    fixture.vault.write(|tx| tx.mark_read(ALL, Some(id(2)), NOW)).unwrap();
    assert_eq!(line(&fixture), (1, false));
    let queued =
        content(4, Text { text: "@carol?".to_owned(), reply_to: None, mentions: vec![account(2)] });
    fixture
        .vault
        .write(|tx| {
            tx.queue_message(ALL, &queued, NOW)?;
            tx.fail_message(ALL, id(4), &FailReason::Cancelled)?;
            tx.retry(ALL, id(4))?;
            // Made out of the history, it mentions the same people.
            assert_eq!(tx.waiting(ALL, 9)?[0].content, queued);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn events_say_who_has_brought_them_about() {
    let mut fixture = Fixture::with_room();
    let timer = message(carol_says(&mut fixture, &content(1, Timer { seconds: Some(60) })));
    let event = ConversationEvent::TimerSet { seconds: Some(60), own: false };
    assert_eq!((timer.body, timer.sender), (MessageBody::Event { event }, Some(account(2))));
    let joined = ConversationEvent::Joined { who: vec![account(3)] };
    let left = ConversationEvent::Left { who: vec![account(3)] };
    fixture
        .vault
        .write(|tx| {
            assert_eq!(tx.timer(ALL)?, Some(60));
            let added = tx.record_event_by(ROOM, account(2), id(2), &joined, NOW)?;
            assert_eq!((added.sender, added.read), (Some(account(2)), true));
            let own = tx.record_event_by(ROOM, account(9), id(3), &joined, NOW)?;
            assert_eq!((own.sender, own.outgoing), (None, false));
            let nobody = tx.record_event(ALL, id(4), &left, NOW)?;
            assert_eq!((nobody.sender, nobody.body), (None, MessageBody::Event { event: left }));
            let again = tx.record_event(ALL, id(2), &ConversationEvent::Rejoined, NOW)?;
            assert_eq!(again, added);
            Ok::<_, VaultError>(())
        })
        .unwrap();
    assert_eq!(carol_says(&mut fixture, &content(5, Accepted {})), Recorded::Ignored);
    let typing = carol_says(&mut fixture, &content(6, Typing { active: true }));
    assert_eq!(typing, Recorded::Typing { active: true });
}

#[test]
fn an_admin_alone_changes_what_the_room_looks_like() {
    let mut fixture = Fixture::with_room();
    let named = |number, name: &str| {
        let name = name.parse().unwrap();
        content(number, RoomProfile { name, topic: String::new(), picture: None })
    };
    assert_eq!(dave_says(&mut fixture, &named(1, "Dave's")), Recorded::Ignored);
    let event = message(carol_says(&mut fixture, &named(2, "Pier")));
    let renamed = ConversationEvent::Renamed { name: "Pier".parse().unwrap() };
    assert_eq!(event.body, MessageBody::Event { event: renamed });
    assert_eq!(event.sender, Some(account(2)));
    assert_eq!(carol_says(&mut fixture, &named(3, "Pier")), Recorded::Ignored);
    let huge = RoomProfile {
        name: "Pier".parse().unwrap(),
        topic: String::new(),
        picture: Some(vec![0; 64 * 1024 + 1].into()),
    };
    assert_eq!(carol_says(&mut fixture, &content(4, huge)), Recorded::Ignored);
    fixture
        .vault
        .write(|tx| {
            let own = tx.queue_profile(ROOM, &named(5, "Harbour"), NOW)?.unwrap();
            assert!(own.sender.is_none() && own.position > event.position);
            assert_eq!(tx.room(ROOM)?.unwrap().name.as_str(), "Harbour");
            assert_eq!(tx.waiting(ALL, 9)?.len(), 1);
            assert_eq!(tx.queue_profile(ROOM, &named(6, "Harbour"), NOW)?, None);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn what_the_owner_said_on_another_device_is_the_owners() {
    let mut fixture = Fixture::with_room();
    let elsewhere = message(say(&mut fixture, account(9), &text(1, "from my laptop", NOW)));
    assert!(elsewhere.outgoing && elsewhere.read && elsewhere.sender.is_none());
    assert_eq!(elsewhere.state, Some(MessageState::Sent));
    carol_says(&mut fixture, &text(2, "hers", NOW));
    let history = fixture.vault.read(|view| view.history(ALL, Page::Latest, 9)).unwrap();
    assert_eq!(history[0], elsewhere);
    let edit = content(3, Edit { target: id(1), text: "from my desk".to_owned() });
    let edited = fixture.vault.write(|tx| tx.queue_edit(ALL, &edit)).unwrap();
    assert_eq!(edited.text(), Some("from my desk"));
    let delete = content(4, Delete { target: id(1) });
    fixture.vault.write(|tx| tx.queue_delete(ALL, &delete)).unwrap();
    let waiting = fixture.vault.read(|view| view.waiting(ALL, 9)).unwrap();
    assert_eq!(waiting.last().unwrap().content, delete);
}

#[test]
fn a_room_stands_in_the_list_with_whoever_spoke_last() {
    let mut fixture = Fixture::with_room();
    let names = |fixture: &Fixture| {
        let list = fixture.vault.read(View::conversations).unwrap();
        list.into_iter().map(|line| line.with.name().to_owned()).collect::<Vec<_>>()
    };
    fixture.vault.write(|tx| tx.add_contact(&new_contact(1, "bob"), NOW)).unwrap();
    arrive(&mut fixture, &text(1, "hello", NOW));
    assert_eq!(names(&fixture), ["bob", "Lighthouse"]);
    carol_says(&mut fixture, &text(2, "hello all", NOW));
    assert_eq!(names(&fixture), ["Lighthouse", "bob"]);
    let line = fixture.vault.read(|view| view.conversation(ALL)).unwrap().unwrap();
    let last = line.last.clone().unwrap();
    assert_eq!(last.sender, Some(Sender { account: account(2), name: "carol".to_owned() }));
    assert_eq!((last.text.as_str(), last.kind), ("hello all", PreviewKind::Text));
    assert_eq!(fixture.vault.read(View::unread_total).unwrap(), 2);
    let json = serde_json::to_value(&line).unwrap();
    assert_eq!(json["room"]["name"], "Lighthouse");
    assert_eq!(json["contact"], serde_json::Value::Null);

    // What is written last stands first, even while something else still waits to leave.
    write_text(&mut fixture, 3, "waits");
    arrive(&mut fixture, &text(4, "later", NOW));
    assert_eq!(names(&fixture), ["bob", "Lighthouse"]);
    carol_says(&mut fixture, &text(5, "later still", NOW));
    assert_eq!(names(&fixture), ["Lighthouse", "bob"]);
    let line = fixture.vault.read(|view| view.conversation(ALL)).unwrap().unwrap();
    assert_eq!(line.last.unwrap().id, id(3));

    fixture.vault.write(|tx| tx.set_room_state(ROOM, RoomState::Left)).unwrap();
    assert_eq!(names(&fixture).len(), 2);
    fixture.vault.write(|tx| tx.remove_history(ALL)).unwrap();
    assert_eq!(names(&fixture), ["bob"]);
}

#[test]
fn what_is_owed_to_a_room_is_told_once_for_many_messages() {
    let mut fixture = Fixture::with_room();
    fixture
        .vault
        .write(|tx| {
            tx.owe_receipts(ALL, &[id(1), id(2)], ReceiptState::Delivered)?;
            assert_eq!(tx.receipts_owed_to()?, [ALL]);
            let receipts = tx.take_receipts(ALL, 99)?;
            let messages = vec![id(1), id(2)];
            assert_eq!(receipts, [Receipt { state: ReceiptState::Delivered, messages }]);
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn nothing_that_a_member_writes_holds_up_the_room() {
    let mut fixture = Fixture::with_room();
    let pointer = AttachmentPointer {
        blob: sotto_proto::BlobId([1; 16]),
        key: [2; 32],
        digest: [3; 32],
        size: u64::MAX,
        name: "\0/".repeat(1000),
        media_type: String::new(),
    };
    let caption = "\0".to_owned();
    let file = Attachment { pointer, caption, reply_to: Some(id(9)), mentions: Vec::new() };
    assert_eq!(carol_says(&mut fixture, &content(1, file)), Recorded::Ignored);
    let receipt = Receipt { state: ReceiptState::Read, messages: vec![id(1); 4000] };
    assert_eq!(carol_says(&mut fixture, &content(2, receipt)), Recorded::Ignored);
    let timer = carol_says(&mut fixture, &content(3, Timer { seconds: Some(u32::MAX) }));
    assert!(matches!(timer, Recorded::Timer(_)));
    // Somebody whom the list of members does not know yet.
    let stranger = message(say(&mut fixture, account(7), &text(4, "hello", NOW)));
    assert_eq!(stranger.sender, Some(account(7)));
    let line = fixture.vault.read(|view| view.conversation(ALL)).unwrap().unwrap();
    assert_eq!(line.last.unwrap().sender.unwrap().name, "07070707");
    let nowhere = fixture.vault.write(|tx| {
        tx.record_content(RoomId([9; 16]).into(), account(2), &text(5, "hi", NOW), NOW)
    });
    assert!(matches!(nowhere, Err(VaultError::NoSuchRoom)));
}
