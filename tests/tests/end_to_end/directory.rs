//! The directory: who is found, and prekeys, which nobody drains.

use std::collections::HashSet;

use sotto_client::proto::{
    Answer, ErrorCode,
    directory::{ClaimBundles, ListUsers},
    limits::ONE_TIME_PREKEYS_MAX,
};
use sotto_tests::{CommandLine, Person, RelayProcess, Stranger};

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_by_prefix_and_page() {
    let relay = RelayProcess::start();
    let stranger = Stranger::connect(relay.link()).await;
    let mut last = None;
    for name in ["bea", "anton", "anna", "anja"] {
        last = Some(stranger.register(name).await);
    }
    stranger.log_in(&last.unwrap()).await.unwrap();
    let page = async |prefix: &str, after: Option<&str>, limit| {
        let (prefix, after) = (prefix.to_owned(), after.map(|name| name.parse().unwrap()));
        match stranger.ask(ListUsers { prefix, after, limit }).await {
            Some(Answer::Users(page)) => {
                let names = page.users.iter().map(|user| user.username.to_string());
                (names.collect::<Vec<_>>(), page.more)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(page("", None, 9).await.0, ["anja", "anna", "anton", "bea"]);
    assert_eq!(page("an", None, 2).await, (vec!["anja".to_owned(), "anna".to_owned()], true));
    assert_eq!(page("an", Some("anna"), 2).await, (vec!["anton".to_owned()], false));
    assert_eq!(page("x", None, 2).await, (vec![], false));
}

#[test]
fn a_relay_may_turn_the_list_off() {
    let relay = RelayProcess::with(&["--listing=false"]);
    let (anna, bob) = (CommandLine::new("anna"), CommandLine::new("bob"));
    for (person, name) in [(&anna, "anna"), (&bob, "bob")] {
        person.run(&["register", name, "--relay", &relay.link().to_string()]).ok();
    }
    let refused = anna.run(&["--json", "users"]);
    assert_eq!((refused.code, &refused.error()["relay_code"]), (7, &40106.into()));
    // Who knows a name finds it all the same.
    anna.run(&["add", "bob"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_is_stopped_and_the_owner_refills() {
    let relay = RelayProcess::start();
    let owner = Person::register(relay.link(), "owner").await;
    let claim = ClaimBundles { account: owner.account(), devices: Vec::new() };
    let mut handed_out = HashSet::new();
    let mut without = 0;
    for number in 0..6 {
        let stranger = Stranger::connect(relay.link()).await;
        let account = stranger.register(&format!("eve{number}")).await;
        stranger.log_in(&account).await.unwrap();
        // Each may claim twenty of one person's in an hour.
        for _ in 0..20 {
            let Some(Answer::Bundles(bundles)) = stranger.ask(claim.clone()).await else {
                panic!("refused too early");
            };
            match &bundles[0].one_time_prekey {
                Some(prekey) => assert!(handed_out.insert(prekey.id), "handed out twice"),
                None => without += 1,
            }
        }
        match stranger.ask(claim.clone()).await {
            Some(Answer::Refused(refusal)) => {
                assert_eq!(refusal.code, ErrorCode::RateLimited);
                assert!(refusal.retry_after_ms.is_some());
            }
            other => panic!("{other:?}"),
        }
        if number == 4 {
            // The owner has been told by now that few are left, and fills up.
            refilled(&owner, relay.link()).await;
        }
    }
    assert!(handed_out.len() > ONE_TIME_PREKEYS_MAX, "{} and {without} without", handed_out.len());
}

/// Waits until the directory has prekeys of the owner again.
async fn refilled(owner: &Person, link: &sotto_client::proto::link::RelayLink) {
    let watching = async {
        let mut number = 0;
        loop {
            let stranger = Stranger::connect(link).await;
            let account = stranger.register(&format!("watch{number}")).await;
            stranger.log_in(&account).await.unwrap();
            let claim = ClaimBundles { account: owner.account(), devices: Vec::new() };
            if let Some(Answer::Bundles(bundles)) = stranger.ask(claim).await
                && bundles[0].one_time_prekey.is_some()
            {
                return;
            }
            number += 1;
        }
    };
    tokio::time::timeout(sotto_tests::PATIENCE, watching).await.expect("the owner refills");
}
