//! Prekeys and bundles.

use sotto_proto::{PrekeyUpload, directory::PrekeyCount, limits::ONE_TIME_PREKEYS_MAX};

use super::samples::{
    Tested, account_id, address, device, kem_prekey, new_account, new_device, one_time_prekey,
    prekeys, register,
};
use crate::store::StoreError;

pub(crate) async fn a_bundle_has_a_one_time_prekey_while_there_are_any(store: Tested) {
    register(&store, [1]).await;
    for left in [2, 1, 0] {
        let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
        let (bundle, count) = &bundles[0];
        assert_eq!(bundles.len(), 1);
        assert_eq!(*count, PrekeyCount { one_time: left, one_time_kem: left });
        let one_time = bundle.one_time_prekey.as_ref().unwrap();
        assert_eq!(*one_time, one_time_prekey(3 - left));
        assert_eq!(bundle.kem_prekey, kem_prekey(3 - left));
    }
    let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
    let (bundle, count) = &bundles[0];
    assert_eq!(*count, PrekeyCount::default());
    assert_eq!(bundle.one_time_prekey, None);
    assert_eq!(bundle.kem_prekey, kem_prekey(2000));
    assert_eq!(bundle.signed_prekey, prekeys(0..0).signed.unwrap());
    assert_eq!(store.count_prekeys(address(1)).await.unwrap(), PrekeyCount::default());
}

pub(crate) async fn a_claim_names_devices(store: Tested) {
    register(&store, [1]).await;
    for number in [2, 3] {
        store.enrol(new_device(1, number, 50)).await.unwrap();
    }
    let claim = async |only: &[u32]| -> Vec<u32> {
        let only: Vec<_> = only.iter().map(|number| device(*number)).collect();
        let bundles = store.claim_bundles(account_id(1), &only).await.unwrap();
        bundles.iter().map(|(bundle, _)| bundle.certificate.device.number()).collect()
    };
    assert_eq!(claim(&[]).await, [1, 2, 3]);
    assert_eq!(claim(&[3, 1, 3]).await, [1, 3]);
    assert!(claim(&[9]).await.is_empty());
    let untouched = store.count_prekeys(super::samples::address_of(1, 2)).await.unwrap();
    assert_eq!(untouched, PrekeyCount { one_time: 2, one_time_kem: 2 });
    assert!(matches!(store.claim_bundles(account_id(2), &[]).await, Err(StoreError::NotFound)));
}

pub(crate) async fn an_upload_adds_and_replaces(store: Tested) {
    register(&store, [1]).await;
    let mut signed = prekeys(0..0).signed.unwrap();
    signed.id.0 += 1;
    let upload = PrekeyUpload {
        signed: Some(signed.clone()),
        last_resort: None,
        one_time: (3..=5).map(one_time_prekey).collect(),
        one_time_kem: Vec::new(),
    };
    let count = store.publish_prekeys(address(1), upload).await.unwrap();
    assert_eq!(count, PrekeyCount { one_time: 5, one_time_kem: 3 });
    assert_eq!(store.count_prekeys(address(1)).await.unwrap(), count);
    let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
    assert_eq!(bundles[0].0.signed_prekey, signed);
    let nobody = store.publish_prekeys(address(2), prekeys(1..2)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)));
}

pub(crate) async fn an_upload_beyond_the_limit_changes_nothing(store: Tested) {
    register(&store, [1]).await;
    let most = u32::try_from(ONE_TIME_PREKEYS_MAX).unwrap();
    let mut greedy = prekeys(4..=most + 1);
    greedy.signed.as_mut().unwrap().id.0 = 1;
    let refused = store.publish_prekeys(address(1), greedy).await;
    assert!(matches!(refused, Err(StoreError::TooMany)));
    let count = store.count_prekeys(address(1)).await.unwrap();
    assert_eq!(count, PrekeyCount { one_time: 3, one_time_kem: 3 });
    let bundles = store.claim_bundles(account_id(1), &[]).await.unwrap();
    assert_eq!(bundles[0].0.signed_prekey, prekeys(0..0).signed.unwrap());
    let full = store.publish_prekeys(address(1), prekeys(4..=most)).await.unwrap();
    assert_eq!(full, PrekeyCount { one_time: most - 1, one_time_kem: most - 1 });
}

pub(crate) async fn a_device_without_prekeys_is_left_out(store: Tested) {
    let mut bare = new_account(1, "alice");
    bare.prekeys = PrekeyUpload { one_time: vec![one_time_prekey(1)], ..PrekeyUpload::default() };
    store.register(bare).await.unwrap();
    assert!(store.claim_bundles(account_id(1), &[]).await.unwrap().is_empty());
    let count = store.count_prekeys(address(1)).await.unwrap();
    assert_eq!(count, PrekeyCount { one_time: 1, one_time_kem: 0 });
}
