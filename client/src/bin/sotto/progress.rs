//! A bar that shows how far a file has got: on a terminal, and on stderr.

use indicatif::{ProgressBar, ProgressStyle};
use sotto_client::{Engine, Event, proto::MessageId};
use tokio::sync::broadcast::error::RecvError;

use crate::escape;

const TEMPLATE: &str = "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}";

/// Shows how far `message` has got while `work` runs.
pub(crate) async fn with_bar<T>(
    engine: &Engine,
    message: MessageId,
    name: &str,
    work: impl Future<Output = T>,
) -> T {
    let mut events = engine.subscribe();
    // It draws nothing where stderr is no terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.set_message(escape::preview(name, 40));
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            event = events.recv() => match event {
                Ok(Event::Transfer { message: moved, done, total, .. }) if moved == message => {
                    bar.set_length(total);
                    bar.set_position(done);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break work.await,
            },
        }
    };
    bar.finish_and_clear();
    done
}

/// A number of bytes for a person.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
