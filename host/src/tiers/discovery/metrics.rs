//! What discovery counts, in Prometheus' format. Labels are kinds of objects and kinds of failures: their number is
//! bounded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use weir_kube::watch::{WatchState, WatchStatus};

use super::{Shared, Slot};

/// Shows the figures of whichever discovery there is whenever somebody asks for metrics.
pub(crate) struct DiscoveryMetrics(pub(crate) Slot);

impl fmt::Debug for DiscoveryMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiscoveryMetrics")
    }
}

/// A name, what it means, and the figure of one watch. Those of one kind in several namespaces are added up.
type Row = (&'static str, &'static str, fn(&WatchStatus) -> u64);

const COUNTERS: [Row; 4] = [
    ("events", "Events that have come", |w| w.events),
    ("reconnects", "Watches that were opened after the first", |w| w.reconnects),
    ("relists", "Lists that were read after the first", |w| w.relists),
    ("skipped", "Objects that could not be read and were skipped", |w| w.skipped),
];

const GAUGES: [Row; 2] = [
    ("objects", "Objects that are known", |w| w.objects as u64),
    ("watching", "Watches that are up to date", |w| u64::from(w.state == WatchState::Watching)),
];

impl Collector for DiscoveryMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(discovery) = self.0.load_full() else { return Ok(()) };
        let encoder = &mut encoder;
        let watches = discovery.shared.watches.status();
        for (name, help, of) in COUNTERS {
            family(encoder, name, help, by_resource(&watches, of).map(|(label, sum)| (label, ConstCounter::new(sum))))?;
        }
        for (name, help, of) in GAUGES {
            let gauges = by_resource(&watches, of).map(|(label, sum)| (label, ConstGauge::new(signed(sum))));
            family(encoder, name, help, gauges)?;
        }
        let failures = failures(&watches).map(|(labels, sum)| (labels, ConstCounter::new(sum)));
        family(encoder, "failures", "Times that the API server could not be followed", failures)?;
        whole(encoder, &discovery.shared)
    }
}

/// What is not of one kind.
fn whole(encoder: &mut DescriptorEncoder, shared: &Shared) -> fmt::Result {
    let age = ConstGauge::new(shared.watches.age().as_secs_f64());
    one(encoder, "age_seconds", "How long ago the watch that has waited longest heard the API server", &age)?;
    let changes = ConstCounter::new(shared.changes.load(Ordering::Relaxed));
    one(encoder, "changes", "Changes that the data plane took over", &changes)?;
    let refused = ConstCounter::new(shared.failures.load(Ordering::Relaxed));
    one(encoder, "refused", "Changes that the data plane could not take over", &refused)?;
    let counts = {
        let told = shared.told.lock();
        [told.found.models.len(), told.found.collisions.len(), told.found.problems.len()]
    };
    let gauges = [
        ("complete", "Whether the first picture of the cluster is complete", usize::from(shared.watches.is_complete())),
        ("models", "Models that were found", counts[0]),
        ("collisions", "Names that more than one object wants", counts[1]),
        ("problems", "Objects that cannot be served as they say", counts[2]),
    ];
    gauges
        .into_iter()
        .try_for_each(|(name, help, count)| one(encoder, name, help, &ConstGauge::new(signed(count as u64))))
}

fn one(encoder: &mut DescriptorEncoder, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
    let name = format!("weir_discovery_{name}");
    metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)
}

/// A series for each set of labels.
fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (L, M)>,
) -> fmt::Result {
    let mut series = series.peekable();
    let Some((_, first)) = series.peek() else { return Ok(()) };
    let name = format!("weir_discovery_{name}");
    let mut family = encoder.encode_descriptor(&name, help, None, first.metric_type())?;
    series.try_for_each(|(labels, metric)| metric.encode(family.encode_family(&labels)?))
}

fn by_resource(
    watches: &[WatchStatus],
    of: fn(&WatchStatus) -> u64,
) -> impl Iterator<Item = ([(&'static str, String); 1], u64)> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for watch in watches {
        *sums.entry(watch.resource.clone()).or_default() += of(watch);
    }
    sums.into_iter().map(|(resource, sum)| ([("resource", resource)], sum))
}

fn failures(watches: &[WatchStatus]) -> impl Iterator<Item = ([(&'static str, String); 2], u64)> {
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    for watch in watches {
        for (kind, count) in &watch.failures {
            *sums.entry((watch.resource.clone(), kind.as_str().to_owned())).or_default() += count;
        }
    }
    sums.into_iter().map(|((resource, kind), sum)| ([("resource", resource), ("kind", kind)], sum))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
