//! The relay is killed, while three people talk in a room and its admin goes on changing it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sotto_client::{
    model::{ConversationEvent, Message},
    proto::{AccountId, MessageId, RoomId},
};
use sotto_tests::{PATIENCE, Person, RelayProcess, UNLIMITED, rounds};

use super::{
    ROUNDS,
    relay::{Course, kill_again_and_again, text, watch},
};

/// Between two changes.
const PACE: Duration = Duration::from_millis(5);
/// Somebody who is not there.
const GUEST: AccountId = AccountId([0x47; 16]);
const THE_END: &str = "the end";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_room_stands_there_once_and_in_one_order_for_all() {
    let mut relay = RelayProcess::with(&UNLIMITED);
    let course = Arc::new(Course::default());
    let mut people = Vec::new();
    for name in ["anna", "bob", "carl"] {
        people.push(Arc::new(Person::register(relay.link(), name).await));
    }
    for other in &people[1..] {
        people[0].befriend(other).await;
    }
    let room = people[0].gather("Storm", &[&people[1], &people[2]]).await;
    for person in &people[1..] {
        let joined = |event: &ConversationEvent| matches!(event, ConversationEvent::Joined { .. });
        person.learns_in(room, joined).await;
    }
    let shown: Vec<_> = people.iter().map(|person| watch(person, &course)).collect();
    let talking: Vec<_> = people
        .iter()
        .map(|person| tokio::spawn(talk(Arc::clone(person), room, Arc::clone(&course))))
        .collect();
    let changing = tokio::spawn(change(Arc::clone(&people[0]), room, Arc::clone(&course)));

    let rounds = rounds(ROUNDS);
    kill_again_and_again(&mut relay, &course, &course.acknowledged, rounds).await;
    course.over.store(true, Ordering::SeqCst);

    let changes = changing.await.unwrap();
    let mut sent = Vec::new();
    for task in talking {
        sent.push(task.await.unwrap());
    }
    for person in &people {
        person.engine.flush(PATIENCE).await.unwrap();
    }
    people[0].say(room, THE_END).await;
    for person in &people {
        person.hears_in(room, THE_END).await;
    }
    let order = order(&people[0], room).await;
    for (person, count) in people.iter().zip(&sent) {
        assert!(self::order(person, room).await == order, "not the same order for all");
        let log = person.log_of(room).await;
        let own = log.iter().filter(|message| message.outgoing).filter_map(Message::text);
        let expected: Vec<_> = (0..*count).map(text).collect();
        let said: Vec<_> = own.filter(|said| *said != THE_END).collect();
        assert!(said == expected, "{}: not each once, in order", person.name());
    }
    for shown in &shown {
        assert!(shown.lock().unwrap().values().all(|times| *times == 1), "shown twice");
    }
    println!(
        "relay killed {rounds} times: {} messages in a room of three, {changes} changes of the room, \
         each once and in one order for all",
        sent.iter().sum::<usize>(),
    );
}

/// Which messages somebody sees, as they stand there; what happened besides is each client's to tell.
async fn order(person: &Person, room: RoomId) -> Vec<MessageId> {
    let log = person.log_of(room).await.into_iter();
    log.filter(|message| message.text().is_some()).map(|message| message.id).collect()
}

/// Says something until it is over; how often.
async fn talk(me: Arc<Person>, room: RoomId, course: Arc<Course>) -> usize {
    let mut count = 0;
    while !course.is_over() {
        me.engine.send_text(room, &text(count), None).await.unwrap();
        count += 1;
        let _ = me.engine.flush(Duration::from_millis(20)).await;
    }
    count
}

/// Makes somebody an admin who is not there, and takes that back, until it is over; how often it
/// succeeded.
async fn change(me: Arc<Person>, room: RoomId, course: Arc<Course>) -> usize {
    let mut changes = 0;
    while !course.is_over() {
        let is_admin = changes % 2 == 0;
        // Without a connection it fails, and is tried again.
        let answer = me.engine.set_room_admin(room, GUEST, is_admin).await;
        changes += usize::from(answer.is_ok());
        tokio::time::sleep(PACE).await;
    }
    changes
}
