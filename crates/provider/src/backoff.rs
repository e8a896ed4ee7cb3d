//! Waiting between tries of one source.

use std::time::Duration;

/// How long to wait before a failing source is asked again: twice as long after each failure, up to a limit, with
/// jitter so that many replicas do not ask at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits about `first` after the first failure and never longer than `limit`.
    pub fn new(first: Duration, limit: Duration) -> Self {
        let first = first.min(limit);
        Self {
            first,
            limit,
            next: first,
        }
    }

    /// The wait after one more failure: between half of the current step and all of it, chosen by `jitter` in
    /// `0.0..=1.0` (values outside are clamped, NaN counts as 1).
    pub fn failure(&mut self, jitter: f64) -> Duration {
        let jitter = if jitter.is_nan() {
            1.0
        } else {
            jitter.clamp(0.0, 1.0)
        };
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.limit);
        step / 2 + (step / 2).mul_f64(jitter)
    }

    /// The source answered: the next failure waits `first` again.
    pub fn success(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(100 * MS, 500 * MS);
        let waits: Vec<_> = (0..5).map(|_| backoff.failure(1.0)).collect();
        assert_eq!(waits, [100, 200, 400, 500, 500].map(|n| n * MS));
        backoff.success();
        assert_eq!(backoff.failure(1.0), 100 * MS);
    }

    #[test]
    fn jitter_shortens_a_wait_by_at_most_half() {
        assert_eq!(Backoff::new(100 * MS, 500 * MS).failure(0.0), 50 * MS);
        assert_eq!(Backoff::new(100 * MS, 500 * MS).failure(-3.0), 50 * MS);
        assert_eq!(Backoff::new(100 * MS, 500 * MS).failure(f64::NAN), 100 * MS);
    }
}
