//! What the relay counts, for Prometheus.
//!
//! A [`Metrics`] is handed to whoever counts; there are no globals. No label names a person, an
//! address or a key.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{
        MetricType, counter::ConstCounter, counter::Counter, family::Family, gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use sotto_proto::ErrorCode;

use crate::limits::Exceeded;

/// The counts of one relay. A clone counts into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Connections that are open.
    pub connections: Gauge,
    /// Devices that are logged in.
    pub devices_online: Gauge,
    /// Handshakes that completed or failed.
    pub handshakes: Family<ByOutcome, Counter>,
    /// Handshakes sent back to prove their address first.
    pub retries: Counter,
    /// Logins by device signature and by password.
    pub logins: Family<ByLogin, Counter>,
    /// Accounts registered.
    pub registrations: Counter,
    /// Requests refused, by code.
    pub refusals: Family<ByCode, Counter>,
    /// Envelopes accepted: durable, and not a repeat.
    pub envelopes_accepted: Counter,
    /// Envelopes that had been accepted before.
    pub envelopes_repeated: Counter,
    /// Envelopes refused, by code.
    pub envelopes_refused: Family<ByCode, Counter>,
    /// How many envelopes came in one submission.
    submission_envelopes: Histogram,
    /// Mailbox entries written to a device's stream.
    pub deliveries: Counter,
    /// Posts accepted: durable in a room's log, and not a repeat.
    pub posts_accepted: Counter,
    /// Entries of rooms' logs written to a device's stream.
    pub room_deliveries: Counter,
    /// Devices told that envelopes of theirs expired or came back.
    pub senders_told: Counter,
    /// Bundles handed out.
    pub claims: Counter,
    /// Bytes of blobs in and out.
    pub blob_bytes: Family<ByDirection, Counter>,
    /// Limits that were met.
    pub rate_limited: Family<ByLimit, Counter>,
}

/// Success or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It worked.
    Ok,
    /// It did not.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

/// How a connection logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Means {
    /// By a device's signature.
    Device,
    /// By password.
    Password,
}

impl Means {
    fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Password => "password",
        }
    }
}

/// Which way bytes go, as seen from the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From clients.
    In,
    /// To clients.
    Out,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The labels of a count by outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByOutcome {
    outcome: &'static str,
}

/// The labels of a count of logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByLogin {
    means: &'static str,
    outcome: &'static str,
}

/// The label of a count by error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByCode {
    code: u16,
}

/// The label of a count by direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByDirection {
    direction: &'static str,
}

/// The label of a count by limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByLimit {
    limit: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            devices_online: Gauge::default(),
            handshakes: Family::default(),
            retries: Counter::default(),
            logins: Family::default(),
            registrations: Counter::default(),
            refusals: Family::default(),
            envelopes_accepted: Counter::default(),
            envelopes_repeated: Counter::default(),
            envelopes_refused: Family::default(),
            submission_envelopes: Histogram::new([
                1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0,
            ]),
            deliveries: Counter::default(),
            posts_accepted: Counter::default(),
            room_deliveries: Counter::default(),
            senders_told: Counter::default(),
            claims: Counter::default(),
            blob_bytes: Family::default(),
            rate_limited: Family::default(),
        }
    }
}

impl Metrics {
    /// A handshake completed or failed.
    pub fn handshake(&self, outcome: Outcome) {
        self.handshakes.get_or_create(&ByOutcome { outcome: outcome.word() }).inc();
    }

    /// A login completed or failed.
    pub fn login(&self, means: Means, outcome: Outcome) {
        self.logins.get_or_create(&ByLogin { means: means.word(), outcome: outcome.word() }).inc();
    }

    /// A request was refused.
    pub fn refusal(&self, code: ErrorCode) {
        self.refusals.get_or_create(&ByCode { code: code.number() }).inc();
    }

    /// An envelope was refused.
    pub fn envelope_refused(&self, code: ErrorCode) {
        self.envelopes_refused.get_or_create(&ByCode { code: code.number() }).inc();
    }

    /// A submission of so many envelopes came.
    pub fn submission(&self, envelopes: usize) {
        // More than 2^32 would not fit a frame.
        self.submission_envelopes.observe(u32::try_from(envelopes).map_or(f64::MAX, f64::from));
    }

    /// Bytes of a blob went in or out.
    pub fn blob(&self, direction: Direction, bytes: u64) {
        self.blob_bytes.get_or_create(&ByDirection { direction: direction.word() }).inc_by(bytes);
    }

    /// A limit was met.
    pub fn limited(&self, exceeded: Exceeded) {
        self.rate_limited.get_or_create(&ByLimit { limit: exceeded.limit.word() }).inc();
    }

    /// All counts under names that start with `sotto_relay_`; `syncs` tells how many commits
    /// the store has synced.
    pub fn registry(&self, syncs: impl Fn() -> u64 + Send + Sync + 'static) -> Registry {
        let mut registry = Registry::with_prefix("sotto_relay");
        let r = &mut registry;
        r.register("connections", "Connections that are open", self.connections.clone());
        r.register("devices_online", "Devices that are logged in", self.devices_online.clone());
        r.register("handshakes", "Handshakes by outcome", self.handshakes.clone());
        r.register("retries", "Handshakes sent back by Retry", self.retries.clone());
        r.register("logins", "Logins by means and outcome", self.logins.clone());
        r.register("registrations", "Accounts registered", self.registrations.clone());
        r.register("refusals", "Requests refused, by error code", self.refusals.clone());
        self.register_mail(r);
        r.register("claims", "Bundles handed out", self.claims.clone());
        let blobs = self.blob_bytes.clone();
        r.register_with_unit("blob", "Bytes of blobs by direction", Unit::Bytes, blobs);
        r.register("rate_limited", "Limits that were met", self.rate_limited.clone());
        r.register_collector(Box::new(Syncs(Arc::new(syncs))));
        registry
    }

    fn register_mail(&self, r: &mut Registry) {
        let (accepted, repeated) = (&self.envelopes_accepted, &self.envelopes_repeated);
        r.register("envelopes_accepted", "Envelopes accepted and durable", accepted.clone());
        r.register("envelopes_repeated", "Envelopes accepted before", repeated.clone());
        let refused = self.envelopes_refused.clone();
        r.register("envelopes_refused", "Envelopes refused, by error code", refused);
        let submissions = self.submission_envelopes.clone();
        r.register("submission_envelopes", "Envelopes in one submission", submissions);
        r.register("deliveries", "Mailbox entries sent to devices", self.deliveries.clone());
        let posts = self.posts_accepted.clone();
        r.register("posts_accepted", "Posts to rooms accepted and durable", posts);
        let entries = self.room_deliveries.clone();
        r.register("room_deliveries", "Entries of rooms sent to devices", entries);
        let told = self.senders_told.clone();
        r.register("senders_told", "Devices told that their envelopes were not fetched", told);
    }
}

/// The registry's counts as Prometheus reads them.
pub fn exposition(registry: &Registry) -> Result<String, fmt::Error> {
    let mut out = String::new();
    text::encode(&mut out, registry)?;
    Ok(out)
}

/// The content type of [`exposition`].
pub const EXPOSITION_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Asks the store at each scrape.
struct Syncs(Arc<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for Syncs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Syncs")
    }
}

impl Collector for Syncs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Commits synced to disk; many envelopes share one";
        let metric = encoder.encode_descriptor("commits", help, None, MetricType::Counter)?;
        ConstCounter::new((self.0)()).encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limit;

    #[test]
    fn what_is_counted_is_exposed_under_its_name() {
        let metrics = Metrics::default();
        let registry = metrics.registry(|| 7);
        metrics.connections.inc();
        metrics.login(Means::Password, Outcome::Failed);
        metrics.envelope_refused(ErrorCode::MailboxFull);
        metrics.envelopes_accepted.inc_by(3);
        metrics.submission(3);
        metrics.blob(Direction::In, 4_096);
        metrics.limited(Exceeded { limit: Limit::Claims, retry_after_ms: 1 });
        let text = exposition(&registry).unwrap();
        for line in [
            "sotto_relay_connections 1",
            r#"sotto_relay_logins_total{means="password",outcome="failed"} 1"#,
            r#"sotto_relay_envelopes_refused_total{code="41302"} 1"#,
            "sotto_relay_envelopes_accepted_total 3",
            r#"sotto_relay_submission_envelopes_bucket{le="4.0"} 1"#,
            r#"sotto_relay_blob_bytes_total{direction="in"} 4096"#,
            r#"sotto_relay_rate_limited_total{limit="claims"} 1"#,
            "sotto_relay_commits_total 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
