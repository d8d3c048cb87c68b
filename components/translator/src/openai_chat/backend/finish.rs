//! Why an answer ended, in the words of all who speak chat completions.

use weir_core::{ErrorKind, GatewayError};

use crate::canonical::{Finish, ServiceTier};

/// What a finish reason means. `calls` says whether the answer calls tools: OpenAI says `stop` where a tool was forced.
///
/// # Errors
/// Where the reason is that the answer broke off.
pub(super) fn finish(reason: &str, sequence: Option<String>, calls: bool) -> Result<Finish, GatewayError> {
    Ok(match reason {
        "stop" | "eos" | "end_turn" | "COMPLETE" if calls => Finish::ToolCalls,
        "stop" if sequence.is_some() => Finish::StopSequence(sequence),
        "stop" | "eos" | "end_turn" | "COMPLETE" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence),
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => Finish::ToolCalls,
        "content_filter" | "safety" | "sensitive" | "refusal" => Finish::ContentFilter,
        "insufficient_system_resource" => {
            return Err(GatewayError::new(ErrorKind::UpstreamOverloaded, "the backend is overloaded and broke off"));
        }
        "error" | "abort" | "cancelled" | "network_error" => {
            let message = format!("the backend broke its answer off and says why: {reason}");
            return Err(GatewayError::new(ErrorKind::UpstreamFailed, message));
        }
        other => Finish::Other(other.to_owned()),
    })
}

/// The reason of an answer whose backend says in the end what it took, and never why it ended: some servers leave the
/// reason empty. Nothing but the end of what it had to say comes before a bill.
///
/// # Errors
/// Where it does not say that either: then the answer may be cut.
pub(super) fn unsaid(billed: bool, calls: bool) -> Result<Finish, GatewayError> {
    match (billed, calls) {
        (true, true) => Ok(Finish::ToolCalls),
        (true, false) => Ok(Finish::Stop),
        (false, _) => {
            Err(GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer does not say why it ended"))
        }
    }
}

/// How an answer was served.
pub(super) fn service_tier(word: &str) -> Option<ServiceTier> {
    match word {
        "auto" => Some(ServiceTier::Auto),
        "default" | "standard" | "on_demand" => Some(ServiceTier::Standard),
        "flex" => Some(ServiceTier::Flex),
        "priority" | "fast" | "performance" => Some(ServiceTier::Priority),
        _ => None,
    }
}
