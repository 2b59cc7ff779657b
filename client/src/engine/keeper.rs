//! The thread that owns all durable state: the vault and the secret keys.
//!
//! Everything that reads or changes state is a job that runs on this thread, one after another; so
//! each sees a whole state, and no task waits for the disk. Jobs never touch the network.

use std::{io, thread};

use tokio::sync::{mpsc, oneshot};

use super::{error::EngineError, own::Own};
use crate::vault::{Tx, Vault, View};

/// Jobs that may wait; more wait at their callers.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Kept) + Send>;

enum Order {
    Run(Job),
    End,
}

/// What the thread owns.
pub(super) struct Kept {
    pub(super) vault: Vault,
    pub(super) own: Own,
}

impl Kept {
    /// One transaction that may also use and change the own keys. On an error prekeys and
    /// groups are as the vault has them.
    pub(super) fn write<T>(
        &mut self,
        write: impl FnOnce(&Tx<'_>, &mut Own) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let Self { vault, own } = self;
        let done = vault.write(|tx| write(tx, own));
        if done.is_err() {
            own.groups.clear();
            if let Some(state) = vault.read(View::prekeys)? {
                own.prekeys = sotto_keys::PrekeySecrets::from_bytes(&state)?;
            }
        }
        done
    }
}

/// Sends jobs to the thread, which ends when it is told to or all of these are gone.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Starts the thread. The receiver resolves when it has ended and the vault is closed.
    pub(super) fn start(kept: Kept) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (orders, mut queue) = mpsc::channel(QUEUE);
        let (ended, end) = oneshot::channel();
        thread::Builder::new().name("vault".to_owned()).spawn(move || {
            let mut kept = kept;
            while let Some(Order::Run(job)) = queue.blocking_recv() {
                job(&mut kept);
            }
            // Whoever still has a job finds that the engine is shut down.
            drop((queue, kept));
            // Nobody need be waiting for it.
            let _ = ended.send(());
        })?;
        Ok((Self { orders }, end))
    }

    /// Ends the thread after the jobs that wait already.
    pub(super) async fn end(&self) {
        // It may have ended before.
        let _ = self.orders.send(Order::End).await;
    }

    /// Runs a job and hands back what it gave.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Kept) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |kept| {
            // Who asked may have gone.
            let _ = answer.send(job(kept));
        });
        self.orders.send(Order::Run(job)).await.map_err(|_| EngineError::ShutDown)?;
        answered.await.map_err(|_| EngineError::ShutDown)?
    }

    /// Reads the vault.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.run(move |kept| kept.vault.read(read)).await
    }

    /// Changes the vault, in one transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Tx<'_>, &mut Own) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.run(move |kept| kept.write(write)).await
    }
}
