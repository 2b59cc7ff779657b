//! How often something may be done: a rate for each key, with a bound on the keys that are remembered.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::DashMapStateStore,
};

use super::{Exceeded, Limit};

/// A rate for each key, with a bound on the keys that are remembered.
#[derive(Debug)]
pub(super) struct Rate<K: Hash + Eq + Clone, C: Clock> {
    limit: Limit,
    burst: NonZeroU32,
    limiter: Keyed<Slot<K>, C>,
    clock: C,
    hasher: RandomState,
    since_look: AtomicU32,
    crowded: AtomicBool,
}

type Keyed<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// What a rate is counted for: a key, or, when there are too many, all keys of one hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    Shared(u64),
}

/// The most keys that a rate remembers apart from each other.
const KEYS_MAX: usize = 100_000;
/// Among how many counts the keys beyond that are spread.
const SHARED_SLOTS: u64 = 4_096;
/// After so many keys a rate looks whether there are too many.
const LOOK_EVERY: u32 = 1_024;

impl<K: Hash + Eq + Clone, C: Clock + Clone> Rate<K, C> {
    pub(super) fn per_minute(limit: Limit, count: u32, clock: &C) -> Self {
        Self::new(limit, count, Quota::per_minute, clock)
    }

    pub(super) fn per_hour(limit: Limit, count: u32, clock: &C) -> Self {
        Self::new(limit, count, Quota::per_hour, clock)
    }

    fn new(limit: Limit, count: u32, per: fn(NonZeroU32) -> Quota, clock: &C) -> Self {
        let burst = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            limit,
            burst,
            limiter: RateLimiter::dashmap_with_clock(per(burst), clock.clone()),
            clock: clock.clone(),
            hasher: RandomState::new(),
            since_look: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        }
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Rate<K, C> {
    /// Takes `count` of what the key may take; more than it may ever take counts as all of it.
    pub(super) fn take(&self, key: K, count: usize) -> Result<(), Exceeded> {
        let Some(count) = NonZeroU32::new(u32::try_from(count).unwrap_or(u32::MAX)) else {
            return Ok(());
        };
        if self.since_look.fetch_add(1, Ordering::Relaxed) % LOOK_EVERY == LOOK_EVERY - 1 {
            self.look();
        }
        let slot = if self.crowded.load(Ordering::Relaxed) {
            Slot::Shared(self.hasher.hash_one(&key) % SHARED_SLOTS)
        } else {
            Slot::Own(key)
        };
        let wait = match self.limiter.check_key_n(&slot, count.min(self.burst)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(until)) => until.wait_time_from(self.clock.now()),
            Err(_) => Duration::from_mins(1),
        };
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Err(Exceeded { limit: self.limit, retry_after_ms: millis.saturating_add(1) })
    }

    fn look(&self) {
        if self.limiter.len() > KEYS_MAX {
            self.tidy();
        }
    }

    pub(super) fn tidy(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.crowded.store(self.limiter.len() > KEYS_MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn the_keys_of_a_rate_are_bounded_and_the_idle_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::per_minute(Limit::Handshakes, 10, &clock);
        for number in 0..300_000_u32 {
            let _ = rate.take(number, 1);
        }
        let bound = KEYS_MAX
            + usize::try_from(SHARED_SLOTS).unwrap()
            + usize::try_from(LOOK_EVERY).unwrap();
        assert!(rate.limiter.len() <= bound, "{}", rate.limiter.len());
        clock.advance(Duration::from_mins(2));
        rate.tidy();
        assert_eq!(rate.limiter.len(), 0);
        assert!(!rate.crowded.load(Ordering::Relaxed));
    }
}
