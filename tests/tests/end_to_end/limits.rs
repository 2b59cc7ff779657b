//! What a stranger, and an account, may take of the relay.

use std::{collections::HashSet, fs};

use sotto_client::{
    Event,
    model::{FailReason, MessageState},
    proto::{
        AccountId, Answer, CloseCode, ErrorCode,
        directory::CountPrekeys,
        login::AskInfo,
        mailbox::{Delivery, Notice, OpenDownlink},
        presence::{PresenceState, WatchPresence},
    },
};
use sotto_tests::{InnerRelay, Network, PATIENCE, Person, RelayProcess, Stranger, until};
use tokio::time::timeout;

/// The code with which the relay closes a connection.
async fn closed(stranger: &Stranger) -> CloseCode {
    match timeout(PATIENCE, stranger.connection.closed()).await.expect("it is closed") {
        quinn::ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_number(close.error_code.into_inner()).unwrap()
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_logs_in_in_time_or_ends() {
    let relay = RelayProcess::with(&["--login-seconds=1"]);
    let member = Stranger::connect(relay.link()).await;
    let account = member.register("member").await;
    member.log_in(&account).await.unwrap();
    let idle = Stranger::connect(relay.link()).await;
    assert_eq!(closed(&idle).await, CloseCode::LoginTimeout);
    // Who has logged in stays.
    assert!(member.ask(CountPrekeys {}).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sends_only_so_much() {
    let relay = RelayProcess::with(&["--anonymous-bytes=1048576"]);
    let stranger = Stranger::connect(relay.link()).await;
    let mut answered = 0;
    let mut frame = 262_144_u32.to_be_bytes().to_vec();
    frame.extend(vec![0; 262_144]);
    while let Ok((mut send, mut receive)) = stranger.connection.open_bi().await {
        let _ = send.write_all(&frame).await;
        let _ = send.finish();
        if sotto_tests::receive_frame::<Answer>(&mut receive).await.is_none() {
            break;
        }
        answered += 1;
    }
    assert_eq!(closed(&stranger).await, CloseCode::TooMany);
    assert!(answered <= 4, "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_only_so_many_connections() {
    let relay = RelayProcess::with(&["--connections-per-address=3"]);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Stranger::connect(relay.link()).await);
    }
    assert!(Stranger::try_connect(relay.link()).await.is_none());
    let left = held.pop().unwrap();
    left.connection.close(0_u32.into(), b"");
    drop(left);
    // The place is free as soon as the relay has seen the end.
    let again = async {
        loop {
            if let Some(stranger) = Stranger::try_connect(relay.link()).await {
                return stranger;
            }
        }
    };
    let stranger = timeout(PATIENCE, again).await.expect("the place is free again");
    assert!(matches!(stranger.ask(AskInfo {}).await, Some(Answer::Info(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_asks_only_so_often() {
    let relay = RelayProcess::with(&["--requests-per-minute=10"]);
    let stranger = Stranger::connect(relay.link()).await;
    let account = stranger.register("hasty").await;
    stranger.log_in(&account).await.unwrap();
    for _ in 0..10 {
        assert!(matches!(stranger.ask(CountPrekeys {}).await, Some(Answer::PrekeyCount(_))));
    }
    match stranger.ask(CountPrekeys {}).await {
        Some(Answer::Refused(refusal)) => {
            assert_eq!(refusal.code, ErrorCode::RateLimited);
            assert!(refusal.retry_after_ms.is_some_and(|wait| wait > 0));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_is_too_fast_goes_on_more_slowly() {
    // The bucket holds 256 and fills by 256 a minute: about four a second.
    let relay = RelayProcess::with(&["--envelopes-per-minute=256"]);
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    for number in 0..260 {
        anna.engine.send_text(bob.account(), &number.to_string(), None).await.unwrap();
    }
    anna.engine.flush(PATIENCE).await.unwrap();
    bob.hears(&anna, "259").await;
    let expected: Vec<_> = (0..260).map(|number: u32| number.to_string()).collect();
    assert_eq!(bob.heard(&anna).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_fill_a_quota() {
    let relay = RelayProcess::with(&["--blob-bytes=100000"]);
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "hello").await;
    let mut events = anna.engine.subscribe();
    for name in ["first", "second"] {
        let path = anna.home().join(name);
        fs::write(&path, vec![7; 60_000]).unwrap();
        let sent = anna.engine.send_file(bob.account(), &path, "", None).await.unwrap();
        let state = until(&mut events, |event| match event {
            Event::MessageChanged { message } if message.id == sent.id => {
                message.state.filter(|state| *state != MessageState::Queued)
            }
            _ => None,
        })
        .await;
        match name {
            "first" => assert_ne!(state, MessageState::Failed { reason: FailReason::BlobQuota }),
            _ => assert_eq!(state, MessageState::Failed { reason: FailReason::BlobQuota }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_of_a_device_replaces_the_older() {
    let relay = RelayProcess::start();
    let older = Stranger::connect(relay.link()).await;
    let account = older.register("twice").await;
    older.log_in(&account).await.unwrap();
    let newer = Stranger::connect(relay.link()).await;
    newer.log_in(&account).await.unwrap();
    assert_eq!(closed(&older).await, CloseCode::Replaced);
    assert!(newer.ask(CountPrekeys {}).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_told() {
    let mut relay = RelayProcess::start();
    let stranger = Stranger::connect(relay.link()).await;
    let account = stranger.register("member").await;
    stranger.log_in(&account).await.unwrap();
    relay.stop();
    assert_eq!(closed(&stranger).await, CloseCode::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_an_address_is_validated_before_it_costs_anything() {
    let relay = InnerRelay::start().await;
    assert!(Stranger::try_connect(relay.link()).await.is_some());
    assert_eq!(relay.metrics.retries.get(), 0);
    // Handshakes that never end: whoever began them does not hear the relay.
    let deaf = Network::to(relay.link()).await;
    deaf.mute();
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let link = deaf.link().clone();
        hanging.spawn(async move { Stranger::try_connect(&link).await.is_some() });
    }
    let knocking = async {
        while relay.metrics.retries.get() == 0 {
            let stranger = Stranger::connect(relay.link()).await;
            assert!(matches!(stranger.ask(AskInfo {}).await, Some(Answer::Info(_))));
        }
    };
    timeout(PATIENCE, knocking).await.expect("addresses are validated under load");
    // Who proves an address gets in.
    let stranger = Stranger::connect(relay.link()).await;
    assert!(matches!(stranger.ask(AskInfo {}).await, Some(Answer::Info(_))));
    hanging.abort_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_above_the_rate_takes_its_time() {
    let relay = RelayProcess::with(&["--bytes-per-minute=1048576"]);
    let anna = Person::register(relay.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    anna.befriend(&bob).await;
    let path = anna.home().join("file");
    // The first mebibyte passes at once, the rest by 17 KiB a second.
    fs::write(&path, vec![7; 1_100_000]).unwrap();
    let begin = std::time::Instant::now();
    let sent = anna.engine.send_file(bob.account(), &path, "", None).await.unwrap();
    anna.sees(&bob, sent.id, MessageState::Delivered).await;
    assert!(begin.elapsed() > std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_contacts_all_are_told() {
    let relay = RelayProcess::start();
    let stranger = Stranger::connect(relay.link()).await;
    let account = stranger.register("popular").await;
    stranger.log_in(&account).await.unwrap();
    let accounts: Vec<_> = (0..500_u16)
        .map(|number| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            AccountId(id)
        })
        .collect();
    // Before the downlink is there, so that all of it waits.
    let watch = WatchPresence { accounts: accounts.clone() };
    assert!(matches!(stranger.ask(watch).await, Some(Answer::Done(_))));
    let (_send, mut receive) = stranger.open(OpenDownlink {}).await.unwrap();
    let mut told = HashSet::new();
    while told.len() < accounts.len() {
        let delivery: Delivery = sotto_tests::receive_frame(&mut receive).await.unwrap();
        for notice in delivery.notices {
            let Notice::Presence { account, state } = notice else { continue };
            assert_eq!(state, PresenceState::Hidden);
            told.insert(account);
        }
    }
    assert!(accounts.iter().all(|account| told.contains(account)));
}
