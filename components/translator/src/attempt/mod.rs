//! One attempt: from what the chain says to what goes upstream, and from what comes back to what it means.
//!
//! Nothing here sends anything: [`prepare`] builds the call as a value, [`head`] reads an answer's head.

mod answer;
mod count;
pub mod grpc;
mod headers;
mod inference;
mod list;
mod messages;
mod place;
mod prepare;
mod redact;
mod translate;

pub use answer::{Head, ending_of, head, refusal, retry_after};
pub use count::estimated_count;
pub use headers::answer_headers;
pub use messages::Messages;
pub use prepare::{Prepared, Request, Upstream, prepare, prepare_in};
pub use redact::redact;
pub(crate) use redact::redact_error;
pub use translate::Exchange;

use http::HeaderMap;
use weir_core::header::{self, InternalHeaderError, read_json};
use weir_core::plan::OnUnsupported;
use weir_core::{Candidate, Estimate, Plan, UnixMillis};

/// What the parts further out decided about this attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where the request goes.
    pub candidate: Candidate,
    /// What happens to fields that the target cannot have.
    pub on_unsupported: OnUnsupported,
    /// What the request may cost.
    pub estimate: Estimate,
    /// Until when the first event must have come.
    pub deadline: Option<UnixMillis>,
}

impl Attempt {
    /// Reads the internal headers: the candidate that `limiter` chose, or the plan's first where there is no limiter.
    ///
    /// # Errors
    /// [`InternalHeaderError`]: the chain is put together wrongly.
    pub fn read(headers: &HeaderMap) -> Result<Self, InternalHeaderError> {
        let plan: Option<Plan> = read_json(headers, header::PLAN)?;
        let on_unsupported = plan.as_ref().map(|plan| plan.on_unsupported).unwrap_or_default();
        let chosen: Option<Candidate> = read_json(headers, header::BACKEND)?;
        let first = || plan.and_then(|plan| plan.candidates.into_iter().next());
        let fault = || InternalHeaderError { name: header::PLAN, fault: "is missing or has no candidate".to_owned() };
        Ok(Self {
            candidate: chosen.or_else(first).ok_or_else(fault)?,
            on_unsupported,
            estimate: read_json(headers, header::ESTIMATE)?.unwrap_or_default(),
            deadline: read_json(headers, header::DEADLINE)?,
        })
    }
}
