//! `sotto`: the command-line face of the engine.
//!
//! It parses what is asked, calls the engine, and prints; it holds no protocol and no keys.

mod account;
mod args;
mod chat;
mod failure;
mod listen;
mod manual;
mod messages;
mod output;
mod people;
mod profile;
mod secrets;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Arguments, Command},
    failure::Failure,
    output::Output,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match start(arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

fn start(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Io)?;
    let result = runtime.block_on(run(arguments, output));
    // A prompt may still hold a thread that reads the terminal.
    runtime.shutdown_background();
    result
}

async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let Arguments { place, command, .. } = arguments;
    match command {
        Command::Register(register) => account::register(&place, register, output).await,
        Command::Login(login) => account::log_in(&place, login, output).await,
        Command::Whoami { qr } => account::whoami(&place, qr, output).await,
        Command::Relay { link } => account::relay(&place, link, output).await,
        Command::Settings(settings) => account::settings(&place, settings, output).await,
        Command::Users { prefix } => people::users(&place, prefix, output).await,
        Command::Contacts => people::contacts(&place, output).await,
        Command::Add { who } => people::add(&place, &who, output).await,
        Command::Rename { user, alias } => people::rename(&place, &user, alias, output).await,
        Command::Accept { user } => people::accept(&place, &user, output).await,
        Command::Decline { user, block } => people::decline(&place, &user, block, output).await,
        Command::Block { user } => people::block(&place, &user, true, output).await,
        Command::Unblock { user } => people::block(&place, &user, false, output).await,
        Command::Remove { user, with_history } => {
            people::remove(&place, &user, with_history, output).await
        }
        Command::Verify(verify) => people::verify(&place, verify, output).await,
        Command::Send(send) => messages::send(&place, send, output).await,
        Command::Edit { user, message, text } => {
            messages::edit(&place, &user, &message, &text, output).await
        }
        Command::Delete { user, message } => {
            messages::delete(&place, &user, &message, output).await
        }
        Command::React { user, message, emoji } => {
            messages::react(&place, &user, &message, emoji.as_deref(), output).await
        }
        Command::Retry { user, message } => messages::retry(&place, &user, &message, output).await,
        Command::Timer { user, seconds } => messages::timer(&place, &user, seconds, output).await,
        Command::Inbox => messages::inbox(&place, output).await,
        Command::Read(read) => messages::read(&place, read, output).await,
        Command::Save { user, message, to } => {
            messages::save(&place, &user, &message, &to, output).await
        }
        Command::Search { query, user, limit } => {
            messages::search(&place, &query, user.as_deref(), limit, output).await
        }
        Command::Export(export) => messages::export(&place, export, output).await,
        Command::Chat { user } => chat::chat(&place, &user, output).await,
        Command::Listen(listen) => listen::listen(&place, listen, output).await,
        Command::Completions { shell } => manual::completions(shell, output),
        Command::Man { folder } => manual::pages(&folder, output),
    }
}
