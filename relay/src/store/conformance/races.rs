//! What must have one winner, raced by eight.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use sotto_proto::{EnvelopeId, Timestamp};
use tokio::sync::Barrier;

use super::rooms::{ROOM, commit, founding};
use super::samples::{
    NOW, Operated as _, ROOMY, Tested, account_id, address, append, blob, device, entry, envelope,
    fresh_id, mailbox, new_account, new_device, prekeys, register, send,
};
use crate::store::{
    Appended, Change, MailboxQuota, Reserved, Role, StoreError, rooms::CommitOutcome,
};

const RACERS: u8 = 8;

/// Rounds of every race: each a chance for another interleaving.
const ROUNDS: u8 = 10;

/// Lets eight start at once; what came of each.
async fn race<F: Future<Output: Send + 'static> + Send + 'static>(
    racer: impl Fn(u8) -> F,
) -> Vec<F::Output> {
    let start = Arc::new(Barrier::new(usize::from(RACERS)));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (start, racer) = (Arc::clone(&start), racer(number));
            tokio::spawn(async move {
                start.wait().await;
                racer.await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for racer in racers {
        outcomes.push(racer.await.unwrap());
    }
    outcomes
}

fn count<T>(outcomes: &[T], of: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| of(outcome)).count()
}

pub(crate) async fn one_of_eight_gets_the_username(store: Tested) {
    for round in 0..ROUNDS {
        let username = format!("user-{round}");
        let outcomes = race(|number| {
            let (store, username) = (store.clone(), username.clone());
            async move { store.register(new_account(round * RACERS + number, &username)).await }
        })
        .await;
        assert_eq!(count(&outcomes, Result::is_ok), 1);
        assert_eq!(count(&outcomes, |one| matches!(one, Err(StoreError::UsernameTaken))), 7);
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        let account = store.account_by_name(&username.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(account.id, account_id(round * RACERS + u8::try_from(winner).unwrap()));
    }
    assert_eq!(store.census().await.unwrap().accounts, u64::from(ROUNDS));
}

pub(crate) async fn one_of_eight_uses_the_invitation(store: Tested) {
    for round in 0..ROUNDS {
        let code = format!("code-{round}");
        store.add_invitation(&code, 1).await.unwrap();
        let outcomes = race(|number| {
            let (store, code) = (store.clone(), code.clone());
            let seed = round * RACERS + number;
            async move {
                let mut new = new_account(seed, &format!("user-{seed}"));
                new.invitation = Some(code);
                store.register(new).await
            }
        })
        .await;
        assert_eq!(count(&outcomes, Result::is_ok), 1);
        assert_eq!(count(&outcomes, |one| matches!(one, Err(StoreError::Invitation))), 7);
    }
}

pub(crate) async fn each_one_time_prekey_is_handed_out_once(store: Tested) {
    const CLAIMS: usize = 15;
    let mut new = new_account(1, "alice");
    new.prekeys = prekeys(1..=100);
    store.register(new).await.unwrap();
    let outcomes = race(|_| {
        let store = store.clone();
        async move {
            let mut claimed = Vec::new();
            for _ in 0..CLAIMS {
                let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
                claimed.push(bundles[0].0.clone());
            }
            claimed
        }
    })
    .await;
    let bundles: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(bundles.len(), 120);
    let one_time: Vec<u32> = bundles
        .iter()
        .filter_map(|bundle| bundle.one_time_prekey.as_ref())
        .map(|key| key.id.0)
        .collect();
    assert_eq!(one_time.len(), 100);
    assert_eq!(one_time.into_iter().collect::<BTreeSet<_>>(), (1..=100).collect());
    let (last_resort, kem): (Vec<u32>, Vec<u32>) =
        bundles.iter().map(|bundle| bundle.kem_prekey.id.0).partition(|id| *id == 2000);
    assert_eq!((last_resort.len(), kem.len()), (20, 100));
    assert_eq!(kem.into_iter().collect::<BTreeSet<_>>(), (1..=100).collect());
}

pub(crate) async fn one_of_eight_appends_the_envelope(store: Tested) {
    register(&store, [1, 2]).await;
    for _ in 0..ROUNDS {
        let id = fresh_id();
        let outcomes = race(|_| {
            let store = store.clone();
            async move { append(&store, envelope(2, 1, id, b"x"), ROOMY, NOW).await }
        })
        .await;
        assert_eq!(count(&outcomes, |one| matches!(one, Appended::At(_))), 1);
        assert_eq!(count(&outcomes, |one| *one == Appended::Repeat), 7);
    }
    let sequences: Vec<u64> = mailbox(&store, 1).await.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=u64::from(ROUNDS)).collect::<Vec<_>>());
}

pub(crate) async fn one_of_eight_reserves_the_blob(store: Tested) {
    for round in 0..ROUNDS {
        let outcomes = race(|owner| {
            let store = store.clone();
            async move { store.reserve_blob(blob(round, owner, 10), 1000).await.unwrap() }
        })
        .await;
        assert_eq!(count(&outcomes, |one| matches!(one, Reserved::Yes(_))), 1);
        assert_eq!(count(&outcomes, |one| *one == Reserved::Conflict), 7);
    }
}

pub(crate) async fn eight_share_a_blob_quota(store: Tested) {
    let outcomes = race(|number| {
        let store = store.clone();
        async move { store.reserve_blob(blob(number, 1, 30), 100).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |one| matches!(one, Reserved::Yes(_))), 3);
    assert_eq!(count(&outcomes, |one| *one == Reserved::OverQuota), 5);
}

pub(crate) async fn eight_keep_one_secret(store: Tested) {
    let outcomes = race(|number| {
        let store = store.clone();
        async move { store.secret("shared", vec![number]).await.unwrap() }
    })
    .await;
    assert_eq!(outcomes.into_iter().collect::<BTreeSet<_>>().len(), 1);
}

pub(crate) async fn eight_share_a_mailbox_quota(store: Tested) {
    register(&store, [1, 2]).await;
    let quota = MailboxQuota { entries: 20, bytes: 1000 };
    let outcomes = race(|_| {
        let store = store.clone();
        async move {
            let batch = (0..5).map(|_| envelope(2, 1, fresh_id(), b"x")).collect();
            store.append(batch, quota, NOW).await.unwrap()
        }
    })
    .await;
    let outcomes = outcomes.concat();
    let sequences: BTreeSet<u64> = outcomes
        .iter()
        .filter_map(|one| match one {
            Appended::At(sequence) => Some(*sequence),
            _ => None,
        })
        .collect();
    assert_eq!(sequences, (1..=20).collect());
    assert_eq!(count(&outcomes, |one| *one == Appended::MailboxFull), 20);
}

pub(crate) async fn one_of_eight_takes_the_device_number(store: Tested) {
    register(&store, [1]).await;
    let outcomes = race(|number| {
        let store = store.clone();
        async move { store.enrol(new_device(1, 2, 100 + number)).await }
    })
    .await;
    assert_eq!(count(&outcomes, Result::is_ok), 1);
    assert_eq!(count(&outcomes, |one| matches!(one, Err(StoreError::DeviceTaken))), 7);
    let winner = outcomes.iter().position(Result::is_ok).unwrap();
    let account = store.account(account_id(1)).await.unwrap().unwrap();
    assert_eq!(account.devices[1].device, device(2));
    assert_eq!(usize::from(account.devices[1].signing.0[0]), 100 + winner);
}

pub(crate) async fn one_of_eight_takes_an_expired_entry(store: Tested) {
    register(&store, [1, 2]).await;
    let ids: BTreeSet<EnvelopeId> = send(&store, 2, 1, 40).await.into_iter().collect();
    let now = Timestamp(NOW.0 + 1);
    let outcomes = race(|_| {
        let store = store.clone();
        async move { while !store.expire_mail(now, now, 3).await.unwrap().is_empty() {} }
    })
    .await;
    assert_eq!(outcomes.len(), usize::from(RACERS));
    assert!(store.read_mailbox(address(1), 0, 1, 1).await.unwrap().is_empty());
    let notices = mailbox(&store, 2).await;
    assert_eq!(notices.len(), ids.len(), "each sender is told once of each envelope");
}

pub(crate) async fn one_of_eight_commits_the_epoch(store: Tested) {
    register(&store, [1]).await;
    store.found_room(founding(ROOM, 1), NOW).await.unwrap();
    for round in 0..ROUNDS {
        let outcomes = race(|_| {
            let (store, commit) = (store.clone(), commit(1, u64::from(round)));
            async move { store.commit_room(commit, NOW).await.unwrap() }
        })
        .await;
        assert_eq!(count(&outcomes, |one| *one == CommitOutcome::At(u64::from(round) + 2)), 1);
        assert_eq!(count(&outcomes, |one| *one == CommitOutcome::Stale), 7);
    }
}

pub(crate) async fn one_of_eight_founds_the_room(store: Tested) {
    register(&store, 1..=8).await;
    for round in 0..ROUNDS {
        let room = sotto_proto::RoomId([round; 16]);
        let outcomes = race(|number| {
            let mut founding = founding(room, number + 1);
            founding.group.group_info = vec![number];
            let store = store.clone();
            async move { store.found_room(founding, NOW).await.unwrap() }
        })
        .await;
        assert_eq!(count(&outcomes, |one| *one == CommitOutcome::At(1)), 1);
        assert_eq!(count(&outcomes, |one| *one == CommitOutcome::Stale), 7);
    }
}
pub(crate) async fn one_of_eight_is_the_first_admin(store: Tested) {
    let outcomes = race(|number| {
        let store = store.clone();
        let mut new = new_account(number, &format!("user-{number}"));
        new.appointment = Some(entry("promote"));
        async move { store.register(new).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |one| *one == Role::Admin), 1);
    let winner = outcomes.iter().position(|one| *one == Role::Admin).unwrap();
    let account = store.account(account_id(u8::try_from(winner).unwrap())).await.unwrap();
    assert_eq!(account.unwrap().role, Role::Admin);
    assert_eq!(store.audit(None, 9).await.unwrap().0.len(), 1, "one appointment is told");
}

pub(crate) async fn of_eight_admins_one_is_left(store: Tested) {
    register(&store, 0..RACERS).await;
    for round in 0..ROUNDS {
        for number in 0..RACERS {
            store.change(Change::Restore(account_id(number))).await.unwrap();
            store.change(Change::Promote(account_id(number))).await.unwrap();
        }
        let outcomes = race(|number| {
            let store = store.clone();
            let id = account_id(number);
            let change =
                if (number + round) % 2 == 0 { Change::Demote(id) } else { Change::Suspend(id) };
            async move { store.change(change).await }
        })
        .await;
        assert_eq!(count(&outcomes, Result::is_ok), 7);
        assert_eq!(count(&outcomes, |one| matches!(one, Err(StoreError::LastAdmin))), 1);
    }
}

pub(crate) async fn an_invitation_is_used_or_revoked(store: Tested) {
    for round in 0..ROUNDS {
        let code = format!("code-{round}");
        store.add_invitation(&code, 1).await.unwrap();
        let outcomes = race(|number| {
            let (store, code) = (store.clone(), code.clone());
            let seed = round * RACERS + number;
            async move {
                if number % 2 == 0 {
                    return store.change(Change::Revoke(code)).await.is_ok();
                }
                let mut new = new_account(seed, &format!("user-{seed}"));
                new.invitation = Some(code);
                store.register(new).await.is_ok()
            }
        })
        .await;
        assert_eq!(count(&outcomes, |won| *won), 1);
    }
}

pub(crate) async fn eight_acts_have_eight_numbers(store: Tested) {
    race(|_| {
        let store = store.clone();
        async move { store.note_act(entry("act")).await.unwrap() }
    })
    .await;
    let (lines, more) = store.audit(None, 100).await.unwrap();
    let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
    assert_eq!((numbers, more), ((1..=8).rev().collect(), false));
}
