//! How much may be used.

use serde::{Deserialize, Serialize};

use crate::{Millis, Pattern};

/// A limit: so much of a unit in a window, for each of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Its name, unique in the configuration.
    pub name: String,
    /// For each of what it is counted.
    pub per: Per,
    /// What it counts.
    pub unit: LimitUnit,
    /// How much of it a window allows.
    pub amount: u64,
    /// The window.
    pub window: Window,
    /// Which calls it is for.
    pub filter: LimitFilter,
}

/// For each of what a limit is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// For each tenant.
    Tenant,
    /// For each key of a tenant.
    Key,
    /// For each user of a tenant; a caller without a user counts as the user of its key's name.
    User,
    /// For each model of a tenant, as callers name it.
    Model,
    /// For each backend, over all tenants. Such a limit makes a candidate unfit rather than the caller.
    Backend,
    /// For each value of this claim, within a tenant; callers without it are not limited by it.
    Claim(String),
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitUnit {
    /// Requests, whatever number of attempts each takes.
    Requests,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Tokens of both.
    TotalTokens,
}

/// The window of a limit. It slides: what was used leaves it a window later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// 24 hours.
    Day,
    /// 30 days.
    Month,
}

impl Window {
    /// Its length.
    #[must_use]
    pub fn length(self) -> Millis {
        const SECOND: u64 = 1_000;
        Millis(match self {
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3_600 * SECOND,
            Self::Day => 86_400 * SECOND,
            Self::Month => 30 * 86_400 * SECOND,
        })
    }
}

/// Which calls a limit is for. An empty list stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitFilter {
    /// Tenants.
    pub tenants: Vec<Pattern>,
    /// Keys, by name.
    pub keys: Vec<Pattern>,
    /// Models, as callers name them.
    pub models: Vec<Pattern>,
    /// Backends. Only for limits per backend.
    pub backends: Vec<Pattern>,
}
