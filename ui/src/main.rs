//! The desktop app: for now a window that says what Sotto is and what works today.
//!
//! It holds no protocol and no keys; those are the engine's.

use std::process::ExitCode;

use slint::ComponentHandle;

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
mod generated {
    slint::include_modules!();
}

fn main() -> ExitCode {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if cfg!(target_os = "linux") && !has_display {
        eprintln!("sotto-ui: there is no display here; in a terminal, use `sotto`.");
        return ExitCode::FAILURE;
    }
    match show() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto-ui: no window could be opened: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<(), slint::PlatformError> {
    let window = generated::AppWindow::new()?;
    window.set_version(env!("CARGO_PKG_VERSION").into());
    window.run()
}
