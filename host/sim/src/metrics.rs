//! Prometheus metrics under the names that vLLM's V1 engine uses, so that what reads a vLLM reads a simulator.
//!
//! The names and the buckets are vLLM's (`vllm/v1/metrics/loggers.py`); so are the labels `model_name` and `engine`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::engine::{EngineParams, Load};

const FIRST_TOKEN_SECONDS: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];
const TOKEN_SECONDS: [f64; 19] =
    [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0];
const REQUEST_SECONDS: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model_name: String,
    engine: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishLabels {
    model_name: String,
    engine: String,
    finished_reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    model_name: String,
    engine: String,
    block_size: usize,
    num_gpu_blocks: usize,
    cache_dtype: &'static str,
    enable_prefix_caching: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoraLabels {
    max_lora: usize,
    running_lora_adapters: String,
    waiting_lora_adapters: String,
}

/// Buckets of 1, 2 and 5 times the powers of ten, up to `most`, as vLLM has for counts of tokens.
#[derive(Clone)]
struct TokenBuckets {
    most: usize,
}

impl MetricConstructor<Histogram> for TokenBuckets {
    fn new_metric(&self) -> Histogram {
        let powers = (0..9).map(|power| 10_u32.pow(power));
        let steps = powers.flat_map(|power| [1, 2, 5].map(|step| f64::from(step * power)));
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let most = self.most as f64;
        Histogram::new(steps.filter(move |step| *step <= most))
    }
}

/// All metrics of a simulator.
pub(crate) struct Metrics {
    registry: Registry,
    families: Families,
    lora: Family<LoraLabels, Gauge<f64, AtomicU64>>,
}

struct Families {
    running: Family<ModelLabels, Gauge>,
    waiting: Family<ModelLabels, Gauge>,
    cache_usage: Family<ModelLabels, Gauge<f64, AtomicU64>>,
    cache_config: Family<CacheLabels, Gauge>,
    cache_queries: Family<ModelLabels, Counter>,
    cache_hits: Family<ModelLabels, Counter>,
    preemptions: Family<ModelLabels, Counter>,
    prompt_tokens: Family<ModelLabels, Counter>,
    generation_tokens: Family<ModelLabels, Counter>,
    success: Family<FinishLabels, Counter>,
    first_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    inter_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    per_output_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    request_per_output_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    request: Family<ModelLabels, Histogram, fn() -> Histogram>,
    queue: Family<ModelLabels, Histogram, fn() -> Histogram>,
    prefill: Family<ModelLabels, Histogram, fn() -> Histogram>,
    decode: Family<ModelLabels, Histogram, fn() -> Histogram>,
    inference: Family<ModelLabels, Histogram, fn() -> Histogram>,
    request_prompt_tokens: Family<ModelLabels, Histogram, TokenBuckets>,
    request_generation_tokens: Family<ModelLabels, Histogram, TokenBuckets>,
}

/// The metrics of one model, ready to be counted on.
#[derive(Clone)]
pub(crate) struct ModelMetrics {
    running: Gauge,
    waiting: Gauge,
    cache_usage: Gauge<f64, AtomicU64>,
    pub(crate) cache_queries: Counter,
    pub(crate) cache_hits: Counter,
    pub(crate) preemptions: Counter,
    pub(crate) prompt_tokens: Counter,
    pub(crate) generation_tokens: Counter,
    success: Family<FinishLabels, Counter>,
    labels: ModelLabels,
    first_token: Histogram,
    inter_token: Histogram,
    per_output_token: Histogram,
    request_per_output_token: Histogram,
    request: Histogram,
    queue: Histogram,
    prefill: Histogram,
    decode: Histogram,
    inference: Histogram,
    request_prompt_tokens: Histogram,
    request_generation_tokens: Histogram,
}

/// When the things that are measured happened to one request, in the engine's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) arrived: Duration,
    pub(crate) admitted: Option<Duration>,
    pub(crate) first: Option<Duration>,
    pub(crate) last: Option<Duration>,
    pub(crate) prompt_tokens: usize,
    pub(crate) tokens: usize,
}

impl Metrics {
    pub(crate) fn new(max_model_len: usize) -> Self {
        let families = Families::new(max_model_len);
        let lora = Family::default();
        let mut registry = Registry::default();
        families.register(&mut registry);
        registry.register("vllm:lora_requests_info", "LoRA adapters that requests run with and wait for", lora.clone());
        Self { registry, families, lora }
    }

    /// The metrics of the model `name`, all there from the start.
    pub(crate) fn model(&self, name: &str, params: &EngineParams) -> ModelMetrics {
        let labels = ModelLabels { model_name: name.to_owned(), engine: "0".to_owned() };
        let cache = CacheLabels {
            model_name: name.to_owned(),
            engine: "0".to_owned(),
            block_size: params.block_size,
            num_gpu_blocks: params.kv_blocks,
            cache_dtype: "auto",
            enable_prefix_caching: "True",
        };
        self.families.cache_config.get_or_create(&cache).set(1);
        self.families.model(labels)
    }

    /// Sets the metric that tells which adapters are busy.
    pub(crate) fn set_adapters(
        &self,
        known: usize,
        running: &BTreeSet<Arc<str>>,
        waiting: &BTreeSet<Arc<str>>,
        now: f64,
    ) {
        let list = |names: &BTreeSet<Arc<str>>| names.iter().map(|name| &**name).collect::<Vec<_>>().join(",");
        let labels =
            LoraLabels { max_lora: known, running_lora_adapters: list(running), waiting_lora_adapters: list(waiting) };
        self.lora.clear();
        self.lora.get_or_create(&labels).set(now);
    }

    /// The exposition: OpenMetrics, or the older text format 0.0.4 for who does not ask for it.
    pub(crate) fn render(&self, open_metrics: bool) -> Result<String, std::fmt::Error> {
        let mut exposition = String::new();
        text::encode(&mut exposition, &self.registry)?;
        Ok(if open_metrics { exposition } else { plain_text(&exposition) })
    }
}

/// OpenMetrics as text format 0.0.4: counters are declared with their `_total`, and there is no end mark.
fn plain_text(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> =
        open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut plain = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let declared =
            line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")).and_then(|rest| rest.split_once(' '));
        match declared {
            Some((name, rest)) if counters.contains(name) => {
                plain.push_str(&line[..7]);
                plain.push_str(&format!("{name}_total {rest}"));
            }
            _ => plain.push_str(line),
        }
        plain.push('\n');
    }
    plain
}

impl Families {
    fn new(max_model_len: usize) -> Self {
        let tokens = TokenBuckets { most: max_model_len };
        Self {
            running: Family::default(),
            waiting: Family::default(),
            cache_usage: Family::default(),
            cache_config: Family::default(),
            cache_queries: Family::default(),
            cache_hits: Family::default(),
            preemptions: Family::default(),
            prompt_tokens: Family::default(),
            generation_tokens: Family::default(),
            success: Family::default(),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN_SECONDS)),
            inter_token: Family::new_with_constructor(|| Histogram::new(TOKEN_SECONDS)),
            per_output_token: Family::new_with_constructor(|| Histogram::new(TOKEN_SECONDS)),
            request_per_output_token: Family::new_with_constructor(|| Histogram::new(TOKEN_SECONDS)),
            request: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            queue: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            prefill: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            decode: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            inference: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            request_prompt_tokens: Family::new_with_constructor(tokens.clone()),
            request_generation_tokens: Family::new_with_constructor(tokens),
        }
    }

    fn register(&self, registry: &mut Registry) {
        let r = registry;
        r.register("vllm:num_requests_running", "Requests in the batch", self.running.clone());
        r.register("vllm:num_requests_waiting", "Requests in the queue", self.waiting.clone());
        r.register("vllm:kv_cache_usage_perc", "Share of the KV blocks in use, 1 is all", self.cache_usage.clone());
        r.register("vllm:cache_config_info", "How the KV cache is laid out", self.cache_config.clone());
        r.register(
            "vllm:prefix_cache_queries",
            "Prompt tokens looked up in the prefix cache",
            self.cache_queries.clone(),
        );
        r.register("vllm:prefix_cache_hits", "Prompt tokens found in the prefix cache", self.cache_hits.clone());
        r.register("vllm:num_preemptions", "Requests that had to give way", self.preemptions.clone());
        r.register("vllm:prompt_tokens", "Prompt tokens taken in", self.prompt_tokens.clone());
        r.register("vllm:generation_tokens", "Tokens produced", self.generation_tokens.clone());
        r.register("vllm:request_success", "Requests that ended, by reason", self.success.clone());
        r.register("vllm:time_to_first_token_seconds", "From arrival to the first token", self.first_token.clone());
        r.register("vllm:inter_token_latency_seconds", "From token to token", self.inter_token.clone());
        r.register(
            "vllm:time_per_output_token_seconds",
            "From token to token, under its old name",
            self.per_output_token.clone(),
        );
        r.register(
            "vllm:request_time_per_output_token_seconds",
            "Mean time from token to token, per request",
            self.request_per_output_token.clone(),
        );
        r.register("vllm:e2e_request_latency_seconds", "From arrival to the last token", self.request.clone());
        r.register("vllm:request_queue_time_seconds", "Time in the queue", self.queue.clone());
        r.register("vllm:request_prefill_time_seconds", "Time in the prefill", self.prefill.clone());
        r.register("vllm:request_decode_time_seconds", "From the first token to the last", self.decode.clone());
        r.register("vllm:request_inference_time_seconds", "Prefill and decode together", self.inference.clone());
        r.register("vllm:request_prompt_tokens", "Prompt tokens, per request", self.request_prompt_tokens.clone());
        r.register(
            "vllm:request_generation_tokens",
            "Tokens produced, per request",
            self.request_generation_tokens.clone(),
        );
    }

    fn model(&self, labels: ModelLabels) -> ModelMetrics {
        for finished_reason in ["stop", "length", "abort"] {
            // Made now, so that a reason that has not come up yet reads 0.
            self.success.get_or_create_owned(&finish_labels(&labels, finished_reason));
        }
        ModelMetrics {
            running: self.running.get_or_create(&labels).clone(),
            waiting: self.waiting.get_or_create(&labels).clone(),
            cache_usage: self.cache_usage.get_or_create(&labels).clone(),
            cache_queries: self.cache_queries.get_or_create(&labels).clone(),
            cache_hits: self.cache_hits.get_or_create(&labels).clone(),
            preemptions: self.preemptions.get_or_create(&labels).clone(),
            prompt_tokens: self.prompt_tokens.get_or_create(&labels).clone(),
            generation_tokens: self.generation_tokens.get_or_create(&labels).clone(),
            success: self.success.clone(),
            first_token: self.first_token.get_or_create(&labels).clone(),
            inter_token: self.inter_token.get_or_create(&labels).clone(),
            per_output_token: self.per_output_token.get_or_create(&labels).clone(),
            request_per_output_token: self.request_per_output_token.get_or_create(&labels).clone(),
            request: self.request.get_or_create(&labels).clone(),
            queue: self.queue.get_or_create(&labels).clone(),
            prefill: self.prefill.get_or_create(&labels).clone(),
            decode: self.decode.get_or_create(&labels).clone(),
            inference: self.inference.get_or_create(&labels).clone(),
            request_prompt_tokens: self.request_prompt_tokens.get_or_create(&labels).clone(),
            request_generation_tokens: self.request_generation_tokens.get_or_create(&labels).clone(),
            labels,
        }
    }
}

impl ModelMetrics {
    pub(crate) fn set_load(&self, load: Load) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.running.set(count(load.running));
        self.waiting.set(count(load.waiting));
        #[expect(clippy::cast_precision_loss, reason = "block counts are far below 2^52")]
        self.cache_usage.set(load.blocks_used as f64 / load.blocks_total.max(1) as f64);
    }

    /// A token was produced at `at`; `timeline` is as it was before.
    pub(crate) fn token(&self, timeline: &Timeline, at: Duration) {
        self.generation_tokens.inc();
        match timeline.last {
            None => self.first_token.observe(at.saturating_sub(timeline.arrived).as_secs_f64()),
            Some(last) => {
                let gap = at.saturating_sub(last).as_secs_f64();
                self.inter_token.observe(gap);
                self.per_output_token.observe(gap);
            }
        }
    }

    /// A request came to its end at `at`.
    pub(crate) fn finished(&self, timeline: &Timeline, at: Duration, reason: &'static str) {
        self.ended(reason);
        let seconds = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64();
        let admitted = timeline.admitted.unwrap_or(timeline.arrived);
        let first = timeline.first.unwrap_or(at);
        self.request.observe(seconds(timeline.arrived, at));
        self.queue.observe(seconds(timeline.arrived, admitted));
        self.prefill.observe(seconds(admitted, first));
        self.decode.observe(seconds(first, at));
        self.inference.observe(seconds(admitted, at));
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        {
            self.request_prompt_tokens.observe(timeline.prompt_tokens as f64);
            self.request_generation_tokens.observe(timeline.tokens as f64);
            if timeline.tokens > 1 {
                self.request_per_output_token.observe(seconds(first, at) / (timeline.tokens - 1) as f64);
            }
        }
    }

    /// A request was given up by its client, or broken off.
    pub(crate) fn aborted(&self) {
        self.ended("abort");
    }

    fn ended(&self, reason: &'static str) {
        self.success.get_or_create(&finish_labels(&self.labels, reason)).inc();
    }
}

fn finish_labels(labels: &ModelLabels, finished_reason: &'static str) -> FinishLabels {
    FinishLabels { model_name: labels.model_name.clone(), engine: labels.engine.clone(), finished_reason }
}
