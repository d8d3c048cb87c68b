//! What an edge is made from.

use std::path::PathBuf;
use std::sync::Arc;

use weir_serve::{AccessLog, ClientOptions, ServeLimits};

use crate::EdgeLimits;
use crate::outbound::Destination;
use crate::settings::{NoSecrets, Secrets};

/// The chain.
#[derive(Clone, Debug)]
pub enum Chain {
    /// These parts, outermost first, composed at the start, each with what it is granted.
    Parts(Box<weir_compose::Chain>),
    /// These component files of Weir's own, outermost first, composed at the start.
    Files(Vec<PathBuf>),
    /// One component file that is composed already.
    Composed(PathBuf),
    /// One composed component, in memory.
    Bytes(Vec<u8>),
}

/// What an edge is made from. [`EdgeOptions::new`] gives the defaults.
pub struct EdgeOptions {
    /// The chain.
    pub chain: Chain,
    /// What the chain is told, and where it may call.
    pub config: EdgeConfig,
    /// The limits of the runtime.
    pub limits: EdgeLimits,
    /// The limits of the listener.
    pub serve: ServeLimits,
    /// How backends are called; network policy and connect timeout are each destination's and request's own.
    pub client: ClientOptions,
    /// Where compiled chains are kept; nowhere by default, so that each start compiles.
    pub cache: Option<PathBuf>,
    /// Where access records go; nowhere by default.
    pub access_log: AccessLog,
}

/// The part of an edge's options that can change while it runs: see [`Edge::reload`](crate::Edge::reload).
#[derive(Clone)]
pub struct EdgeConfig {
    /// The compiled configuration, which guests get as it is.
    pub config: String,
    /// Where guests get secrets from; no secrets by default.
    pub secrets: Arc<dyn Secrets>,
    /// Where guests may call; nowhere by default.
    pub destinations: Vec<Destination>,
}

impl EdgeOptions {
    /// The defaults, for this chain and configuration.
    #[must_use]
    pub fn new(chain: Chain, config: EdgeConfig) -> Self {
        Self {
            chain,
            config,
            limits: EdgeLimits::default(),
            serve: ServeLimits::default(),
            client: ClientOptions::default(),
            cache: None,
            access_log: AccessLog::off(),
        }
    }
}

impl EdgeConfig {
    /// A configuration with no secrets and no destinations.
    #[must_use]
    pub fn new(config: impl Into<String>) -> Self {
        Self { config: config.into(), secrets: Arc::new(NoSecrets), destinations: Vec::new() }
    }
}
