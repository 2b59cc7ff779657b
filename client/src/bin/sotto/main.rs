//! `sotto`: the command-line face of the engine.
//!
//! It reads what is asked for, calls the engine, and says what came of it; protocol and keys are
//! the engine's business.

#![allow(clippy::doc_markdown, reason = "the comments of arguments are help texts")]

mod app;
mod cli;
mod commands;
mod error;
mod escape;
mod exit;
mod files;
mod input;
mod local_time;
mod message_ref;
mod out;
mod people;
mod progress;
mod qr;
mod secrets;
mod show;
mod waiting;

use std::{io, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{app::App, cli::Cli, error::CliError, out::Out};

fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    start_log();
    let out = Out::new(global.json);
    match run(command, App::new(global, out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.exit().code())
        }
    }
}

fn run(command: cli::Command, app: App) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CliError::Start)?;
    let done = runtime.block_on(commands::run(command, app));
    // A prompt may still hold a thread that reads the terminal.
    runtime.shutdown_background();
    done
}

/// Silent, unless `SOTTO_LOG` asks for more.
fn start_log() {
    let Ok(filter) = EnvFilter::try_from_env("SOTTO_LOG") else { return };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
