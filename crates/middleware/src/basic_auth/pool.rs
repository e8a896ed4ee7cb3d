//! Where slow hashes are computed: on threads of their own, few at a time, equal ones once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use tokio::sync::{Semaphore, watch};

use crate::error::Problem;

/// Checks that may wait or run at the same time. Beyond, clients are told to come back.
const MAX_CHECKS: usize = 1024;

/// Computes password hashes beside the workers. One for the process: what is bounded is the process's work.
///
/// Needs a tokio runtime where it is used, for its threads for blocking work.
pub struct HashPool {
    key: hmac::Key,
    threads: Arc<Semaphore>,
    running: Mutex<HashMap<Fingerprint, watch::Receiver<Option<bool>>>>,
}

/// A keyed hash of a check. Nobody without this process's memory can go back from it to a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// Why a check gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HashError {
    /// [`MAX_CHECKS`].
    #[error("too many passwords are being verified")]
    Busy,
    /// The thread was lost.
    #[error("verifying a password failed")]
    Failed,
}

/// A check that can be run again if the one who ran it went away.
pub(crate) type Job = Arc<dyn Fn() -> bool + Send + Sync>;

impl HashPool {
    /// A pool that hashes `threads` passwords at a time, at least one.
    ///
    /// # Errors
    /// [`Problem::Random`] when the system gives no random key.
    pub fn new(threads: usize) -> Result<Arc<Self>, Problem> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Problem::Random)?;
        Ok(Arc::new(Self {
            key,
            threads: Arc::new(Semaphore::new(threads.max(1))),
            running: Mutex::default(),
        }))
    }

    /// The fingerprint of a tuple. Each part goes in with its length before it, so that no two tuples are one
    /// (CVE-2026-71326).
    pub(crate) fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        for (byte, tag) in bytes.iter_mut().zip(context.sign().as_ref()) {
            *byte = *tag;
        }
        Fingerprint(bytes)
    }

    /// Runs `job`, or waits for an equal one that runs already.
    pub(crate) async fn run(
        self: &Arc<Self>,
        fingerprint: Fingerprint,
        job: Job,
    ) -> Result<bool, HashError> {
        loop {
            match self.join(fingerprint)? {
                Role::Lead(lead) => return self.lead(lead, Arc::clone(&job)).await,
                Role::Follow(mut answer) => {
                    if let Ok(answer) = answer.wait_for(Option::is_some).await {
                        return answer.ok_or(HashError::Failed);
                    }
                    // Who ran it went away before it was done; somebody else's turn, perhaps ours.
                }
            }
        }
    }

    async fn lead(self: &Arc<Self>, lead: Lead, job: Job) -> Result<bool, HashError> {
        let permit = Arc::clone(&self.threads)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Failed)?;
        // From here on it is computed to its end, whether this client waits for it or not: others may.
        let task = tokio::task::spawn_blocking(move || {
            let answer = job();
            drop(permit);
            lead.answer.send_replace(Some(answer));
            answer
        });
        task.await.map_err(|_| HashError::Failed)
    }

    fn join(self: &Arc<Self>, fingerprint: Fingerprint) -> Result<Role, HashError> {
        let mut running = self.lock();
        if let Some(answer) = running.get(&fingerprint) {
            return Ok(Role::Follow(answer.clone()));
        }
        if running.len() >= MAX_CHECKS {
            return Err(HashError::Busy);
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(fingerprint, receiver);
        Ok(Role::Lead(Lead {
            pool: Arc::clone(self),
            fingerprint,
            answer: sender,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, watch::Receiver<Option<bool>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for HashPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashPool")
            .field("running", &self.lock().len())
            .finish_non_exhaustive()
    }
}

enum Role {
    Lead(Lead),
    Follow(watch::Receiver<Option<bool>>),
}

/// A check that is waiting or running; gone from the pool when dropped.
struct Lead {
    pool: Arc<HashPool>,
    fingerprint: Fingerprint,
    answer: watch::Sender<Option<bool>>,
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.pool.lock().remove(&self.fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use proptest::prelude::*;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    /// A job that counts its runs and ends when `gate` says so.
    fn gated(runs: &Arc<AtomicUsize>) -> (Job, mpsc::Sender<()>) {
        let (open, gate) = mpsc::channel();
        let (runs, gate) = (Arc::clone(runs), Mutex::new(gate));
        let job = Arc::new(move || {
            runs.fetch_add(1, Ordering::SeqCst);
            gate.lock().unwrap().recv().is_ok()
        });
        (job, open)
    }

    #[test]
    fn equal_checks_are_computed_once_and_others_are_not() {
        let pool = HashPool::new(4).unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let (job, open) = gated(&runs);
        let one = pool.fingerprint(&[b"one"]);
        let other = pool.fingerprint(&[b"other"]);
        let answers = runtime().block_on(async {
            let equal = async {
                tokio::join!(
                    pool.run(one, Arc::clone(&job)),
                    pool.run(one, Arc::clone(&job)),
                    pool.run(one, Arc::clone(&job)),
                )
            };
            let different = async {
                let answer = pool.run(other, Arc::new(|| false)).await;
                open.send(()).unwrap();
                answer
            };
            tokio::join!(equal, different)
        });
        assert_eq!(answers, ((Ok(true), Ok(true), Ok(true)), Ok(false)));
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert!(pool.lock().is_empty());
    }

    #[test]
    fn no_more_run_at_a_time_than_there_are_threads() {
        let pool = HashPool::new(2).unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let job: Job = {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            Arc::new(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                true
            })
        };
        runtime().block_on(async {
            let local = tokio::task::LocalSet::new();
            for index in 0_u32..20 {
                let (pool, job) = (Arc::clone(&pool), Arc::clone(&job));
                let fingerprint = pool.fingerprint(&[&index.to_le_bytes()]);
                local.spawn_local(async move { pool.run(fingerprint, job).await });
            }
            local.await;
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
        assert!(pool.lock().is_empty());
    }

    #[test]
    fn a_client_that_goes_away_leaves_its_check_to_the_others() {
        let pool = HashPool::new(1).unwrap();
        let (blocker, open) = gated(&Arc::default());
        let first = pool.fingerprint(&[b"first"]);
        let second = pool.fingerprint(&[b"second"]);
        let answer = runtime().block_on(async {
            let busy = pool.run(first, blocker);
            let mut leaver = Box::pin(pool.run(second, Arc::new(|| true)));
            let follower = pool.run(second, Arc::new(|| true));
            let rest = async {
                // The leader waits for the only thread, then goes away.
                let waits = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(leaver.as_mut().poll(cx).is_pending())
                });
                assert!(waits.await);
                let mut follower = Box::pin(follower);
                let waits = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(follower.as_mut().poll(cx).is_pending())
                });
                assert!(waits.await);
                drop(leaver);
                open.send(()).unwrap();
                follower.await
            };
            tokio::join!(busy, rest)
        });
        assert_eq!(answer, (Ok(true), Ok(true)));
    }

    #[test]
    fn beyond_the_bound_clients_are_told_that_it_is_busy() {
        let pool = HashPool::new(1).unwrap();
        let leads: Vec<_> = (0..MAX_CHECKS)
            .map(|index| pool.join(pool.fingerprint(&[&index.to_le_bytes()])))
            .collect();
        assert!(leads.iter().all(Result::is_ok));
        let answer = runtime().block_on(pool.run(pool.fingerprint(&[]), Arc::new(|| true)));
        assert_eq!(answer, Err(HashError::Busy));
        drop(leads);
        assert!(pool.lock().is_empty());
    }

    #[test]
    fn a_check_that_panics_is_an_error_and_leaves_nothing() {
        let pool = HashPool::new(1).unwrap();
        let fingerprint = pool.fingerprint(&[b"a"]);
        let answer = runtime().block_on(pool.run(fingerprint, Arc::new(|| panic!("on purpose"))));
        assert_eq!(answer, Err(HashError::Failed));
        assert!(pool.lock().is_empty());
        let answer = runtime().block_on(pool.run(fingerprint, Arc::new(|| true)));
        assert_eq!(answer, Ok(true));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        // CVE-2026-71326: separators inside the parts don't make two tuples one.
        #[test]
        fn fingerprints_are_equal_for_equal_tuples_only(
            a in proptest::collection::vec("[a:\\x00]{0,3}", 3),
            b in proptest::collection::vec("[a:\\x00]{0,3}", 3),
        ) {
            thread_local! {
                static POOL: Arc<HashPool> = HashPool::new(1).unwrap();
            }
            let print = |parts: &[String]| {
                let parts: Vec<_> = parts.iter().map(String::as_bytes).collect();
                POOL.with(|pool| pool.fingerprint(&parts))
            };
            prop_assert_eq!(print(&a) == print(&b), a == b);
        }
    }
}
