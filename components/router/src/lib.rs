//! Where a call goes: the part of Weir's chain that reads the body, makes the plan and tries its candidates.
//!
//! A request's way through it: [`Head::read`] takes what auth passed on; the body is read once, within the [`Room`]
//! that the instance has; [`Router::decide`] checks it, enforces which models the caller may use, and turns the
//! model into an ordered [`Plan`](weir_core::Plan) with an [`Estimate`](weir_core::Estimate) of its cost. Then the
//! plan goes down as attempt 1, and [`Course::after`] says after each failure whether the rest of it goes down
//! again: only before the first event, only where another backend may do better, and only within the
//! [`RetryBudget`].
//!
//! The crate is pure: bytes, the time and a seed go in, decisions that can be printed and compared come out.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, Method};
//! use weir_core::{Config, Millis, RequestId, UnixMillis, header};
//! use weir_router::{Cooldowns, Head, Router};
//!
//! # let config = Config::from_json(r#"{"version": 1, "policy": "p1", "chain": [], "tenants": [], "backends": {}, "limits": [],
//! #     "routes": [{"models": ["gpt-4o"], "tenants": [], "path": null, "headers": {}, "on_unsupported": "reject", "max_output_tokens": 4096,
//! #         "targets": [{"backend": "openai", "model": "gpt-4o-2024-11-20", "weight": 1, "priority": 0}]}], "control": null,
//! #     "retry": {"attempts": 3, "percent": 20, "per_second": 10}, "sizes": {}}"#).unwrap();
//! # let principal = r#"{"tenant": "demo", "key": "laptop", "models": [["*"], ["*"]], "policy": "p1"}"#;
//! # let id = RequestId::new(UnixMillis(1_790_000_000_000), [7; 10]).to_string();
//! let mut headers = HeaderMap::new();
//! headers.insert("content-type", HeaderValue::from_static("application/json"));
//! headers.insert(header::PRINCIPAL, HeaderValue::from_static(principal));
//! headers.insert(header::REQUEST, HeaderValue::from_str(&id).unwrap());
//! let body = br#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16}"#;
//!
//! let router = Router::new(&config);
//! let head = Head::read(&Method::POST, "/v1/chat/completions", &headers).unwrap();
//! let decision = router.decide(&head, &headers, body, 42, &Cooldowns::default(), Millis(0)).unwrap();
//! assert_eq!(decision.plan.candidates[0].model, "gpt-4o-2024-11-20");
//! assert_eq!(decision.estimate.output.0, 16);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ask;
pub mod budget;
pub mod content;
pub mod cooldown;
pub mod course;
pub mod decide;
pub mod destination;
pub mod estimate;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod head;
pub mod media;
pub mod model;
mod named;
pub mod order;
pub mod room;
pub mod table;

#[cfg(target_family = "wasm")]
pub mod component;

pub use ask::Ask;
pub use budget::RetryBudget;
pub use cooldown::Cooldowns;
pub use course::{Course, Next, Stop};
pub use decide::{Decision, Router, Why};
pub use head::{Head, Refusal};
pub use model::ModelName;
pub use room::{Room, Share};
pub use table::{Question, Table};
