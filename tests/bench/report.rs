//! The figures, as a table for people and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use weir_tests::weir::Built;

use crate::load::{Latency, Open, PerChunk, Throughput};
use crate::process::Memory;
use crate::scene::Way;

/// All that is measured of one way.
pub(crate) struct Measured {
    pub(crate) idle: Memory,
    pub(crate) latency: Latency,
    pub(crate) throughput: Throughput,
    pub(crate) chunks: PerChunk,
    pub(crate) loaded: Memory,
    pub(crate) open: Open,
}

/// What stands above a table.
const HEAD: &str = "| way | p50 | p99 | added p50 | added p99 | × direct p50 | req/s | req/core-s | chunk (CPU) | idle MiB | loaded MiB | KiB/open stream |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|---|\n";

/// The report of one run.
pub(crate) struct Report {
    table: String,
    rows: Vec<Value>,
    direct: Option<Latency>,
    /// What each way adds to a direct call's median.
    added: Vec<(Way, Duration)>,
    sizes: Vec<(String, u64)>,
}

impl Report {
    pub(crate) fn new(built: &Built) -> Self {
        let parts = ["auth", "router", "limiter", "translator", "gateway"];
        let sizes = parts.iter().map(|part| {
            let file = built.components.join(format!("{part}.wasm"));
            ((*part).to_owned(), file.metadata().map_or(0, |m| m.len()))
        });
        Self { table: HEAD.to_owned(), rows: Vec::new(), direct: None, added: Vec::new(), sizes: sizes.collect() }
    }

    /// Begins another table, whose first way is what the others are compared with.
    pub(crate) fn section(&mut self, title: &str) {
        if self.rows.is_empty() {
            self.table.clear();
        }
        let _ = write!(self.table, "\n{title}:\n\n{HEAD}");
        self.direct = None;
    }

    pub(crate) fn add(&mut self, way: Way, measured: &Measured) {
        let Measured { idle, latency, throughput, chunks, loaded, open } = measured;
        let direct = *self.direct.get_or_insert(*latency);
        self.added.push((way, latency.p50.saturating_sub(direct.p50)));
        let ratio = latency.p50.as_secs_f64() / direct.p50.as_secs_f64();
        let _ = writeln!(
            self.table,
            "| {} | {} | {} | {} | {} | {ratio:.2} | {:.0} | {:.0} | {:.2} µs | {:.1} | {:.1} | {:.1} ({}: {:.0} MiB) |",
            way.name(),
            millis(latency.p50),
            millis(latency.p99),
            millis(latency.p50.saturating_sub(direct.p50)),
            millis(latency.p99.saturating_sub(direct.p99)),
            throughput.per_second,
            throughput.per_core_second,
            micros(chunks.processor),
            idle.mib(),
            loaded.mib(),
            open.bytes_each as f64 / 1024.0,
            open.streams,
            open.peak.mib(),
        );
        self.rows.push(json!({
            "way": way.name(),
            "p50_us": micros(latency.p50), "p99_us": micros(latency.p99), "ratio_p50": ratio,
            "requests_per_second": throughput.per_second, "requests_per_core_second": throughput.per_core_second,
            "chunk_processor_us": micros(chunks.processor), "chunk_wall_us": micros(chunks.wall),
            "idle_mib": idle.mib(), "loaded_mib": loaded.mib(),
            "open_streams": open.streams, "open_stream_bytes": open.bytes_each, "open_mib": open.peak.mib(),
        }));
    }

    /// How much of what `chain` adds to a call `fused` adds.
    fn share(&self, fused: Way, chain: Way) -> Option<(&'static str, f64)> {
        let added = |way| self.added.iter().find(|(known, _)| *known == way).map(|(_, added)| added.as_secs_f64());
        Some((fused.name(), added(fused)? / added(chain)?))
    }

    pub(crate) fn write(&self) {
        println!("\n{}", self.table);
        for (part, bytes) in &self.sizes {
            println!("{part}.wasm: {} KiB", bytes / 1024);
        }
        let fused = [(Way::Fused, Way::TierOne), (Way::FusedWithControl, Way::TierOneWithControl)];
        let fused: Vec<_> = fused.iter().filter_map(|(fused, chain)| self.share(*fused, *chain)).collect();
        for (way, share) in &fused {
            println!("{way}: {:.0} % of what the chain of four adds", share * 100.0);
        }
        let folder = std::path::Path::new("target/report");
        let report = json!({"ways": self.rows, "fused_share_of_added_p50": fused, "component_bytes": self.sizes});
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join("bench.json"), format!("{report:#}\n")))
            .and_then(|()| std::fs::write(folder.join("bench.md"), &self.table));
        match written {
            Ok(()) => println!("\nwritten to {}", folder.display()),
            Err(error) => eprintln!("the report cannot be written: {error}"),
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}
