//! Between the thread of the window and the engine's runtime: questions go there, answers and
//! events come back as jobs. The thread of the window never waits.

use std::{future::Future, pin::Pin, time::Duration};

use sotto_client::{Engine, Event};
use tokio::{
    runtime::Handle,
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
};

use crate::app::App;

/// Something to do on the thread of the window.
pub(crate) type Job = Box<dyn FnOnce(&App) + Send>;

/// Events that come at once are handed over together, up to so many.
const BATCH: usize = 256;

/// The way to the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    runtime: Handle,
    jobs: mpsc::UnboundedSender<Job>,
    /// What is done one after the other.
    queue: mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// The jobs that wait for the thread of the window.
pub(crate) type Jobs = mpsc::UnboundedReceiver<Job>;

/// What the engine told.
pub(crate) enum Told {
    /// In order.
    Events(Vec<Event>),
    /// Some of it was lost: the vault has to be read again.
    Lost,
}

impl Bridge {
    pub(crate) fn new(runtime: Handle) -> (Self, Jobs) {
        // Bounded by what asks: an event batch waits for the one before it, and a person asks slowly.
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (queue, mut queued) = mpsc::unbounded_channel();
        runtime.spawn(async move {
            while let Some(next) = queued.recv().await {
                next.await;
            }
        });
        (Self { runtime, jobs, queue }, waiting)
    }

    /// Has `question` answered on the runtime, and `then` called with the answer on the thread of
    /// the window.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&App, T) + Send + 'static,
    ) {
        self.runtime.spawn(self.answered(question, then));
    }

    /// The same, but only when what was asked for in order before is answered: messages leave in
    /// the order in which they were written.
    pub(crate) fn ask_in_order<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&App, T) + Send + 'static,
    ) {
        // The queue ends with the runtime alone.
        let _ = self.queue.send(Box::pin(self.answered(question, then)));
    }

    /// A question that, once answered, leaves a job for the thread of the window.
    fn answered<T: Send + 'static>(
        &self,
        question: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&App, T) + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let jobs = self.jobs.clone();
        async move {
            let answer = question.await;
            // Nobody is left to hear it once the window is gone.
            let _ = jobs.send(Box::new(move |app| then(app, answer)));
        }
    }

    /// Runs what blocks on a thread of its own.
    pub(crate) fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&App, T) + Send + 'static,
    ) {
        let jobs = self.jobs.clone();
        self.runtime.spawn_blocking(move || {
            let answer = work();
            let _ = jobs.send(Box::new(move |app| then(app, answer)));
        });
    }

    /// Does something on the thread of the window, when what it does now is done.
    pub(crate) fn soon(&self, job: impl FnOnce(&App) + Send + 'static) {
        let _ = self.jobs.send(Box::new(job));
    }

    /// Does something on the thread of the window after a while.
    pub(crate) fn later(&self, wait: Duration, job: impl FnOnce(&App) + Send + 'static) {
        self.ask(async move { tokio::time::sleep(wait).await }, |app, ()| job(app));
    }

    /// Waits on this thread, which is then none of a window with an event loop.
    pub(crate) fn block_on<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }

    /// Hands all that the engine tells to `take`, in batches: the next one when the last is taken.
    pub(crate) fn listen(
        &self,
        engine: &Engine,
        take: impl Fn(&App, Told) + Copy + Send + 'static,
    ) {
        let mut events = engine.subscribe();
        let jobs = self.jobs.clone();
        self.runtime.spawn(async move {
            while let Some(told) = next(&mut events).await {
                let (taken, wait) = oneshot::channel();
                let job: Job = Box::new(move |app| {
                    take(app, told);
                    let _ = taken.send(());
                });
                if jobs.send(job).is_err() || wait.await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn next(events: &mut broadcast::Receiver<Event>) -> Option<Told> {
    let mut batch = match events.recv().await {
        Ok(event) => vec![event],
        Err(RecvError::Lagged(_)) => return Some(Told::Lost),
        Err(RecvError::Closed) => return None,
    };
    while batch.len() < BATCH {
        match events.try_recv() {
            Ok(event) => batch.push(event),
            Err(broadcast::error::TryRecvError::Lagged(_)) => return Some(Told::Lost),
            Err(_) => break,
        }
    }
    Some(Told::Events(batch))
}
