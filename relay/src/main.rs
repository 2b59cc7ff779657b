//! `sotto-relay`: the relay's program.

use std::{process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use sotto_relay::{Relay, config::{Config, Flags}, metrics::Metrics, store::{Store, rocks::RocksStore}, tls::RelayIdentity};
use tokio::signal::unix::{SignalKind, signal};

/// A relay for private messages.
#[derive(Debug, Parser)]
#[command(name = "sotto-relay", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay
    Serve(Flags),
}

fn main() -> ExitCode {
    let Command::Serve(flags) = Arguments::parse().command;
    let runtime = match tokio::runtime::Runtime::new() { Ok(r) => r, Err(e) => { eprintln!("{e}"); return ExitCode::FAILURE } };
    match runtime.block_on(serve(flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => { eprintln!("sotto-relay: {error}"); ExitCode::FAILURE }
    }
}

async fn serve(flags: Flags) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(&flags)?;
    sotto_relay::tls::private_folder(&config.data)?;
    let store: Arc<dyn Store> = Arc::new(RocksStore::open(&config.data.join("database"))?);
    let identity = RelayIdentity::open_or_make(&config)?;
    let relay = Relay::spawn(config, store, &identity, Metrics::default()).await?;
    println!("{}", relay.link());
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
    relay.shut_down().await?;
    Ok(())
}
