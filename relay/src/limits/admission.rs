//! How many connections are in, in all and of each network.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Exceeded, Limit, Network};

/// A connection that was let in. Dropping it is leaving.
#[derive(Debug)]
pub struct Admission {
    admissions: Arc<Admissions>,
    network: Network,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.admissions.lock();
        counts.total = counts.total.saturating_sub(1);
        if let Some(count) = counts.by_network.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
}

/// How many connections are in; at most as many networks are remembered.
#[derive(Debug)]
pub(super) struct Admissions {
    most: u32,
    most_per_network: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: u32,
    by_network: HashMap<Network, u32>,
}

/// When to come back to a relay that is full: nobody knows when someone leaves.
const CROWDED_RETRY_MS: u64 = 5_000;

impl Admissions {
    pub(super) fn new(most: u32, most_per_network: u32) -> Self {
        Self { most, most_per_network, counts: Mutex::default() }
    }

    pub(super) fn admit(this: &Arc<Self>, network: Network) -> Result<Admission, Exceeded> {
        let crowded = |limit| Exceeded { limit, retry_after_ms: CROWDED_RETRY_MS };
        let mut counts = this.lock();
        if counts.total >= this.most {
            return Err(crowded(Limit::Connections));
        }
        let here = counts.by_network.get(&network).copied().unwrap_or_default();
        if here >= this.most_per_network {
            return Err(crowded(Limit::ConnectionsPerAddress));
        }
        counts.total += 1;
        counts.by_network.insert(network, here + 1);
        Ok(Admission { admissions: Arc::clone(this), network })
    }

    /// How many connections are in.
    pub(super) fn total(&self) -> u32 {
        self.lock().total
    }

    /// How many networks are remembered.
    #[cfg(test)]
    pub(super) fn networks(&self) -> usize {
        self.lock().by_network.len()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
