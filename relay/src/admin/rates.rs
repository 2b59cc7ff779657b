//! How many messages went through in the last seconds: counts are looked at once a second.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use sotto_proto::admin::Traffic;
use tokio::time::{MissedTickBehavior, interval};

use crate::{metrics::Metrics, online::lock, server::Shared};

/// The longest time that can be asked for, in seconds.
const WINDOW: usize = 60;

/// The counts of the last minute, one a second, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<VecDeque<Traffic>>);

impl Rates {
    /// What went through in the last `seconds`, or since the start if that is shorter.
    pub(crate) fn over(&self, metrics: &Metrics, seconds: usize) -> Traffic {
        let now = counts(metrics);
        let samples = lock(&self.0);
        let oldest = samples.len().saturating_sub(seconds);
        let then = samples.get(oldest).copied().unwrap_or_default();
        Traffic {
            accepted: now.accepted.saturating_sub(then.accepted),
            delivered: now.delivered.saturating_sub(then.delivered),
        }
    }

    fn take(&self, metrics: &Metrics) {
        let mut samples = lock(&self.0);
        if samples.len() == WINDOW {
            samples.pop_front();
        }
        samples.push_back(counts(metrics));
    }
}

fn counts(metrics: &Metrics) -> Traffic {
    Traffic { accepted: metrics.envelopes_accepted.get(), delivered: metrics.deliveries.get() }
}

/// Looks at the counts until the relay closes.
pub(crate) async fn sample(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => shared.rates.take(&shared.metrics),
            () = shared.closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_its_time_alone() {
        let (metrics, rates) = (Metrics::default(), Rates::default());
        for _ in 0..70 {
            rates.take(&metrics);
            metrics.envelopes_accepted.inc_by(2);
            metrics.deliveries.inc();
        }
        assert_eq!(rates.over(&metrics, 10), Traffic { accepted: 20, delivered: 10 });
        assert_eq!(rates.over(&metrics, 60), Traffic { accepted: 120, delivered: 60 });
        let young = Rates::default();
        assert_eq!(young.over(&metrics, 60), Traffic { accepted: 140, delivered: 70 });
    }
}
