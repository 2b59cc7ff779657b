//! `sotto-ui`, the desktop app's program.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use sotto_ui::Arguments;
use tracing_subscriber::EnvFilter;

/// What is logged unless `SOTTO_LOG` asks for more: OpenMLS reports what others sent in error.
const LOGGED: &str = "warn,openmls=off";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("SOTTO_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if cfg!(target_os = "linux") && !has_display {
        eprintln!("sotto-ui: there is no display here; in a terminal, use `sotto`.");
        return ExitCode::FAILURE;
    }
    match sotto_ui::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto-ui: {error}");
            ExitCode::FAILURE
        }
    }
}
