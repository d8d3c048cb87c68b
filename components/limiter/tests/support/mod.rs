//! What the tests of the quota share.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use weir_core::config::{Limit, LimitFilter, LimitUnit, Per, Window};
use weir_core::control::{Deny, Grant, Reserve, Reserved, Settle};
use weir_core::{
    Candidate, Ending, Estimate, Millis, Outcome, Pattern, Principal, RequestId, Tokens, UnixMillis, Usage,
};

pub(crate) const START: UnixMillis = UnixMillis(1_790_000_000_000);

pub(crate) fn limit(name: &str, per: Per, unit: LimitUnit, amount: u64, window: Window) -> Limit {
    Limit { name: name.into(), per, unit, amount, window, filter: LimitFilter::default() }
}

pub(crate) fn requests(amount: u64) -> Limit {
    limit("requests", Per::Key, LimitUnit::Requests, amount, Window::Minute)
}

pub(crate) fn tokens(amount: u64) -> Limit {
    limit("tokens", Per::Key, LimitUnit::TotalTokens, amount, Window::Minute)
}

pub(crate) fn principal(key: &str) -> Principal {
    let any = vec![Pattern::new("*")];
    Principal {
        tenant: "acme".into(),
        key: key.into(),
        user: None,
        claims: Default::default(),
        models: [any.clone(), any],
        policy: "p".into(),
    }
}

pub(crate) fn candidate(backend: &str) -> Candidate {
    Candidate { backend: backend.into(), model: "m".into() }
}

pub(crate) fn id(number: u64) -> RequestId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    RequestId::new(START, random)
}

/// Asks for `input` and `output` tokens for the first attempt of request `number`.
pub(crate) fn ask(number: u64, input: u64, output: u64) -> Reserve {
    Reserve {
        request: id(number),
        attempt: 1,
        principal: principal("laptop"),
        model: "gpt".into(),
        candidates: vec![candidate("a"), candidate("b")],
        estimate: Estimate { input: Tokens(input), output: Tokens(output) },
    }
}

/// Says that an attempt ended well and used so much.
pub(crate) fn settle(ask: &Reserve, input: u64, output: u64) -> Settle {
    let usage = Usage { input: Tokens(input), output: Tokens(output), ..Usage::default() };
    Settle {
        request: ask.request,
        attempt: ask.attempt,
        reservation: None,
        principal: ask.principal.clone(),
        model: ask.model.clone(),
        outcome: Outcome {
            candidate: candidate("a"),
            usage,
            ending: if usage.total() == Tokens::ZERO { Ending::Failed } else { Ending::Complete },
            first_event: None,
            took: Millis(5),
            status: Some(200),
        },
    }
}

pub(crate) fn granted(reserved: Reserved) -> Grant {
    match reserved {
        Reserved::Granted(grant) => grant,
        Reserved::Denied(deny) => panic!("denied: {deny:?}"),
    }
}

pub(crate) fn denied(reserved: Reserved) -> Deny {
    match reserved {
        Reserved::Denied(deny) => deny,
        Reserved::Granted(grant) => panic!("granted: {grant:?}"),
    }
}

pub(crate) fn is_granted(reserved: &Reserved) -> bool {
    matches!(reserved, Reserved::Granted(_))
}

pub(crate) fn later(millis: u64) -> UnixMillis {
    START.after(Millis(millis))
}
