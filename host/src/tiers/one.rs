//! Tier one: the components, on the embedded runtime.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use weir_compose::{Access, Around};
use weir_config::settings::{Egress, Grants, Network, Part};
use weir_config::{EdgeSettings, Loaded, Secrets};
use weir_core::Config;
use weir_core::config::{OnClientGone, Runtime};
use weir_edge::{Chain, Destination, Edge, EdgeConfig, EdgeLimits, EdgeOptions, Purpose};
use weir_serve::{Drained, NetworkPolicy, Shutdown, ShutdownTrigger};

use super::connections;
use super::metrics::EdgeMetrics;
use crate::exit::Failure;
use crate::{chain, configuration};

/// The components that stand around a part that is not Weir's own, and the part itself: its grant, the grant's data, two
/// wardens and their vault.
const AROUND_FOREIGN: u32 = 6;

/// How long the components may go on settling when the last client has its answer.
const SETTLING: Duration = Duration::from_secs(3);

/// Tier one, running.
pub(crate) struct TierOne {
    edge: Edge,
    address: SocketAddr,
    tls: bool,
    grace: Duration,
    stop: ShutdownTrigger,
    serving: JoinSet<Drained>,
}

impl TierOne {
    /// Starts it. Needs a Tokio runtime.
    pub(crate) fn start(loaded: &Loaded) -> Result<Self, Failure> {
        let settings = settings(loaded)?;
        let listener = connections::bind(settings.listen, "tier one")?;
        let (address, tls) = (listener.local_addr(), connections::tls(settings.tls.as_ref())?);
        let edge =
            Edge::new(options(loaded, settings)?).map_err(|e| anyhow::anyhow!("tier one cannot start: {e:#}"))?;
        let (stop, shutdown) = Shutdown::new();
        let (serving_edge, encrypted) = (edge.clone(), tls.is_some());
        let mut serving = JoinSet::new();
        serving.spawn(async move { serving_edge.serve(listener, tls, shutdown).await });
        Ok(Self { edge, address, tls: encrypted, grace: settings.connections.grace, stop, serving })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        connections::url(self.address, self.tls)
    }

    /// Adds what it counts to the metrics.
    pub(crate) fn count_in(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(EdgeMetrics(self.edge.clone())));
    }

    /// Takes another configuration. What cannot change while it runs (the listener, the chain) stays as it was.
    pub(crate) fn reload(&self, loaded: &Loaded) -> Result<(), Failure> {
        let config = config(loaded, settings(loaded)?)?;
        Ok(self.edge.reload(config).context("tier one keeps its configuration")?)
    }

    /// Begins the stop.
    pub(crate) fn drain(&self) {
        self.stop.drain(self.grace);
    }

    /// Waits for its end: the last connection closed, the last attempt settled.
    pub(crate) async fn ended(&mut self) {
        while self.serving.join_next().await.is_some() {}
        let settled = async {
            while self.edge.stats().instances_live.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // A control plane that is gone is not waited for longer than that.
        let _ = tokio::time::timeout(SETTLING, settled).await;
    }
}

fn settings(loaded: &Loaded) -> Result<&EdgeSettings, Failure> {
    let missing = || Failure::Config(format!("{}: there is no `edge`, so tier one cannot run", loaded.name));
    loaded.edge.as_ref().ok_or_else(missing)
}

fn options(loaded: &Loaded, settings: &EdgeSettings) -> Result<EdgeOptions, Failure> {
    let chain = Chain::Parts(Box::new(parts(settings)?));
    let instances = &settings.instances;
    let defaults = EdgeLimits::default();
    Ok(EdgeOptions {
        limits: EdgeLimits {
            max_instances: instances.most,
            parallelism: instances.workers.map_or(defaults.parallelism, |n| n as usize),
            requests_per_instance: instances.requests,
            concurrent_per_instance: instances.concurrent as usize,
            idle: instances.idle,
            memory_bytes: instances.memory_bytes,
            cpu_deadline: instances.compute,
            body_bytes_per_instance: loaded.config.sizes.instance_bytes as u64,
            max_parts: defaults.max_parts + foreign(settings).count() as u32 * AROUND_FOREIGN,
            ..defaults
        },
        serve: connections::limits(&settings.connections, &loaded.config.sizes),
        cache: Some(settings.cache.clone()),
        access_log: configuration::access_log(loaded)?,
        ..EdgeOptions::new(chain, config(loaded, settings)?)
    })
}

/// The chain, and what stands around its parts. Weir's own get from this process what they ask for; somebody else's what
/// the file grants to them.
fn parts(settings: &EdgeSettings) -> Result<weir_compose::Chain, Failure> {
    let around = Around::from_folder(&settings.components)
        .with_context(|| format!("a component in {} cannot be read", settings.components.display()))?;
    Ok(weir_compose::Chain { tenant: None, parts: chain::parts(&settings.chain, |_| Access::Host)?, around })
}

/// What is granted to somebody else's parts, for each of them.
fn foreign(settings: &EdgeSettings) -> impl Iterator<Item = &Grants> {
    settings.chain.iter().filter_map(Part::grants)
}

fn config(loaded: &Loaded, settings: &EdgeSettings) -> Result<EdgeConfig, Failure> {
    let granted: BTreeSet<_> = foreign(settings).flat_map(|grants| grants.secrets.values()).collect();
    let wanted =
        |name: &str| name == "edge-key" || name.starts_with("backend-") || granted.iter().any(|known| *known == name);
    let secrets = loaded.secrets.resolve(&weir_config::Machine, wanted).map_err(configuration::failure)?;
    let compiled = Config { runtime: Runtime::Edge, ..loaded.config.clone() };
    let config = serde_json::to_string(&compiled).map_err(anyhow::Error::from)?;
    let destinations = settings.egress.iter().map(|egress| destination(egress, settings, &loaded.config)).collect();
    Ok(EdgeConfig { config, secrets: Arc::new(Values(secrets)), destinations })
}

fn destination(egress: &Egress, settings: &EdgeSettings, config: &Config) -> Destination {
    let control = settings.control_origins.contains(&egress.origin);
    // Calls to a backend that bills its whole answer anyway go on, too: the translator reads them to their end.
    let drained =
        config.backends.values().any(|b| b.origin == egress.origin && b.on_client_gone == OnClientGone::Drain);
    Destination {
        origin: egress.origin.clone(),
        purpose: if control || drained { Purpose::Control } else { Purpose::Backend },
        network: match egress.network {
            Network::Public => NetworkPolicy::Public,
            Network::Private => NetworkPolicy::Private,
            Network::Any => NetworkPolicy::Any,
        },
        h2c: false,
    }
}

/// The secrets that the components may ask for.
struct Values(Secrets);

impl weir_edge::Secrets for Values {
    fn secret<'a>(&'a self, name: &'a str) -> weir_edge::SecretFuture<'a> {
        Box::pin(std::future::ready(Ok(self.0.get(name).cloned())))
    }
}
