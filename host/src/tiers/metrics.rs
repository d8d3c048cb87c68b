//! What tier one counts, in Prometheus' format.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use weir_edge::{Edge, EdgeStats};

/// Shows an edge's counters whenever somebody asks for metrics.
pub(crate) struct EdgeMetrics(pub(crate) Edge);

impl std::fmt::Debug for EdgeMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EdgeMetrics")
    }
}

/// A name, what it means, and where the figure is.
type Row = (&'static str, &'static str, fn(&EdgeStats) -> &AtomicU64);

const COUNTERS: [Row; 14] = [
    ("requests", "Requests that came in, health checks not included", |s| &s.requests),
    ("overloaded", "Requests refused since there was no room", |s| &s.overloaded),
    ("client_gone", "Requests whose client left before the end", |s| &s.client_gone),
    ("aborted", "Answers that were broken off with an error", |s| &s.aborted),
    ("instances_created", "Instances of the chain that were made", |s| &s.instances_created),
    ("instances_failed", "Instances that could not be made", |s| &s.instances_failed),
    ("instances_trapped", "Instances that ended in a trap", |s| &s.instances_trapped),
    ("instances_over_deadline", "Instances killed for computing too long", |s| &s.instances_over_deadline),
    ("request_bytes", "Bytes of request bodies", |s| &s.bytes_in),
    ("response_bytes", "Bytes of response bodies", |s| &s.bytes_out),
    ("calls", "Calls that components made", |s| &s.outbound),
    ("calls_denied", "Calls to a destination that is not configured", |s| &s.outbound_denied),
    ("calls_cancelled", "Calls cancelled since the client had left or been refused", |s| &s.outbound_cancelled),
    ("component_lines_dropped", "Lines that components printed and that are not in the log", |s| {
        &s.guest_lines_dropped
    }),
];

const GAUGES: [Row; 3] = [
    ("requests_in_flight", "Requests whose answer is not at its end", |s| &s.in_flight),
    ("requests_waiting", "Requests that wait for an instance", |s| &s.queued),
    ("instances", "Instances of the chain", |s| &s.instances_live),
];

impl Collector for EdgeMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let stats = self.0.stats();
        let read = |of: fn(&EdgeStats) -> &AtomicU64| of(stats).load(Ordering::Relaxed);
        for (name, help, of) in COUNTERS {
            let counter = ConstCounter::new(read(of));
            let name = format!("weir_edge_{name}");
            let metric = encoder.encode_descriptor(&name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        for (name, help, of) in GAUGES {
            let gauge = ConstGauge::new(i64::try_from(read(of)).unwrap_or(i64::MAX));
            let name = format!("weir_edge_{name}");
            let metric = encoder.encode_descriptor(&name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
