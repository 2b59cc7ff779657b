//! Metrics and health over HTTP, for Prometheus and for whoever restarts relays.
//!
//! It is read-only, has no login and belongs on loopback; the configuration sees to that.

use std::sync::{Arc, Weak};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    Relay,
    metrics::{EXPOSITION_TYPE, exposition},
};

/// What the pages are made of.
#[derive(Clone)]
struct Pages {
    relay: Weak<Relay>,
    registry: Arc<Registry>,
}

/// Serves `/metrics` and `/healthz` until `closing` is cancelled.
pub async fn serve(
    listener: TcpListener,
    relay: Weak<Relay>,
    registry: Registry,
    closing: CancellationToken,
) {
    let pages = Pages { relay, registry: Arc::new(registry) };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(pages);
    let server = async { axum::serve(listener, router).await };
    if let Some(Err(error)) = closing.run_until_cancelled(server).await {
        error!(%error, "metrics and health are no longer served");
    }
}

async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    match exposition(&pages.registry) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, EXPOSITION_TYPE)], text)),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Well is: new connections are admitted and the database answers.
async fn health(State(pages): State<Pages>) -> (StatusCode, &'static str) {
    let unwell = |why| (StatusCode::SERVICE_UNAVAILABLE, why);
    let Some(relay) = pages.relay.upgrade() else { return unwell("shutting down\n") };
    if relay.is_stopped() {
        return unwell("stopped by its operator\n");
    }
    if !relay.is_accepting() {
        return unwell("not accepting connections\n");
    }
    match relay.store().census().await {
        Ok(_) => (StatusCode::OK, "ok\n"),
        Err(_) => unwell("the database does not answer\n"),
    }
}
