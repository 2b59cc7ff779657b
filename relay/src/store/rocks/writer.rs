//! The one thread that writes: it takes every operation that waits, applies them to one batch in
//! the order of their arrival, writes the batch with one sync, and then answers them all.
//!
//! An operation sees what those before it have done, so a race has one winner without locks.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot};

use super::{
    Shared,
    changes::Changes,
    database::{Database, failed},
};
use crate::store::StoreError;

/// Something that changes the database: all of it or, on an error, nothing.
pub(super) trait Operation: Send + 'static {
    /// What comes of it.
    type Output: Send + 'static;

    /// Whether it must be on disk before it is answered.
    const DURABLE: bool = true;

    /// About how many bytes it is going to write.
    fn weight(&self) -> usize {
        0
    }

    /// Does it.
    fn apply(self, changes: &mut Changes<'_>) -> Result<Self::Output, StoreError>;
}

/// How many operations may wait; more callers wait for room.
const QUEUE: usize = 1024;
/// A batch takes no further operation beyond these bounds.
const BATCH_OPERATIONS: usize = 1024;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The way to the writing thread.
pub(super) struct Writer {
    /// Taken at the end: the thread ends when it has done what was sent.
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn spawn(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&shared, waiting))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Has an operation done; returns when it is as durable as it asks for. It is done even if
    /// the caller stops waiting.
    pub(super) async fn perform<O: Operation>(
        &self,
        operation: O,
    ) -> Result<O::Output, StoreError> {
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Task { operation: Some(operation), outcome: None, reply };
        queue.send(Box::new(job)).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Takes no more operations, and returns when all that were taken are done. It blocks.
    pub(super) fn finish(&self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            // A thread that panicked has answered nobody: nothing is left to do.
            let _ = thread.join();
        }
    }

    /// How many operations wait for the thread to take them.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).as_ref().map_or(0, |queue| QUEUE - queue.capacity())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An [`Operation`] with the one who waits for it.
trait Job: Send {
    fn weight(&self) -> usize;
    /// Applies the operation; whether the batch must be synced for it.
    fn apply(&mut self, changes: &mut Changes<'_>) -> bool;
    /// Tells what came of it, or why the batch was not written.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Task<O: Operation> {
    operation: Option<O>,
    outcome: Option<Result<O::Output, StoreError>>,
    reply: oneshot::Sender<Result<O::Output, StoreError>>,
}

impl<O: Operation> Job for Task<O> {
    fn weight(&self) -> usize {
        self.operation.as_ref().map_or(0, Operation::weight)
    }

    fn apply(&mut self, changes: &mut Changes<'_>) -> bool {
        let Some(operation) = self.operation.take() else { return false };
        let (outcome, is_change) = changes.attempt(|changes| operation.apply(changes));
        self.outcome = Some(outcome);
        is_change && O::DURABLE
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let outcome = match (failure, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(failure), _) => Err(failure),
            (None, None) => Err(StoreError::Closed),
        };
        // Whoever stopped waiting does not want to know.
        let _ = self.reply.send(outcome);
    }
}

fn run(shared: &Shared, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut jobs = gather(first, &mut waiting);
        let written = shared.with(|database| commit(shared, database, &mut jobs));
        for job in jobs {
            job.answer(written.as_ref().err().map(again));
        }
    }
}

/// The first job and what has come meanwhile, as much as one batch takes.
fn gather(first: Box<dyn Job>, waiting: &mut mpsc::Receiver<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let mut weight = first.weight();
    let mut jobs = vec![first];
    while weight < BATCH_BYTES
        && jobs.len() < BATCH_OPERATIONS
        && let Ok(job) = waiting.try_recv()
    {
        weight += job.weight();
        jobs.push(job);
    }
    jobs
}

fn commit(
    shared: &Shared,
    database: &Database,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    let mut changes = Changes::over(database);
    let mut sync = false;
    for job in jobs {
        sync |= job.apply(&mut changes);
    }
    let Some(batch) = changes.into_batch()? else { return Ok(()) };
    database.write(batch, sync).map_err(|error| {
        tracing::error!(%error, "a batch could not be written");
        failed(error)
    })?;
    if sync {
        shared.syncs.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The failure of a batch, once more for another of its operations.
fn again(failure: &StoreError) -> StoreError {
    match failure {
        StoreError::Closed => StoreError::Closed,
        StoreError::Corrupt(what) => StoreError::Corrupt(what),
        StoreError::Database(cause) => match cause.downcast_ref::<rocksdb::Error>() {
            Some(cause) => failed(cause.clone()),
            None => StoreError::Database(cause.to_string().into()),
        },
        other => StoreError::Database(other.to_string().into()),
    }
}
