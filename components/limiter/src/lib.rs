//! How much may be used: the limiter's arithmetic, and what it says to the chain, the client and the control plane.
//!
//! A limit is worth what it is worth under concurrency. So nothing is checked first and recorded later: a request
//! *reserves* all that it may cost before it goes out, in one step for all limits that apply, and *settles* what it
//! did cost at its end, however it ends. A crash between the two is covered by the reservation's lease.
//!
//! [`Quota`] is that arithmetic, with time as an argument. The control plane keeps one for everybody; an instance of
//! the component keeps one for itself, for when there is no control plane, or none that answers.
//!
//! ```
//! use weir_core::config::{Limit, LimitFilter, LimitUnit, Per, Window};
//! use weir_core::control::{Reserve, Reserved};
//! use weir_core::{Candidate, Estimate, Pattern, Principal, RequestId, Tokens, UnixMillis};
//! use weir_limiter::{Quota, QuotaBounds};
//!
//! let limit = Limit {
//!     name: "tokens-per-minute".into(),
//!     per: Per::Key,
//!     unit: LimitUnit::TotalTokens,
//!     amount: 1_000,
//!     window: Window::Minute,
//!     filter: LimitFilter::default(),
//! };
//! let any = vec![Pattern::new("*")];
//! let principal = Principal {
//!     tenant: "acme".into(),
//!     key: "laptop".into(),
//!     user: None,
//!     claims: Default::default(),
//!     models: [any.clone(), any],
//!     policy: "1".into(),
//! };
//! let now = UnixMillis(1_790_000_000_000);
//! let ask = |id| Reserve {
//!     request: RequestId::new(now, [id; 10]),
//!     attempt: 1,
//!     principal: principal.clone(),
//!     model: "m".into(),
//!     candidates: vec![Candidate { backend: "b".into(), model: "m".into() }],
//!     estimate: Estimate { input: Tokens(100), output: Tokens(500) },
//! };
//!
//! let mut quota = Quota::new(&[limit], QuotaBounds::default());
//! assert!(matches!(quota.reserve(now, &ask(1)), Reserved::Granted(_)));
//! let Reserved::Denied(deny) = quota.reserve(now, &ask(2)) else { panic!("600 and 600 are more than 1000") };
//! assert_eq!((deny.limit.as_str(), deny.limits[0].remaining), ("tokens-per-minute", 400));
//! ```
//!
//! Beside it stand [`call`], from the chain's headers to what is asked and told; [`answer`], what the client sees;
//! [`control_call`], the calls as values; and [`Breaker`], which leaves a control plane alone that keeps failing.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer;
pub mod attempt;
pub mod breaker;
pub mod call;
#[cfg(target_family = "wasm")]
pub mod component;
pub mod control_call;
pub mod quota;
mod rule;
mod time_text;
mod timeline;
mod window;

pub use attempt::AttemptId;
pub use breaker::{Breaker, BreakerOptions};
pub use quota::{Expired, Quota, QuotaBounds, Settlement};
