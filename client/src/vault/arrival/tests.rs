//! What arrives is recorded once, whatever it says.

use sotto_proto::content::{Accepted, AttachmentPointer, Reaction, Timer, Typing};

use super::super::{
    Page,
    tests::{Fixture, NOW, account, arrive, chat, content, id, queue_text, text},
};
use super::*;
use crate::model::{MessageBody, MessageState};

#[test]
fn a_message_is_shown_once_and_even_a_purged_one_does_not_return() {
    let mut fixture = Fixture::with_contact();
    let mut hello = text(1, "hello", Timestamp(3));
    hello.disappears_after = Some(1);
    let Recorded::Message(message) = arrive(&mut fixture, &hello) else {
        panic!("no message");
    };
    assert_eq!(message.text(), Some("hello"));
    assert_eq!((message.sent_at, message.arrived_at), (Timestamp(3), NOW));
    assert!(!message.read && !message.outgoing);
    assert_eq!(arrive(&mut fixture, &hello), Recorded::Repeat);
    fixture
        .vault
        .write(|tx| {
            tx.mark_read(chat(1), None, NOW)?;
            assert_eq!(tx.purge_disappeared(NOW.plus(1000))?.messages.len(), 1);
            Ok::<_, VaultError>(())
        })
        .unwrap();
    assert_eq!(arrive(&mut fixture, &hello), Recorded::Repeat);
}

#[test]
fn a_contact_cannot_take_the_id_of_an_own_message() {
    let mut fixture = Fixture::with_contact();
    queue_text(&mut fixture, 1, "mine");
    assert_eq!(arrive(&mut fixture, &text(1, "theirs", NOW)), Recorded::Repeat);
    let history = fixture.vault.read(|view| view.history(chat(1), Page::Latest, 9)).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].text(), Some("mine"));
}

#[test]
fn an_attachment_waits_on_the_relay_and_its_name_is_no_path() {
    let mut fixture = Fixture::with_contact();
    let pointer = AttachmentPointer {
        blob: sotto_proto::BlobId([1; 16]),
        key: [2; 32],
        digest: [3; 32],
        size: 77,
        name: "../../.ssh/id\u{7}.png".to_owned(),
        media_type: "image/png".to_owned(),
    };
    let body = Attachment {
        pointer: pointer.clone(),
        caption: "see".to_owned(),
        reply_to: None,
        mentions: Vec::new(),
    };
    let Recorded::Message(message) = arrive(&mut fixture, &content(1, body)) else {
        panic!("no message");
    };
    let MessageBody::Attachment { file, caption } = &message.body else {
        panic!("no attachment");
    };
    assert_eq!((file.name.as_str(), file.size, caption.as_str()), ("id.png", 77, "see"));
    assert_eq!(file.transfer, Transfer::Remote);
    assert!(!serde_json::to_string(&message).unwrap().contains("key"));
    let job = fixture.vault.read(|view| view.attachment(chat(1), id(1))).unwrap().unwrap();
    assert_eq!(job.pointer, Some(pointer));
}

#[test]
fn receipts_raise_own_messages_alone_and_never_lower_them() {
    let mut fixture = Fixture::with_contact();
    queue_text(&mut fixture, 1, "mine");
    arrive(&mut fixture, &text(2, "theirs", NOW));
    let receipt =
        |number, state| content(number, Receipt { state, messages: vec![id(1), id(2), id(99)] });
    let Recorded::States(changed) = arrive(&mut fixture, &receipt(10, ReceiptState::Read)) else {
        panic!("no change");
    };
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].state, Some(MessageState::Read));
    let late = arrive(&mut fixture, &receipt(11, ReceiptState::Delivered));
    assert_eq!(late, Recorded::Ignored);
}

#[test]
fn timer_acceptance_and_typing_are_told() {
    let mut fixture = Fixture::with_contact();
    let timer = arrive(&mut fixture, &content(1, Timer { seconds: Some(60) }));
    let Recorded::Timer(event) = timer else { panic!("no timer") };
    let set = ConversationEvent::TimerSet { seconds: Some(60), own: false };
    assert_eq!(event.body, MessageBody::Event { event: set });
    let timer = fixture.vault.read(|view| view.timer(chat(1))).unwrap();
    assert_eq!(timer, Some(60));
    let accepted = arrive(&mut fixture, &content(2, Accepted {}));
    assert!(matches!(accepted, Recorded::Accepted(_)));
    assert_eq!(arrive(&mut fixture, &content(2, Accepted {})), Recorded::Repeat);
    for _ in 0..2 {
        let typing = arrive(&mut fixture, &content(3, Typing { active: true }));
        assert_eq!(typing, Recorded::Typing { active: true });
    }
}

#[test]
fn a_hostile_content_does_not_hold_up_a_delivery() {
    let mut fixture = Fixture::with_contact();
    let pointer = AttachmentPointer {
        blob: sotto_proto::BlobId([1; 16]),
        key: [2; 32],
        digest: [3; 32],
        size: u64::MAX,
        name: "\0/".repeat(1000),
        media_type: "\0".repeat(1000),
    };
    let file = Attachment {
        pointer,
        caption: "\0".to_owned(),
        reply_to: Some(id(1)),
        mentions: Vec::new(),
    };
    assert_eq!(arrive(&mut fixture, &content(1, file)), Recorded::Ignored);
    let extreme = Content {
        sent_at: Timestamp(u64::MAX),
        disappears_after: Some(u32::MAX),
        ..text(2, "a\0b \u{2}\u{3}\u{202E}\"", NOW)
    };
    assert!(matches!(arrive(&mut fixture, &extreme), Recorded::Message(_)));
    let timer = arrive(&mut fixture, &content(3, Timer { seconds: Some(u32::MAX) }));
    assert!(matches!(timer, Recorded::Timer(_)));
    let messages = vec![id(2); 4000];
    let receipt = content(4, Receipt { state: ReceiptState::Read, messages });
    assert_eq!(arrive(&mut fixture, &receipt), Recorded::Ignored);
    // The id of a message and of an event are one kind of id.
    let reaction = content(2, Reaction { target: id(2), emoji: Some("x".to_owned()) });
    assert_eq!(arrive(&mut fixture, &reaction), Recorded::Repeat);
    fixture
        .vault
        .write(|tx| {
            tx.mark_read(chat(1), None, NOW)?;
            assert_eq!(tx.history(chat(1), Page::Latest, 9)?.len(), 2);
            assert_eq!(tx.search("b", None, 9)?.len(), 1);
            assert!(tx.conversation(chat(1))?.is_some());
            Ok::<_, VaultError>(())
        })
        .unwrap();
}

#[test]
fn a_stranger_must_be_a_contact_first() {
    let mut fixture = Fixture::new();
    let refused =
        fixture.vault.write(|tx| tx.record_content(chat(1), account(1), &text(1, "hi", NOW), NOW));
    assert!(matches!(refused, Err(VaultError::NoSuchContact)));
}
