//! A relay inside the test, over a store in memory: for what a process does not let one see or set.

use std::sync::Arc;

use sotto_proto::link::RelayLink;
use sotto_relay::{
    Relay,
    config::{Config, Http},
    metrics::Metrics,
    store::{Store, memory::MemoryStore},
    tls::RelayIdentity,
};
use tempfile::TempDir;

/// A relay; dropping it ends it at once.
pub struct InnerRelay {
    folder: TempDir,
    store: Arc<dyn Store>,
    link: RelayLink,
    /// What it has counted.
    pub metrics: Metrics,
    running: Option<Relay>,
}

impl InnerRelay {
    /// A new one with the default settings.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let config = Config::default();
        let (running, metrics) = spawn(&folder, &store, config, 0).await;
        let link = running.link().clone();
        Self { folder, store, link, metrics, running: Some(running) }
    }

    /// Its link.
    pub const fn link(&self) -> &RelayLink {
        &self.link
    }

    /// Starts it again with other settings, on the same port, store and key.
    pub async fn restart(&mut self, config: Config) {
        self.running = None;
        let (running, metrics) = spawn(&self.folder, &self.store, config, self.link.at.port).await;
        (self.running, self.metrics) = (Some(running), metrics);
    }
}

async fn spawn(
    folder: &TempDir,
    store: &Arc<dyn Store>,
    mut config: Config,
    port: u16,
) -> (Relay, Metrics) {
    config.data = folder.path().to_owned();
    config.listen = ([127, 0, 0, 1], port).into();
    config.http = Http::Off;
    let identity = RelayIdentity::open_or_make(&config).unwrap();
    let metrics = Metrics::default();
    loop {
        // The endpoint of a relay that was dropped ends a moment later.
        let blobs = config.data.join("blobs");
        let spawning =
            Relay::spawn(config.clone(), Arc::clone(store), &identity, metrics.clone(), blobs);
        match spawning.await {
            Err(sotto_relay::SpawnError::PortTaken(_)) => tokio::task::yield_now().await,
            spawned => return (spawned.unwrap(), metrics),
        }
    }
}
