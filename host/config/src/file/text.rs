//! Texts with a form of their own.

use schemars::JsonSchema;
use serde::Deserialize;

/// A length of time: a number and `ms`, `s`, `m`, `h` or `d`, such as `500ms` or `3s`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"))]
pub(crate) struct DurationText(pub(crate) String);

/// A size: a number and `B`, `KiB`, `MiB` or `GiB`, such as `20MiB`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^[0-9]+(B|KiB|MiB|GiB)$"))]
pub(crate) struct SizeText(pub(crate) String);

/// A point in time, as RFC 3339 writes it, such as `2027-01-01T00:00:00Z`; or a date, for its first moment in UTC.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"))]
pub(crate) struct DateText(pub(crate) String);

/// After how long something is done: a share of the latest calls, such as `p95`, or a length of time, such as `200ms`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^(p[0-9]{2}|[0-9]+(\.[0-9]+)?(ms|s|m|h))$"))]
pub(crate) struct AfterText(pub(crate) String);

/// A share: a whole number and `%`, such as `5%`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = r"^[0-9]{1,3}%$"))]
pub(crate) struct PercentText(pub(crate) String);
