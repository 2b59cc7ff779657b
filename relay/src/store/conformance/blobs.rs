//! The books on blobs.

use sotto_proto::{BlobId, Timestamp};

use super::samples::{NOW, Operated as _, Tested, account_id, blob, register};
use crate::store::{Reserved, StoreError};

const QUOTA: u64 = 100;

pub(crate) async fn a_blob_is_reserved_and_completed(store: Tested) {
    let record = blob(1, 1, 100);
    let reserved = store.reserve_blob(record.clone(), QUOTA).await.unwrap();
    assert_eq!(reserved, Reserved::Yes(record.clone()));
    assert_eq!(store.blob(record.id).await.unwrap(), Some(record.clone()));
    store.complete_blob(record.id).await.unwrap();
    assert!(store.blob(record.id).await.unwrap().unwrap().complete);
    assert_eq!(store.blob(BlobId([9; 16])).await.unwrap(), None);
    let missing = store.complete_blob(BlobId([9; 16])).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
}

pub(crate) async fn a_reservation_goes_on(store: Tested) {
    let record = blob(1, 1, 100);
    store.reserve_blob(record.clone(), QUOTA).await.unwrap();
    let mut again = record.clone();
    again.expires_at = NOW.plus(5000);
    let reserved = store.reserve_blob(again, QUOTA).await.unwrap();
    assert_eq!(reserved, Reserved::Yes(record.clone()));

    let other_owner = blob(1, 2, 100);
    let mut other_digest = record.clone();
    other_digest.digest = [9; 32];
    let mut other_size = record;
    other_size.size = 99;
    for other in [other_owner, other_digest, other_size] {
        assert_eq!(store.reserve_blob(other, QUOTA).await.unwrap(), Reserved::Conflict);
    }
}

pub(crate) async fn a_quota_bounds_an_owner(store: Tested) {
    let reserve = |seed, owner, size| store.reserve_blob(blob(seed, owner, size), QUOTA);
    assert!(matches!(reserve(1, 1, 60).await.unwrap(), Reserved::Yes(_)));
    assert_eq!(reserve(2, 1, 41).await.unwrap(), Reserved::OverQuota);
    assert_eq!(store.blob(BlobId([2; 16])).await.unwrap(), None);
    assert!(matches!(reserve(3, 1, 40).await.unwrap(), Reserved::Yes(_)));
    assert!(matches!(reserve(4, 2, 100).await.unwrap(), Reserved::Yes(_)));
    assert_eq!(reserve(5, 3, u64::MAX).await.unwrap(), Reserved::OverQuota);
}

pub(crate) async fn expired_blobs_leave_the_books(store: Tested) {
    for seed in 1..=3 {
        let mut record = blob(seed, 1, 30);
        record.expires_at = NOW.plus(u64::from(seed));
        store.reserve_blob(record, QUOTA).await.unwrap();
    }
    let expire = async |now, limit| -> Vec<u8> {
        let gone = store.expire_blobs(now, limit).await.unwrap();
        gone.iter().map(|id| id.0[0]).collect()
    };
    assert!(expire(NOW.plus(1), 10).await.is_empty());
    assert_eq!(expire(NOW.plus(3), 1).await, [1]);
    assert_eq!(expire(NOW.plus(3), 10).await, [2]);
    assert!(expire(NOW.plus(3), 10).await.is_empty());
    assert_eq!(store.blob(BlobId([1; 16])).await.unwrap(), None);
    assert_eq!(store.census().await.unwrap().blobs, 1);
    let reserved = store.reserve_blob(blob(4, 1, 70), QUOTA).await.unwrap();
    assert!(matches!(reserved, Reserved::Yes(_)));
}

pub(crate) async fn a_deleted_account_frees_its_blobs(store: Tested) {
    register(&store, [1]).await;
    store.reserve_blob(blob(1, 1, 30), QUOTA).await.unwrap();
    store.reserve_blob(blob(2, 2, 30), QUOTA).await.unwrap();
    store.delete_account(account_id(1)).await.unwrap();
    assert_eq!(store.blob(BlobId([1; 16])).await.unwrap(), None);
    let gone = store.expire_blobs(Timestamp(1), 10).await.unwrap();
    assert_eq!(gone, [BlobId([1; 16])]);
    assert!(store.expire_blobs(Timestamp(1), 10).await.unwrap().is_empty());
}
