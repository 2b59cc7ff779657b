//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);

/// Waits that double from attempt to attempt, each drawn at random from its upper half, so that
/// the clients of a relay that came back do not all come at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The wait before the next attempt. `random` is drawn evenly from all values.
    pub(super) fn next(&mut self, random: u32) -> Duration {
        let full = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let half = full / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// An attempt succeeded.
    pub(super) const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.next(u32::MAX)).collect();
        assert_eq!(waits[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits[39], LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), FIRST);
    }

    #[test]
    fn chance_takes_from_the_upper_half() {
        for random in [0, 1, u32::MAX / 2, u32::MAX] {
            let wait = Backoff { attempts: 3 }.next(random);
            assert!((FIRST * 4..=FIRST * 8).contains(&wait));
        }
    }
}
