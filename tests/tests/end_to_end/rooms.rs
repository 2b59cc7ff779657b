//! Rooms: who is in them, what they read, and in which order.

use sotto_client::{
    EngineError, Event,
    model::{ConversationEvent, MessageState, RoomState},
    proto::ErrorCode,
};
use sotto_tests::{PATIENCE, Person, RelayProcess, profile, until};

async fn people<const N: usize>(relay: &RelayProcess, names: [&str; N]) -> [Person; N] {
    let mut people = Vec::new();
    for name in names {
        people.push(Person::register(relay.link(), name).await);
    }
    for (number, person) in people.iter().enumerate() {
        for other in &people[number + 1..] {
            person.befriend(other).await;
        }
    }
    people.try_into().ok().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_room_is_read_by_all_in_one_order() {
    let relay = RelayProcess::start();
    let [anna, bob, mut carol] = people(&relay, ["anna", "bob", "carol"]).await;
    carol.leave().await;
    let room = anna.gather("Lighthouse", &[&bob, &carol]).await;
    anna.say(room, "who is there?").await;
    bob.hears_in(room, "who is there?").await;
    bob.say(room, "I am").await;
    anna.hears_in(room, "I am").await;
    carol.come_back().await;
    carol.hears_in(room, "I am").await;
    carol.say(room, "and so am I").await;
    let expected = ["who is there?", "I am", "and so am I"];
    for person in [&anna, &bob, &carol] {
        person.hears_in(room, "and so am I").await;
        assert_eq!(person.said_in(room).await, expected, "{}", person.name());
        let members = person.engine.room_members(room).await.unwrap();
        assert_eq!(members.len(), 3);
        let known = person.engine.room(room).await.unwrap();
        assert_eq!((known.name.as_str(), known.state), ("Lighthouse", RoomState::Joined));
        assert_eq!(known.is_admin, person.name() == "anna");
    }
    let said = bob.hears_in(room, "who is there?").await;
    assert_eq!(said.sender, Some(anna.account()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_reads_nothing_earlier_and_who_is_removed_nothing_later() {
    let relay = RelayProcess::start();
    let [anna, bob, carol] = people(&relay, ["anna", "bob", "carol"]).await;
    let room = anna.gather("Harbour", &[&bob]).await;
    anna.say(room, "before Carol").await;
    bob.hears_in(room, "before Carol").await;
    anna.engine.add_to_room(room, &[carol.account()]).await.unwrap();
    anna.say(room, "with Carol").await;
    carol.hears_in(room, "with Carol").await;
    assert_eq!(carol.said_in(room).await, ["with Carol"]);
    // Bob, who is no admin, can remove nobody.
    let refused = bob.engine.remove_from_room(room, carol.account()).await;
    assert!(
        matches!(&refused, Err(EngineError::Refused(refusal)) if refusal.code == ErrorCode::BadCommit)
            || matches!(&refused, Err(EngineError::Room(_))),
        "{refused:?}"
    );
    bob.say(room, "all the same").await;
    anna.engine.remove_from_room(room, bob.account()).await.unwrap();
    anna.say(room, "without Bob").await;
    carol.hears_in(room, "without Bob").await;
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Removed { .. })).await;
    assert_eq!(bob.engine.room(room).await.unwrap().state, RoomState::Removed);
    assert_eq!(bob.said_in(room).await, ["before Carol", "with Carol", "all the same"]);
    assert!(matches!(
        bob.engine.send_text(room, "hello?", None).await,
        Err(EngineError::NotInRoom)
    ));
    assert_eq!(carol.said_in(room).await, ["with Carol", "all the same", "without Bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_writing_is_heard_to_the_end_and_no_further() {
    let relay = RelayProcess::start();
    let [anna, bob, carol] = people(&relay, ["anna", "bob", "carol"]).await;
    let room = anna.gather("Pier", &[&bob, &carol]).await;
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Joined { .. })).await;
    let writing = {
        let engine = bob.engine.clone();
        tokio::spawn(async move {
            let mut sent = 0;
            while engine.send_text(room, &format!("bob {sent}"), None).await.is_ok() {
                sent += 1;
                tokio::task::yield_now().await;
            }
            sent
        })
    };
    bob.hears_in(room, "bob 0").await;
    carol.hears_in(room, "bob 0").await;
    anna.engine.remove_from_room(room, bob.account()).await.unwrap();
    assert!(writing.await.unwrap() > 0);
    anna.say(room, "the end").await;
    carol.hears_in(room, "the end").await;
    let (heard, said) = (carol.said_in(room).await, anna.said_in(room).await);
    assert_eq!(heard, said, "both see the same");
    assert_eq!(heard.last().map(String::as_str), Some("the end"));
    // What he had written and was not taken has failed, and says so.
    let left: Vec<_> = bob.log_of(room).await;
    let texts = left.iter().filter(|message| message.text().is_some());
    let (sent, failed): (Vec<_>, Vec<_>) =
        texts.partition(|message| !matches!(message.state, Some(MessageState::Failed { .. })));
    assert_eq!(sent.len(), heard.len() - 1);
    assert!(failed.iter().all(|message| message.text().is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_change_the_room_at_once_both_get_their_way() {
    let relay = RelayProcess::start();
    let [anna, bob] = people(&relay, ["anna", "bob"]).await;
    let room = anna.gather("Twins", &[&bob]).await;
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Joined { .. })).await;
    anna.engine.set_room_admin(room, bob.account(), true).await.unwrap();
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Promoted { .. })).await;
    let rounds = sotto_tests::rounds(100);
    for round in (0..=u8::MAX).cycle().take(rounds) {
        let guest = sotto_client::proto::AccountId([round; 16]);
        let promote = async |person: &Person, admin| {
            person.engine.set_room_admin(room, guest, admin).await.unwrap();
        };
        tokio::join!(promote(&anna, true), promote(&bob, true));
        tokio::join!(promote(&anna, false), promote(&bob, false));
    }
    anna.say(room, "still here").await;
    bob.hears_in(room, "still here").await;
    bob.say(room, "me too").await;
    anna.hears_in(room, "me too").await;
    println!("{rounds} rounds of two commits at once: the room goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_is_joined_without_anybody_being_there() {
    let relay = RelayProcess::start();
    let [anna, bob] = people(&relay, ["anna", "bob"]).await;
    let rooms = anna.engine.open_rooms(None).await.unwrap().rooms;
    assert_eq!(rooms.len(), 1);
    assert!(rooms[0].lobby);
    let lobby = rooms[0].room;
    anna.engine.join_room(lobby).await.unwrap();
    anna.say(lobby, "is anybody here?").await;
    anna.leave().await;
    bob.engine.join_room(lobby).await.unwrap();
    bob.say(lobby, "I am now").await;
    assert_eq!(bob.said_in(lobby).await, ["I am now"]);
    assert_eq!(bob.engine.open_rooms(None).await.unwrap().rooms[0].members, 2);
    let mut anna = anna;
    anna.come_back().await;
    anna.hears_in(lobby, "I am now").await;
    let bob_joined = ConversationEvent::Joined { who: vec![bob.account()] };
    assert!(anna.events_in(lobby).await.contains(&bob_joined));
    bob.engine.leave_room(lobby).await.unwrap();
    let bob_left = ConversationEvent::Left { who: vec![bob.account()] };
    anna.learns_in(lobby, |event| *event == bob_left).await;
    anna.say(lobby, "alone again").await;
    assert!(!bob.said_in(lobby).await.contains(&"alone again".to_owned()));
    bob.engine.join_room(lobby).await.unwrap();
    anna.say(lobby, "welcome back").await;
    bob.hears_in(lobby, "welcome back").await;
    anna.engine.leave_room(lobby).await.unwrap();
    bob.engine.leave_room(lobby).await.unwrap();
    anna.engine.join_room(lobby).await.unwrap();
    anna.say(lobby, "a new group").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_room_is_listed_renamed_and_joined() {
    let relay = RelayProcess::with(&["--lobby=false"]);
    let [anna, bob] = people(&relay, ["anna", "bob"]).await;
    assert!(anna.engine.open_rooms(None).await.unwrap().rooms.is_empty(), "there is no lobby");
    let room = anna.open_room("Chess").await;
    let listed = bob.engine.open_rooms(None).await.unwrap().rooms;
    assert_eq!((listed[0].name.as_str(), listed[0].room), ("Chess", room));
    bob.engine.join_room(room).await.unwrap();
    anna.engine.set_room_profile(room, sotto_tests::profile("Go")).await.unwrap();
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Renamed { .. })).await;
    assert_eq!(bob.engine.room(room).await.unwrap().name.as_str(), "Go");
    assert_eq!(bob.engine.open_rooms(None).await.unwrap().rooms[0].name.as_str(), "Go");
    let refused = bob.engine.set_room_profile(room, sotto_tests::profile("Mine")).await;
    assert!(matches!(refused, Err(EngineError::NotRoomAdmin)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_in_a_chat_works_in_a_room() {
    let relay = RelayProcess::start();
    let [anna, bob, carol] = people(&relay, ["anna", "bob", "carol"]).await;
    let room = anna.gather("Everything", &[&bob, &carol]).await;
    let first = anna.say(room, "@carol, look at this").await;
    let seen = carol.hears_in(room, "@carol, look at this").await;
    assert!(seen.mentions_me);
    assert!(carol.engine.conversation(room).await.unwrap().mentioned);
    assert!(!bob.hears_in(room, "@carol, look at this").await.mentions_me);
    let reply = carol.engine.send_text(room, "I do", Some(first)).await.unwrap();
    let answered = bob.hears_in(room, "I do").await;
    assert_eq!((answered.reply_to, answered.id), (Some(first), reply.id));
    anna.engine.edit(room, first, "@carol, look at that").await.unwrap();
    bob.hears_in(room, "@carol, look at that").await;
    for person in [&bob, &carol] {
        person.engine.react(room, first, Some("👍")).await.unwrap();
    }
    anna.finds_in(room, |message| message.id == first && message.reactions.len() == 2).await;
    for person in [&bob, &carol] {
        person.engine.mark_read(room, None).await.unwrap();
    }
    let read = anna
        .finds_in(room, |message| {
            message.id == first && message.reached.is_some_and(|reached| reached.read == 2)
        })
        .await;
    assert_eq!(read.state, Some(MessageState::Read));
    bob.engine.set_timer(room, Some(3600)).await.unwrap();
    carol.learns_in(room, |event| matches!(event, ConversationEvent::TimerSet { .. })).await;
    carol.engine.delete_for_all(room, reply.id).await.unwrap();
    bob.finds_in(room, |message| message.id == reply.id && message.is_deleted()).await;
    let file = anna.home().join("note.txt");
    std::fs::write(&file, "a file for all").unwrap();
    anna.engine.send_file(room, &file, "read it", None).await.unwrap();
    let sent = bob.hears_in(room, "read it").await;
    let saved = bob.home().join("saved.txt");
    bob.engine.save_attachment(room, sent.id, &saved).await.unwrap();
    assert_eq!(std::fs::read(saved).unwrap(), b"a file for all");
    assert_eq!(carol.engine.search("look", Some(room.into()), 9).await.unwrap().len(), 1);
    anna.engine.set_room_profile(room, sotto_tests::profile("All of it")).await.unwrap();
    carol.learns_in(room, |event| matches!(event, ConversationEvent::Renamed { .. })).await;
    assert_eq!(carol.engine.room(room).await.unwrap().name.as_str(), "All of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_from_an_old_copy_joins_again_and_says_so() {
    let relay = RelayProcess::start();
    let [anna, mut bob] = people(&relay, ["anna", "bob"]).await;
    let room = anna.gather("Memory", &[&bob]).await;
    anna.say(room, "one").await;
    bob.hears_in(room, "one").await;
    bob.leave().await;
    let copy = bob.home().join("copy");
    copy_folder(&bob.folder(), &copy);
    bob.come_back().await;
    bob.say(room, "two").await;
    anna.say(room, "three").await;
    bob.hears_in(room, "three").await;
    anna.engine.set_room_profile(room, profile("Memories")).await.unwrap();
    let renamed = |event: &ConversationEvent| matches!(event, ConversationEvent::Renamed { .. });
    bob.learns_in(room, renamed).await;
    bob.leave().await;
    std::fs::remove_dir_all(bob.folder()).unwrap();
    copy_folder(&copy, &bob.folder());
    bob.come_back().await;
    bob.learns_in(room, |event| *event == ConversationEvent::Rejoined).await;
    // What the copy did not know is said once more.
    bob.learns_in(room, renamed).await;
    assert_eq!(bob.engine.room(room).await.unwrap().name.as_str(), "Memories");
    bob.say(room, "four").await;
    anna.hears_in(room, "four").await;
    anna.say(room, "five").await;
    bob.hears_in(room, "five").await;
    assert_eq!(anna.said_in(room).await, ["one", "two", "three", "four", "five"]);
    let mut seen = bob.said_in(room).await;
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "nothing is shown twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_computer_comes_into_the_rooms_of_its_account_again() {
    let relay = RelayProcess::start();
    let [anna, mut bob] = people(&relay, ["anna", "bob"]).await;
    let room = anna.gather("Moving", &[&bob]).await;
    anna.say(room, "before").await;
    bob.hears_in(room, "before").await;
    bob.lose_everything_and_log_in(false).await;
    anna.say(room, "after").await;
    // The room's admin adds the new device of the same person.
    bob.engine.add_contact("anna").await.unwrap();
    anna.engine.add_to_room(room, &[bob.account()]).await.unwrap();
    anna.say(room, "welcome back").await;
    bob.hears_in(room, "welcome back").await;
    assert_eq!(bob.said_in(room).await, ["welcome back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_people_with_a_third_away_catch_up_in_one_order() {
    const PEOPLE: usize = 50;
    let relay = RelayProcess::with(&["--claims-per-hour=100000", "--claims-per-target=1000"]);
    let anna = Person::register(relay.link(), "anna").await;
    let mut others = Vec::new();
    for number in 1..PEOPLE {
        let person = Person::register(relay.link(), &format!("person-{number}")).await;
        anna.befriend(&person).await;
        others.push(person);
    }
    let away: Vec<usize> = (0..others.len()).filter(|number| number % 3 == 0).collect();
    for number in &away {
        others[*number].leave().await;
    }
    let room = anna.gather("Assembly", &others.iter().collect::<Vec<_>>()).await;
    let mut said = 0;
    for round in 0..4 {
        anna.say(room, &format!("anna {round}")).await;
        said += 1;
        for number in (0..others.len()).filter(|number| !away.contains(number)).take(10) {
            others[number].hears_in(room, &format!("anna {round}")).await;
            others[number]
                .engine
                .send_text(room, &format!("{number} {round}"), None)
                .await
                .unwrap();
            said += 1;
        }
    }
    for number in &away {
        others[*number].come_back().await;
    }
    for number in &away {
        others[*number].hears_in(room, "anna 3").await;
    }
    anna.engine.flush(PATIENCE).await.unwrap();
    for person in &others {
        person.engine.flush(PATIENCE).await.unwrap();
    }
    anna.say(room, "that is all").await;
    anna.hears_in(room, "that is all").await;
    let expected = anna.said_in(room).await;
    assert_eq!(expected.len(), said + 1);
    for person in &others {
        person.hears_in(room, "that is all").await;
        assert_eq!(person.said_in(room).await, expected, "{}", person.name());
    }
    println!("{PEOPLE} people, {} away at first: {} messages in one order", away.len(), said + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_long_follows_every_change() {
    let relay = RelayProcess::start();
    let [anna, mut bob] = people(&relay, ["anna", "bob"]).await;
    let room = anna.gather("Slow", &[&bob]).await;
    bob.learns_in(room, |event| matches!(event, ConversationEvent::Joined { .. })).await;
    bob.leave().await;
    let epochs = 1000;
    for round in (0..=u8::MAX).cycle().take(epochs / 2) {
        let guest = sotto_client::proto::AccountId([round; 16]);
        for admin in [true, false] {
            anna.engine.set_room_admin(room, guest, admin).await.unwrap();
        }
    }
    anna.say(room, "are you back?").await;
    bob.come_back().await;
    bob.hears_in(room, "are you back?").await;
    bob.say(room, "I am").await;
    anna.hears_in(room, "I am").await;
    let rejoined = |event: &ConversationEvent| *event == ConversationEvent::Rejoined;
    assert!(!bob.events_in(room).await.iter().any(rejoined), "it followed");
    println!("a member away for {epochs} epochs has followed them");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_invites_a_stranger_waits_for_an_answer() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.engine.add_contact("bob").await.unwrap();
    anna.tell(&bob, "come to my room").await;
    bob.hears(&anna, "come to my room").await;
    let room = anna.gather("Strangers", &[&bob]).await;
    anna.engine.flush(PATIENCE).await.unwrap();
    let invited = async {
        loop {
            match bob.engine.room(room).await {
                Ok(room) => return room,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let invited = tokio::time::timeout(PATIENCE, invited).await.unwrap();
    assert_eq!((invited.state, invited.invited_by), (RoomState::Invited, Some(anna.account())));
    bob.engine.accept_room(room).await.unwrap();
    anna.say(room, "welcome").await;
    bob.hears_in(room, "welcome").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_invites_without_having_written_is_no_request_but_the_invitation_is_there() {
    let relay = RelayProcess::start();
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    let mut events = bob.engine.subscribe();
    anna.engine.add_contact("bob").await.unwrap();
    let room = anna.gather("Strangers", &[&bob]).await;
    let invited = until(&mut events, |event| match event {
        Event::Room { room } => Some(room),
        Event::Request { .. } => panic!("nothing was written"),
        _ => None,
    })
    .await;
    assert_eq!((invited.id, invited.state), (room, RoomState::Invited));
    let listed = bob.engine.conversations().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|one| one.with.name()).collect();
    assert_eq!(listed, ["Strangers"]);
    bob.engine.forget_room(room).await.unwrap();
    assert!(bob.engine.conversations().await.unwrap().is_empty());
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
