//! `sotto-relay serve`: everything around a running relay: logging, the data folder, metrics,
//! the control socket, signals.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use rustix::{fs::Mode, process::umask};
use sotto_relay::{
    Relay,
    config::{Config, DEFAULT_HTTP, Flags, Http, LogFormat, LogLevel},
    control::{self, Console, SetLog},
    http,
    metrics::Metrics,
    store::rocks::RocksStore,
    tls::{self, RelayIdentity},
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use tracing_subscriber::{EnvFilter, reload};

use super::{Failure, runtime, stdout_is_terminal};
use crate::qr;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Print no QR code, even on a terminal
    #[arg(long)]
    no_qr: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.flags)?;
    let set_log = start_log(&config);
    // Whatever is made from here on is its owner's alone.
    umask(Mode::RWXG | Mode::RWXO);
    let runtime = runtime()?;
    runtime.block_on(serve(config, set_log, !arguments.no_qr && stdout_is_terminal()))
}

/// Everything that ends with the relay.
struct Running {
    relay: Arc<Relay>,
    helpers: TaskTracker,
    closing: CancellationToken,
}

async fn serve(config: Config, set_log: SetLog, with_qr: bool) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Setup)?;
    let running = start(config, set_log).await?;
    announce(&running.relay, with_qr)?;
    tokio::select! {
        () = signals.next() => info!("a signal ends the relay"),
        () = running.closing.cancelled() => {}
    }
    tokio::select! {
        result = end(running) => result,
        () = signals.next() => Err(Failure::Impatient),
    }
}

async fn start(config: Config, set_log: SetLog) -> Result<Running, Failure> {
    let data = config.data.clone();
    tls::private_folder(&data)
        .map_err(|source| Failure::DataFolder { folder: data.clone(), source })?;
    let folder = control::chosen_database(&data).map_err(Failure::Setup)?;
    let blobs = control::blobs_beside(&folder);
    let store = Arc::new(open_store(folder).await?);
    let identity = RelayIdentity::open_or_make(&config)?;
    let pages = bind_http(config.http).await?;
    let metrics = Metrics::default();
    let registry = metrics.registry({
        let store = Arc::clone(&store);
        move || store.syncs()
    });
    let database = Arc::clone(&store);
    let relay = Relay::spawn(config, store, &identity, metrics.clone(), blobs).await?;
    let socket = control::listen(&data)?;

    let running = Running {
        relay: Arc::new(relay),
        helpers: TaskTracker::new(),
        closing: CancellationToken::new(),
    };
    if let Some(listener) = pages {
        let relay = Arc::downgrade(&running.relay);
        running.helpers.spawn(http::serve(listener, relay, registry, running.closing.clone()));
    }
    let started = Instant::now();
    let closing = running.closing.clone();
    let relay = Arc::downgrade(&running.relay);
    let console = Console { relay, database, set_log, metrics, data, started, closing };
    running.helpers.spawn(control::serve(socket, Arc::new(console)));
    info!(version = env!("CARGO_PKG_VERSION"), at = %running.relay.local_addr(), "the relay is ready");
    Ok(running)
}

async fn open_store(folder: PathBuf) -> Result<RocksStore, Failure> {
    let opened = tokio::task::spawn_blocking(move || RocksStore::open(&folder)).await;
    Ok(opened.map_err(|panic| Failure::Setup(io::Error::other(panic)))??)
}

/// The helpers first: they borrow the relay for the length of a command.
async fn end(running: Running) -> Result<(), Failure> {
    running.closing.cancel();
    running.helpers.close();
    running.helpers.wait().await;
    if let Some(relay) = Arc::into_inner(running.relay) {
        relay.shut_down().await?;
    }
    info!("the relay has ended in good order");
    Ok(())
}

/// Prints the link, a line of its own: whoever reads it may connect.
fn announce(relay: &Relay, with_qr: bool) -> Result<(), Failure> {
    let link = relay.link().to_string();
    let mut out = io::stdout().lock();
    if with_qr {
        writeln!(out, "{}", qr::half_blocks(&link)?)?;
    }
    writeln!(out, "{link}")?;
    out.flush()?;
    if relay.link().at.host == "localhost" {
        warn!("the link says localhost: set public_host to what others reach this machine by");
    }
    Ok(())
}

async fn bind_http(http: Http) -> Result<Option<TcpListener>, Failure> {
    match http {
        Http::Off => Ok(None),
        Http::At(address) => bind(address).await.map(Some),
        Http::Default => match bind(DEFAULT_HTTP).await {
            Ok(listener) => Ok(Some(listener)),
            Err(failure) => {
                warn!("metrics and health are off: {}", super::sentence(&failure));
                Ok(None)
            }
        },
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener =
        TcpListener::bind(address).await.map_err(|source| Failure::Http { address, source })?;
    if let Ok(at) = listener.local_addr() {
        info!(%at, "metrics and health are served");
    }
    Ok(listener)
}

/// What asks the program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Logs go to standard error; hands back what changes their level.
fn start_log(config: &Config) -> SetLog {
    let filter = EnvFilter::new(config.log_level.filter());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    let set: SetLog;
    match config.log_format {
        LogFormat::Text => {
            let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
            let log = log.with_ansi(is_terminal).with_filter_reloading();
            set = setter(log.reload_handle());
            log.init();
        }
        LogFormat::Journal => {
            let log = log.with_ansi(false).without_time().with_filter_reloading();
            set = setter(log.reload_handle());
            log.init();
        }
    }
    set
}

fn setter<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> SetLog {
    Box::new(move |level: LogLevel| {
        handle.reload(EnvFilter::new(level.filter())).map_err(|error| error.to_string())
    })
}
