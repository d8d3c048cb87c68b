//! Series are bounded, forgotten, and documented.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::usage::Tokens;

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

fn call(tenant: &str) -> Finished<'_> {
    let tokens = Tokens { input: Some(10), output: Some(5) };
    let (took, first) = (Duration::from_millis(900), Some(Duration::from_millis(100)));
    Finished { operation: "chat", tenant, status: 200, took, first, tokens }
}

#[test]
fn a_model_that_is_gone_leaves_nothing_whatever_ends_later() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let before = text(&registry).lines().count();
    let model = metrics.of_model("llama");
    let endpoint = metrics.of_endpoint("http://a");
    endpoint.found(true);
    endpoint.work().answered.inc();
    model.ends().truncated.inc();
    model.finished(call("acme"));
    model.retried("timeout");
    model.hedged(true);
    assert!(text(&registry).contains(r#"gen_ai_request_model="llama",tenant="acme""#));
    assert!(text(&registry).contains(r#"weir_cluster_hedges_total{model="llama",answered="second"} 1"#));
    model.forget();
    endpoint.forget();
    endpoint.found(false);
    endpoint.work().failed.inc();
    model.ends().cancels.inc();
    model.finished(call("late"));
    model.finished(Finished { status: 500, ..call("acme") });
    model.retried("connect");
    model.hedged(false);
    assert_eq!(text(&registry).lines().count(), before, "{}", text(&registry));
}

#[test]
fn what_was_never_called_has_one_series() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let series = |registry: &Registry| {
        let text = text(registry);
        text.lines().filter(|line| line.contains("=\"idle\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (model, endpoint) = (metrics.of_model("idle"), metrics.of_endpoint("idle"));
    endpoint.found(true);
    let before =
        ["weir_cluster_endpoint_up{endpoint=\"idle\"} 1", "weir_cluster_queued{model=\"idle\"} 0"].map(String::from);
    assert_eq!(series(&registry), before);

    // Gone before it was ever called: a call that still comes makes none.
    endpoint.forget();
    model.forget();
    endpoint.work().in_flight.inc();
    model.ends().cancels.inc();
    assert_eq!(series(&registry), Vec::<String>::new());
}

#[test]
fn a_flood_of_tenants_ends_in_one_series_for_each_model() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let (one, two) = (metrics.of_model("one"), metrics.of_model("two"));
    for number in 0..PAIRS + 50 {
        one.finished(call(&format!("tenant-{number}")));
    }
    two.finished(call("acme"));
    let text = text(&registry);
    let count = |model: &str| {
        let line = format!(
            "gen_ai_server_request_duration_seconds_count{{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"weir\",\
             gen_ai_request_model=\"{model}\",tenant=\"other\"}}"
        );
        text.lines().find_map(|found| found.strip_prefix(&line)?.trim().parse::<u32>().ok())
    };
    assert_eq!((count("one"), count("two")), (Some(50), Some(1)));
}

#[test]
fn tokens_of_a_stream_are_timed_after_the_first() {
    let mut registry = Registry::default();
    Metrics::new(&mut registry).of_model("m").finished(call("acme"));
    let text = text(&registry);
    let sum = text.lines().find(|line| line.starts_with("gen_ai_server_time_per_output_token_seconds_sum")).unwrap();
    assert!(sum.ends_with(" 0.2"), "800 ms for four more: {sum}");
}

/// `docs/metrics.md` lists what is in the registry. Run with `WEIR_BLESS=1` to write it anew.
#[test]
fn the_page_about_metrics_lists_them_all() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    // A family without a series is not shown.
    let (model, endpoint) = (metrics.of_model("m"), metrics.of_endpoint("e"));
    endpoint.found(true);
    endpoint.work();
    model.ends();
    model.retried("timeout");
    model.hedged(true);
    model.finished(call("acme"));
    let mut page = String::from(PREAMBLE);
    let text = text(&registry);
    let all: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
    for line in all {
        let (name, help) = line.split_once(' ').unwrap();
        let kind = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap();
        let total = if kind == "counter" { "_total" } else { "" };
        page += &format!("| `{name}{total}` | {kind} | {} | {} |\n", labels_of(name), help.trim_end_matches('.'));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), page, "run again with WEIR_BLESS=1");
}

fn labels_of(name: &str) -> &'static str {
    match name.trim_start_matches("weir_cluster_") {
        "requests" => "`model`, `status`",
        "retries" => "`model`, `reason`",
        "hedges" => "`model`, `answered`",
        "attempts" => "`endpoint`, `outcome`",
        "in_flight" | "endpoint_up" | "ejections" => "`endpoint`",
        "queued" | "cancels" | "truncated" | "usage_unknown" => "`model`",
        "heartbeats" | "refused_calls" => "",
        "gen_ai_client_token_usage" => {
            "`gen_ai_operation_name`, `gen_ai_provider_name`, `gen_ai_request_model`, `gen_ai_token_type`, `tenant`"
        }
        _ => "`gen_ai_operation_name`, `gen_ai_provider_name`, `gen_ai_request_model`, `tenant`",
    }
}

const PREAMBLE: &str = "\
# Metrics of tier two's data plane

They are shown at `/metrics` of the control listener, in the OpenMetrics text format. A test writes this page from the
registry.

Names that begin with `gen_ai_` follow the conventions of OpenTelemetry for generative AI, in Prometheus' form: dots
become underscores, and the unit is the name's end. `gen_ai_request_model` is the model's own name, whatever alias a
request used; `gen_ai_provider_name` is always `weir`.

The number of series is bounded. Models and endpoints come from the configuration and from the cluster, never from a
request, and their series go with them. An endpoint that was not called yet has one, `weir_cluster_endpoint_up`, and a
model has `weir_cluster_queued`; the others begin with the first call. 500 pairs of a model and a tenant have series of
their own; the tenants of further pairs are counted together as `other`. Requests that name no model that is served have
the empty name.

Tokens are what the answers say: the `usage` of OpenAI's and Anthropic's answers and streams. What does not say it is
counted in `weir_cluster_usage_unknown_total`.

| name | kind | labels | what |
|---|---|---|---|
";
