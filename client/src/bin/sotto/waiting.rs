//! Waiting until what was written has left this computer.

use std::time::Duration;

use sotto_client::{ConnectionState, Engine, EngineError, Event, model::Contact};
use tokio::{sync::broadcast::error::RecvError, time::Instant};

use crate::{
    app::{App, Reach},
    error::CliError,
};

/// How long nothing may move before a person is no longer kept waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long small things (receipts, deletions) are waited for.
const BRIEFLY: Duration = Duration::from_secs(10);

/// How the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// All that may leave is durable on the relay, or has failed.
    All,
    /// Something is still queued here.
    Queued,
}

/// Waits as long as something moves; forever while a large file is under way.
pub(crate) async fn until_left(engine: &Engine, to: &Contact) -> Result<Left, CliError> {
    let mut events = engine.subscribe();
    let mut deadline = Instant::now() + PATIENCE;
    let flush = engine.flush(Duration::MAX);
    tokio::pin!(flush);
    loop {
        tokio::select! {
            flushed = &mut flush => return match flushed {
                Ok(flushed) if flushed.held.contains(&to.account) => {
                    Err(CliError::IdentityChanged(to.username.to_string()))
                }
                Ok(_) => Ok(Left::All),
                Err(EngineError::NotConnected | EngineError::TimedOut) => stopped(engine),
                Err(error) => Err(error.into()),
            },
            event = events.recv() => match event {
                Ok(Event::Transfer { .. } | Event::MessageChanged { .. } | Event::Message { .. })
                | Err(RecvError::Lagged(_)) => deadline = Instant::now() + PATIENCE,
                Ok(_) => {}
                Err(RecvError::Closed) => return Ok(Left::Queued),
            },
            () = tokio::time::sleep_until(deadline) => return Ok(Left::Queued),
        }
    }
}

/// Gives small things a moment to leave; they stay queued otherwise.
pub(crate) async fn briefly(app: &App, engine: &Engine, reach: Reach) {
    if reach == Reach::Online && engine.flush(BRIEFLY).await.is_err() {
        app.out
            .note("not everything has reached the relay; the rest goes out with the next command");
    }
}

/// A connection that the relay has ended for good is an error.
fn stopped(engine: &Engine) -> Result<Left, CliError> {
    match engine.connection() {
        ConnectionState::Stopped { reason } => Err(CliError::Stopped(reason)),
        _ => Ok(Left::Queued),
    }
}
