//! Rooms in the list, and open: what is read in one, offline.

use sotto_client::{
    model::{ConversationEvent, RoomState},
    proto::{AccountId, MessageId, RoomId, Timestamp, content::ReceiptState},
};
use sotto_tests::{Canvas, Desk, Past, RelayProcess};
use sotto_ui::Clock;

use crate::{PASSWORD, away};

/// 2026-11-20 16:42 UTC.
const NOW: Timestamp = Timestamp(1_795_192_920_000);
const CAROL: AccountId = AccountId([0xc1; 16]);
const DAVE: AccountId = AccountId([0xd2; 16]);

/// So many minutes ago.
fn ago(minutes: u64) -> Timestamp {
    Timestamp(NOW.0 - minutes * 60_000)
}

/// Alice, in a room where something was said, with the app open once `more` was done to her vault. She
/// is offline: the relay, which knows of no such room, would say that she is not in it.
fn in_a_room(more: impl FnOnce(&mut Past, RoomId)) -> (tempfile::TempDir, Desk) {
    let (home, folder) = away(&RelayProcess::start());
    let mut past = Past::of(&folder, PASSWORD);
    let people = [(CAROL, "carol", "Carol Ray"), (DAVE, "dave", "Dave")];
    let room = past.room("Lighthouse", &people, ago(30));
    past.write(|tx| {
        let joined = ConversationEvent::Joined { who: vec![CAROL, DAVE] };
        tx.record_event_by(room, CAROL, MessageId([1; 16]), &joined, ago(29))
    });
    past.says_in(room, ago(20), "Is anybody there?", &[(CAROL, ReceiptState::Read)]);
    past.hears_in(room, CAROL, ago(12), "I am.");
    past.hears_in(room, DAVE, ago(11), "So am I!");
    more(&mut past, room);
    drop(past);
    let desk = Desk::enter(home.path(), Canvas::None, "alice", PASSWORD, Clock::fixed(NOW));
    (home, desk)
}

#[test]
fn a_room_is_listed_and_opens_with_the_names_of_those_who_speak() {
    let (_home, desk) = in_a_room(|_, _| ());
    desk.see("Lighthouse, 2 unread, room: Dave: So am I!");
    desk.press_like("Lighthouse, 2 unread");
    desk.see("3 people");
    desk.see("Joined: Carol Ray, Dave");
    desk.see("You, 16:22: Is anybody there?. Read");
    desk.see("Carol Ray, 16:30: I am.");
    desk.see("Dave, 16:31: So am I!");
    desk.miss("Lighthouse, 2 unread");

    // What is written waits at the end, and mentions nobody but who is there.
    desk.fill("Message to Lighthouse", "Welcome, @carol");
    desk.press("Send");
    desk.see("Welcome, @carol. Waiting to be sent");
    desk.see("Lighthouse, room: You: Welcome, @carol");
}

#[test]
fn nothing_is_written_in_a_room_that_one_is_not_in() {
    let (_home, desk) = in_a_room(|past, room| {
        past.write(|tx| tx.set_room_state(room, RoomState::Removed));
    });
    desk.press_like("Lighthouse");
    desk.see("You were removed from this room.");
    desk.see("Dave, 16:31: So am I!");
    desk.miss("Message to Lighthouse");
}
