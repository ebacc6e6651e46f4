//! Runs work on many threads, and delivers the results in the order of the input.
//!
//! The input is a sequence of units, such as files. Threads work on units in any order. The calling
//! thread consumes the results in the order of the units, so that the outcome does not depend on
//! the number of threads. While no result is ready to be consumed, the calling thread works on
//! units itself. The number of units in progress is limited, so that results cannot pile up after a
//! slow unit.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rayon::ThreadPoolBuilder;

/// The total weight at which a batch of units of work is full. The caller weighs the units; if it
/// weighs them in bytes, the limit is 512 KiB. Threads take units in batches, so that no thread
/// must be woken for each small unit.
const BATCH_WEIGHT: u64 = 1 << 19;
/// The number of units of work at which a batch is full, even if its weight is still small.
const BATCH_UNITS: usize = 32;
/// The maximum number of batches of work in progress, for each thread. A batch is in progress from
/// when it is handed to the threads until all its results are consumed. The number is large enough
/// that threads need not wait for the consumer of the results.
const BATCHES_PER_THREAD: u64 = 8;
/// The maximum number of batches of work in progress, for all threads together; but two for each
/// thread are always allowed. The limit keeps memory from growing with the number of threads.
const MOST_BATCHES: u64 = 64;
/// The maximum total weight of the units of work in progress, for each thread; 16 MiB if the caller
/// weighs units in bytes. Heavy batches may exceed the limit: each thread may always have one batch
/// in progress, and the consumer of the results one more.
const WEIGHT_PER_THREAD: u64 = 16 << 20;

/// The error that threads for the work could not be started. The text is the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("threads: {0}")]
pub struct NoThreads(String);

/// Calls `work` for every unit on several threads, and `consume` for the results in the order of
/// the units.
///
/// With one thread, everything happens in the calling thread, unit after unit. The first error of
/// `consume` ends the work and is returned; units that no thread has taken by then are skipped.
/// `weight` estimates the memory that a unit's result takes, and limits how many units are in
/// progress.
pub fn in_order<U, R, W, E>(
    threads: NonZeroUsize,
    units: impl Iterator<Item = U>,
    weight: impl Fn(&U) -> u64,
    work: W,
    consume: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    U: Send,
    R: Send,
    W: Fn(U) -> R + Sync,
    E: From<NoThreads>,
{
    if threads.get() == 1 {
        sequential(units, work, consume)
    } else {
        parallel(threads, units, weight, work, consume)
    }
}

fn sequential<U, R, E>(
    units: impl Iterator<Item = U>,
    work: impl Fn(U) -> R,
    mut consume: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    for unit in units {
        consume(work(unit))?;
    }
    Ok(())
}

fn parallel<U, R, W, E>(
    threads: NonZeroUsize,
    units: impl Iterator<Item = U>,
    weight: impl Fn(&U) -> u64,
    work: W,
    mut consume: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    U: Send,
    R: Send,
    W: Fn(U) -> R + Sync,
    E: From<NoThreads>,
{
    // The calling thread counts as one of the threads.
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads.get() - 1)
        .build()
        .map_err(|error| NoThreads(error.to_string()))?;
    let threads = threads.get() as u64;
    let most = (threads * BATCHES_PER_THREAD).min(MOST_BATCHES).max(threads * 2);
    let heaviest = threads * WEIGHT_PER_THREAD;
    let mut units = units.fuse();
    let (waiting, work) = (&BatchQueue::default(), &work);
    pool.in_place_scope(|scope| {
        let (sender, results) = channel();
        let (mut begun, mut consumed) = (0_u64, 0_u64);
        let (mut weights, mut under_way) = (VecDeque::new(), 0_u64);
        let mut early: BTreeMap<u64, Vec<R>> = BTreeMap::new();
        loop {
            while begun - consumed < most
                && (under_way < heaviest || begun - consumed <= threads)
                && let Some((batch, heavy)) = next_batch(&mut units, &weight)
            {
                weights.push_back(heavy);
                under_way += heavy;
                waiting.push(begun, batch);
                begun += 1;
                let sender = sender.clone();
                // The receiver is gone only after an error. The results are not needed then.
                scope.spawn(move |_| waiting.take(work).map_or((), |done| _ = sender.send(done)));
            }
            if begun == consumed {
                return Ok(());
            }
            // While there is nothing to consume, this thread works like the others, because waking
            // it for each result would take more time. It has a sender itself, so `recv` never
            // fails while batches are in progress.
            let done = results.try_recv().ok().or_else(|| waiting.take(work)).or_else(|| results.recv().ok());
            let Some((number, batch)) = done else { return Ok(()) };
            early.insert(number, batch.unwrap_or_else(|panic| resume_unwind(panic)));
            while let Some(batch) = early.remove(&consumed) {
                batch.into_iter().try_for_each(&mut consume)?;
                consumed += 1;
                under_way -= weights.pop_front().unwrap_or_default();
            }
        }
    })
}

/// The batches of units of work that no thread has taken yet, each with its number from 0, in the
/// order of the numbers.
struct BatchQueue<U>(Mutex<VecDeque<(u64, Vec<U>)>>);

impl<U> Default for BatchQueue<U> {
    fn default() -> Self {
        BatchQueue(Mutex::default())
    }
}

impl<U> BatchQueue<U> {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Vec<U>)>> {
        // The queue is consistent even if a thread panicked while it had the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, number: u64, batch: Vec<U>) {
        self.lock().push_back((number, batch));
    }

    /// Takes the first batch of the queue and calls `work` for each of its units. Returns the
    /// batch's number and the results; `None` if the queue is empty. A panic of `work` is caught
    /// and returned, because the calling thread would otherwise wait for the batch for ever.
    fn take<R>(&self, work: impl Fn(U) -> R) -> Option<(u64, thread::Result<Vec<R>>)> {
        let (number, batch) = self.lock().pop_front()?;
        Some((number, catch_unwind(AssertUnwindSafe(|| batch.into_iter().map(work).collect()))))
    }
}

/// Takes units of work from `units` until a batch is full. Returns the batch with its total weight;
/// `None` if no unit is left.
fn next_batch<U>(units: &mut impl Iterator<Item = U>, weight: &impl Fn(&U) -> u64) -> Option<(Vec<U>, u64)> {
    let (mut batch, mut heavy) = (Vec::new(), 0);
    while heavy < BATCH_WEIGHT
        && batch.len() < BATCH_UNITS
        && let Some(unit) = units.next()
    {
        heavy += weight(&unit);
        batch.push(unit);
    }
    (!batch.is_empty()).then_some((batch, heavy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::time::Duration;

    fn squares(threads: usize, units: u64) -> Vec<u64> {
        let mut all = Vec::new();
        let work = |unit: u64| {
            thread::sleep(Duration::from_micros((unit * 7919) % 300));
            unit * unit
        };
        in_order(
            NonZeroUsize::new(threads).unwrap(),
            0..units,
            |_| 1,
            work,
            |square| {
                all.push(square);
                Ok::<(), NoThreads>(())
            },
        )
        .unwrap();
        all
    }

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        let expected: Vec<u64> = (0..500).map(|unit| unit * unit).collect();
        for threads in [1, 2, 3, 8] {
            assert_eq!(squares(threads, 500), expected, "{threads} threads");
        }
        assert!(squares(4, 0).is_empty());
    }

    #[test]
    fn an_error_of_the_consumer_ends_the_work() {
        for threads in [1, 4] {
            let mut consumed = 0;
            let units = 0..1_000_000_u64;
            let result = in_order(
                NonZeroUsize::new(threads).unwrap(),
                units,
                |_| 1,
                |unit| unit,
                |_| {
                    consumed += 1;
                    if consumed == 3 { Err(NoThreads(String::new())) } else { Ok(()) }
                },
            );
            assert!(result.is_err());
            assert_eq!(consumed, 3);
        }
    }

    #[test]
    #[should_panic(expected = "in a worker")]
    fn a_panic_of_a_worker_reaches_the_caller() {
        let work = |unit: u64| assert!(unit < 5, "in a worker");
        let _ = in_order(NonZeroUsize::new(2).unwrap(), 0..10, |_| 1, work, |()| Ok::<(), NoThreads>(()));
    }

    #[test]
    fn the_calling_thread_is_one_of_those_that_work() {
        for threads in [2, 4] {
            let workers = Mutex::new(HashSet::new());
            let work = |_| {
                thread::sleep(Duration::from_millis(1));
                workers.lock().unwrap().insert(thread::current().id());
            };
            let count = NonZeroUsize::new(threads).unwrap();
            in_order(count, 0..40, |_| BATCH_WEIGHT, work, |()| Ok::<(), NoThreads>(())).unwrap();
            let workers = workers.into_inner().unwrap();
            assert!(workers.contains(&thread::current().id()) && workers.len() <= threads, "{workers:?}");
        }
    }

    #[test]
    fn few_heavy_units_are_in_progress() {
        use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
        let light = BATCH_WEIGHT / 4;
        for (weight, most) in [(light, 16 * 4), (WEIGHT_PER_THREAD / 2, 4), (WEIGHT_PER_THREAD * 9, 3)] {
            let (consumed, begun) = (AtomicU64::new(0), AtomicU64::new(0));
            let under_way = AtomicU64::new(0);
            let units = (0..200).inspect(|_| {
                let begun = begun.fetch_add(1, SeqCst) + 1;
                under_way.fetch_max(begun - consumed.load(SeqCst), SeqCst);
            });
            let consume = |_| {
                consumed.fetch_add(1, SeqCst);
                Ok::<(), NoThreads>(())
            };
            in_order(NonZeroUsize::new(2).unwrap(), units, |_| weight, |unit: u64| unit, consume).unwrap();
            assert_eq!((consumed.load(SeqCst), under_way.load(SeqCst)), (200, most), "weight {weight}");
        }
    }
}
