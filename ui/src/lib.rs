//! The desktop app: a thin face on the engine of `sotto-client`.
//!
//! `ui/*.slint` holds all of layout, style and wording; the controllers here fill its globals and
//! answer its callbacks. Nothing here seals, opens or sends anything itself, and nothing waits on
//! the thread of the window.

mod adapters;
mod app;
mod arguments;
mod bridge;
mod clock;
mod controllers;
mod desktop;
mod faces;
mod pictures;
mod preferences;
mod single_instance;

/// What Slint generates from `ui/app.slint`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
pub mod generated {
    slint::include_modules!();
}

pub use app::{App, Options};
pub use arguments::Arguments;
pub use clock::Clock;
pub use desktop::{Answer, Desktop, FileChoice, NotOffered};
pub use pictures::Pixels;

use std::{io, sync::Arc};

use sotto_client::profile::{ProfileError, profiles_root};

/// Why the app did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nowhere to keep profiles.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The engine's threads could not start.
    #[error("the engine could not start")]
    Runtime(#[source] io::Error),
    /// No window could be opened.
    #[error("no window could be opened: {0}")]
    Window(#[from] slint::PlatformError),
}

/// Shows the window on this computer's desktop until it is closed.
pub fn run(arguments: Arguments) -> Result<(), RunError> {
    let profiles = profiles_root()?;
    if let Some(name) = &arguments.profile
        && single_instance::raise_other(&name.folder(&profiles))
    {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let app = App::new(Options {
        profiles,
        arguments,
        runtime: runtime.handle().clone(),
        desktop: Arc::new(desktop::System::default()),
        clock: Clock::system(),
    })?;
    app.run()?;
    drop(app);
    runtime.shutdown_background();
    Ok(())
}
