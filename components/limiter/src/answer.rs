//! What the client is told: how much is left, and why not.

use std::time::Duration;

use weir_core::config::LimitUnit;
use weir_core::control::{Deny, DenyScope, LimitState};
use weir_core::error::{Rendered, render};
use weir_core::header::DENIED;
use weir_core::{Dialect, ErrorKind, GatewayError, UnixMillis};

use crate::time_text::{go_duration, rfc3339};

/// A header of an answer.
pub type Header = (&'static str, String);

/// The headers that say how much is left of the tightest limit of each kind.
///
/// In Anthropic's dialect `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`,
/// the reset as a time (RFC 3339); in every other `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` as OpenAI
/// names them, the reset as a length of time such as `6m0s`, and `tokens` for the tightest of all limits on tokens.
#[must_use]
pub fn rate_limit_headers(dialect: Dialect, limits: &[LimitState], now: UnixMillis) -> Vec<Header> {
    let mut headers = Vec::new();
    for set in if dialect == Dialect::AnthropicMessages { ANTHROPIC } else { OPENAI } {
        // They come with the tightest first.
        let Some(state) = limits.iter().find(|state| set.units.contains(&state.unit)) else {
            continue;
        };
        let reset = match dialect {
            Dialect::AnthropicMessages => rfc3339(now.after(state.reset)),
            _ => go_duration(state.reset),
        };
        headers.push((set.limit, state.limit.to_string()));
        headers.push((set.remaining, state.remaining.to_string()));
        headers.push((set.reset, reset));
    }
    headers
}

/// The answer for a request that there is no room for. `x-weir-denied` tells the router whose limit it was.
#[must_use]
pub fn denial(dialect: Dialect, deny: &Deny, now: UnixMillis) -> Rendered {
    let mut answer = render(dialect, &error(deny));
    if deny.never {
        // The SDKs of OpenAI and Anthropic read it; without it they send a hopeless request three times.
        answer.headers.push(("x-should-retry", "false".to_owned()));
    }
    answer.headers.push((DENIED, deny.scope.name().to_owned()));
    answer.headers.extend(rate_limit_headers(dialect, &deny.limits, now));
    answer
}

fn error(deny: &Deny) -> GatewayError {
    let Deny { scope, limit, retry_after, never, .. } = deny;
    let state = deny.limits.iter().find(|state| state.name == *limit);
    if *never {
        let size = state.map_or_else(String::new, |state| format!(" of {} {}", state.limit, unit(state.unit)));
        let message = format!(
            "the request could need more than the limit `{limit}`{size} allows at all, so waiting will not help: \
             shorten the prompt, or ask for fewer output tokens"
        );
        return GatewayError::new(ErrorKind::RateLimited, message);
    }
    let wait = Duration::from(*retry_after);
    let seconds = retry_after.0.div_ceil(1_000);
    match scope {
        DenyScope::Caller => {
            let left = state.map_or_else(String::new, |state| {
                format!(": {} of {} {} are left", state.remaining, state.limit, unit(state.unit))
            });
            let message =
                format!("the limit `{limit}` does not allow this request now{left}; try again in {seconds} s");
            GatewayError::new(ErrorKind::RateLimited, message).with_retry_after(wait)
        }
        DenyScope::Backends => {
            let message = format!("every backend of this model is at its limit; try again in {seconds} s");
            GatewayError::new(ErrorKind::BackendsUnavailable, message).with_retry_after(wait)
        }
    }
}

fn unit(unit: LimitUnit) -> &'static str {
    match unit {
        LimitUnit::Requests => "requests",
        LimitUnit::InputTokens => "input tokens",
        LimitUnit::OutputTokens => "output tokens",
        LimitUnit::TotalTokens => "tokens",
    }
}

struct Set {
    units: &'static [LimitUnit],
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

const OPENAI: &[Set] = &[
    Set {
        units: &[LimitUnit::Requests],
        limit: "x-ratelimit-limit-requests",
        remaining: "x-ratelimit-remaining-requests",
        reset: "x-ratelimit-reset-requests",
    },
    Set {
        units: &[LimitUnit::TotalTokens, LimitUnit::InputTokens, LimitUnit::OutputTokens],
        limit: "x-ratelimit-limit-tokens",
        remaining: "x-ratelimit-remaining-tokens",
        reset: "x-ratelimit-reset-tokens",
    },
];

const ANTHROPIC: &[Set] = &[
    Set {
        units: &[LimitUnit::Requests],
        limit: "anthropic-ratelimit-requests-limit",
        remaining: "anthropic-ratelimit-requests-remaining",
        reset: "anthropic-ratelimit-requests-reset",
    },
    Set {
        units: &[LimitUnit::TotalTokens],
        limit: "anthropic-ratelimit-tokens-limit",
        remaining: "anthropic-ratelimit-tokens-remaining",
        reset: "anthropic-ratelimit-tokens-reset",
    },
    Set {
        units: &[LimitUnit::InputTokens],
        limit: "anthropic-ratelimit-input-tokens-limit",
        remaining: "anthropic-ratelimit-input-tokens-remaining",
        reset: "anthropic-ratelimit-input-tokens-reset",
    },
    Set {
        units: &[LimitUnit::OutputTokens],
        limit: "anthropic-ratelimit-output-tokens-limit",
        remaining: "anthropic-ratelimit-output-tokens-remaining",
        reset: "anthropic-ratelimit-output-tokens-reset",
    },
];

#[cfg(test)]
mod tests {
    use weir_core::Millis;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn state(name: &str, unit: LimitUnit, remaining: u64) -> LimitState {
        LimitState { name: name.into(), unit, limit: 100, remaining, reset: Millis(360_000) }
    }

    fn deny(scope: DenyScope, never: bool) -> Deny {
        let limits = vec![state("rpm", LimitUnit::Requests, 0), state("tpm", LimitUnit::InputTokens, 7)];
        Deny { scope, limit: "rpm".into(), retry_after: Millis(1_200), never, limits }
    }

    fn text(answer: &Rendered) -> String {
        String::from_utf8(answer.body.clone()).unwrap()
    }

    fn has(answer: &Rendered, name: &'static str, value: &str) -> bool {
        answer.headers.contains(&(name, value.to_owned()))
    }

    #[test]
    fn openai_sees_its_own_headers() {
        let answer = denial(Dialect::OpenaiChat, &deny(DenyScope::Caller, false), NOW);
        assert_eq!(answer.status, 429);
        assert!(text(&answer).contains("rate_limit_error") && text(&answer).contains("0 of 100 requests"));
        assert!(has(&answer, "retry-after", "2") && has(&answer, "x-weir-denied", "caller"));
        assert!(has(&answer, "x-ratelimit-limit-requests", "100"));
        assert!(has(&answer, "x-ratelimit-remaining-tokens", "7"));
        assert!(has(&answer, "x-ratelimit-reset-requests", "6m0s"));
    }

    #[test]
    fn anthropic_sees_its_own_headers() {
        let answer = denial(Dialect::AnthropicMessages, &deny(DenyScope::Caller, false), NOW);
        assert!(has(&answer, "anthropic-ratelimit-requests-reset", "2026-09-21T14:19:20Z"), "{:?}", answer.headers);
        assert!(has(&answer, "anthropic-ratelimit-input-tokens-remaining", "7"));
        assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("x-ratelimit")));
    }

    #[test]
    fn who_can_never_fit_is_told_so_and_not_to_retry() {
        let answer = denial(Dialect::OpenaiChat, &deny(DenyScope::Caller, true), NOW);
        assert_eq!(answer.status, 429);
        assert!(text(&answer).contains("waiting will not help"));
        assert!(has(&answer, "x-should-retry", "false"));
        assert!(!answer.headers.iter().any(|(name, _)| *name == "retry-after"));
    }

    #[test]
    fn spent_backends_are_the_gateways_fault() {
        let answer = denial(Dialect::OpenaiChat, &deny(DenyScope::Backends, false), NOW);
        assert_eq!(answer.status, 503);
        assert!(has(&answer, "x-weir-denied", "backends") && has(&answer, "retry-after", "2"));
    }
}
