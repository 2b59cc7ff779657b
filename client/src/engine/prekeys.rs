//! The own prekeys at the directory: refilled when few are left, the signed ones changed weekly.

use std::{sync::Arc, time::Duration};

use sotto_proto::{
    PrekeyUpload, Timestamp,
    directory::{CountPrekeys, PrekeyCount, PublishPrekeys},
    limits::{ONE_TIME_PREKEYS_LOW, ONE_TIME_PREKEYS_MAX},
};

use super::{Shared, clock::now, error::EngineError};
use crate::transport::Link;

/// One-time prekeys of each kind that a device keeps at the directory.
pub(super) const ONE_TIME: usize = ONE_TIME_PREKEYS_MAX;
/// How long a signed prekey is the current one, in milliseconds.
const SIGNED_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How often a long connection looks.
const INTERVAL: Duration = Duration::from_hours(6);

/// Keeps the directory supplied until the connection ends.
pub(super) async fn supply(
    shared: Arc<Shared>,
    link: Link,
    at_login: PrekeyCount,
) -> Result<(), EngineError> {
    let mut left = at_login;
    loop {
        let job = shared.keeper.write(move |tx, own| {
            let now = now();
            let Need { one_time, one_time_kem, signed } =
                need(left, own.prekeys.signed_made_at(), now);
            if one_time == 0 && one_time_kem == 0 && !signed {
                return Ok(None);
            }
            let mut rng = rand::rng();
            let refill = own.prekeys.refill(&mut rng, &own.keys, one_time, one_time_kem);
            let upload = if signed {
                let fresh = own.prekeys.rotate_signed(&mut rng, &own.keys, now);
                PrekeyUpload { signed: fresh.signed, last_resort: fresh.last_resort, ..refill }
            } else {
                refill
            };
            // The secrets are durable before anyone can use their public halves.
            tx.set_prekeys(&own.prekeys.to_bytes())?;
            Ok(Some(upload))
        });
        if let Some(prekeys) = job.await? {
            let _: PrekeyCount = link.ask(PublishPrekeys { prekeys }).await?;
        }
        tokio::select! {
            () = shared.wake.prekeys.notified() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
        left = link.ask(CountPrekeys {}).await?;
    }
}

/// What the directory lacks.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    one_time: usize,
    one_time_kem: usize,
    signed: bool,
}

fn need(left: PrekeyCount, signed_made_at: Timestamp, now: Timestamp) -> Need {
    let missing = |left: u32| {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if left < ONE_TIME_PREKEYS_LOW { ONE_TIME - left } else { 0 }
    };
    Need {
        one_time: missing(left.one_time),
        one_time_kem: missing(left.one_time_kem),
        signed: now.since(signed_made_at) >= SIGNED_LIFETIME_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_supply_is_filled_up_and_a_good_one_left_alone() {
        let now = Timestamp(SIGNED_LIFETIME_MS * 3);
        let count = |one_time, one_time_kem| PrekeyCount { one_time, one_time_kem };
        let nothing = Need { one_time: 0, one_time_kem: 0, signed: false };
        assert_eq!(need(count(20, 100), now, now), nothing);
        let filled = Need { one_time: 81, one_time_kem: 100, signed: false };
        assert_eq!(need(count(19, 0), now, now), filled);
    }

    #[test]
    fn the_signed_prekey_is_changed_weekly() {
        let left = PrekeyCount { one_time: 50, one_time_kem: 50 };
        let made = Timestamp(1000);
        assert!(!need(left, made, made.plus(SIGNED_LIFETIME_MS - 1)).signed);
        assert!(need(left, made, made.plus(SIGNED_LIFETIME_MS)).signed);
    }
}
