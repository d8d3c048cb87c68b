//! The command line of the simulator; each flag is defined once, here.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser};

use crate::engine::EngineParams;

/// What `--help` says after the flags.
const DIRECTIVES: &str = "\
This is a simulator: it makes up its words and says so (system_fingerprint, owned_by, often the answer itself).
It is for demos, tests and load; nothing it says means anything.

One request can ask for a behaviour of its own, by directives anywhere in its last user message (or prompt):

  [[sim:tokens=50]]      answer with exactly 50 tokens (max_tokens still applies)
  [[sim:echo]]           answer with the message itself, directives taken out
  [[sim:reasoning=20]]   think for 20 tokens first (reasoning_content)
  [[sim:ttft=2s]]        take 2 s to the first token        [[sim:tpot=100ms]]  ... and 100 ms to each further one
  [[sim:fail=500]]       answer with this status (400-599) and no tokens
  [[sim:error=3]]        an error event inside the stream, after 3 tokens
  [[sim:cut=3]]          break the connection off after 3 tokens
  [[sim:hang]]           never answer                       [[sim:hang=3]]      ... or fall silent after 3 tokens

Tools are called when tool_choice asks for it, or when the last user message says a tool's name or \"use the tool\".
Four characters count as one token. The same request gets the same answer, from any simulator with the same --seed.";

/// An OpenAI-compatible model server that makes up its answers and behaves like vLLM: a queue, batching, KV blocks, a
/// prefix cache, its metrics.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DIRECTIVES)]
pub struct SimOptions {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "ADDR")]
    pub listen: SocketAddr,

    /// Name of a model to serve. Repeat it for several; each gets an engine of its own, of the size that the flags say
    #[arg(long = "model", default_value = "sim", value_name = "NAME")]
    pub models: Vec<String>,

    /// Name of a LoRA adapter, served by the first model's engine; repeatable
    #[arg(long = "lora", value_name = "NAME")]
    pub adapters: Vec<String>,

    /// Time from the end of the prefill to the first token
    #[arg(long, default_value = "50ms", value_name = "TIME", value_parser = parse_time)]
    pub ttft: Duration,

    /// Time per output token while a request runs alone; 0ms is as fast as the machine can
    #[arg(long, default_value = "10ms", value_name = "TIME", value_parser = parse_time)]
    pub tpot: Duration,

    /// How far a single interval strays from its mean, as a fraction: 0.1 is ±10 %
    #[arg(long, default_value = "0.1", value_name = "0..1")]
    pub jitter: Fraction,

    /// How much slower a full batch is than a single request: 0.5 makes each token take half as long again
    #[arg(long, default_value = "0.5", value_name = "0..1")]
    pub batch_slowdown: Fraction,

    /// Prompt tokens that the prefill gets through in a second; cached ones cost nothing
    #[arg(long, default_value = "20000", value_name = "TOKENS")]
    pub prefill_tps: NonZeroU32,

    /// Requests that run at once; the others wait in the queue
    #[arg(long, default_value = "64", value_name = "N")]
    pub max_num_seqs: NonZeroUsize,

    /// Requests that may wait; one more is answered with 503
    #[arg(long, default_value = "1024", value_name = "N")]
    pub max_waiting: usize,

    /// KV cache blocks. When they run out, the youngest request is preempted and computed anew later
    #[arg(long, default_value = "4096", value_name = "N")]
    pub kv_blocks: NonZeroUsize,

    /// Tokens in a KV cache block
    #[arg(long, default_value = "16", value_name = "TOKENS")]
    pub block_size: NonZeroUsize,

    /// Longest prompt and answer together; the KV cache must hold at least one of them
    #[arg(long, default_value = "32768", value_name = "TOKENS")]
    pub max_model_len: NonZeroUsize,

    /// Dimensions of an embedding, where the request does not say
    #[arg(long, default_value = "384", value_name = "N")]
    pub embedding_dimensions: NonZeroU16,

    /// What all answers and all chance follow from
    #[arg(long, default_value = "0", value_name = "N")]
    pub seed: u64,

    /// Share of requests answered with 500
    #[arg(long, default_value = "0", value_name = "0..1")]
    pub fail_rate: Fraction,

    /// Share of answers broken off in the middle
    #[arg(long, default_value = "0", value_name = "0..1")]
    pub cut_rate: Fraction,

    /// Share of requests that are never answered
    #[arg(long, default_value = "0", value_name = "0..1")]
    pub hang_rate: Fraction,

    /// Ask for one of the keys in this file, one a line, as `authorization: Bearer KEY` on everything under /v1
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Be a model that is still loading: for this long after the start /health and every request are answered with 503
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = parse_time)]
    pub wake_delay: Duration,
}

impl Default for SimOptions {
    /// What the command line gives when it says nothing.
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            options: SimOptions,
        }
        Alone::parse_from(["sim"]).options
    }
}

impl SimOptions {
    /// The engine that these options describe.
    ///
    /// # Errors
    /// [`OptionsError`] where they contradict each other.
    pub fn engine(&self) -> Result<EngineParams, OptionsError> {
        let held = self.kv_blocks.get().saturating_mul(self.block_size.get());
        if held < self.max_model_len.get() {
            return Err(OptionsError::CacheTooSmall { held, max_model_len: self.max_model_len.get() });
        }
        Ok(EngineParams {
            max_num_seqs: self.max_num_seqs.get(),
            kv_blocks: self.kv_blocks.get(),
            block_size: self.block_size.get(),
            ttft: self.ttft,
            tpot: self.tpot,
            jitter: self.jitter.get(),
            prefill_rate: f64::from(self.prefill_tps.get()),
            batch_slowdown: self.batch_slowdown.get(),
            seed: self.seed,
        })
    }
}

/// Options that cannot hold together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionsError {
    /// One request of full length would not fit.
    #[error(
        "--kv-blocks times --block-size hold {held} tokens, but one request may have {max_model_len} (--max-model-len): \
         raise --kv-blocks or lower --max-model-len"
    )]
    CacheTooSmall {
        /// Tokens that the cache holds.
        held: usize,
        /// Tokens that one request may have.
        max_model_len: usize,
    },
    /// Two models or adapters of one name.
    #[error("the name {name:?} is given twice (--model, --lora)")]
    NameTwice {
        /// The name.
        name: String,
    },
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fraction(f64);

impl Fraction {
    /// The plain number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Fraction {
    type Error = NotAFraction;

    fn try_from(number: f64) -> Result<Self, NotAFraction> {
        if (0.0..=1.0).contains(&number) { Ok(Self(number)) } else { Err(NotAFraction) }
    }
}

impl FromStr for Fraction {
    type Err = NotAFraction;

    fn from_str(text: &str) -> Result<Self, NotAFraction> {
        text.parse::<f64>().map_err(|_| NotAFraction)?.try_into()
    }
}

/// Not a number from 0 to 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a number from 0 to 1")]
pub struct NotAFraction;

/// Reads `250us`, `50ms`, `1.5s` or `2m`; at most an hour.
///
/// # Errors
/// [`NotATime`] for anything else.
pub fn parse_time(text: &str) -> Result<Duration, NotATime> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds_per_unit = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(NotATime),
    };
    let seconds = number.parse::<f64>().map_err(|_| NotATime)? * seconds_per_unit;
    if seconds > 3600.0 {
        return Err(NotATime);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| NotATime)
}

/// Not a span of time as [`parse_time`] reads it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a time up to an hour, such as 250us, 50ms, 1.5s or 2m")]
pub struct NotATime;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_a_bound() {
        assert_eq!(parse_time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_time("0ms"), Ok(Duration::ZERO));
        for bad in ["", "50", "ms", "-1s", "61m", "1h", "1..5s", "s1"] {
            assert_eq!(parse_time(bad), Err(NotATime), "{bad}");
        }
    }

    #[test]
    fn fractions_are_within_their_bounds() {
        assert_eq!("0.25".parse::<Fraction>().unwrap().get(), 0.25);
        for bad in ["-0.1", "1.1", "NaN", "x"] {
            assert_eq!(bad.parse::<Fraction>(), Err(NotAFraction), "{bad}");
        }
    }

    #[test]
    fn a_cache_that_cannot_hold_one_request_is_refused() {
        assert!(SimOptions::default().engine().is_ok());
        let small = SimOptions { kv_blocks: NonZeroUsize::MIN, ..SimOptions::default() };
        assert_eq!(small.engine().unwrap_err(), OptionsError::CacheTooSmall { held: 16, max_model_len: 32768 });
    }
}
