//! How many workers the machine has room for.

use std::num::NonZeroUsize;

/// Number of workers that can run at once: the smallest of the CPUs of the machine, those that this process may be
/// scheduled on, and its cgroup's quota (v1 and v2, the tightest of all levels). At least 1.
///
/// A broken quota rounds down, so that `cpu: 1500m` is one worker: a worker that runs out of quota stalls every
/// connection it owns for the rest of the period, while the half CPU left over carries the control work.
pub fn available_workers() -> NonZeroUsize {
    // The standard library reads affinity and both cgroup versions, and rounds the quota down.
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_bound_to_one_cpu_has_one_worker() {
        let own_thread = std::thread::spawn(|| {
            let mut one = rustix::thread::CpuSet::new();
            let allowed = rustix::thread::sched_getaffinity(None).unwrap();
            let first = (0..rustix::thread::CpuSet::MAX_CPU)
                .find(|cpu| allowed.is_set(*cpu))
                .unwrap();
            one.set(first);
            rustix::thread::sched_setaffinity(None, &one).unwrap();
            available_workers()
        });
        assert_eq!(own_thread.join().unwrap().get(), 1);
    }
}
