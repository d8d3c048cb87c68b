//! The sizes that bound what a request may ask of Weir.

use serde::{Deserialize, Serialize};

/// Every size that bounds a request or an answer, in one place. The defaults are those of DESIGN.md, section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A request's body, in bytes. 20 MiB.
    pub body_bytes: usize,
    /// How deep a JSON body may nest. 64.
    pub json_depth: usize,
    /// A model's name, in bytes. 256.
    pub model_bytes: usize,
    /// One line of an event stream, in bytes. 10 MiB.
    pub sse_line_bytes: usize,
    /// One event of an event stream, all its lines together, in bytes. 16 MiB.
    pub sse_event_bytes: usize,
    /// A backend's answer that is not a stream, in bytes. 32 MiB.
    pub answer_bytes: usize,
    /// A backend's error body that is read and passed on, in bytes. 64 KiB.
    pub error_bytes: usize,
    /// All request bodies that one instance holds at once, in bytes. 32 MiB.
    pub instance_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        Self {
            body_bytes: 20 * MIB,
            json_depth: 64,
            model_bytes: 256,
            sse_line_bytes: 10 * MIB,
            sse_event_bytes: 16 * MIB,
            answer_bytes: 32 * MIB,
            error_bytes: 64 * KIB,
            instance_bytes: 32 * MIB,
        }
    }
}
