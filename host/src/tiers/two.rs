//! Tier two: the data plane in front of the model servers, and the control plane.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use weir_cluster::{Cluster, ClusterOptions, Model};
use weir_config::settings::HostSettings;
use weir_config::{Loaded, Secrets};
use weir_control::ControlPlane;
use weir_serve::{Drained, Shutdown, ShutdownTrigger};

use super::connections;
use crate::configuration;
use crate::exit::Failure;

/// Tier two, running.
pub(crate) struct TierTwo {
    cluster: Cluster,
    control: ControlPlane,
    addresses: [SocketAddr; 2],
    tls: bool,
    grace: Duration,
    stop: ShutdownTrigger,
    serving: JoinSet<Drained>,
}

impl TierTwo {
    /// Starts it, with whatever is in `registry` shown at the control plane's `/metrics`. Needs a Tokio runtime.
    pub(crate) fn start(loaded: &Loaded, mut registry: Registry) -> Result<Self, Failure> {
        let settings = settings(loaded)?;
        let data = connections::bind(settings.listen, "tier two")?;
        let console = connections::bind(settings.control, "the control plane")?;
        let (addresses, tls) = ([data.local_addr(), console.local_addr()], connections::tls(settings.tls.as_ref())?);
        let limits = connections::limits(&settings.connections, &loaded.config.sizes);

        let control = ControlPlane::start(control_options(loaded, settings), &mut registry)
            .map_err(|e| anyhow::anyhow!("the control plane cannot start: {e}"))?;
        let cluster = Cluster::new(cluster_options(loaded, settings)?, control.verifier(), &mut registry)
            .context("tier two cannot start")?;
        control.expose(registry);

        let (stop, shutdown) = Shutdown::new();
        let encrypted = tls.is_some();
        let mut serving = JoinSet::new();
        serving.spawn(weir_serve::serve(data, tls.clone(), cluster.service(), limits.clone(), shutdown.clone()));
        serving.spawn(weir_serve::serve(console, tls, control.service(), limits, shutdown));
        let grace = settings.connections.grace;
        Ok(Self { cluster, control, addresses, tls: encrypted, grace, stop, serving })
    }

    /// Where the data plane is.
    pub(crate) fn url(&self) -> String {
        connections::url(self.addresses[0], self.tls)
    }

    /// Where the control plane is.
    pub(crate) fn control_url(&self) -> String {
        connections::url(self.addresses[1], self.tls)
    }

    /// Takes another configuration: models, limits, edges. The listeners stay as they were.
    pub(crate) fn reload(&self, loaded: &Loaded) -> Result<(), Failure> {
        let settings = settings(loaded)?;
        let models = models(loaded, settings)?;
        self.cluster.reload(&models).context("tier two keeps its models")?;
        self.control.reload(control_options(loaded, settings)).map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok(())
    }

    /// Begins the stop.
    pub(crate) fn drain(&self) {
        self.cluster.drain();
        self.control.drain();
        self.stop.drain(self.grace);
    }

    /// Waits for its end: the last connection closed.
    pub(crate) async fn ended(&mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

fn settings(loaded: &Loaded) -> Result<&HostSettings, Failure> {
    let missing = || Failure::Config(format!("{}: there is no `host`, so tier two cannot run", loaded.name));
    loaded.host.as_ref().ok_or_else(missing)
}

fn control_options(loaded: &Loaded, settings: &HostSettings) -> weir_control::ControlOptions {
    weir_control::ControlOptions {
        config: Arc::new(loaded.config.clone()),
        name: settings.name.clone(),
        edges: settings.edges.clone(),
        admin: settings.admin,
    }
}

fn cluster_options(loaded: &Loaded, settings: &HostSettings) -> Result<ClusterOptions, Failure> {
    let secrets = endpoint_secrets(loaded)?;
    let options = ClusterOptions::from_settings(settings, |name| secrets.get(name).cloned()).map_err(wrong_key)?;
    Ok(ClusterOptions { limits: loaded.config.sizes, access_log: configuration::access_log(loaded)?, ..options })
}

fn models(loaded: &Loaded, settings: &HostSettings) -> Result<Vec<Model>, Failure> {
    let secrets = endpoint_secrets(loaded)?;
    Model::from_settings(settings, |name| secrets.get(name).cloned()).map_err(wrong_key)
}

fn endpoint_secrets(loaded: &Loaded) -> Result<Secrets, Failure> {
    loaded.secrets.resolve(&weir_config::Machine, |name| name.starts_with("endpoint-")).map_err(configuration::failure)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn wrong_key(error: weir_cluster::KeyError) -> Failure {
    Failure::Config(error.to_string())
}
