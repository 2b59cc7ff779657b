//! Whether the relay works: stopping and starting it while it listens, and another database meanwhile.

use std::{io, path::PathBuf, sync::PoisonError, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Kept, Relay, Shared, SpawnError};
use crate::{online::lock, store::rocks::OpenError};

/// How long a switch of the database waits for what is under way.
const SWITCH_PATIENCE: Duration = Duration::from_secs(10);

/// Whether the relay works.
#[derive(Default)]
pub(super) struct Operation {
    stopped: bool,
    /// Cancelled at the next stop.
    halt: CancellationToken,
}

impl Shared {
    /// Whether the operator has stopped the work.
    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.operation).stopped
    }

    /// Is cancelled when the work is stopped from now on.
    pub(crate) fn halt(&self) -> CancellationToken {
        lock(&self.operation).halt.clone()
    }
}

/// Why the relay did not go on with another database.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// It works: only a stopped relay takes another one.
    #[error("the relay is running: stop it first")]
    Running,
    /// Something is still under way.
    #[error("work is still under way; try again in a moment")]
    Busy,
    /// The store of the other one does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not answer, or its secret is damaged.
    #[error("the other database cannot be used")]
    Unusable(#[source] Box<SpawnError>),
    /// Its folder for blobs cannot be made.
    #[error("the folder for blobs cannot be made")]
    Blobs(#[source] io::Error),
    /// It was cut short.
    #[error("the database was not opened to the end")]
    Unfinished(#[source] tokio::task::JoinError),
}

impl Relay {
    /// Whether its work is stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }

    /// Takes on no new work: tells the clients and closes their connections. It goes on listening,
    /// and says to who connects that it is stopped.
    pub fn stop_work(&self) {
        let mut operation = lock(&self.shared.operation);
        operation.stopped = true;
        std::mem::take(&mut operation.halt).cancel();
    }

    /// Works again.
    pub fn start_work(&self) {
        lock(&self.shared.operation).stopped = false;
    }

    /// Goes on with another database, which `open` opens in the store; it blocks. `blobs` is where
    /// its blobs lie. If it cannot be used, `back` opens the one before again.
    pub async fn switch_database<O, B>(
        &self,
        blobs: PathBuf,
        open: O,
        back: B,
    ) -> Result<(), SwitchError>
    where
        O: FnOnce() -> Result<(), OpenError> + Send + 'static,
        B: FnOnce() -> Result<(), OpenError> + Send + 'static,
    {
        if !self.is_stopped() {
            return Err(SwitchError::Running);
        }
        let working = timeout(SWITCH_PATIENCE, self.shared.working.write()).await;
        let _alone = working.map_err(|_| SwitchError::Busy)?;
        blocking(open).await?;
        let taken = match Kept::read(&*self.shared.store, &self.shared.config).await {
            Ok(kept) => match self.shared.blobs.switch(blobs) {
                Ok(()) => Ok(kept),
                Err(error) => Err(SwitchError::Blobs(error)),
            },
            Err(error) => Err(SwitchError::Unusable(Box::new(error))),
        };
        match taken {
            Ok(kept) => {
                *self.shared.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
                Ok(())
            }
            Err(error) => {
                blocking(back).await?;
                Err(error)
            }
        }
    }
}

/// Runs what waits for the disk apart from the async tasks.
async fn blocking(
    work: impl FnOnce() -> Result<(), OpenError> + Send + 'static,
) -> Result<(), SwitchError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(SwitchError::Unfinished)??)
}
