//! What a manifest is made of.

use std::collections::BTreeSet;
use std::fmt;

use weir_core::Origin;

use crate::{Manifest, SpinError, plan};

/// The longest configuration that goes into a variable, in bytes. 128 KiB: what one environment variable may have on
/// Linux, by way of which deployments hand variables on.
pub const MAX_CONFIG_BYTES: usize = 128 * 1024;

/// One Spin application: a tier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its version, three numbers.
    pub version: String,
    /// Its chains, each with a route of its own.
    pub chains: Vec<Chain>,
}

impl Application {
    /// The manifest. The same application always gives the same text.
    ///
    /// # Errors
    /// [`SpinError`]: something that Spin would refuse, or that two chains would share by mistake.
    pub fn manifest(&self) -> Result<Manifest, SpinError> {
        Ok(Manifest::of(self, &plan::Plan::of(self)?))
    }

    /// The manifest without the configurations, and those by themselves: TOML for `spin up --variable @FILE`. So a
    /// manifest can be the same for many deployments.
    ///
    /// # Errors
    /// As for [`manifest`](Self::manifest).
    pub fn manifest_and_values(&self) -> Result<(Manifest, String), SpinError> {
        let mut plan = plan::Plan::of(self)?;
        let mut values = toml_edit::DocumentMut::new();
        for (variable, configuration) in &mut plan.configurations {
            if let Configuration::Default(text) = std::mem::replace(configuration, Configuration::Required) {
                values.insert(variable, toml_edit::value(text));
            }
        }
        Ok((Manifest::of(self, &plan), values.to_string()))
    }
}

/// A chain, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The tenant whose chain it is; `None` for the one that serves all those that have none of their own.
    pub tenant: Option<String>,
    /// Which requests are its.
    pub route: Route,
    /// Its configuration.
    pub configuration: Configuration,
    /// The secrets that its own parts ask for, by the names that they use.
    pub secrets: Vec<String>,
    /// Where its own parts call: the backends, the control plane.
    pub origins: Vec<Origin>,
    /// Its parts, outermost first. The last one is the trigger's primary component.
    pub parts: Vec<Part>,
}

/// The compiled configuration of a chain: compact JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// It stands in the manifest. A deployment may still set another.
    Default(String),
    /// It does not: a deployment has to set the variable.
    Required,
}

/// A part of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, from which its component's id is made.
    pub name: String,
    /// The component's file, relative to the manifest.
    pub source: String,
    /// What of the primary component's capabilities it has. Means nothing for the primary component itself.
    pub inherits: BTreeSet<Capability>,
}

impl Part {
    /// A part that inherits nothing.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self { name: name.into(), source: source.into(), inherits: BTreeSet::new() }
    }

    /// The same part, with these capabilities.
    #[must_use]
    pub fn inherits(self, capabilities: &[Capability]) -> Self {
        Self { inherits: capabilities.iter().copied().collect(), ..self }
    }
}

/// What middleware may inherit from the primary component, of what Weir's parts need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// To call the hosts that are allowed.
    AllowedOutboundHosts,
    /// To read the variables.
    Variables,
}

impl Capability {
    /// What a manifest calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowedOutboundHosts => "allowed_outbound_hosts",
            Self::Variables => "variables",
        }
    }
}

/// Which requests are a chain's: all whose paths begin with its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route(String);

impl Route {
    /// All requests that are no other chain's.
    #[must_use]
    pub fn everything() -> Self {
        Self(String::new())
    }

    /// Those under `path`, such as `/research`.
    ///
    /// # Errors
    /// [`SpinError::Path`] for a path that Spin would read as a pattern, or that has empty, dot or reserved segments.
    pub fn under(path: &str) -> Result<Self, SpinError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_~".contains(c);
        let good = |segment: &str| !segment.is_empty() && segment.chars().all(|c| plain(c) || c == '.');
        let dots = |segment: &str| segment.chars().all(|c| c == '.');
        let bare = path.strip_prefix('/').ok_or_else(|| SpinError::Path { path: path.to_owned() })?;
        if bare.is_empty() {
            return Ok(Self::everything());
        }
        if path.starts_with("/.well-known") || bare.split('/').any(|segment| !good(segment) || dots(segment)) {
            return Err(SpinError::Path { path: path.to_owned() });
        }
        Ok(Self(path.to_owned()))
    }

    /// What the paths of its requests begin with, as [`Config::base_path`](weir_core::Config::base_path) has it: empty,
    /// or with a leading and no trailing `/`.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.0
    }
}

/// As a trigger has it: `/research/...`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/...", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_paths_and_never_patterns() {
        assert_eq!(Route::under("/").unwrap().to_string(), "/...");
        assert_eq!(Route::under("/research").unwrap().to_string(), "/research/...");
        assert_eq!(Route::under("/a/b-1.2").unwrap().base_path(), "/a/b-1.2");
        for path in [
            "",
            "research",
            "/a/",
            "//a",
            "/:a",
            "/a/*",
            "/a/...",
            "/a/../b",
            "/é",
            "/%41",
            "/.well-known/spin",
            "/a b",
        ] {
            assert!(Route::under(path).is_err(), "{path}");
        }
    }
}
