//! What tier two promises of itself, each with what was measured: its memory, and how soon a change of the cluster is in
//! effect, and at what cost.

mod changes;
mod cluster;
mod streams;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use weir_tests::weir::Built;

use crate::Effort;
use cluster::Cluster;

/// How many streams are open at once.
const STREAMS: usize = 2_000;

/// Measures all of it, prints it as a table, and writes it to `target/report/`.
pub(crate) async fn measure(built: &Built, effort: &Effort) {
    let mut rows = Vec::new();
    eprintln!("measuring: open streams");
    let (idle, peak) = streams::memory(built, STREAMS).await;
    rows.push(Row::mib("tier two, idle", Some(60.0), idle));
    rows.push(Row::mib("tier two, 2 000 streams open", Some(300.0), peak));

    eprintln!("measuring: changes of a cluster");
    let cluster = Cluster::start(built).await;
    rows.push(Row::mib("1 000 services with 5 000 pods", Some(150.0), cluster.memory()));
    let effect = changes::one_by_one(&cluster, effort.changes).await;
    for (what, time) in [("p50", effect.p50), ("p99", effect.p99), ("longest", effect.longest)] {
        let what = format!("until a change is in effect, {what} of {}", effort.changes);
        rows.push(Row::millis(what, Some(100.0), time));
    }
    let processor = changes::processor_time(&cluster, effort.changes).await;
    rows.push(Row::millis("processor time of a change".into(), Some(20.0), processor));
    let load = changes::under_load(&cluster, 5 * effort.changes).await;
    let what = format!("failed of {} requests during {} changes", load.asked, 5 * effort.changes);
    rows.push(Row { what, most: Some(0.0), measured: load.failed as f64, unit: "" });
    rows.push(Row::millis("p99 of those requests, 4 at once".into(), None, load.p99));
    rows.push(Row::mib("the same cluster, the most after all that", Some(150.0), cluster.most_memory()));
    report(&rows);
}

/// One figure, and the most that it may be.
struct Row {
    what: String,
    most: Option<f64>,
    measured: f64,
    unit: &'static str,
}

impl Row {
    fn mib(what: &str, most: Option<f64>, memory: crate::process::Memory) -> Self {
        Self { what: what.to_owned(), most, measured: memory.mib(), unit: " MiB" }
    }

    fn millis(what: String, most: Option<f64>, time: Duration) -> Self {
        Self { what, most, measured: time.as_secs_f64() * 1e3, unit: " ms" }
    }

    fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.measured <= most)
    }
}

fn report(rows: &[Row]) {
    let mut table = String::from("| what | promised | measured | |\n|---|---|---|---|\n");
    for row in rows {
        let most = row.most.map_or(String::new(), |most| format!("≤ {most}{}", row.unit));
        let verdict = if row.holds() { "" } else { "**not held**" };
        let _ = writeln!(table, "| {} | {most} | {:.1}{} | {verdict} |", row.what, row.measured, row.unit);
    }
    println!("\nWhat tier two promises:\n\n{table}");
    let shown =
        |row: &Row| json!({"what": row.what, "most": row.most, "measured": row.measured, "unit": row.unit.trim()});
    let rows: Vec<_> = rows.iter().map(shown).collect();
    let folder = std::path::Path::new("target/report");
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join("promises.json"), format!("{:#}\n", json!(rows))))
        .and_then(|()| std::fs::write(folder.join("promises.md"), &table));
    if let Err(error) = written {
        eprintln!("the report cannot be written: {error}");
    }
}
